//! One interval of a series: the engine up to some bar, the last bars behind it, and the open ones.

use bars::{Bar, Ohlcv};
use indicators::IndicatorSet;
use market::{Freshness, Interval};

use crate::{
    CLOSED_BARS_MAX, OPEN_BARS_MAX, REVISABLE_BARS,
    route::{Part, SeriesFact},
    step::Settings,
};

/// What was last emitted for a bar.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Emitted {
    pub(crate) rev: u32,
    pub(crate) content: [u8; 16],
}

/// A bar that can still change.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Slot {
    /// Its begin, in milliseconds since 1970.
    pub(crate) start: i64,
    /// When its first fact came, in milliseconds since 1970.
    pub(crate) seen: i64,
    pub(crate) bar: Bar,
    /// Whether its readings count; once closed, it stays closed.
    pub(crate) closed: bool,
    pub(crate) emitted: Option<Emitted>,
}

/// Engine, bars that can still be revised, and open bars, of one interval.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Lane {
    pub(crate) interval: Interval,
    /// The indicators after the last bar that can no longer change.
    pub(crate) engine: IndicatorSet,
    /// Begin of that bar, in milliseconds since 1970. What is not later than it comes too late.
    pub(crate) folded: Option<i64>,
    /// The bars after it, in order of their begin.
    pub(crate) slots: Vec<Slot>,
}

/// A closed bar with the readings after it.
pub(crate) struct Computed {
    /// Which of the lane's slots.
    pub(crate) slot: usize,
    pub(crate) prices: Ohlcv,
    pub(crate) freshness: Freshness,
    pub(crate) bars: u64,
    pub(crate) values: Vec<Option<f64>>,
}

impl Lane {
    pub(crate) fn new(interval: Interval) -> Self {
        Self { interval, engine: IndicatorSet::default(), folded: None, slots: Vec::new() }
    }

    /// Joins a fact into its bar. Returns whether it came in time.
    pub(crate) fn take(&mut self, fact: &SeriesFact, now: i64) -> bool {
        if self.folded.is_some_and(|folded| fact.start <= folded) {
            return false;
        }
        let at = match self.slots.binary_search_by_key(&fact.start, |slot| slot.start) {
            Ok(at) => at,
            Err(at) => {
                self.slots.insert(
                    at,
                    Slot { start: fact.start, seen: now, bar: Bar::default(), closed: false, emitted: None },
                );
                at
            }
        };
        let bar = &mut self.slots[at].bar;
        match fact.part {
            Part::Vendor(part) => bar.take_vendor(part),
            Part::Reading(reading) => {
                bar.sampled.take(reading);
            }
        }
        true
    }

    /// When the clock closes a sampled bar, in milliseconds since 1970.
    fn closing_time(&self, slot: &Slot, settings: &Settings) -> i64 {
        slot.start + self.interval.duration().as_millis() as i64 + settings.close_after.as_millis() as i64
    }

    /// The next moment at which the clock has something to close.
    pub(crate) fn next_closing(&self, settings: &Settings) -> Option<i64> {
        let by_clock = |slot: &&Slot| !slot.closed && slot.bar.vendor.is_none() && !slot.bar.sampled.is_empty();
        self.slots.iter().filter(by_clock).map(|slot| self.closing_time(slot, settings)).min()
    }

    /// Closes what is final by the vendor's word or by the clock. Returns the begins of these bars.
    pub(crate) fn close(&mut self, now: i64, settings: &Settings) -> Vec<i64> {
        let mut closed = Vec::new();
        for at in 0..self.slots.len() {
            let slot = &self.slots[at];
            let over = match &slot.bar.vendor {
                Some(part) => part.is_final,
                None => !slot.bar.sampled.is_empty() && now >= self.closing_time(slot, settings),
            };
            if over && !slot.closed {
                let slot = &mut self.slots[at];
                slot.closed = true;
                slot.bar.sampled.close();
                closed.push(slot.start);
            }
        }
        closed
    }

    /// Replays the closed bars from the engine. A bar whose numbers the engine refuses gives no reading.
    pub(crate) fn compute(&self) -> Vec<Computed> {
        let mut engine = self.engine.clone();
        let mut computed = Vec::new();
        for (slot, prices, freshness) in self.closed_bars() {
            if let Ok(readings) = engine.update(&engine_bar(&prices)) {
                let values = readings.values().collect();
                computed.push(Computed { slot, prices, freshness, bars: engine.bars_seen(), values });
            }
        }
        computed
    }

    fn closed_bars(&self) -> impl Iterator<Item = (usize, Ohlcv, Freshness)> {
        self.slots.iter().enumerate().filter(|(_, slot)| slot.closed).filter_map(|(at, slot)| {
            let freshness = slot.bar.vendor.map_or(Freshness::Realtime, |part| {
                Freshness::ALL.get(usize::from(part.freshness)).copied().unwrap_or(Freshness::Realtime)
            });
            slot.bar.show(None).map(|prices| (at, prices, freshness))
        })
    }

    /// Folds into the engine what is beyond revision. Returns how many open bars were given up on the way.
    ///
    /// A bar is beyond revision with [`REVISABLE_BARS`] closed ones behind it, and when nothing that was
    /// sent along with it is under way any more: history that is spread over shards comes a shard at a
    /// time, in any order, but it comes soon. An open bar that is reached would hold up the series for
    /// ever; the engine goes on without it.
    pub(crate) fn fold(&mut self, now: i64, settings: &Settings) -> u32 {
        let settled = now - settings.redeliver_after.as_millis() as i64;
        let closed = self.slots.iter().filter(|slot| slot.closed).count();
        let (mut closed, mut open) = (closed, self.slots.len() - closed);
        let (mut beyond, mut given_up) = (0, 0);
        for slot in &self.slots {
            let revisable = closed <= REVISABLE_BARS || slot.seen > settled;
            if revisable && closed <= CLOSED_BARS_MAX && open <= OPEN_BARS_MAX {
                break;
            }
            self.folded = Some(slot.start);
            beyond += 1;
            match slot.bar.show(None).filter(|_| slot.closed) {
                // A refusal leaves the engine as it was, as it did in `compute`.
                Some(prices) => {
                    closed -= 1;
                    let _ = self.engine.update(&engine_bar(&prices));
                }
                None => {
                    open -= 1;
                    given_up += 1;
                }
            }
        }
        self.slots.drain(..beyond);
        given_up
    }
}

fn engine_bar(prices: &Ohlcv) -> indicators::Bar {
    let Ohlcv { open, high, low, close, volume } = *prices;
    indicators::Bar { open, high, low, close, volume, session: 0 }
}
