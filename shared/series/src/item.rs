//! The item: what is stored of a series between two batches.

use std::sync::OnceLock;

use bars::Ohlcv;
use indicators::{Indicators, Reading};
use jiff::Timestamp;
use market::{Alert, Event, Fact, Freshness, Interval, Observation};
use wire::{
    Entry, IndicatorBody, IndicatorFlag, IndicatorReading, IndicatorWriter, Lines, OutputName, Record, SeriesText,
};

use crate::{id::SeriesId, lane::Lane, split::Splits, step::Settings};

/// A series between two batches.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Item {
    /// The number that the next reading or alert gets.
    pub(crate) next: u64,
    /// One lane for each interval of which there was a bar, or one is built.
    pub(crate) lanes: Vec<Lane>,
    /// The splits that are worked into the lanes.
    pub(crate) splits: Splits,
    /// What no sink has acknowledged yet, by rising number.
    pub(crate) owed: Vec<Owed>,
    /// The bytes of all but that, once they were asked for.
    pub(crate) encoded: Encoded,
}

/// Bytes that follow from an item, and do not tell it from another one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Encoded(pub(crate) OnceLock<Box<[u8]>>);

impl PartialEq for Encoded {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

/// Something that is to be delivered, fixed by the step that allotted its number: one id, one byte string.
#[derive(Debug, Clone, PartialEq)]
pub struct Owed {
    /// Its number within the series.
    pub number: u64,
    /// Length of the bar.
    pub interval: Interval,
    /// Begin of the bar, in milliseconds since 1970.
    pub start: i64,
    /// When it was computed, in milliseconds since 1970; becomes `ingested_at`.
    pub computed_at: i64,
    /// What it is.
    pub what: What,
}

/// What is delivered, and where to.
#[derive(Debug, Clone, PartialEq)]
pub enum What {
    /// The readings after one bar: a line for the archive.
    Readings(OwedReadings),
    /// A rule fired: a record for the events stream.
    Alert(OwedAlert),
}

/// The readings after one bar.
#[derive(Debug, Clone, PartialEq)]
pub struct OwedReadings {
    /// Revision under its key.
    pub rev: u32,
    /// How many bars the series has seen.
    pub bars: u64,
    /// Freshness of the bar.
    pub freshness: Freshness,
    /// Whether the calendar expected a bar directly before this one that is not there.
    pub gap: bool,
    /// The bar.
    pub prices: Ohlcv,
    /// What was computed.
    pub indicators: Indicators,
    /// One for each output.
    pub readings: Vec<Option<Reading>>,
}

/// A rule fired after a bar.
#[derive(Debug, Clone, PartialEq)]
pub struct OwedAlert {
    /// The rule.
    pub rule: String,
    /// The value of its left operand.
    pub left: f64,
    /// The value of its right operand.
    pub right: f64,
}

impl Item {
    /// What this writer is to deliver: the numbers that it allotted itself, from `own` on, and what
    /// another writer has left behind for longer than a delivery takes.
    pub fn deliverable(&self, own: u64, now: Timestamp, settings: &Settings) -> impl Iterator<Item = &Owed> {
        let left_behind = now.as_millisecond() - settings.redeliver_after.as_millis() as i64;
        self.owed.iter().filter(move |owed| owed.number >= own || owed.computed_at <= left_behind)
    }

    /// Takes out what a sink has acknowledged, and nothing else. The numbers rise. Returns whether anything was there.
    pub fn acknowledge(&mut self, numbers: &[u64]) -> bool {
        let before = self.owed.len();
        let mut rest = numbers;
        self.owed.retain(|owed| {
            while let [first, behind @ ..] = rest
                && *first < owed.number
            {
                rest = behind;
            }
            rest.first() != Some(&owed.number)
        });
        self.owed.len() < before
    }

    /// Gives up what only saves work while the item is written.
    pub fn rest(&mut self) {
        self.encoded = Encoded::default();
    }

    /// All that is owed.
    pub fn owed(&self) -> &[Owed] {
        &self.owed
    }

