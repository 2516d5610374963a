//! What the benchmark of the handler runs, built as the function is shipped: the real handler, with ports in memory.
//!
//! - `handler batches`: takes a line `PATH NOW` of standard input after the other, with the file of an event and the
//!   market time, and answers with a line of JSON: what it took, what was written, and after `keep PATH NOW` also the
//!   last line of each symbol. The handler's own log stands between these lines.
//! - `handler runtime NOW STEP`: under a Runtime API, each event so many seconds of market time after the one before.
//! - `handler idle`: under a Runtime API, does nothing.

#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a program for the benchmark alone: what fails ends it")]

use std::{
    collections::{BTreeMap, HashMap},
    env, fs,
    io::{BufRead, stdin},
    sync::{
        Mutex,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use compute_indicators::handler::Handler;
use failure::DeadLetter;
use jiff::{SignedDuration, Timestamp};
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use pipeline::{
    BACKLOG_RECORDS, ProcessSettings, Warm,
    port::{CallError, Deliver, KeepDeadLetters, PutRecords, Runtime, Saved, SeriesStore, StoreError, Stored},
};
use rustix::time::{ClockId, clock_gettime};
use serde::de::IgnoredAny;
use serde_json::{Value, json};
use series::{Item, Rules, SeriesId, Sets, Settings};
use wire::{Entry, KinesisBatch, Packed, limits::FIREHOSE_BILLED_BYTES};

/// A moment of market time at which everything of an invocation happens.
struct Moment(Timestamp);

impl Runtime for Moment {
    fn now(&self) -> Timestamp {
        self.0
    }
    fn remaining(&self) -> SignedDuration {
        SignedDuration::from_secs(60)
    }
    async fn sleep(&self, _: SignedDuration) {}
    fn random(&self) -> f64 {
        0.5
    }
}

/// The bytes of an item for each series, with its version, as a table holds them.
#[derive(Default)]
struct Items(Mutex<HashMap<SeriesId, (u64, Vec<u8>)>>);

fn stored((version, bytes): &(u64, Vec<u8>)) -> Result<Stored, StoreError> {
    let item = Item::decode(bytes, &Sets::default()).map_err(StoreError::State)?;
    Ok(Stored { version: *version, item })
}

impl SeriesStore for Items {
    async fn load(&self, id: &SeriesId) -> Result<Stored, StoreError> {
        let none = || Ok(Stored { version: 0, item: Item::default() });
        self.0.lock().unwrap().get(id).map_or_else(none, stored)
    }

    async fn save(&self, id: &SeriesId, next: &Stored, _: Option<Timestamp>) -> Result<Saved, StoreError> {
        let mut items = self.0.lock().unwrap();
        match items.get_mut(id) {
            Some(current) if current.0 != next.version => return stored(current).map(Saved::Refused),
            Some(current) => *current = (next.version + 1, next.item.encode()),
            None => drop(items.insert(id.clone(), (next.version + 1, next.item.encode()))),
        }
        Ok(Saved::Done)
    }

    async fn due(&self, _: Timestamp) -> Result<Vec<SeriesId>, CallError> {
        Ok(Vec::new())
    }
}

/// No rule fires in the default configuration.
struct NoEvents;

impl PutRecords for NoEvents {
    async fn put_records(&self, entries: &[Entry]) -> Result<Vec<Option<String>>, CallError> {
        Err(CallError::unavailable(format!("{} alerts", entries.len())))
    }
}

/// Nothing in these events may end here.
#[derive(Default)]
struct NoDeadLetters;

impl KeepDeadLetters for NoDeadLetters {
    async fn keep(&self, letters: &[DeadLetter]) -> Result<(), CallError> {
        Err(CallError::unavailable(format!("{} dead letters", letters.len())))
    }
}

/// Counts what it is given, and forgets it unless it is told to keep it.
#[derive(Default)]
struct Sink(Mutex<Taken>);

#[derive(Default)]
struct Taken {
    calls: usize,
    billed: usize,
    lines: usize,
    kept: Option<Vec<u8>>,
}

impl Deliver for Sink {
    async fn deliver(&self, records: &[Packed]) -> Result<Vec<bool>, CallError> {
        let taken = &mut *self.0.lock().unwrap();
        taken.calls += 1;
        for record in records {
            taken.billed += record.data.len().next_multiple_of(FIREHOSE_BILLED_BYTES);
            taken.lines += record.lines.len();
            if let Some(kept) = &mut taken.kept {
                kept.extend_from_slice(&record.data);
            }
        }
        Ok(vec![true; records.len()])
    }
}

impl Sink {
    /// What it was given since the last time, and whether it keeps from now on.
    fn exchange(&self, keep: bool) -> Taken {
        std::mem::replace(&mut self.0.lock().unwrap(), Taken { kept: keep.then(Vec::new), ..Taken::default() })
    }
}

fn handler() -> Handler<Items, NoDeadLetters, Sink, NoEvents> {
    Handler {
        store: Items::default(),
        dead_letters: NoDeadLetters,
        archive: Sink::default(),
        indicators: Sink::default(),
        events: NoEvents,
        warm: Warm::default(),
        settings: ProcessSettings {
            function: "compute-indicators",
            series: Settings {
                close_after: SignedDuration::from_secs(125),
                redeliver_after: SignedDuration::from_secs(120),
                sets: Sets::default(),
                rules: Rules::default(),
            },
            backlog_records: BACKLOG_RECORDS,
        },
        clock: None,
    }
}

/// User and system time of all threads of this process.
fn processor_time() -> Duration {
    clock_gettime(ClockId::ProcessCPUTime).try_into().unwrap()
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["batches"] => batches().await,
        ["runtime", now, step] => {
            let handler = &handler();
            let next = &AtomicI64::new(now.parse::<Timestamp>()?.as_second());
            let step: i64 = step.parse()?;
            batch::run(move |batch, _| async move {
                let now = Timestamp::from_second(next.fetch_add(step, Ordering::Relaxed))?;
                Ok::<_, Error>(handler.take(batch, &Moment(now)).await)
            })
            .await?;
        }
        ["idle"] => {
            run(service_fn(|_: LambdaEvent<IgnoredAny>| async { Ok::<_, Error>(json!({"batchItemFailures": []})) }))
                .await?;
        }
        _ => return Err("usage: handler batches | runtime NOW STEP | idle".into()),
    }
    Ok(())
}

async fn batches() {
    let handler = handler();
    for line in stdin().lock().lines() {
        let line = line.unwrap();
        let words: Vec<&str> = line.split(' ').collect();
        let (keep, [path, now]) = match words[..] {
            ["keep", path, now] => (true, [path, now]),
            [path, now] => (false, [path, now]),
            _ => return,
        };
        let body = fs::read(path).unwrap();
        let runtime = Moment(now.parse().unwrap());
        handler.archive.exchange(false);
        handler.indicators.exchange(keep);
        let begun = processor_time();
        let response = handler.take(KinesisBatch::from_slice(&body).unwrap(), &runtime).await;
        let response = serde_json::to_vec(&response).unwrap();
        let took = processor_time() - begun;
        assert_eq!(response, br#"{"batchItemFailures":[]}"#);
        let (archive, indicators) = (handler.archive.exchange(false), handler.indicators.exchange(false));
        let last = indicators.kept.as_deref().map(last_lines);
        println!(
            "{}",
            json!({
                "cpu_seconds": took.as_secs_f64(),
                "archived": archive.lines,
                "written": indicators.lines,
                "calls": archive.calls + indicators.calls,
                "billed": archive.billed + indicators.billed,
                "last": last,
            })
        );
    }
}

/// The last line of each symbol.
fn last_lines(lines: &[u8]) -> BTreeMap<String, String> {
    let lines = std::str::from_utf8(lines).unwrap().lines();
    lines
        .map(|line| {
            let read: Value = serde_json::from_str(line).unwrap();
            (read["symbol"].as_str().unwrap().to_owned(), line.to_owned())
        })
        .collect()
}
