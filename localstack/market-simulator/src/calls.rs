//! What was called and what was answered, by market time. Never a key.

use std::collections::{BTreeMap, VecDeque};

use jiff::Timestamp;
use serde_json::{Value, json};

/// So many calls are kept one by one; older ones remain in the counters.
pub const CALLS_KEPT: usize = 100_000;

/// One call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Call {
    pub(crate) at: Timestamp,
    /// The function's name, or `other` for one that is not served.
    pub(crate) function: &'static str,
    pub(crate) subject: String,
    /// `data`, the class of a refusal, the name of a fault, `case` or `after_the_last`.
    pub(crate) answer: &'static str,
    /// The file of a prepared reply.
    pub(crate) file: Option<String>,
}

/// Counters of all calls, and the latest ones one by one.
#[derive(Debug, Default)]
pub(crate) struct Calls {
    total: u64,
    by_function: BTreeMap<&'static str, u64>,
    by_answer: BTreeMap<&'static str, u64>,
    kept: VecDeque<Call>,
}

impl Calls {
    pub(crate) fn add(&mut self, call: Call) {
        self.total += 1;
        *self.by_function.entry(call.function).or_default() += 1;
        *self.by_answer.entry(call.answer).or_default() += 1;
        if self.kept.len() == CALLS_KEPT {
            self.kept.pop_front();
        }
        self.kept.push_back(call);
    }

    pub(crate) fn status(&self) -> Value {
        json!({"total": self.total, "by_function": self.by_function, "by_answer": self.by_answer})
    }

    pub(crate) fn log(&self) -> Value {
        let one = |call: &Call| {
            let mut line = json!({
                "at": call.at.to_string(), "function": call.function, "subject": call.subject, "answer": call.answer,
            });
            if let Some(file) = &call.file {
                line["file"] = json!(file);
            }
            line
        };
        json!({
            "dropped": self.total - self.kept.len() as u64,
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
        let call = Call {
            at: Timestamp::UNIX_EPOCH,
            function: "GLOBAL_QUOTE",
            subject: "MSFT".to_owned(),
            answer: "data",
            file: None,
        };
        for _ in 0..CALLS_KEPT + 7 {
            calls.add(call.clone());
        }
        assert_eq!(calls.status()["total"], json!(CALLS_KEPT + 7));
        assert_eq!(calls.status()["by_answer"]["data"], json!(CALLS_KEPT + 7));
        assert_eq!(calls.log()["dropped"], json!(7));
        assert_eq!(calls.log()["calls"].as_array().unwrap().len(), CALLS_KEPT);
    }
}
