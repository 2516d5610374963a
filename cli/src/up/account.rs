//! The account of a run: what was offered, what became of it, and whether it adds up.
//!
//! Counts come from the functions' outcomes. What decides is read off the streams, S3 and the dead
//! letters themselves, as sets of ids, so that no function vouches for itself: see `crate::account`.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{account, audit::CONSUMER};

/// What pollers did.
#[derive(Debug, Clone, Default, Serialize, PartialEq, Eq)]
pub(crate) struct Poll {
    pub(crate) calls: u64,
    pub(crate) accepted: u64,
    pub(crate) refused: u64,
    pub(crate) failed: u64,
    /// Replies of unknown shape, kept with the dead letters.
    pub(crate) quarantined: u64,
}

/// What became of the rows of the replies.
#[derive(Debug, Clone, Default, Serialize, PartialEq, Eq)]
pub(crate) struct Produce {
    pub(crate) records: u64,
    pub(crate) put: u64,
    /// Alerts on unusual prices that Kinesis took: no rows of replies.
    pub(crate) alerts: u64,
    pub(crate) deduplicated: u64,
    pub(crate) dead_lettered: u64,
    pub(crate) in_flight: u64,
}

/// What became of the records of the streams.
#[derive(Debug, Clone, Default, Serialize, PartialEq, Eq)]
pub(crate) struct Process {
    pub(crate) records: u64,
    pub(crate) bars: u64,
    pub(crate) indicators: u64,
    /// Rules that fired.
    pub(crate) alerts: u64,
    /// Alerts of rules that Kinesis took.
    pub(crate) alerts_delivered: u64,
    pub(crate) dead_lettered: u64,
}

/// What arrived.
#[derive(Debug, Clone, Default, Serialize, PartialEq, Eq)]
pub(crate) struct Delivered {
    pub(crate) lines: u64,
}

/// The four stages.
#[derive(Debug, Clone, Default, Serialize, PartialEq, Eq)]
pub(crate) struct Stages {
    pub(crate) poll: Poll,
    pub(crate) produce: Produce,
    pub(crate) process: Process,
    pub(crate) deliver: Delivered,
}

/// The account.
#[derive(Debug)]
pub(crate) struct Account {
    pub(crate) stages: Stages,
    pub(crate) refused: BTreeMap<String, u64>,
    /// Troubles in the functions' own words, each once.
    pub(crate) troubles: BTreeSet<String>,
    pub(crate) objects: u64,
    pub(crate) dead_letters: u64,
    pub(crate) records_by_schema: BTreeMap<String, u64>,
    /// A line of each kind, to show.
    pub(crate) samples: BTreeMap<String, String>,
    /// What the host of the functions says.
    pub(crate) host: lambda_host::Report,
    /// What was offered, and what became of it.
    sets: account::Account,
    /// Alerts of rules that stand in a stream.
    rule_alerts: HashSet<String>,
}

impl Default for Account {
    fn default() -> Self {
        Self {
            stages: Stages::default(),
            refused: BTreeMap::new(),
            troubles: BTreeSet::new(),
            objects: 0,
            dead_letters: 0,
            records_by_schema: BTreeMap::new(),
            samples: BTreeMap::new(),
            host: lambda_host::Report::default(),
            sets: account::Account::new(CONSUMER, None),
            rule_alerts: HashSet::new(),
        }
    }
}

/// The fields that are taken from the outcome of a poll.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct PollOutcome {
    calls: u64,
    accepted: u64,
    refused: BTreeMap<String, u64>,
    failed: u64,
    records: u64,
    put: u64,
    #[serde(default)]
    alerts: u64,
    deduplicated: u64,
    dead_lettered: u64,
    in_flight: u64,
    quarantined: u64,
    refusals: Vec<Value>,
    failures: Vec<Value>,
}

/// The fields that are taken from the outcome of a batch or a sweep.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ProcessOutcome {
    settled: u64,
    dead_lettered: u64,
    bars: u64,
    indicators: u64,
    alerts: u64,
    alerts_delivered: u64,
    failures: Vec<Value>,
}

impl Account {
    /// Takes in a line that a function logged. Returns whether it was an outcome.
    pub(crate) fn log_line(&mut self, line: &Value) -> bool {
        let outcome = line.get("outcome").cloned().unwrap_or(Value::Null);
        match line.get("message").and_then(Value::as_str) {
            Some("poll finished") => {
                if let Ok(outcome) = serde_json::from_value(outcome) {
                    self.polled(outcome);
                }
            }
            Some("batch processed" | "sweep finished") => {
                if let Ok(outcome) = serde_json::from_value(outcome) {
                    self.processed(outcome);
                }
            }
            _ => return false,
        }
        true
    }

