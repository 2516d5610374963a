//! The state protocol: brings series forward by facts, and delivers what they owe.
//!
//! 1. Read the item, or take it from the warm process.
//! 2. `step` it with the facts; new readings stand in `owed`.
//! 3. One conditional write. Refused: step what stands there instead. Outcome unknown: read again.
//! 4. Deliver what is owed, as committed.
//! 5. Take out of `owed` what the sink acknowledged, and nothing else.
//!
//! There is no lease, no writer's token and no transaction over series: they are independent.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, VecDeque},
    sync::{Mutex, PoisonError},
};

use failure::{Failure, Kind, Stage};
use flow::Backoff;
use futures::{StreamExt, stream};
use jiff::SignedDuration;
use series::{SeriesFact, SeriesId, Settings, step};

use crate::{
    deliver::{LAST_SECONDS, deliver},
    port::{CallError, Deliver, Runtime, Saved, SeriesStore, StoreError, Stored},
};

/// How many series are read and written at the same time.
const IN_FLIGHT: usize = 32;
/// How many items a warm process keeps, of up to 10 KB each; beyond that it forgets all of them, and
/// reads again.
const WARM_MAX: usize = 1024;
/// How many series, and how many bytes of lines, are committed before they are delivered. With more, an
/// event of thousands of series, or what was owed over an outage, would not fit into the memory.
const ROUND_SERIES: usize = 512;
const ROUND_BYTES: usize = 2 * 1024 * 1024;
/// How often a series is tried against other writers and a busy store.
const COMMIT: Backoff =
    Backoff { base: SignedDuration::from_millis(50), cap: SignedDuration::from_secs(1), attempts: 8 };

/// Items that this process wrote last. Each conditional write proves that they are still current.
#[derive(Debug, Default)]
pub struct Warm(Mutex<HashMap<SeriesId, Stored>>);

impl Warm {
    fn take(&self, id: &SeriesId) -> Option<Stored> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(id)
    }

    fn keep(&self, id: &SeriesId, stored: &Stored) {
        // What is still owed may be many times as large as the rest, and others may deliver it first.
        if !stored.item.owed().is_empty() {
            return;
        }
        let mut items = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if items.len() >= WARM_MAX {
            items.clear();
        }
        items.insert(id.clone(), stored.clone());
    }
}

/// Where series live and where their readings go.
pub(crate) struct Ports<'a, Store, Sink, Time> {
    pub(crate) store: &'a Store,
    pub(crate) sink: &'a Sink,
    pub(crate) runtime: &'a Time,
    pub(crate) warm: &'a Warm,
    pub(crate) settings: &'a Settings,
}

/// What became of the series of a batch.
#[derive(Debug, Default)]
pub(crate) struct Advanced {
    pub(crate) late: u64,
    pub(crate) bars: u64,
    pub(crate) indicators: u64,
    pub(crate) indicators_delivered: u64,
    /// Series whose facts are not all committed, and why.
    pub(crate) failed: BTreeMap<SeriesId, Failure>,
    /// Trouble that nobody has to wait for: the sweep delivers later.
    pub(crate) trouble: Vec<Failure>,
}

/// A series of which a chunk of facts was committed.
struct Committed {
    id: SeriesId,
    stored: Stored,
    /// The facts that had no room yet.
    rest: Vec<SeriesFact>,
    /// Numbers and lines of what is to be delivered now.
    lines: Vec<(u64, String)>,
    late: u64,
    bars: u64,
    indicators: u64,
    /// Whether facts were taken or room was made.
    progress: bool,
}

