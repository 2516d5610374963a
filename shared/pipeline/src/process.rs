//! Process: a batch of a Kinesis stream to bars, indicators and the archive.
//!
//! What can never succeed is stored as a dead letter, with its payload, and counts as done. What may
//! succeed later is told by the lowest sequence number of it: everything from there on comes again.

use std::collections::HashMap;

use failure::{DeadLetter, Failure, Kind, Place, Stage};
use series::{SeriesFact, SeriesId, Settings, route, splits};
use wire::{BatchRecord, DecodeError, Id, Lines, decode, limits::FIREHOSE_RECORD_BYTES};

use crate::{
    advance::{Acknowledge, Pending, Ports, advance},
    deliver::deliver,
    outcome::{ProcessOutcome, note},
    port::{Deliver, KeepDeadLetters, PutRecords, Runtime, SeriesStore},
    warm::Warm,
};

/// How many facts of a series a full batch has, about.
const FACTS_USUAL: usize = 8;

/// A batch of so many records is one of a backlog: the next one is about to come, and brings along what this one would
/// write in a second write per series.
pub const BACKLOG_RECORDS: usize = 2_000;

type FastMap<K, V> = HashMap<K, V, foldhash::fast::RandomState>;

/// What `process` needs to know.
#[derive(Debug, Clone, PartialEq)]
pub struct ProcessSettings {
    /// The function's name, for the places that dead letters name.
    pub function: &'static str,
    /// How series act.
    pub series: Settings,
    /// Records of a batch from which on it counts as part of a backlog; see [`BACKLOG_RECORDS`].
    pub backlog_records: usize,
}

/// What became of a batch.
#[derive(Debug, Clone, PartialEq)]
pub struct Processed {
    /// The account.
    pub outcome: ProcessOutcome,
    /// The sequence number from which on the batch is to come again.
    pub retry_from: Option<String>,
}

/// What a record turned out to be.
enum Read {
    /// Facts of these series: of one at the most, but for a bar that tells of a split.
    Good { id: Id, series: Option<usize>, others: Vec<usize> },
    /// What it is not.
    Bad(Box<Failure>),
}

