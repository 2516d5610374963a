//! The item: what is stored of a series between two batches.

use std::collections::BTreeSet;

use bars::Ohlcv;
use jiff::Timestamp;
use market::{Freshness, Interval};
use wire::{IndicatorBody, IndicatorReading, Record, SeriesText};

use crate::{id::SeriesId, lane::Lane, step::Settings};

/// A series between two batches.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Item {
    /// The number that the next reading gets.
    pub(crate) next: u64,
    /// One lane for each interval of which there was a bar.
    pub(crate) lanes: Vec<Lane>,
    /// Readings that no sink has acknowledged yet, by rising number.
    pub(crate) owed: Vec<Owed>,
}

/// The readings after one bar, fixed by the step that allotted their number: one id, one byte string.
#[derive(Debug, Clone, PartialEq)]
pub struct Owed {
    /// Its number within the series.
    pub number: u64,
    /// Revision under its key.
    pub rev: u32,
    /// Length of the bar.
    pub interval: Interval,
    /// Begin of the bar, in milliseconds since 1970.
    pub start: i64,
    /// When it was computed, in milliseconds since 1970; becomes `ingested_at`.
    pub computed_at: i64,
    /// How many bars the indicators have seen.
    pub bars: u64,
    /// Freshness of the bar.
    pub freshness: Freshness,
    /// The bar.
    pub prices: Ohlcv,
    /// One value for each output of the lane's indicators.
    pub values: Vec<Option<f64>>,
}

impl Item {
    /// What this writer is to deliver: the numbers that it allotted itself, from `own` on, and what
    /// another writer has left behind for longer than a delivery takes.
    pub fn deliverable(&self, own: u64, now: Timestamp, settings: &Settings) -> Vec<&Owed> {
        let left_behind = now.as_millisecond() - settings.redeliver_after.as_millis() as i64;
        self.owed.iter().filter(|owed| owed.number >= own || owed.computed_at <= left_behind).collect()
    }

    /// Takes out what a sink has acknowledged, and nothing else.
    pub fn acknowledge(&mut self, numbers: &BTreeSet<u64>) {
        self.owed.retain(|owed| !numbers.contains(&owed.number));
    }

    /// All that is owed.
    pub fn owed(&self) -> &[Owed] {
        &self.owed
    }

    /// The number that the next reading gets.
    pub fn next_number(&self) -> u64 {
        self.next
    }

    /// When this item wants to be looked at again, although no record comes: to close a sampled bar,
    /// or to deliver what was left behind.
    pub fn due(&self, settings: &Settings) -> Option<Timestamp> {
        let closing = self.lanes.iter().filter_map(|lane| lane.next_closing(settings)).min();
        let redelivery = self.owed.iter().map(|owed| owed.computed_at).min();
        let redelivery = redelivery.map(|at| at + settings.redeliver_after.as_millis() as i64);
        let due = closing.into_iter().chain(redelivery).min()?;
        Timestamp::from_millisecond(due).ok()
    }

    /// The line of a reading that is owed.
    pub fn line(&self, id: &SeriesId, owed: &Owed) -> String {
        self.record(id, owed).to_json(owed.rev, millis(owed.computed_at))
    }

    pub(crate) fn record(&self, id: &SeriesId, owed: &Owed) -> Record {
        let lane = self.lanes.iter().find(|lane| lane.interval == owed.interval);
        let names = lane.map(|lane| lane.engine.names()).unwrap_or_default();
        let readings: Vec<_> = names
            .iter()
            .zip(&owed.values)
            .map(|(name, &value)| IndicatorReading { name: name.as_ref(), value, warm: true, bars: owed.bars })
            .collect();
        let Ohlcv { open, high, low, close, volume } = owed.prices;
        wire::indicator(&IndicatorBody {
            series: &SeriesText::new(&id.subject, owed.interval, id.basis, id.origin),
            start: millis(owed.start),
            freshness: owed.freshness,
            bars: owed.bars,
            prices: [open, high, low, close],
            volume,
            readings: &readings,
            flags: &[],
        })
    }
}

/// Times come from timestamps, or were checked when the item was decoded.
fn millis(at: i64) -> Timestamp {
    Timestamp::from_millisecond(at).unwrap_or(Timestamp::UNIX_EPOCH)
}
