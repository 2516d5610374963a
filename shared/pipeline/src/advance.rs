//! The state protocol: brings series forward by facts, and delivers what they owe.
//!
//! 1. Read the items, or take them from the warm process.
//! 2. `step` each with its facts; new readings stand in `owed`, and their lines in the buffer that is sent.
//! 3. One conditional write each. Refused: step what stands there instead. Outcome unknown: read again.
//! 4. Deliver what is owed, as committed: readings to the archive, alerts to the events stream.
//! 5. Take out of `owed` what the sinks acknowledged, and nothing else. In a backlog that stands only in the warm
//!    process at first, and is written together with the series' next facts (`docs/adr/0016`).
//!
//! There is no lease, no writer's token and no transaction over series: they are independent.

use std::collections::{HashMap, HashSet};

use failure::{Failure, Kind, Stage};
use flow::Backoff;
use futures::{StreamExt, stream};
use jiff::{SignedDuration, Timestamp};
use series::{SeriesFact, SeriesId, Settings, Step, What, Written, step};
use wire::{Entry, Parcel};

use crate::{
    deliver::{LAST_SECONDS, deliver},
    port::{CallError, Deliver, PutRecords, Runtime, Saved, SeriesStore, StoreError, Stored},
    put::{PutSettings, put},
    warm::{Kept, Warm},
};

/// How many series are written at the same time.
const IN_FLIGHT: usize = 32;
/// How many series are read at once.
const LOAD_SERIES: usize = 100;
/// After how many series or bytes of lines what was committed is delivered. With more, an event of thousands of
/// series, or what was owed over an outage, would not fit into the memory; with less, it would not fill the
/// calls to Firehose, which take 4 MiB.
const ROUND_SERIES: usize = 1024;
const ROUND_BYTES: usize = 3 * 1024 * 1024;
const ROUND_BYTES_MOST: usize = 4 * 1024 * 1024;
/// How long a line is, about.
const LINE_USUAL: usize = 1024;
/// How often a series is tried against other writers and a busy store.
const COMMIT: Backoff =
    Backoff { base: SignedDuration::from_millis(50), cap: SignedDuration::from_secs(1), attempts: 8 };

/// When acknowledgements are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Acknowledge {
    /// In a write of their own, at once.
    AtOnce,
    /// With the series' next facts, which are about to come.
    WithTheNext,
}

/// Where series live and where their readings and alerts go.
pub(crate) struct Ports<'a, Store, Sink, Events, Time> {
    pub(crate) store: &'a Store,
    pub(crate) sink: &'a Sink,
    pub(crate) events: &'a Events,
    pub(crate) runtime: &'a Time,
    pub(crate) warm: &'a Warm,
    pub(crate) settings: &'a Settings,
    pub(crate) acknowledge: Acknowledge,
}

/// What became of the series of a batch.
#[derive(Debug, Default)]
pub(crate) struct Advanced {
    pub(crate) late: u64,
    pub(crate) bars: u64,
    pub(crate) gaps: u64,
    pub(crate) indicators: u64,
    pub(crate) indicators_delivered: u64,
    pub(crate) alerts: u64,
    pub(crate) alerts_delivered: u64,
    /// Series whose facts are not all committed, and why.
    pub(crate) failed: HashMap<SeriesId, Failure>,
    /// Trouble that nobody has to wait for: the sweep delivers later.
    pub(crate) trouble: Vec<Failure>,
}

impl Advanced {
    fn note(&mut self, step: &Step) {
        self.late += u64::from(step.late);
        self.bars += u64::from(step.closed);
        self.gaps += u64::from(step.gaps);
        self.indicators += u64::from(step.readings);
        self.alerts += u64::from(step.alerts);
    }
}

/// A series and the facts about it that are still to be committed.
pub(crate) type Pending = (SeriesId, Vec<SeriesFact>);

/// A series that was stepped, and is to be written.
struct Stepped {
    id: SeriesId,
    facts: Vec<SeriesFact>,
    /// The item after the step, with the version before it.
    stored: Stored,
    /// What was acknowledged before and is written with this step.
    unwritten: Vec<u64>,
    step: Step,
    /// The first number that this step allotted. The lines of its readings are written already.
    first: u64,
    /// The first number that this writer allotted, which an earlier write of unknown outcome may have.
    own: u64,
}