    fn polled(&mut self, outcome: PollOutcome) {
        let Stages { poll, produce, .. } = &mut self.stages;
        poll.calls += outcome.calls;
        poll.accepted += outcome.accepted;
        poll.failed += outcome.failed;
        poll.quarantined += outcome.quarantined;
        produce.records += outcome.records;
        produce.put += outcome.put;
        produce.alerts += outcome.alerts;
        produce.deduplicated += outcome.deduplicated;
        produce.dead_lettered += outcome.dead_lettered;
        produce.in_flight += outcome.in_flight;
        for (verdict, count) in outcome.refused {
            poll.refused += count;
            *self.refused.entry(verdict).or_default() += count;
        }
        for refusal in &outcome.refusals {
            let part = |name: &str| refusal.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
            self.troubles.insert(format!("{}: {} — {}", part("request"), part("verdict"), part("what_to_do")));
        }
        self.failures(&outcome.failures);
    }

    fn processed(&mut self, outcome: ProcessOutcome) {
        let process = &mut self.stages.process;
        process.records += outcome.settled;
        process.dead_lettered += outcome.dead_lettered;
        process.bars += outcome.bars;
        process.indicators += outcome.indicators;
        process.alerts += outcome.alerts;
        process.alerts_delivered += outcome.alerts_delivered;
        self.failures(&outcome.failures);
    }

    fn failures(&mut self, failures: &[Value]) {
        for failure in failures {
            self.troubles.insert(match failure {
                Value::String(text) => text.clone(),
                other => {
                    let part = |name: &str| other.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
                    format!("{} ({}): {}", part("subject"), part("kind"), part("reason"))
                }
            });
        }
    }

    /// Takes in a record that stands in a stream.
    pub(crate) fn record(&mut self, stream: &str, shard: &str, sequence_number: &str, data: &[u8]) {
        self.sets.record(stream, shard, sequence_number, data);
        let is = |name: &str, text: &str| field(data, name).is_some_and(|value| value == text);
        if is("schema", "alert.v1") && is("type", "rule") {
            self.rule_alerts.extend(field(data, "id"));
        }
    }

    /// Takes in a line of the archive.
    pub(crate) fn archived(&mut self, line: &[u8]) {
        self.stages.deliver.lines += 1;
        let schema = self.sets.archived(line).to_owned();
        self.samples.insert(schema.clone(), String::from_utf8_lossy(line).into_owned());
        *self.records_by_schema.entry(schema).or_default() += 1;
    }

    /// Takes in a dead letter.
    pub(crate) fn dead_letter(&mut self, line: &[u8]) {
        self.dead_letters += 1;
        self.samples.insert("dead letter".to_owned(), String::from_utf8_lossy(line).into_owned());
        self.sets.dead_letter(line);
    }

    /// Takes out requests that came after the last recorded reply: the simulator answered them as the
    /// vendor does for an unknown symbol, for want of a reply, and they are no case.
    pub(crate) fn after_the_last(&mut self, requests: u64) {
        if let Some(count) = self.refused.get_mut("unknown_symbol") {
            let requests = requests.min(*count);
            *count -= requests;
            self.stages.poll.refused -= requests;
            self.stages.poll.calls -= requests;
        }
        self.refused.retain(|_, count| *count > 0);
    }

    /// Rises with everything that is taken in; the same number, nothing new.
    pub(crate) fn progress(&self) -> u64 {
        let Stages { poll, produce, process, .. } = &self.stages;
        poll.calls
            + produce.records
            + process.records
            + process.indicators
            + process.alerts
            + self.sets.records()
            + self.sets.lines()
            + self.dead_letters
    }

    /// Lines in the archive beyond the first of each id.
    pub(crate) fn duplicates(&self) -> u64 {
        self.sets.duplicates()
    }

    /// Distinct readings in the archive.
    pub(crate) fn indicators(&self) -> u64 {
        self.sets.readings()
    }

    /// Distinct alerts of rules in the streams.
    pub(crate) fn rule_alerts(&self) -> u64 {
        self.rule_alerts.len() as u64
    }

