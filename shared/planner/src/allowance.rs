//! What may be spent: a plan enters, calls per minute and day and their spacing leave.
//!
//! The figures are `flow`'s, so that a day ahead is run with the quota of the pollers. The ledger that they
//! share is not in here.

use alphavantage::{Entitlement, Plan};
use flow::Limits;
use jiff::{SignedDuration, Timestamp, civil::Date, tz::TimeZone};
use market::session::new_york;

use crate::call::{BULK_MAX, GLOBAL_QUOTE};

/// What the free plan refuses, whatever its quota.
/// <https://www.alphavantage.co/documentation/>
const PREMIUM: &[&str] = &["CRYPTO_INTRADAY", "FX_INTRADAY", "REALTIME_BULK_QUOTES", "TIME_SERIES_DAILY_ADJUSTED"];

/// What may be spent of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    /// The plan.
    pub plan: Plan,
    /// Which prices of equities it may see.
    pub entitlement: Option<Entitlement>,
    /// Calls in any minute; `None` where the spacing alone bounds them.
    pub per_minute: Option<u32>,
    /// Calls in a day of UTC, and also in a day of New York: where the vendor's day ends is not documented.
    pub per_day: Option<u32>,
    /// Between two calls.
    pub spacing: SignedDuration,
}

impl Allowance {
    /// Of a plan, with the calls per second if they are known to differ from the plan's.
    pub fn new(plan: Plan, entitlement: Option<Entitlement>, per_second: Option<u32>) -> Self {
        let per_second = per_second.unwrap_or(plan.per_second());
        let limits = Limits::of_plan(per_second, plan.per_minute(), plan.per_day());
        let Limits { per_minute, per_day, spacing, .. } = limits;
        // Up to whole milliseconds, so that no minute holds one call more.
        let spacing = SignedDuration::from_millis((spacing.as_secs_f64() * 1_000.0 - 1e-6).ceil() as i64);
        Self { plan, entitlement, per_minute, per_day, spacing }
    }

    /// Whether quotes come 100 at a time.
    pub fn has_bulk(&self) -> bool {
        self.entitlement == Some(Entitlement::Realtime) && matches!(self.plan, Plan::P600 | Plan::P1200)
    }

    /// Whether the plan answers that function at all.
    pub fn allows(&self, function: &str) -> bool {
        self.plan != Plan::Free || !PREMIUM.contains(&function)
    }

    /// How many entries one call of that function asks for.
    pub fn subjects_per_call(&self, function: &str) -> usize {
        if function == GLOBAL_QUOTE && self.has_bulk() { BULK_MAX } else { 1 }
    }

    /// How many calls fit into that time, the first at its beginning.
    pub fn calls_within(&self, time: SignedDuration) -> usize {
        if time.is_negative() {
            return 0;
        }
        (time.as_millis() / self.spacing.as_millis().max(1)) as usize + 1
    }
}

/// Why a call cannot be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Spent {
    Day,
    Time,
}

/// What has been spent in a simulation.
#[derive(Debug)]
pub(crate) struct Purse {
    allowance: Allowance,
    next: Timestamp,
    utc: (Date, u32),
    new_york: (Date, u32),
    zone: TimeZone,
}

impl Purse {
    pub(crate) fn new(allowance: Allowance) -> Self {
        let none = (Date::MIN, 0);
        Self { allowance, next: Timestamp::MIN, utc: none, new_york: none, zone: new_york() }
    }

    /// Spends a call, not before `from` and not after `deadline`: when it is made.
    pub(crate) fn spend(&mut self, from: Timestamp, deadline: Timestamp) -> Result<Timestamp, Spent> {
        let at = self.next.max(from);
        if at > deadline {
            return Err(Spent::Time);
        }
        if let Some(per_day) = self.allowance.per_day {
            for (day, zone) in [(&mut self.utc, &TimeZone::UTC), (&mut self.new_york, &self.zone)] {
                let date = zone.to_datetime(at).date();
                if day.0 != date {
                    *day = (date, 0);
                }
            }
            if self.utc.1.max(self.new_york.1) >= per_day {
                return Err(Spent::Day);
            }
            self.utc.1 += 1;
            self.new_york.1 += 1;
        }
        self.next = at + self.allowance.spacing;
        Ok(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn head_room_is_left_of_every_figure() {
        for (plan, per_minute, per_day, spacing) in [
            (Plan::Free, None, Some(24), 1_500),
            (Plan::P75, Some(67), None, 896),
            (Plan::P150, Some(135), None, 445),
            // From here on the calls per second are the narrower limit.
            (Plan::P300, Some(270), None, 300),
            (Plan::P600, Some(540), None, 300),
            (Plan::P1200, Some(1_080), None, 300),
        ] {
            let allowance = Allowance::new(plan, None, None);
            let figures = (allowance.per_minute, allowance.per_day, allowance.spacing.as_millis());
            assert_eq!(figures, (per_minute, per_day, spacing), "{plan}");
        }
        assert_eq!(Allowance::new(Plan::P1200, None, Some(30)).spacing.as_millis(), 56);
        let allowance = Allowance::new(Plan::P75, None, None);
        assert_eq!(allowance.calls_within(SignedDuration::from_secs(45)), 51);
        assert_eq!(allowance.calls_within(SignedDuration::ZERO), 1);
        assert_eq!(allowance.calls_within(SignedDuration::from_secs(-1)), 0);
    }

    #[test]
    fn a_day_is_spent_in_utc_and_in_new_york() {
        let allowance = Allowance::new(Plan::Free, None, None);
        let mut purse = Purse::new(allowance);
        let mut spend = |from: &str, calls: usize| {
            let from: Timestamp = from.parse().unwrap();
            (0..calls).filter(|_| purse.spend(from, from + SignedDuration::from_secs(60)).is_ok()).count()
        };
        // 20:00 in New York is the next day in UTC, but not there.
        assert_eq!(spend("2026-11-20T23:00:00Z", 20), 20);
        assert_eq!(spend("2026-11-21T01:00:00Z", 20), 4);
        // Midnight in New York: of the day in UTC, 4 are spent.
        assert_eq!(spend("2026-11-21T05:00:00Z", 15), 15);
        assert_eq!(spend("2026-11-21T06:00:00Z", 15), 5);
    }
}