/// A series of which a chunk of facts was committed.
struct Committed {
    id: SeriesId,
    stored: Stored,
    /// The facts that had no room yet.
    rest: Vec<SeriesFact>,
    /// Whether facts were taken or room was made.
    progress: bool,
    /// What the sinks acknowledged and the store does not know of.
    acknowledged: Vec<u64>,
}

/// What is committed in a round, and delivered at its end.
#[derive(Default)]
struct Round {
    /// In the order in which they were stepped; nothing for one that another writer overtook.
    committed: Vec<Option<Committed>>,
    written: Written,
    /// For each line which of the committed series it is of, and its number there.
    owners: Vec<(usize, u64)>,
    alerts: Vec<(usize, u64, Entry)>,
}

/// Brings series forward by facts, none for a sweep, and delivers what they owe.
pub(crate) async fn advance<Store, Sink, Events, Time>(
    ports: &Ports<'_, Store, Sink, Events, Time>,
    series: Vec<Pending>,
) -> Advanced
where
    Store: SeriesStore,
    Sink: Deliver,
    Events: PutRecords,
    Time: Runtime,
{
    let mut outcome = Advanced::default();
    let (mut pending, mut loaded) = (series, Vec::new());
    while !(pending.is_empty() && loaded.is_empty()) {
        let facts: usize = pending.iter().map(|(_, facts)| facts.len()).sum();
        let bytes = (LINE_USUAL * facts).min(ROUND_BYTES_MOST);
        let mut round = Round { written: Written::with_capacity(bytes), ..Round::default() };
        while round.committed.len() < ROUND_SERIES && round.written.lines.bytes().len() < ROUND_BYTES {
            if loaded.is_empty() {
                // From the end, which is cheap; the order among series is of no matter.
                let next = pending.split_off(pending.len().saturating_sub(LOAD_SERIES));
                loaded = load_all(ports, next).await;
            }
            if loaded.is_empty() {
                break;
            }
            let wave = loaded.split_off(loaded.len().saturating_sub(IN_FLIGHT));
            commit_all(ports, wave, &mut round, &mut outcome).await;
        }
        for series in settle(ports, round, &mut outcome).await {
            if series.rest.is_empty() {
                ports.warm.keep(series.id, series.stored, series.acknowledged);
            } else if series.progress {
                pending.push((series.id, series.rest));
            } else {
                let reason = "what the series owes to its sinks fills its item: see why deliveries fail";
                let failure = Failure::new(Stage::State, Kind::Owing, series.id.to_string(), reason);
                outcome.failed.insert(series.id, failure);
            }
        }
    }
    if ports.acknowledge == Acknowledge::AtOnce {
        write_unwritten(ports, &mut outcome).await;
    }
    outcome
}

/// Writes what an earlier batch of a backlog left to the series' next facts, which did not come.
async fn write_unwritten<Store: SeriesStore, Sink, Events, Time: Runtime>(
    ports: &Ports<'_, Store, Sink, Events, Time>,
    outcome: &mut Advanced,
) {
    let left = ports.warm.take_unwritten().into_iter().map(|(id, Kept { stored, unwritten })| {
        acknowledge(ports, Committed { id, stored, rest: Vec::new(), progress: false, acknowledged: unwritten })
    });
    let written: Vec<(Committed, Option<Failure>)> = stream::iter(left).buffer_unordered(IN_FLIGHT).collect().await;
    for (series, trouble) in written {
        outcome.trouble.extend(trouble);
        ports.warm.keep(series.id, series.stored, series.acknowledged);
    }
}

/// A series with its item, or why there is none.
struct Loaded {
    id: SeriesId,
    facts: Vec<SeriesFact>,
    stored: Result<Stored, StoreError>,
    unwritten: Vec<u64>,
}