    /// What does not add up; empty if everything is accounted for.
    pub(crate) fn imbalances(&self) -> Vec<String> {
        let Stages { poll, produce, process, .. } = &self.stages;
        let sets = self.sets.balance(0);
        let (lost, strangers) = (sets.lost(), sets.strangers + sets.unreadable);
        let offered = self.sets.records();
        let refused: u64 = self.refused.values().sum();
        let dead_letters = produce.dead_lettered + process.dead_lettered + poll.quarantined;
        let mut wrong = Vec::new();
        let mut check = |good: bool, what: String| {
            if !good {
                wrong.push(what);
            }
        };
        let equal = |left: u64, right: u64| left == right;
        check(
            equal(poll.calls, poll.accepted + refused + poll.failed),
            format!(
                "{} calls, but {} accepted, {refused} refused and {} failed",
                poll.calls, poll.accepted, poll.failed
            ),
        );
        check(
            equal(produce.records, produce.put + produce.deduplicated + produce.dead_lettered + produce.in_flight),
            format!("{produce:?} does not add up"),
        );
        check(produce.in_flight == 0, format!("{} rows are in flight", produce.in_flight));
        check(
            equal(produce.put + produce.alerts + process.alerts_delivered, offered),
            format!(
                "{} records and {} alerts were put, the streams hold {offered}",
                produce.put,
                produce.alerts + process.alerts_delivered,
            ),
        );
        check(
            equal(process.alerts, self.rule_alerts()),
            format!("rules fired {} times, the streams hold {} alerts of them", process.alerts, self.rule_alerts()),
        );
        check(equal(process.records, offered), format!("{} of {offered} records were processed", process.records));
        check(lost == 0, format!("{lost} records of the streams are neither in S3 nor in the dead letters"));
        check(strangers == 0, format!("{strangers} records in S3 stand in no stream"));
        check(
            sets.done_and_dead == 0,
            format!("{} records are both in S3 and in the dead letters", sets.done_and_dead),
        );
        check(sets.two_contents == 0, format!("{} ids name two contents", sets.two_contents));
        check(
            equal(process.indicators, self.indicators()),
            format!("{} readings were computed, S3 holds {}", process.indicators, self.indicators()),
        );
        check(
            equal(dead_letters, self.dead_letters),
            format!("{dead_letters} dead letters were counted, {} are stored", self.dead_letters),
        );
        wrong
    }
}

/// A field of a JSON object, as text.
fn field(json: &[u8], name: &str) -> Option<String> {
    let value: Value = serde_json::from_slice(json).ok()?;
    value.get(name)?.as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// A record with that digit as its id.
    fn record(schema: &str, id: char) -> Vec<u8> {
        let id = String::from(id).repeat(32);
        json!({"schema": schema, "id": id, "key": id, "rev": 0, "type": "rule"}).to_string().into_bytes()
    }

    fn dead(sequence_number: &str) -> Vec<u8> {
        let place =
            json!({"function": CONSUMER, "stream": "crypto", "shard": "s0", "sequence_number": sequence_number});
        place.to_string().into_bytes()
    }

    /// Two records put, one of them archived with a reading and an alert, the other one dead.
    fn account() -> Account {
        let mut account = Account::default();
        account.log_line(&json!({"message": "poll finished", "outcome": {
            "calls": 3, "accepted": 1, "refused": {"limit_day": 1}, "failed": 1,
            "records": 3, "put": 2, "deduplicated": 1, "dead_lettered": 0, "in_flight": 0}}));
        account.log_line(&json!({"message": "batch processed", "outcome": {
            "settled": 3, "dead_lettered": 1, "bars": 1, "indicators": 1, "alerts": 1, "alerts_delivered": 1}}));
        account.record("crypto", "s0", "1", &record("bar.v1", 'a'));
        account.record("crypto", "s0", "2", b"\xff");
        account.record("events", "s0", "1", &record("alert.v1", 'f'));
        account.archived(&record("bar.v1", 'a'));
        account.archived(&record("alert.v1", 'f'));
        account.archived(&record("indicator.v1", '1'));
        account.dead_letter(&dead("2"));
        account
    }

    #[test]
    fn a_whole_account_balances() {
        let account = account();
        assert_eq!(account.imbalances(), Vec::<String>::new());
        assert_eq!((account.duplicates(), account.stages.deliver.lines, account.stages.poll.refused), (0, 3, 1));
        assert_eq!(account.rule_alerts(), 1);
    }

    #[track_caller]
    fn check(change: impl FnOnce(&mut Account), expected: &str) {
        let mut account = account();
        change(&mut account);
        let wrong = account.imbalances().join("\n");
        assert!(wrong.contains(expected), "{wrong}");
    }

    #[test]
    fn whatever_is_missing_or_too_many_is_told() {
        check(|account| account.stages.poll.calls += 1, "4 calls, but 1 accepted, 1 refused and 1 failed");
        check(|account| account.stages.produce.put -= 1, "does not add up");
        check(
            |account| account.record("crypto", "s0", "3", &record("bar.v1", 'b')),
            "1 records of the streams are neither in S3 nor",
        );
        check(|account| account.archived(&record("bar.v1", 'c')), "1 records in S3 stand in no stream");
        check(|account| account.dead_letter(&dead("1")), "1 records are both in S3");
        check(|account| account.stages.process.indicators += 1, "2 readings were computed, S3 holds 1");
        check(|account| account.stages.process.alerts += 1, "rules fired 2 times, the streams hold 1 alerts of them");
        check(
            |account| account.stages.process.alerts_delivered -= 1,
            "2 records and 0 alerts were put, the streams hold 3",
        );
        check(|account| account.dead_letter(b"{}"), "1 dead letters were counted, 2 are stored");
        check(|account| account.archived(&record("quote.v1", 'a')), "1 ids name two contents");
        let mut twice = account();
        twice.archived(&record("bar.v1", 'a'));
        assert_eq!(twice.duplicates(), 1);
    }
}
