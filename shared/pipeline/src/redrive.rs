//! Redrive: parked dead letters to the consumer that gave up on them, and to nobody else.
//!
//! A batch is claimed, its letters go out in events as the consumer saw them before, and after each answer the listing
//! says how far it came; so a redrive that ends half-way goes on where it stopped. The claim saves work and nothing
//! hangs on it: the consumer is idempotent, so the same letter twice has no second effect. Order relative to later
//! records is not promised.

mod batch;

use std::num::NonZeroU32;

use dead_letters::{BatchId, Filter};
use failure::Failure;
use flow::Backoff;
use jiff::SignedDuration;
use serde::Serialize;

use crate::{
    outcome::note,
    port::{InvokeFunction, LetterObjects, Listings, Runtime, Shelf, Streams},
};

/// When letters that may succeed by themselves are redriven, and how often: after about 1, 2, 4 … minutes and at last
/// every hour, which is a day and a half in all if chance is kind.
pub const REDRIVES: Backoff =
    Backoff { base: SignedDuration::from_mins(1), cap: SignedDuration::from_hours(1), attempts: 40 };
/// How many batches one automatic run looks at.
const BATCHES_MAX: usize = 1_000;

/// How to redrive.
#[derive(Debug, Clone, PartialEq)]
pub struct RedriveSettings {
    /// Letters in one event at the most; the consumer's mapping says it.
    pub event_letters: usize,
    /// Letters in one second at the most.
    pub per_second: Option<NonZeroU32>,
    /// When what stays is tried next, and how often by itself.
    pub backoff: Backoff,
    /// How long a batch is left to whoever redrives it: longer than an invocation takes.
    pub claim: SignedDuration,
    /// What must be left of the invocation when an event is sent: the consumer's time-out, and writing it down.
    pub reserve: SignedDuration,
    /// How long the listing of a batch is kept once nothing is left to do.
    pub keep_done: SignedDuration,
    /// Says what would be done, and changes nothing.
    pub dry_run: bool,
}

/// Which batches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// What is due by itself: of it the letters that may succeed without anybody's help.
    Due,
    /// These, by hand: all of their letters that the filter asks for.
    Batches(Vec<BatchId>),
}

/// What became of a redrive. `letters = redriven + put + stayed + untouched`, where a dry run counts what would be tried
/// as redriven or put.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct RedriveOutcome {
    /// Whether nothing was changed.
    pub dry_run: bool,
    /// Batches that were worked on.
    pub batches: u64,
    /// Batches that somebody else is at, or took over.
    pub claimed: u64,
    /// Letters that were asked for and wait.
    pub letters: u64,
    /// Events that were sent.
    pub invocations: u64,
    /// Letters that their consumer is done with now.
    pub redriven: u64,
    /// Letters that went into the stream that they had never reached.
    pub put: u64,
    /// Letters that were tried and wait again.
    pub stayed: u64,
    /// Letters that were not tried: the time was over, or the consumer could not be reached.
    pub untouched: u64,
    /// Letters among those asked for that can only be shown and discarded, not counted above.
    pub not_redrivable: u64,
    /// Why, and how many.
    pub reasons: std::collections::BTreeMap<&'static str, u64>,
    /// Records among those asked for that had expired before anybody could keep them.
    pub expired: u64,
    /// The first of these, as `SHARD:SEQUENCE NUMBER`.
    pub expired_ids: Vec<String>,
    /// Why it ended before everything was tried.
    pub stopped: Option<String>,
    /// What failed.
    pub failures: Vec<Failure>,
}

/// What a redrive works with.
#[derive(Debug)]
pub struct RedrivePorts<'a, Objects, Lists, Invoke, Targets, Time> {
    /// The parked objects.
    pub objects: &'a Objects,
    /// What has become of them.
    pub listings: &'a Lists,
    /// The consumers.
    pub functions: &'a Invoke,
    /// The streams.
    pub streams: &'a Targets,
    /// Time and chance.
    pub runtime: &'a Time,
}

/// Redrives until everything was tried, or the invocation's time is nearly over.
pub async fn redrive<Objects, Lists, Invoke, Targets, Time>(
    ports: &RedrivePorts<'_, Objects, Lists, Invoke, Targets, Time>,
    scope: &Scope,
    filter: &Filter,
    settings: &RedriveSettings,
) -> RedriveOutcome
where
    Objects: LetterObjects,
    Lists: Listings,
    Invoke: InvokeFunction,
    Targets: Streams,
    Time: Runtime,
{
    let mut outcome = RedriveOutcome { dry_run: settings.dry_run, ..Default::default() };
    let due;
    let ids = match scope {
        Scope::Batches(ids) => ids,
        Scope::Due => match ports.listings.shelf(Shelf::Due, ports.runtime.now(), BATCHES_MAX).await {
            Ok(ids) => {
                due = ids;
                &due
            }
            Err(error) => {
                let failure = Failure::new(failure::Stage::State, error.kind, "listings", error.message);
                note(&mut outcome.failures, failure);
                return outcome;
            }
        },
    };
    let by_hand = matches!(scope, Scope::Batches(_));
    let mut redriver = batch::Redriver { ports, settings, filter, by_hand, free_at: None };
    for id in ids {
        if outcome.stopped.is_some() {
            break;
        }
        if let Err(error) = redriver.batch(id, &mut outcome).await {
            note(&mut outcome.failures, error.into_failure(id));
        }
    }
    outcome
}