/// Takes the items of series from the warm process, and reads those that are not there.
async fn load_all<Store: SeriesStore, Sink, Events, Time>(
    ports: &Ports<'_, Store, Sink, Events, Time>,
    series: Vec<Pending>,
) -> Vec<Loaded> {
    let (mut loaded, mut cold) = (Vec::with_capacity(series.len()), Vec::new());
    for (id, facts) in series {
        match ports.warm.take(&id) {
            Some(Kept { stored, unwritten }) => loaded.push(Loaded { id, facts, stored: Ok(stored), unwritten }),
            None => cold.push((id, facts)),
        }
    }
    if !cold.is_empty() {
        let ids: Vec<&SeriesId> = cold.iter().map(|(id, _)| id).collect();
        let items = ports.store.load_many(&ids).await;
        let read = cold.into_iter().zip(items);
        loaded.extend(read.map(|((id, facts), stored)| Loaded { id, facts, stored, unwritten: Vec::new() }));
    }
    loaded
}

/// Steps and writes some series.
async fn commit_all<Store: SeriesStore, Sink, Events, Time: Runtime>(
    ports: &Ports<'_, Store, Sink, Events, Time>,
    wave: Vec<Loaded>,
    round: &mut Round,
    outcome: &mut Advanced,
) {
    let now = ports.runtime.now();
    let (mut to_write, mut to_retry) = (Vec::new(), Vec::new());
    for Loaded { id, mut facts, stored, unwritten } in wave {
        match stored {
            Ok(mut stored) => {
                let first = stored.item.next_number();
                let step = step(&id, &mut stored.item, &mut facts, now, ports.settings, &mut round.written);
                let index = round.committed.len() + to_write.len();
                round.owners.extend(round.written.numbers.drain(..).map(|number| (index, number)));
                to_write.push(Stepped { id, facts, stored, unwritten, step, first, own: first });
            }
            Err(error) => to_retry.push((id, facts, unwritten, Trouble::Load(error))),
        }
    }

    // In their order, so that the indexes of the owners hold.
    let writes = stream::iter(to_write.into_iter().map(|series| write(ports, series))).buffered(IN_FLIGHT);
    let mut refused = HashSet::new();
    let mut writes = std::pin::pin!(writes);
    while let Some(result) = writes.next().await {
        let index = round.committed.len();
        match result {
            Ok(series) => {
                outcome.note(&series.step);
                committed(ports, series, now, round);
            }
            Err((series, trouble)) => {
                refused.insert(index);
                round.committed.push(None);
                to_retry.push((series.id, series.facts, series.unwritten, trouble));
            }
        }
    }
    if !refused.is_empty() {
        let owners = &round.owners;
        round.written.lines.retain(|line| !refused.contains(&owners[line].0));
        round.owners.retain(|(index, _)| !refused.contains(index));
    }

    let retries =
        to_retry.into_iter().map(|(id, facts, unwritten, trouble)| retry(ports, id, facts, unwritten, trouble));
    let retried: Vec<_> = stream::iter(retries).buffer_unordered(IN_FLIGHT).collect().await;
    for result in retried {
        match result {
            Ok((series, written, now)) => {
                outcome.note(&series.step);
                let index = round.committed.len();
                round.written.lines.append(&written.lines);
                round.owners.extend(written.numbers.iter().map(|number| (index, *number)));
                committed(ports, series, now, round);
            }
            Err((id, failure)) => drop(outcome.failed.insert(id, failure)),
        }
    }
}

/// Why a series has to be tried again.
enum Trouble {
    /// It could not be read.
    Load(StoreError),
    /// Another writer was first; this is what stands there now.
    Refused(Stored),
    /// Whether it was written is not known. The first number that it would have allotted.
    Unknown(StoreError, u64),
}

/// One conditional write of an item that has changed.
async fn write<Store: SeriesStore, Sink, Events, Time>(
    ports: &Ports<'_, Store, Sink, Events, Time>,
    mut series: Stepped,
) -> Result<Stepped, (Stepped, Trouble)> {
    if !series.step.changed {
        return Ok(series);
    }
    let due = series.stored.item.due(ports.settings);
    match ports.store.save(&series.id, &series.stored, due).await {
        Ok(Saved::Done) => {
            series.stored.version += 1;
            series.unwritten.clear();
            Ok(series)
        }
        Ok(Saved::Refused(current)) => Err((series, Trouble::Refused(current))),
        Err(error) => {
            let own = series.own;
            Err((series, Trouble::Unknown(error, own)))
        }
    }
}

