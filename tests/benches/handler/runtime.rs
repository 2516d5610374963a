//! The handler under a Runtime API on loopback: a binary comes in, processor time of small events and peak memory leave.

use std::{fs, path::Path, time::Duration};

use anyhow::{Context, Result, ensure};
use axum::body::Bytes;
use serde_json::Value;
use tokio::time::timeout;

use crate::{
    events::{Event, Events},
    median,
    process::Bootstrap,
    runtime_api::INVOCATION,
};

/// Events of one record that warm a process up, and those that count.
const WARM_UP: usize = 100;
const EVENTS: usize = 600;
/// Between two bars of a symbol, and between two full events, in seconds of market time.
const BAR: &str = "60";
const FULL: &str = "660";

/// What a program under a Runtime API took for an event of one record.
pub(crate) struct Small {
    /// Microseconds of processor time, of the handler and of one that does nothing; medians.
    pub(crate) ours: f64,
    pub(crate) idle: f64,
}

/// Hands both the same events of one record, in turns: the bars of one symbol.
pub(crate) async fn small(binary: &Path, folder: &Path) -> Result<Small> {
    let mut events = Events::new(2, 1)?;
    let mut ours = Bootstrap::start(binary, &["runtime", "2026-11-18T20:01:02Z", BAR], &Vec::new()).await?;
    let mut idle = Bootstrap::start(binary, &["idle"], &Vec::new()).await?;
    let mut times = (Vec::new(), Vec::new());
    for nth in 0..WARM_UP + EVENTS {
        let event = events.write(folder.join("small.json"), 1)?;
        let body = Bytes::from(fs::read(&event.path)?);
        let (one, other) = (invoke(&mut ours, &body, true).await?, invoke(&mut idle, &body, false).await?);
        if nth >= WARM_UP {
            times.0.push(one);
            times.1.push(other);
        }
    }
    ours.stop().await?;
    idle.stop().await?;
    Ok(Small { ours: median(times.0), idle: median(times.1) })
}

/// The processor time of an event, from one `/next` to the one after, in microseconds.
async fn invoke(bootstrap: &mut Bootstrap, event: &Bytes, logs: bool) -> Result<f64> {
    let before = processor_time(bootstrap)?;
    let answer =
        if logs { bootstrap.invoke(event.clone()).await?.answer } else { answer(bootstrap, event.clone()).await? };
    let polled = timeout(INVOCATION, bootstrap.api.polls.recv()).await.context("it asked for no event in time")?;
    polled.context("the runtime API ended")?;
    let took = processor_time(bootstrap)? - before;
    ensure!(answer["batchItemFailures"].as_array().is_some_and(Vec::is_empty), "a batch failed: {answer}");
    Ok(took.as_secs_f64() * 1e6)
}

/// The answer to an event of a program that logs nothing.
async fn answer(bootstrap: &mut Bootstrap, event: Bytes) -> Result<Value> {
    bootstrap.api.events.send(event).ok().context("the runtime API ended")?;
    let answer = timeout(INVOCATION, bootstrap.api.answers.recv()).await.context("the function did not answer")?;
    Ok(serde_json::from_slice(&answer.context("the runtime API ended")?.body)?)
}

/// What all threads of a process have used so far. They are all there from its first event on.
fn processor_time(bootstrap: &Bootstrap) -> Result<Duration> {
    let process = bootstrap.child.id().context("the bootstrap has ended")?;
    let mut nanoseconds = 0;
    for thread in fs::read_dir(format!("/proc/{process}/task"))? {
        let schedstat = fs::read_to_string(thread?.path().join("schedstat"))?;
        nanoseconds += schedstat.split(' ').next().unwrap_or_default().parse::<u64>()?;
    }
    Ok(Duration::from_nanos(nanoseconds))
}

/// The most memory, in bytes, of a process that takes these full events.
pub(crate) async fn peak_memory(binary: &Path, events: &[Event]) -> Result<u64> {
    let begin = &events.first().context("no events")?.now;
    let mut bootstrap = Bootstrap::start(binary, &["runtime", begin, FULL], &Vec::new()).await?;
    for event in events {
        let invoked = bootstrap.invoke(fs::read(&event.path)?.into()).await?;
        let delivered = invoked.outcome["delivered"].as_u64();
        ensure!(delivered == Some(event.records as u64), "an event came to {}", invoked.outcome);
    }
    let peak = bootstrap.peak_memory().context("there is no `/proc` to read the peak memory from")?;
    bootstrap.stop().await?;
    Ok(peak)
}