    /// The number that the next reading or alert gets.
    pub fn next_number(&self) -> u64 {
        self.next
    }

    /// When this item wants to be looked at again, although no record comes: to close a bar by the clock,
    /// or to deliver what was left behind.
    pub fn due(&self, settings: &Settings) -> Option<Timestamp> {
        let closing = self.lanes.iter().filter_map(|lane| lane.next_closing(settings)).min();
        let redelivery = self.owed.iter().map(|owed| owed.computed_at).min();
        let redelivery = redelivery.map(|at| at + settings.redeliver_after.as_millis() as i64);
        let due = closing.into_iter().chain(redelivery).min()?;
        Timestamp::from_millisecond(due).ok()
    }
}

impl Owed {
    /// Appends its line for the archive. Returns whether it has one.
    pub fn push_line(&self, id: &SeriesId, lines: &mut Lines) -> bool {
        let What::Readings(owed) = &self.what else { return false };
        let series = SeriesText::new(&id.subject, self.interval, id.basis, id.origin);
        let names = names(&owed.indicators);
        let mut readings = scratch(&names);
        owed.fill(&mut readings);
        let body = owed.body(&series, self.start, &readings);
        lines.push_rendered(&mut IndicatorWriter::default().begin(&body), owed.rev, millis(self.computed_at));
        true
    }

    /// What the events stream gets of it; `None` for what is no alert.
    pub fn entry(&self, id: &SeriesId) -> Option<Entry> {
        let What::Alert(OwedAlert { rule, left, right }) = &self.what else { return None };
        let start = millis(self.start);
        let alert = Alert {
            kind: "rule",
            severity: "low",
            subject: id.subject.clone(),
            at: start,
            interval: Some(self.interval),
            value: *left,
            threshold: *right,
            rule: Some(format!("{rule} ({} {})", id.origin, id.basis)),
            text: format!("{} at {start:.0}, {}: {rule}, with {left} and {right}", id.subject, self.interval),
        };
        let record: Record =
            wire::observation(&Observation { fact: Fact::Event(Event::Alert(alert)), flags: Vec::new() });
        // A rule fires once for a bar, so there is no other revision.
        let data = record.to_json(0, millis(self.computed_at)).into_bytes();
        Some(Entry { partition_key: record.partition_key().clone(), data })
    }
}

/// The names of the outputs, as records have them.
pub(crate) fn names(indicators: &Indicators) -> Vec<OutputName> {
    indicators.names().iter().map(|name| OutputName::new(name)).collect()
}

/// Readings to be filled in, one for each output.
pub(crate) fn scratch(names: &[OutputName]) -> Vec<IndicatorReading<'_>> {
    names.iter().map(|name| IndicatorReading { name, value: None, warm: false, bars: 0 }).collect()
}

impl OwedReadings {
    /// Fills in the readings.
    pub(crate) fn fill(&self, scratch: &mut [IndicatorReading<'_>]) {
        for (place, reading) in scratch.iter_mut().zip(&self.readings) {
            place.value = reading.map(|reading| reading.value);
            place.warm = reading.is_some_and(|reading| reading.warm);
            place.bars = reading.map_or(self.bars, |reading| reading.bars.into());
        }
    }

    /// What the record says, with the readings filled in.
    pub(crate) fn body<'a>(
        &self,
        series: &'a SeriesText,
        start: i64,
        readings: &'a [IndicatorReading<'a>],
    ) -> IndicatorBody<'a> {
        let Ohlcv { open, high, low, close, volume } = self.prices;
        IndicatorBody {
            series,
            start: millis(start),
            freshness: self.freshness,
            bars: self.bars,
            prices: [open, high, low, close],
            volume,
            readings,
            flags: if self.gap { &[IndicatorFlag::GapBefore] } else { &[] },
        }
    }
}

/// Times come from timestamps, or were checked when the item was decoded.
pub(crate) fn millis(at: i64) -> Timestamp {
    Timestamp::from_millisecond(at).unwrap_or(Timestamp::UNIX_EPOCH)
}
