//! The sample events, each on the deployed function that its folder names.

use std::{collections::BTreeSet, fs, path::Path};

use serde_json::{Value, json};

use super::deployed::{Stack, market};
use crate::built::checkout;

/// What a function makes of an event.
enum Expected {
    /// So many requests, each answered with data, and all rows accounted for.
    Polls(u64),
    /// A whole batch settled, with so many records in the dead letters.
    Processes { records: u64, dead_lettered: u64 },
    /// Whatever is due is brought up to date.
    Sweeps,
    /// Messages are parked, none of which comes again.
    Parks,
    /// Whatever is due is redriven.
    Redrives,
}

use Expected::{Parks, Polls, Processes, Redrives, Sweeps};

/// Every sample event. Two symbols, and two pairs of which one is crypto, are deployed.
const EVENTS: &[(&str, &str, Expected)] = &[
    ("compute-indicators", "bars.json", Processes { records: 40, dead_lettered: 0 }),
    ("compute-indicators", "mixed-with-bad-records.json", Processes { records: 8, dead_lettered: 3 }),
    ("compute-indicators", "rates.json", Processes { records: 24, dead_lettered: 0 }),
    ("handle-dead-letters", "failed-call.json", Parks),
    ("handle-dead-letters", "pointer.json", Parks),
    ("handle-dead-letters", "redrive.json", Redrives),
    ("poll-crypto", "daily.json", Polls(1)),
    ("poll-crypto", "rates.json", Polls(2)),
    ("poll-equities", "intraday.json", Polls(2)),
    ("poll-equities", "quotes.json", Polls(2)),
    ("poll-events", "earnings.json", Polls(1)),
    ("poll-events", "movers.json", Polls(1)),
    ("poll-events", "news.json", Polls(1)),
    ("poll-events", "status.json", Polls(1)),
    ("sweep-series", "minute.json", Sweeps),
];

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

/// Every file in the folder of a function, with that function.
fn files() -> BTreeSet<(String, String)> {
    let events = checkout().join("events");
    let functions = names(&events).into_iter().filter(|name| events.join(name).is_dir());
    functions
        .flat_map(|function| names(&events.join(&function)).into_iter().map(move |file| (function.clone(), file)))
        .collect()
}

fn count(outcome: &Value, name: &str) -> u64 {
    outcome[name].as_u64().unwrap_or_else(|| panic!("no count `{name}` in {outcome:#}"))
}

/// That calls and rows are each accounted for, as the outcome promises.
pub(super) fn adds_up(outcome: &Value) {
    let counts = |names: &[&str]| names.iter().map(|name| count(outcome, name)).sum::<u64>();
    let refused: u64 = outcome["refused"].as_object().unwrap().values().map(|count| count.as_u64().unwrap()).sum();
    assert_eq!(count(outcome, "calls"), counts(&["accepted", "failed"]) + refused, "{outcome:#}");
    let rows = counts(&["put", "deduplicated", "dead_lettered", "in_flight"]);
    assert_eq!(count(outcome, "records"), rows, "{outcome:#}");
}

#[tokio::test]
async fn every_sample_event_is_taken_by_its_function() {
    let known: BTreeSet<_> =
        EVENTS.iter().map(|(function, file, _)| ((*function).to_owned(), (*file).to_owned())).collect();
    let unknown: Vec<_> = files().difference(&known).cloned().collect();
    assert!(unknown.is_empty(), "nothing is expected of {unknown:?}: add it to the table in tests/it/stack/events.rs");

    let market = market().await;
    let stack = Stack::start_with_market(&market, &[("Symbols", "ACME,BRK.B"), ("Pairs", "BTC/USD,USD/JPY")]).await;
    // What the pollers put must not come among the batches of the samples.
    let lambda = aws_sdk_lambda::Client::new(&stack.sdk);
    emulator::functions::disable_mappings(&lambda, stack.function("compute-indicators")).await.unwrap();
    for (function, file, expected) in EVENTS {
        let path = checkout().join("events").join(function).join(file);
        let event: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        let answer = stack.answer(function, &event).await;
        match expected {
            Polls(requests) => {
                adds_up(&answer);
                assert_eq!(answer["job"], event["job"]);
                assert_eq!((count(&answer, "calls"), count(&answer, "accepted")), (*requests, *requests), "{answer:#}");
                assert!(count(&answer, "put") >= *requests, "{file}: {answer:#}");
                assert_eq!(answer["failures"], json!([]));
            }
            Processes { records, dead_lettered } => {
                assert_eq!(answer, json!({"batchItemFailures": []}), "{file}");
                let outcome = stack.outcomes(function).await.pop().unwrap();
                let counts = ["records", "settled", "dead_lettered"].map(|name| count(&outcome, name));
                assert_eq!(counts, [*records, *records, *dead_lettered], "{file}: {outcome:#}");
            }
            Parks => assert_eq!(answer, json!({"batchItemFailures": []})),
            Redrives => assert_eq!((count(&answer, "stayed"), &answer["failures"]), (0, &json!([]))),
            Sweeps => {
                assert_eq!((count(&answer, "due"), &answer["failures"]), (count(&answer, "swept"), &json!([])));
            }
        }
    }
    stack.shows_no_key().await;
}

#[tokio::test]
async fn a_job_that_there_is_not_is_refused_with_those_that_there_are() {
    let stack = Stack::start(&[]).await;
    for (function, allowed) in
        [("poll-equities", "expected `quotes` or `intraday`"), ("poll-crypto", "expected `rates` or `daily`")]
    {
        let refused = stack.invoke(function, &json!({"job": "nope"})).await;
        assert!(refused.function_error.is_some(), "{refused:?}");
        let message = refused.payload["errorMessage"].as_str().unwrap();
        assert!(message.contains("unknown variant `nope`") && message.contains(allowed), "{message}");
    }
}