/// Brings series forward by facts, none for a sweep, and delivers what they owe.
pub(crate) async fn advance<Store: SeriesStore, Sink: Deliver, Time: Runtime>(
    ports: &Ports<'_, Store, Sink, Time>,
    series: BTreeMap<SeriesId, Vec<SeriesFact>>,
) -> Advanced {
    let mut outcome = Advanced::default();
    let mut pending: VecDeque<_> = series.into_iter().collect();
    while !pending.is_empty() {
        let mut committed = Vec::new();
        let mut bytes = 0;
        while !pending.is_empty() && committed.len() < ROUND_SERIES && bytes < ROUND_BYTES {
            let wave = pending.drain(..pending.len().min(IN_FLIGHT));
            let wave: Vec<Result<Committed, (SeriesId, Failure)>> =
                stream::iter(wave.map(|(id, facts)| commit(ports, id, facts)))
                    .buffer_unordered(IN_FLIGHT)
                    .collect()
                    .await;
            for result in wave {
                match result {
                    Ok(series) => {
                        outcome.late += series.late;
                        outcome.bars += series.bars;
                        outcome.indicators += series.indicators;
                        bytes += series.lines.iter().map(|(_, line)| line.len()).sum::<usize>();
                        committed.push(series);
                    }
                    Err((id, failure)) => drop(outcome.failed.insert(id, failure)),
                }
            }
        }
        settle(ports, &mut committed, &mut outcome).await;
        for series in committed {
            if series.rest.is_empty() {
                continue;
            }
            if series.progress {
                pending.push_back((series.id, series.rest));
            } else {
                let reason = "what the series owes to Firehose fills its item: see why deliveries fail";
                let failure = Failure::new(Stage::State, Kind::Owing, series.id.to_string(), reason);
                outcome.failed.insert(series.id, failure);
            }
        }
    }
    outcome
}

async fn commit<Store: SeriesStore, Sink: Deliver, Time: Runtime>(
    ports: &Ports<'_, Store, Sink, Time>,
    id: SeriesId,
    mut facts: Vec<SeriesFact>,
) -> Result<Committed, (SeriesId, Failure)> {
    let mut failed = 0;
    let mut at_hand = ports.warm.take(&id);
    // The first number that this writer allots. An earlier write of its own whose outcome is unknown
    // may stand already: its readings are this writer's to deliver, too.
    let mut own: Option<u64> = None;
    let failure = loop {
        let stored = match at_hand.take() {
            Some(stored) => Ok(stored),
            None => ports.store.load(&id).await,
        };
        let (stored, error) = match stored {
            Ok(stored) => {
                let now = ports.runtime.now();
                let own = *own.get_or_insert(stored.item.next_number());
                let step = step(&id, &stored.item, &mut facts, now, ports.settings);
                let changed = step.item != stored.item;
                let next = Stored { version: stored.version, item: step.item };
                let saved = if changed {
                    ports.store.save(&id, &next, next.item.due(ports.settings)).await
                } else {
                    Ok(Saved::Done)
                };
                match saved {
                    Ok(Saved::Done) => {
                        let stored = Stored { version: next.version + u64::from(changed), item: next.item };
                        let owed = stored.item.deliverable(own, now, ports.settings);
                        let lines: Vec<_> =
                            owed.iter().map(|owed| (owed.number, stored.item.line(&id, owed))).collect();
                        facts.drain(..step.taken);
                        return Ok(Committed {
                            progress: step.taken > 0,
                            lines,
                            rest: facts,
                            late: step.late.into(),
                            bars: step.closed.into(),
                            indicators: step.readings.into(),
                            stored,
                            id,
                        });
                    }
                    Ok(Saved::Refused(current)) => (Some(current), None),
                    Err(error) => (None, Some(error)),
                }
            }
            Err(error) => (None, Some(error)),
        };
        let kind_and_reason = match error {
            // Another writer was first; what it allotted is its own to deliver.
            None => {
                own = None;
                (Kind::Contended, "other writers were first again and again".to_owned())
            }
            Some(StoreError::State(error)) => {
                break Failure::new(
                    Stage::State,
                    match error {
                        series::StateError::UnknownFormat(_) => Kind::UnknownState,
                        series::StateError::Corrupt(_) | series::StateError::Indicators(_) => Kind::CorruptState,
                    },
                    id.to_string(),
                    error.to_string(),
                );
            }
            Some(StoreError::Call(CallError { kind, message })) => (kind, message),
        };
        at_hand = stored;
        failed += 1;
        match COMMIT.wait(failed, ports.runtime.random()) {
            Some(wait) if ports.runtime.remaining() > wait + LAST_SECONDS => ports.runtime.sleep(wait).await,
            _ => break Failure::new(Stage::State, kind_and_reason.0, id.to_string(), kind_and_reason.1),
        }
    };
    Err((id, failure))
}