/// Takes a batch through. The raw lines go to `archive`, the readings to `indicators`, the alerts to `events`.
pub async fn process<Store, Dead, Archive, Indicators, Events, Time>(
    (store, dead_letters, archive, indicators, events, runtime): (&Store, &Dead, &Archive, &Indicators, &Events, &Time),
    warm: &Warm,
    batch: &[BatchRecord<'_>],
    settings: &ProcessSettings,
) -> Processed
where
    Store: SeriesStore,
    Dead: KeepDeadLetters,
    Archive: Deliver,
    Indicators: Deliver,
    Events: PutRecords,
    Time: Runtime,
{
    let mut outcome = ProcessOutcome { records: batch.len() as u64, ..Default::default() };
    let mut fold = Fold::default();
    let read: Vec<Read> = batch.iter().map(|record| fold.take(record)).collect();
    let acknowledge = match batch.len() >= settings.backlog_records {
        true => Acknowledge::WithTheNext,
        false => Acknowledge::AtOnce,
    };
    let ports = Ports { store, sink: indicators, events, runtime, warm, settings: &settings.series, acknowledge };
    let advanced = advance(&ports, fold.pending).await;
    outcome.late = advanced.late;
    outcome.bars = advanced.bars;
    outcome.gaps = advanced.gaps;
    outcome.indicators = advanced.indicators;
    outcome.indicators_delivered = advanced.indicators_delivered;
    outcome.alerts = advanced.alerts;
    outcome.alerts_delivered = advanced.alerts_delivered;
    advanced.trouble.into_iter().for_each(|failure| note(&mut outcome.failures, failure));
    // Those of whole series, by their index.
    let failed: FastMap<usize, &Failure> =
        advanced.failed.iter().filter_map(|(id, failure)| Some((*fold.series.get(id)?, failure))).collect();

    // What failed, by its place in the batch.
    let failure_at = |at: usize| -> Option<&Failure> {
        match &read[at] {
            Read::Bad(failure) => Some(failure),
            // What belongs to no series is archived as it is.
            Read::Good { .. } if failed.is_empty() => None,
            Read::Good { series, others, .. } => {
                series.iter().chain(others).find_map(|series| failed.get(series).copied())
            }
        }
    };
    // From the first record that has to come again, everything does: nothing behind it is settled now.
    let retryable = |at: &usize| failure_at(*at).is_some_and(|failure| failure.kind.is_retryable());
    let mut settled = (0..batch.len()).find(retryable).unwrap_or(batch.len());
    if let Some(failure) = (settled < batch.len()).then(|| failure_at(settled)).flatten() {
        note(&mut outcome.failures, failure.clone());
    }

    let (dead, letters): (Vec<usize>, Vec<DeadLetter>) = (0..settled)
        .filter_map(|at| {
            let id = match &read[at] {
                Read::Good { id, .. } => Some(id.to_string()),
                Read::Bad(_) => None,
            };
            Some((at, letter(settings.function, &batch[at], failure_at(at)?.clone(), id, runtime)))
        })
        .unzip();
    if let Some(&first) = dead.first()
        && let Err(error) = dead_letters.keep(&letters).await
    {
        settled = first;
        note(&mut outcome.failures, Failure::new(Stage::Deliver, error.kind, "dead letters", error.message));
    }

    let bytes = batch[..settled].iter().map(|record| record.data.map_or(0, |data| data.len() + 1)).sum();
    let (mut texts, mut lines) = (Lines::with_capacity(bytes, settled), Vec::with_capacity(settled));
    let mut ids: FastMap<Id, ()> = FastMap::with_capacity_and_hasher(settled, Default::default());
    for at in 0..settled {
        if let (Read::Good { id, .. }, Ok(data), None) = (&read[at], batch[at].data, failure_at(at))
            && ids.insert(*id, ()).is_none()
        {
            texts.push(data);
            lines.push(at);
        }
    }
    drop(ids);
    let (taken, trouble) = deliver(archive, runtime, texts).await;
    if let Some(first) = taken.iter().position(|taken| !taken) {
        settled = lines[first];
        if let Some(error) = trouble {
            note(&mut outcome.failures, Failure::new(Stage::Deliver, error.kind, "archive", error.message));
        }
    }

    outcome.settled = settled as u64;
    outcome.delivered = lines.iter().filter(|&&at| at < settled).count() as u64;
    for (_, letter) in dead.into_iter().zip(letters).filter(|(at, _)| *at < settled) {
        outcome.dead_lettered += 1;
        note(&mut outcome.failures, letter.failure);
    }
    outcome.duplicates = outcome.settled - outcome.delivered - outcome.dead_lettered;
    Processed { outcome, retry_from: batch.get(settled).map(|record| record.sequence_number.to_owned()) }
}

/// The facts of a batch by series.
#[derive(Default)]
struct Fold {
    /// The index of each series among the pending ones.
    series: FastMap<SeriesId, usize>,
    pending: Vec<Pending>,
}

impl Fold {
    /// Reads a record and adds its fact to its series.
    fn take(&mut self, record: &BatchRecord<'_>) -> Read {
        let about = |stage, kind, reason| {
            Read::Bad(Box::new(Failure::new(stage, kind, format!("record {}", record.sequence_number), reason)))
        };
        let data = match record.data {
            Ok(data) => data,
            Err(error) => return about(Stage::Decode, Kind::NotJson, error.to_string()),
        };
        let decoded = match decode(data) {
            Ok(decoded) => decoded,
            Err(error) => return about(Stage::Decode, kind_of(&error), error.to_string()),
        };
        if !fits(data) {
            return about(Stage::Deliver, Kind::Oversized, oversized(data));
        }
        let mut add = |(id, fact): (SeriesId, SeriesFact)| {
            let series = self.series_of(id);
            self.pending[series].1.push(fact);
            series
        };
        let others = splits(&decoded).into_iter().map(&mut add).collect();
        Read::Good { id: decoded.id, series: route(&decoded).map(add), others }
    }

    fn series_of(&mut self, id: SeriesId) -> usize {
        let next = self.pending.len();
        *self.series.entry(id).or_insert_with_key(|id| {
            self.pending.push((id.clone(), Vec::with_capacity(FACTS_USUAL)));
            next
        })
    }
}

/// Whether the record and its newline fit into a Firehose record. One that does not would be refused for ever.
fn fits(data: &[u8]) -> bool {
    data.len() < FIREHOSE_RECORD_BYTES
}

fn oversized(data: &[u8]) -> String {
    let size = data.len();
    format!(
        "the record has `{size}` bytes; with its newline the archive takes {FIREHOSE_RECORD_BYTES}: send less per record"
    )
}

fn kind_of(error: &DecodeError) -> Kind {
    match error {
        DecodeError::NotUtf8(_) | DecodeError::NotJson(_) => Kind::NotJson,
        DecodeError::UnknownSchema(_) => Kind::UnknownSchema,
        DecodeError::Missing { .. } | DecodeError::Field { .. } | DecodeError::Bar(_) => Kind::InvalidRecord,
    }
}

fn letter(
    function: &str,
    record: &BatchRecord<'_>,
    failure: Failure,
    id: Option<String>,
    runtime: &impl Runtime,
) -> DeadLetter {
    DeadLetter {
        failure,
        place: Place {
            function: function.to_owned(),
            stream: record.stream.map(str::to_owned),
            shard: record.shard.map(str::to_owned),
            sequence_number: Some(record.sequence_number.to_owned()),
            partition_key: Some(record.partition_key.to_owned()),
        },
        id,
        attempts: 1,
        seen: runtime.now(),
        payload: match record.data {
            Ok(data) => data.to_vec(),
            Err(error) => error.text.as_bytes().to_vec(),
        },
    }
}
