//! T: a bar sampled from readings of a price.
//!
//! While the bar is open, T is the set of its readings, one per key, so that a corrected reading
//! leaves no trace of the value it replaces. Closed, T keeps a view in constant space, into which
//! late readings still merge.

use std::collections::BTreeMap;

use crate::Ohlcv;

/// Readings that an open bar keeps at the most. Beyond that it keeps those with the smallest keys,
/// a choice that does not depend on their order of arrival.
pub const READINGS_MAX: usize = 128;

/// One reading of a price.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reading {
    /// Which fact.
    pub key: [u8; 16],
    /// Its revision.
    pub rev: u32,
    /// Its id.
    pub id: [u8; 16],
    /// Event time in milliseconds since 1970.
    pub at: i64,
    /// The price; finite and positive.
    pub price: f64,
    /// Units traded since the session's begin, where the source says.
    pub cumulative_volume: Option<f64>,
}

impl Reading {
    fn rank(&self) -> (u32, [u8; 16]) {
        (self.rev, self.id)
    }

    fn edge(&self) -> Edge {
        Edge { at: self.at, id: self.id, price: self.price, cumulative_volume: self.cumulative_volume }
    }
}

/// The first or last reading of a bar, ordered by (event time, id).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Edge {
    /// Event time in milliseconds since 1970.
    pub at: i64,
    /// The reading's id, which decides between equal times.
    pub id: [u8; 16],
    /// Its price.
    pub price: f64,
    /// Its cumulative volume.
    pub cumulative_volume: Option<f64>,
}

impl Edge {
    fn order(&self) -> (i64, [u8; 16]) {
        (self.at, self.id)
    }
}

/// What a set of readings shows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct View {
    /// The first reading.
    pub open: Edge,
    /// The last reading.
    pub close: Edge,
    /// The highest price.
    pub high: f64,
    /// The lowest price.
    pub low: f64,
}

impl View {
    fn of(reading: &Reading) -> Self {
        let edge = reading.edge();
        Self { open: edge, close: edge, high: reading.price, low: reading.price }
    }

    /// Both views in one.
    pub fn merge(self, other: Self) -> Self {
        Self {
            open: if other.open.order() < self.open.order() { other.open } else { self.open },
            close: if other.close.order() > self.close.order() { other.close } else { self.close },
            high: self.high.max(other.high),
            low: self.low.min(other.low),
        }
    }

    /// Units traded in the bar: the last cumulative volume less that before the bar.
    ///
    /// `Err` with zero in it if the cumulative volume fell, which a market cannot do: the caller flags it.
    pub fn volume(&self, before: Option<f64>) -> Result<Option<f64>, f64> {
        match (self.close.cumulative_volume, before) {
            (Some(last), Some(before)) if last < before => Err(0.0),
            (Some(last), Some(before)) => Ok(Some(last - before)),
            (Some(last), None) => Ok(Some(last)),
            (None, _) => Ok(None),
        }
    }

    /// Prices and volume, a fallen volume as zero.
    pub fn ohlcv(&self, volume_before: Option<f64>) -> Ohlcv {
        Ohlcv {
            open: self.open.price,
            high: self.high,
            low: self.low,
            close: self.close.price,
            volume: self.volume(volume_before).unwrap_or_else(Some),
        }
    }
}

/// The sampled part of a bar.
#[derive(Debug, Clone, PartialEq)]
pub enum Sampled {
    /// The readings of an open bar by key, the greatest revision of each.
    Open(BTreeMap<[u8; 16], Reading>),
    /// The view of a closed bar.
    Closed(Box<View>),
}

impl Default for Sampled {
    fn default() -> Self {
        Self::Open(BTreeMap::new())
    }
}

impl Sampled {
    /// Whether there is no reading in it.
    pub fn is_empty(&self) -> bool {
        matches!(self, Self::Open(readings) if readings.is_empty())
    }

    /// Takes in one reading. Returns whether an open bar was full, so that one reading had to go.
    pub fn take(&mut self, reading: Reading) -> bool {
        match self {
            Self::Open(readings) => {
                let kept = readings.entry(reading.key).or_insert(reading);
                if kept.rank() < reading.rank() {
                    *kept = reading;
                }
                let full = readings.len() > READINGS_MAX;
                if full {
                    readings.pop_last();
                }
                full
            }
            Self::Closed(view) => {
                **view = view.merge(View::of(&reading));
                false
            }
        }
    }

    /// Takes in all that the other knows.
    pub fn join(&mut self, other: &Self) {
        match other {
            Self::Open(readings) => {
                for reading in readings.values() {
                    self.take(*reading);
                }
            }
            Self::Closed(theirs) => {
                let view = self.view().map_or(**theirs, |ours| ours.merge(**theirs));
                *self = Self::Closed(Box::new(view));
            }
        }
    }

    /// What it shows, if there is any reading.
    pub fn view(&self) -> Option<View> {
        match self {
            Self::Open(readings) => readings.values().map(View::of).reduce(View::merge),
            Self::Closed(view) => Some(**view),
        }
    }

    /// Keeps the view alone. Without a reading it stays open.
    pub fn close(&mut self) {
        if let Some(view) = self.view() {
            *self = Self::Closed(Box::new(view));
        }
    }
}