/// Delivers the lines of all series together, and acknowledges in each what the sink took.
async fn settle<Store: SeriesStore, Sink: Deliver, Time: Runtime>(
    ports: &Ports<'_, Store, Sink, Time>,
    committed: &mut Vec<Committed>,
    outcome: &mut Advanced,
) {
    let lines: Vec<&[u8]> =
        committed.iter().flat_map(|one| one.lines.iter().map(|(_, line)| line.as_bytes())).collect();
    let (taken, trouble) = deliver(ports.sink, ports.runtime, &lines).await;
    if let Some(CallError { kind, message }) = trouble {
        outcome.trouble.push(Failure::new(Stage::Deliver, kind, "indicator.v1", message));
    }
    let mut taken = taken.into_iter();
    let mut acknowledged = Vec::new();
    for mut series in std::mem::take(committed) {
        let numbers: BTreeSet<u64> =
            series.lines.iter().filter(|_| taken.next().unwrap_or(false)).map(|(number, _)| *number).collect();
        outcome.indicators_delivered += numbers.len() as u64;
        series.progress |= !numbers.is_empty();
        acknowledged.push((series, numbers));
    }
    let acknowledged: Vec<(Committed, Option<Failure>)> =
        stream::iter(acknowledged.into_iter().map(|(series, numbers)| acknowledge(ports, series, numbers)))
            .buffer_unordered(IN_FLIGHT)
            .collect()
            .await;
    for (series, trouble) in acknowledged {
        outcome.trouble.extend(trouble);
        committed.push(series);
    }
}

/// Writes into the item what the sink acknowledged. If that does not succeed, the same bytes are
/// delivered once more by whoever comes next; nothing is lost.
async fn acknowledge<Store: SeriesStore, Sink: Deliver, Time: Runtime>(
    ports: &Ports<'_, Store, Sink, Time>,
    mut series: Committed,
    numbers: BTreeSet<u64>,
) -> (Committed, Option<Failure>) {
    let mut failed = 0;
    while !numbers.is_empty() {
        let mut next = series.stored.clone();
        next.item.acknowledge(&numbers);
        if next.item == series.stored.item {
            break;
        }
        let trouble = match ports.store.save(&series.id, &next, next.item.due(ports.settings)).await {
            Ok(Saved::Done) => {
                series.stored = Stored { version: next.version + 1, item: next.item };
                break;
            }
            Ok(Saved::Refused(current)) => {
                series.stored = current;
                (Kind::Contended, "other writers were first again and again".to_owned())
            }
            Err(StoreError::State(error)) => {
                let failure = Failure::new(Stage::State, Kind::CorruptState, series.id.to_string(), error.to_string());
                return (series, Some(failure));
            }
            // The write may have happened: what stands there decides.
            Err(StoreError::Call(CallError { kind, message })) => {
                if let Ok(current) = ports.store.load(&series.id).await {
                    series.stored = current;
                }
                (kind, message)
            }
        };
        failed += 1;
        match COMMIT.wait(failed, ports.runtime.random()) {
            Some(wait) if ports.runtime.remaining() > wait + LAST_SECONDS => ports.runtime.sleep(wait).await,
            _ => {
                let failure = Failure::new(Stage::State, trouble.0, series.id.to_string(), trouble.1);
                return (series, Some(failure));
            }
        }
    }
    ports.warm.keep(&series.id, &series.stored);
    (series, None)
}