/// Tries a series by itself, against other writers and a busy store.
async fn retry<Store: SeriesStore, Sink, Events, Time: Runtime>(
    ports: &Ports<'_, Store, Sink, Events, Time>,
    id: SeriesId,
    mut facts: Vec<SeriesFact>,
    unwritten: Vec<u64>,
    mut trouble: Trouble,
) -> Result<(Stepped, Written, Timestamp), (SeriesId, Failure)> {
    let mut failed = 0;
    // An earlier write of its own whose outcome is unknown may stand already: its readings are this
    // writer's to deliver, too.
    let mut own: Option<u64> = None;
    loop {
        let (at_hand, kind, reason) = match trouble {
            // What another writer allotted is its own to deliver.
            Trouble::Refused(current) => {
                own = None;
                (Some(current), Kind::Contended, "other writers were first again and again".to_owned())
            }
            Trouble::Load(StoreError::Call(error)) => (None, error.kind, error.message),
            Trouble::Unknown(StoreError::Call(error), first) => {
                own = own.or(Some(first));
                (None, error.kind, error.message)
            }
            Trouble::Load(error) | Trouble::Unknown(error, _) => {
                let failure = unreadable(&id, error);
                return Err((id, failure));
            }
        };
        failed += 1;
        match COMMIT.wait(failed, ports.runtime.random()) {
            Some(wait) if ports.runtime.remaining() > wait + LAST_SECONDS => ports.runtime.sleep(wait).await,
            _ => {
                let failure = Failure::new(Stage::State, kind, id.to_string(), reason);
                return Err((id, failure));
            }
        }
        let stored = match at_hand {
            Some(stored) => Ok(stored),
            None => ports.store.load(&id).await,
        };
        let mut stored = match stored {
            Ok(stored) => stored,
            Err(error) => {
                trouble = Trouble::Load(error);
                continue;
            }
        };
        let now = ports.runtime.now();
        let (first, mut written) = (stored.item.next_number(), Written::default());
        let acknowledged = stored.item.acknowledge(&unwritten);
        let mut step = step(&id, &mut stored.item, &mut facts, now, ports.settings, &mut written);
        step.changed |= acknowledged;
        let own = own.unwrap_or(first);
        let (facts_left, unwritten) = (std::mem::take(&mut facts), unwritten.clone());
        let stepped = Stepped { id: id.clone(), facts: facts_left, stored, unwritten, step, first, own };
        match write(ports, stepped).await {
            Ok(stepped) => return Ok((stepped, written, now)),
            Err((stepped, again)) => (facts, trouble) = (stepped.facts, again),
        }
    }
}

fn unreadable(id: &SeriesId, error: StoreError) -> Failure {
    let (kind, message) = match error {
        StoreError::State(error @ series::StateError::UnknownFormat(_)) => (Kind::UnknownState, error.to_string()),
        StoreError::State(error) => (Kind::CorruptState, error.to_string()),
        StoreError::Call(error) => (error.kind, error.message),
    };
    Failure::new(Stage::State, kind, id.to_string(), message)
}

/// Takes in a series that was written. The lines of its step are in the round already; here come those of what was
/// allotted before, and the alerts.
fn committed<Store, Sink, Events, Time>(
    ports: &Ports<'_, Store, Sink, Events, Time>,
    series: Stepped,
    now: Timestamp,
    round: &mut Round,
) {
    let Stepped { id, mut facts, stored, unwritten, step, first, own } = series;
    let index = round.committed.len();
    for owed in stored.item.deliverable(own, now, ports.settings) {
        match &owed.what {
            What::Readings(_) if owed.number >= first => {}
            What::Readings(_) => {
                owed.push_line(&id, &mut round.written.lines);
                round.owners.push((index, owed.number));
            }
            What::Alert(_) => round.alerts.extend(owed.entry(&id).map(|entry| (index, owed.number, entry))),
        }
    }
    facts.drain(..step.taken);
    let progress = step.taken > 0;
    round.committed.push(Some(Committed { id, stored, rest: facts, progress, acknowledged: unwritten }));
}

