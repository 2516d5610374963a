//! Put: parcels to one stream, several calls at once, until each is taken or given up. A fate for each leaves.
//!
//! What goes into a call, and what goes again, is the [`Outbox`]'s; here is when: calls, waits between attempts and
//! the end of the invocation. A wait holds back nothing but what waits. Nothing here keeps dead letters or ledgers.

mod stats;

use failure::Kind;
use flow::Backoff;
use futures::stream::{FuturesUnordered, StreamExt};
use jiff::SignedDuration;
use wire::{Again, Call, Entry, Left, Outbox, Oversized, Parcel};

use crate::{
    outcome::note,
    port::{CallError, PutRecords, Runtime},
};

pub use stats::{Latencies, PutStats};

/// How to send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PutSettings {
    /// How often to send a record, and how long to wait before the next time.
    pub backoff: Backoff,
    /// What must be left of the invocation when a call is begun: the longest call, and filing what is left.
    pub reserve: SignedDuration,
    /// Calls under way at once. Ordered records of one key are never in two of them.
    pub in_flight: usize,
}

impl Default for PutSettings {
    /// The owner's schedule: three retries, 1, 2 and 4 seconds at the most; four calls at once.
    fn default() -> Self {
        Self {
            backoff: Backoff { base: SignedDuration::from_secs(1), cap: SignedDuration::from_secs(4), attempts: 4 },
            reserve: SignedDuration::from_secs(6),
            in_flight: 4,
        }
    }
}

/// A record that is not in the stream, as far as anybody knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The record, unchanged.
    pub entry: Entry,
    /// Why it was not taken the last time.
    pub reason: String,
    /// What kind of trouble that is.
    pub kind: Kind,
    /// How often it was sent.
    pub attempts: u32,
}

/// What became of the parcels.
#[derive(Debug)]
pub struct Put {
    /// One for each parcel, in their order.
    pub fates: Vec<Result<(), Refused>>,
    /// The counts.
    pub stats: PutStats,
    /// The first of the calls that failed as a whole.
    pub failed_calls: Vec<CallError>,
}

/// Why a record was not taken.
#[derive(Debug, Clone)]
struct Why(String, Kind);

impl From<Oversized> for Why {
    fn from(oversized: Oversized) -> Self {
        Self(oversized.to_string(), Kind::Oversized)
    }
}

/// What is waited for.
enum Work {
    Call(Call),
    Wait(Again, SignedDuration),
}

/// What came of it.
enum Done {
    Call(Call, Result<Vec<Option<String>>, CallError>, SignedDuration),
    Wait(Again),
}

/// Sends parcels until the stream took them, there is no use in trying, or the invocation's time is nearly over.
pub async fn put(
    stream: &impl PutRecords,
    runtime: &impl Runtime,
    settings: &PutSettings,
    parcels: Vec<Parcel>,
) -> Put {
    let mut outbox: Outbox<Why> = Outbox::new(parcels, settings.in_flight);
    let mut stats = PutStats::default();
    let mut failed_calls = Vec::new();
    let mut sendings = 0;
    let mut under_way = FuturesUnordered::new();
    loop {
        if runtime.remaining() > settings.reserve {
            while let Some(call) = outbox.next_call() {
                stats.batches += 1;
                sendings += call.entries().len() as u64;
                under_way.push(work(stream, runtime, Work::Call(call)));
            }
        } else {
            outbox.give_up_rest();
        }
        let (again, is_worth_it) = match under_way.next().await {
            None => break,
            Some(Done::Wait(again)) => {
                outbox.due(again);
                continue;
            }
            Some(Done::Call(call, answer, took)) => {
                stats.latency.note(took);
                let is_worth_it = answer.as_ref().err().is_none_or(|error| error.kind.is_retryable());
                (settle(&mut outbox, call, answer, &mut stats, &mut failed_calls), is_worth_it)
            }
        };
        for again in again {
            match settings.backoff.wait(again.attempts(), runtime.random()) {
                // What only a person can mend is not tried again.
                Some(wait) if is_worth_it && runtime.remaining() > wait + settings.reserve => {
                    under_way.push(work(stream, runtime, Work::Wait(again, wait)));
                }
                _ => outbox.give_up(again),
            }
        }
    }
    drop(under_way);

    let (mut fates, mut first_sendings) = (Vec::new(), 0);
    for fate in outbox.finish() {
        first_sendings += u64::from(fate.as_ref().err().is_none_or(|left| left.attempts > 0));
        stats.sent += u64::from(fate.is_ok());
        fates.push(fate.map_err(refused));
    }
    stats.failed = fates.len() as u64 - stats.sent;
    stats.resent = sendings - first_sendings;
    Put { fates, stats, failed_calls }
}

async fn work(stream: &impl PutRecords, runtime: &impl Runtime, work: Work) -> Done {
    match work {
        Work::Call(call) => {
            let before = runtime.remaining();
            let answer = stream.put_records(call.entries()).await;
            Done::Call(call, answer, before.saturating_sub(runtime.remaining()))
        }
        Work::Wait(again, wait) => {
            runtime.sleep(wait).await;
            Done::Wait(again)
        }
    }
}

/// Tells the outbox what came of a call, and counts it.
fn settle(
    outbox: &mut Outbox<Why>,
    call: Call,
    answer: Result<Vec<Option<String>>, CallError>,
    stats: &mut PutStats,
    failed_calls: &mut Vec<CallError>,
) -> Vec<Again> {
    match answer {
        Ok(answers) => {
            let why = |reason: Option<String>| reason.map(|reason| Why(reason, Kind::Unavailable));
            let answers: Vec<Option<Why>> = answers.into_iter().map(why).collect();
            let again = outbox.answered(call, &answers);
            stats.refused += again.iter().map(|again| again.parcels().len() as u64).sum::<u64>();
            again
        }
        // The write may have happened; the same ids go again.
        Err(error) => {
            stats.unanswered += call.entries().len() as u64;
            let again = outbox.failed(call, &Why(error.message.clone(), error.kind));
            note(failed_calls, error);
            again
        }
    }
}

fn refused(left: Left<Why>) -> Refused {
    let Left { entry, attempts, reason } = left;
    let Why(reason, kind) = reason.unwrap_or_else(|| {
        let reason = match attempts {
            0 => "the invocation's time was nearly over before it could be sent",
            _ => "the answer did not name it",
        };
        Why(reason.to_owned(), Kind::Unavailable)
    });
    Refused { entry, reason, kind, attempts }
}
