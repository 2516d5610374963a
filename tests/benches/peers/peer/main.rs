//! What the benchmark of the handler compares it with, in Rust, built with all optimisation for speed.
//!
//! - `peer usual`: the same work as one would usually write it: owned structs of serde everywhere. Only the engine of
//!   the indicators is ours, so that nothing but the way of a record differs.
//! - `peer limit`: each stage on its own, by the fastest means at hand, over a whole event at a time. The sum is what a
//!   handler could come to if nothing held its parts together.
//!
//! Both take lines of standard input and answer with lines of JSON, as `handler batches` does.

#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a program for the benchmark alone: what fails ends it")]

mod limit;
mod usual;

use std::{
    collections::BTreeMap,
    env, fs,
    io::{BufRead, stdin},
    time::Duration,
};

use rustix::time::{ClockId, clock_gettime};
use serde::Serialize;

/// What became of an event.
#[derive(Default, Serialize)]
struct Answer {
    cpu_seconds: f64,
    archived: usize,
    written: usize,
    /// Nanoseconds of each stage, for all records together.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    stages: BTreeMap<&'static str, f64>,
    /// The last line of each symbol, where it was asked for.
    last: Option<BTreeMap<String, String>>,
}

/// Takes the bytes of an event at that time, and keeps lines or not.
type Take = dyn FnMut(&[u8], &str, bool) -> Answer;

/// User and system time of all threads of this process.
fn processor_time() -> Duration {
    clock_gettime(ClockId::ProcessCPUTime).try_into().unwrap()
}

fn main() {
    let mut answer: Box<Take> = match env::args().nth(1).as_deref() {
        Some("usual") => {
            let mut usual = usual::Usual::default();
            Box::new(move |body, now, keep| usual.take(body, now, keep))
        }
        Some("limit") => {
            let mut limit = limit::Limit::default();
            Box::new(move |body, now, _| limit.take(body, now))
        }
        _ => return println!("usage: peer usual | limit"),
    };
    for line in stdin().lock().lines() {
        let line = line.unwrap();
        let (keep, line) = line.strip_prefix("keep ").map_or((false, line.as_str()), |line| (true, line));
        let Some((path, now)) = line.split_once(' ') else { return };
        println!("{}", serde_json::to_string(&answer(&fs::read(path).unwrap(), now, keep)).unwrap());
    }
}
