//! Calls by day, in two calendars: nobody documents where the vendor's day ends.

use jiff::{Timestamp, civil::Date, tz::TimeZone};

use super::{millis, timestamp};

/// Days that are remembered, past and (after a clock was set back) to come.
pub(super) const DAYS_KEPT: usize = 6;

const DAY_MILLIS: i64 = 24 * 60 * 60 * 1000;
/// 1970-01-01.
const EPOCH: Date = Date::constant(1970, 1, 1);

/// A day in one of the calendars.
pub(super) struct Day {
    /// Days since 1970.
    pub(super) number: i32,
    /// When it began, in milliseconds since 1970.
    pub(super) start: i64,
    /// When it ends.
    pub(super) end: i64,
}

impl Day {
    pub(super) fn utc(now: i64) -> Self {
        Self::of(now, &TimeZone::UTC)
    }

    pub(super) fn new_york(now: i64) -> Self {
        Self::of(now, &market::session::new_york())
    }

    fn of(now: i64, zone: &TimeZone) -> Self {
        let date = timestamp(now).to_zoned(zone.clone()).date();
        let number = date.duration_since(EPOCH).as_secs() / (24 * 60 * 60);
        let midnight = |date: Date| date.to_zoned(zone.clone()).map(|zoned| millis(zoned.timestamp()));
        // The clock is within the years 1970 to 9000, so that neither can fail; the day keeps this total.
        let start = midnight(date).unwrap_or(now);
        let end = date.tomorrow().and_then(midnight).unwrap_or(now + DAY_MILLIS);
        Self { number: number as i32, start, end }
    }

    /// When this day ends.
    pub(super) fn ends(&self) -> Timestamp {
        timestamp(self.end)
    }
}

/// Calls by number of the day, in rising order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Days(pub(super) Vec<(i32, u32)>);

impl Days {
    /// How many calls count in a day.
    pub(super) fn calls(&self, day: i32) -> u32 {
        self.0.iter().find(|(number, _)| *number == day).map_or(0, |(_, calls)| *calls)
    }

    /// Counts a call in a day, and in every later one that is known: the clock was ahead once, and
    /// then that day may be the true one.
    pub(super) fn count(&mut self, day: i32) {
        self.at_least(day, 0);
        for (_, calls) in self.0.iter_mut().filter(|(number, _)| *number >= day) {
            *calls = calls.saturating_add(1);
        }
    }

    /// The clock was set back to that day: what was counted in later ones may have been made in it.
    pub(super) fn set_back(&mut self, day: i32) {
        let calls = self.0.iter().filter(|(number, _)| *number >= day).fold(0u32, |sum, (_, n)| sum.saturating_add(*n));
        self.at_least(day, calls);
    }

    fn at_least(&mut self, day: i32, least: u32) {
        match self.0.iter_mut().find(|(number, _)| *number == day) {
            Some((_, calls)) => *calls = least.max(*calls),
            None => {
                self.0.push((day, least));
                self.0.sort_unstable();
            }
        }
        if self.0.len() > DAYS_KEPT {
            let oldest_is_past = self.0.first().is_some_and(|(number, _)| *number < day);
            self.0.remove(if oldest_is_past { 0 } else { self.0.len() - 1 });
        }
    }
}