/// Delivers the lines and alerts of all series together, and acknowledges in each what the sinks took.
async fn settle<Store, Sink, Events, Time>(
    ports: &Ports<'_, Store, Sink, Events, Time>,
    round: Round,
    outcome: &mut Advanced,
) -> Vec<Committed>
where
    Store: SeriesStore,
    Sink: Deliver,
    Events: PutRecords,
    Time: Runtime,
{
    let Round { mut committed, written, owners, alerts } = round;
    let (taken, trouble) = deliver(ports.sink, ports.runtime, written.lines).await;
    if let Some(CallError { kind, message }) = trouble {
        outcome.trouble.push(Failure::new(Stage::Deliver, kind, "indicator.v1", message));
    }
    for ((index, number), _) in owners.into_iter().zip(taken).filter(|(_, taken)| *taken) {
        if let Some(series) = &mut committed[index] {
            series.acknowledged.push(number);
            outcome.indicators_delivered += 1;
        }
    }
    if !alerts.is_empty() {
        let (owners, parcels): (Vec<_>, Vec<_>) = alerts
            .into_iter()
            .map(|(index, number, entry)| ((index, number), Parcel { entry, ordered: false }))
            .unzip();
        let sent = put(ports.events, ports.runtime, &PutSettings::default(), parcels).await;
        for ((index, number), fate) in owners.into_iter().zip(sent.fates) {
            match fate {
                Ok(()) => {
                    if let Some(series) = &mut committed[index] {
                        series.acknowledged.push(number);
                        outcome.alerts_delivered += 1;
                    }
                }
                Err(refused) => {
                    outcome.trouble.push(Failure::new(Stage::Deliver, refused.kind, "alert.v1", refused.reason));
                }
            }
        }
    }
    let (mut done, mut to_write) = (Vec::new(), Vec::new());
    let mut room = match ports.acknowledge {
        Acknowledge::AtOnce => 0,
        Acknowledge::WithTheNext => ports.warm.room(),
    };
    for mut series in committed.into_iter().flatten() {
        series.acknowledged.sort_unstable();
        series.progress |= !series.acknowledged.is_empty();
        series.stored.item.acknowledge(&series.acknowledged);
        // What has facts waiting for room in `owed`, and what the warm process does not keep, cannot wait.
        if room > 0 && series.rest.is_empty() && series.stored.item.owed().is_empty() {
            room -= 1;
            done.push(series);
        } else {
            to_write.push(acknowledge(ports, series));
        }
    }
    let mut written = std::pin::pin!(stream::iter(to_write).buffer_unordered(IN_FLIGHT));
    while let Some((series, trouble)) = written.next().await {
        outcome.trouble.extend(trouble);
        done.push(series);
    }
    done
}

/// Writes an item that does not owe any more what the sinks acknowledged. If that does not succeed, the same bytes
/// are delivered once more by whoever comes next; nothing is lost.
async fn acknowledge<Store: SeriesStore, Sink, Events, Time: Runtime>(
    ports: &Ports<'_, Store, Sink, Events, Time>,
    mut series: Committed,
) -> (Committed, Option<Failure>) {
    let mut failed = 0;
    let mut is_news = !series.acknowledged.is_empty();
    while is_news {
        let due = series.stored.item.due(ports.settings);
        let trouble = match ports.store.save(&series.id, &series.stored, due).await {
            Ok(Saved::Done) => {
                series.stored.version += 1;
                break;
            }
            Ok(Saved::Refused(current)) => {
                series.stored = current;
                is_news = series.stored.item.acknowledge(&series.acknowledged);
                (Kind::Contended, "other writers were first again and again".to_owned())
            }
            Err(error @ StoreError::State(_)) => {
                let failure = unreadable(&series.id, error);
                return (series, Some(failure));
            }
            Err(StoreError::Call(CallError { kind, message })) => {
                // The write may have happened: what stands there decides.
                if let Ok(current) = ports.store.load(&series.id).await {
                    series.stored = current;
                    is_news = series.stored.item.acknowledge(&series.acknowledged);
                }
                (kind, message)
            }
        };
        failed += 1;
        match COMMIT.wait(failed, ports.runtime.random()) {
            _ if !is_news => {}
            Some(wait) if ports.runtime.remaining() > wait + LAST_SECONDS => ports.runtime.sleep(wait).await,
            _ => {
                let failure = Failure::new(Stage::State, trouble.0, series.id.to_string(), trouble.1);
                return (series, Some(failure));
            }
        }
    }
    series.acknowledged.clear();
    (series, None)
}
