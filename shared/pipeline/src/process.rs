//! Process: a batch of a Kinesis stream to bars, indicators and the archive.
//!
//! What can never succeed is stored as a dead letter, with its payload, and counts as done. What may
//! succeed later is told by the lowest sequence number of it: everything from there on comes again.

use std::collections::{BTreeMap, HashSet};

use failure::{DeadLetter, Failure, Kind, Place, Stage};
use series::{SeriesFact, SeriesId, Settings, route};
use wire::{DecodeError, Decoded, Id, decode, limits::FIREHOSE_RECORD_BYTES};

use crate::{
    advance::{Ports, Warm, advance},
    deliver::deliver,
    outcome::{ProcessOutcome, note},
    port::{Deliver, KeepDeadLetters, Runtime, SeriesStore},
};

/// A record of a batch, where it stood and what it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrived {
    /// Where it stood.
    pub place: Place,
    /// Its sequence number, by which a partial failure is reported.
    pub sequence_number: String,
    /// Its payload.
    pub data: Vec<u8>,
}

/// What `process` needs to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProcessSettings {
    /// The times by which series act.
    pub series: Settings,
}

/// What became of a batch.
#[derive(Debug, Clone, PartialEq)]
pub struct Processed {
    /// The account.
    pub outcome: ProcessOutcome,
    /// The sequence number from which on the batch is to come again.
    pub retry_from: Option<String>,
}

/// Takes a batch through. The raw lines go to `archive`, the readings to `indicators`.
pub async fn process<Store, Dead, Archive, Indicators, Time>(
    (store, dead_letters, archive, indicators, runtime): (&Store, &Dead, &Archive, &Indicators, &Time),
    warm: &Warm,
    batch: Vec<Arrived>,
    settings: &ProcessSettings,
) -> Processed
where
    Store: SeriesStore,
    Dead: KeepDeadLetters,
    Archive: Deliver,
    Indicators: Deliver,
    Time: Runtime,
{
    let mut outcome = ProcessOutcome { records: batch.len() as u64, ..Default::default() };
    let decoded: Vec<Result<Decoded, DecodeError>> = batch.iter().map(|record| decode(&record.data)).collect();

    let mut series: BTreeMap<SeriesId, Vec<SeriesFact>> = BTreeMap::new();
    let mut series_of: Vec<Option<SeriesId>> = Vec::with_capacity(batch.len());
    for (record, arrived) in decoded.iter().zip(&batch) {
        let routed = record.as_ref().ok().filter(|_| fits(arrived)).and_then(route);
        series_of.push(routed.map(|(id, fact)| {
            series.entry(id.clone()).or_default().push(fact);
            id
        }));
    }
    let ports = Ports { store, sink: indicators, runtime, warm, settings: &settings.series };
    let advanced = advance(&ports, series).await;
    outcome.late = advanced.late;
    outcome.bars = advanced.bars;
    outcome.indicators = advanced.indicators;
    outcome.indicators_delivered = advanced.indicators_delivered;
    advanced.trouble.into_iter().for_each(|failure| note(&mut outcome.failures, failure));

    // What failed, by its place in the batch.
    let failure_at = |at: usize| -> Option<Failure> {
        match (&decoded[at], &series_of[at]) {
            (Err(error), _) => Some(decode_failure(error, &batch[at])),
            (Ok(_), Some(id)) => advanced.failed.get(id).cloned(),
            (Ok(_), None) if !fits(&batch[at]) => Some(oversized(&batch[at])),
            // What belongs to no series is archived as it is.
            (Ok(_), None) => None,
        }
    };
    let failures: Vec<Option<Failure>> = (0..batch.len()).map(failure_at).collect();
    let retryable = |failure: &Option<Failure>| failure.as_ref().is_some_and(|failure| failure.kind.is_retryable());
    // From the first record that has to come again, everything does: nothing behind it is settled now.
    let mut settled = failures.iter().position(retryable).unwrap_or(batch.len());
    if let Some(failure) = failures.get(settled).cloned().flatten() {
        note(&mut outcome.failures, failure);
    }

    let (dead, letters): (Vec<usize>, Vec<DeadLetter>) = failures[..settled]
        .iter()
        .enumerate()
        .filter_map(|(at, failure)| Some((at, letter(&batch[at], failure.clone()?, &decoded[at], runtime))))
        .unzip();
    if let Some(&first) = dead.first()
        && let Err(error) = dead_letters.keep(&letters).await
    {
        settled = first;
        note(&mut outcome.failures, Failure::new(Stage::Deliver, error.kind, "dead letters", error.message));
    }

    let mut ids: HashSet<Id> = HashSet::new();
    let lines: Vec<usize> = (0..settled)
        .filter(|&at| failures[at].is_none())
        .filter(|&at| decoded[at].as_ref().is_ok_and(|record| ids.insert(record.id)))
        .collect();
    let texts: Vec<&[u8]> = lines.iter().map(|&at| batch[at].data.as_slice()).collect();
    let (taken, trouble) = deliver(archive, runtime, &texts).await;
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
    Processed { outcome, retry_from: batch.get(settled).map(|record| record.sequence_number.clone()) }
}

/// Whether the record and its newline fit into a Firehose record. One that does not would be refused for ever.
fn fits(record: &Arrived) -> bool {
    record.data.len() < FIREHOSE_RECORD_BYTES
}

fn oversized(record: &Arrived) -> Failure {
    let size = record.data.len();
    let reason = format!(
        "the record has `{size}` bytes; with its newline the archive takes {FIREHOSE_RECORD_BYTES}: send less per record"
    );
    Failure::new(Stage::Deliver, Kind::Oversized, format!("record {}", record.sequence_number), reason)
}

fn decode_failure(error: &DecodeError, record: &Arrived) -> Failure {
    let kind = match error {
        DecodeError::NotUtf8(_) | DecodeError::NotJson(_) => Kind::NotJson,
        DecodeError::UnknownSchema(_) => Kind::UnknownSchema,
        DecodeError::Missing { .. } | DecodeError::Field { .. } | DecodeError::Bar(_) => Kind::InvalidRecord,
    };
    Failure::new(Stage::Decode, kind, format!("record {}", record.sequence_number), error.to_string())
}

fn letter(
    record: &Arrived,
    failure: Failure,
    decoded: &Result<Decoded, DecodeError>,
    runtime: &impl Runtime,
) -> DeadLetter {
    DeadLetter {
        failure,
        place: record.place.clone(),
        id: decoded.as_ref().ok().map(|decoded| decoded.id.to_string()),
        attempts: 1,
        seen: runtime.now(),
        payload: record.data.clone(),
    }
}
