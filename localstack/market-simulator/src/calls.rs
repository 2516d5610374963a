//! What was called and what was answered, by market time. Never a key.

use std::collections::{BTreeMap, VecDeque};

use jiff::Timestamp;
use serde_json::{Value, json};

/// So many calls are kept one by one; older ones remain in the counters.
pub const CALLS_KEPT: usize = 100_000;

/// Longest subject that is kept, in characters: 100 symbols of nine and their commas.
const SUBJECT_MAX: usize = 1_000;

/// One call.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Call {
    at: Timestamp,
    /// The function's name, or `other` for one that is not served.
    function: &'static str,
    subject: String,
    /// `None` while it is being worked out.
    answer: Option<Answered>,
}

/// How a call was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answered {
    /// `data`, the class of a refusal, the name of a fault, `case` or `after_the_last`.
    pub(crate) label: &'static str,
    /// The file of a prepared reply.
    pub(crate) file: Option<String>,
}

/// Counters of all calls, and the latest ones one by one, in the order in which they came.
#[derive(Debug, Default)]
pub(crate) struct Calls {
    total: u64,
    by_function: BTreeMap<&'static str, u64>,
    by_answer: BTreeMap<&'static str, u64>,
    kept: VecDeque<Call>,
}

impl Calls {
    /// Writes down that a call came; the answer follows under the number that leaves.
    pub(crate) fn arrive(&mut self, at: Timestamp, function: &'static str, subject: &str) -> u64 {
        let number = self.total;
        self.total += 1;
        *self.by_function.entry(function).or_default() += 1;
        if self.kept.len() == CALLS_KEPT {
            self.kept.pop_front();
        }
        let subject = subject.chars().take(SUBJECT_MAX).collect();
        self.kept.push_back(Call { at, function, subject, answer: None });
        number
    }

    /// Writes down how a call was answered.
    pub(crate) fn answer(&mut self, number: u64, answered: Answered) {
        *self.by_answer.entry(answered.label).or_default() += 1;
        let place = number.checked_sub(self.dropped()).and_then(|place| usize::try_from(place).ok());
        if let Some(call) = place.and_then(|place| self.kept.get_mut(place)) {
            call.answer = Some(answered);
        }
    }

    fn dropped(&self) -> u64 {
        self.total - self.kept.len() as u64
    }

    pub(crate) fn status(&self) -> Value {
        json!({"total": self.total, "by_function": self.by_function, "by_answer": self.by_answer})
    }

    pub(crate) fn log(&self) -> Value {
        let one = |call: &Call| {
            let mut line = json!({
                "at": call.at.to_string(), "at_ms": call.at.as_millisecond(), "function": call.function,
                "subject": call.subject, "answer": call.answer.as_ref().map(|answer| answer.label),
            });
            if let Some(file) = call.answer.as_ref().and_then(|answer| answer.file.as_ref()) {
                line["file"] = json!(file);
            }
            line
        };
        json!({
            "dropped": self.dropped(),
            "calls": self.kept.iter().map(one).collect::<Vec<_>>(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_is_bounded_and_the_counters_are_not() {
        let mut calls = Calls::default();
        let first = calls.arrive(Timestamp::UNIX_EPOCH, "GLOBAL_QUOTE", "MSFT");
        for _ in 1..CALLS_KEPT + 7 {
            let number = calls.arrive(Timestamp::UNIX_EPOCH, "GLOBAL_QUOTE", "MSFT");
            calls.answer(number, Answered { label: "data", file: None });
        }
        // A call whose place is gone is still counted.
        calls.answer(first, Answered { label: "data", file: None });
        assert_eq!(calls.status()["total"], json!(CALLS_KEPT + 7));
        assert_eq!(calls.status()["by_answer"]["data"], json!(CALLS_KEPT + 7));
        assert_eq!(calls.log()["dropped"], json!(7));
        let log = calls.log();
        let lines = log["calls"].as_array().unwrap();
        assert_eq!(lines.len(), CALLS_KEPT);
        assert_eq!(lines[CALLS_KEPT - 1]["answer"], "data", "answers find their calls after older ones were dropped");
    }

    #[test]
    fn calls_stand_in_the_order_in_which_they_came_not_in_that_of_their_answers() {
        let mut calls = Calls::default();
        let [first, second] = ["A", "B"].map(|subject| calls.arrive(Timestamp::UNIX_EPOCH, "GLOBAL_QUOTE", subject));
        calls.answer(second, Answered { label: "data", file: Some("b.json".to_owned()) });
        let line = |subject: &str| json!({"at": "1970-01-01T00:00:00Z", "at_ms": 0, "function": "GLOBAL_QUOTE", "subject": subject, "answer": null});
        let mut answered = line("B");
        (answered["answer"], answered["file"]) = (json!("data"), json!("b.json"));
        assert_eq!(calls.log()["calls"], json!([line("A"), answered]));
        calls.answer(first, Answered { label: "hang", file: None });
        assert_eq!(calls.log()["calls"][0]["answer"], "hang");
    }
}
