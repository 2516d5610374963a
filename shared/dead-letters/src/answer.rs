//! What a consumer said to an event, as an event source mapping with `ReportBatchItemFailures` reads it.
//!
//! <https://docs.aws.amazon.com/lambda/latest/dg/services-kinesis-batchfailurereporting.html>

use serde_json::Value;

/// What became of the records of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// All are done.
    Done,
    /// Those before this place are done; those from it on are not, since a consumer settles nothing behind the lowest
    /// number that it reports.
    From(usize),
    /// None is done: the answer cannot be understood.
    Unknown,
}

impl Answer {
    /// Reads an answer to an event with these sequence numbers, in their order.
    pub fn read(answer: &[u8], numbers: &[&str]) -> Self {
        let blank = answer.iter().all(u8::is_ascii_whitespace);
        let answer = if blank { Value::Null } else { serde_json::from_slice(answer).unwrap_or(Value::Bool(false)) };
        let failures = match &answer {
            Value::Null => return Self::Done,
            Value::Object(fields) => match fields.get("batchItemFailures") {
                None | Some(Value::Null) => return Self::Done,
                Some(Value::Array(failures)) => failures,
                Some(_) => return Self::Unknown,
            },
            _ => return Self::Unknown,
        };
        let mut lowest = numbers.len();
        for failure in failures {
            let number = failure.get("itemIdentifier").and_then(Value::as_str);
            let place = number.and_then(|number| numbers.iter().position(|known| *known == number));
            match place {
                Some(place) => lowest = lowest.min(place),
                None => return Self::Unknown,
            }
        }
        if lowest == numbers.len() { Self::Done } else { Self::From(lowest) }
    }
}
