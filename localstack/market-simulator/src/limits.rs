//! Plans and what they allow, counted by market time in sliding windows.
//!
//! Only calls that were let through count against a window: whether the vendor counts refused ones
//! is not known. The largest number of calls that came, refused or not, is kept for the status.

use std::{collections::VecDeque, fmt, str::FromStr};

use jiff::{SignedDuration, Timestamp, civil::Date, tz::TimeZone};
use market::session;
use serde_json::{Value, json};

const SECOND: SignedDuration = SignedDuration::from_secs(1);
const MINUTE: SignedDuration = SignedDuration::from_secs(60);

/// What a key may call. The cap per second is recorded for 75, 600 and 1200 calls per minute; those
/// in between are a guess.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plan {
    /// 25 calls a day, one a second.
    Free,
    /// 75 calls in 60 seconds, 5 a second.
    P75,
    /// 150 calls in 60 seconds, 5 a second.
    P150,
    /// 300 calls in 60 seconds, 10 a second.
    P300,
    /// 600 calls in 60 seconds, 20 a second.
    P600,
    /// 1,200 calls in 60 seconds, 30 a second.
    P1200,
}

/// The numbers of a plan; `None` is no limit. A day is one in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caps {
    /// Calls in any second.
    pub per_second: usize,
    /// Calls in any 60 seconds.
    pub per_60_seconds: Option<usize>,
    /// Calls in a day.
    pub per_day: Option<usize>,
}

impl Plan {
    /// All plans, smallest first.
    pub const ALL: [Self; 6] = [Self::Free, Self::P75, Self::P150, Self::P300, Self::P600, Self::P1200];

    /// The name in options.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Free => "free",
            Self::P75 => "p75",
            Self::P150 => "p150",
            Self::P300 => "p300",
            Self::P600 => "p600",
            Self::P1200 => "p1200",
        }
    }

    /// Whether it is paid for, which unlocks premium functions.
    pub const fn is_paid(self) -> bool {
        !matches!(self, Self::Free)
    }

    /// Whether real bulk quotes come with it.
    pub const fn has_bulk(self) -> bool {
        matches!(self, Self::P600 | Self::P1200)
    }

    /// What it allows.
    pub const fn caps(self) -> Caps {
        let (per_second, per_minute) = match self {
            Self::Free => return Caps { per_second: 1, per_60_seconds: None, per_day: Some(25) },
            Self::P75 => (5, 75),
            Self::P150 => (5, 150),
            Self::P300 => (10, 300),
            Self::P600 => (20, 600),
            Self::P1200 => (30, 1_200),
        };
        Caps { per_second, per_60_seconds: Some(per_minute), per_day: None }
    }
}

/// The text names no plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("plan `{0}` is not known; allowed: free, p75, p150, p300, p600, p1200")]
pub struct UnknownPlan(String);

impl FromStr for Plan {
    type Err = UnknownPlan;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|plan| plan.as_str() == text)
            .ok_or_else(|| UnknownPlan(text.chars().take(32).collect()))
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Which limit a call ran into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Limit {
    Second,
    Minute,
    Day,
}

/// Calls of the last 60 seconds and of the day.
#[derive(Debug, Default)]
struct Window {
    recent: VecDeque<Timestamp>,
    day: Option<Date>,
    in_day: usize,
}

impl Window {
    fn advance(&mut self, now: Timestamp) {
        while self.recent.front().is_some_and(|call| now.duration_since(*call) >= MINUTE) {
            self.recent.pop_front();
        }
        let day = now.to_zoned(TimeZone::UTC).date();
        if self.day != Some(day) {
            (self.day, self.in_day) = (Some(day), 0);
        }
    }

    fn add(&mut self, now: Timestamp) {
        self.recent.push_back(now);
        self.in_day += 1;
    }

    fn in_second(&self, now: Timestamp) -> usize {
        self.recent.iter().rev().take_while(|call| now.duration_since(**call) < SECOND).count()
    }
}

/// The most calls seen, refused ones included.
#[derive(Debug, Default)]
struct Most {
    second: usize,
    minute: usize,
    day: usize,
    new_york_day: usize,
}

/// Counts calls and says which ones are too many.
#[derive(Debug)]
pub(crate) struct Ledger {
    plan: Plan,
    enforced: bool,
    admitted: Window,
    offered: Window,
    /// The day in New York and the calls in it.
    new_york: (Option<Date>, usize),
    most: Most,
}

impl Ledger {
    pub(crate) fn new(plan: Plan, enforced: bool) -> Self {
        Self {
            plan,
            enforced,
            admitted: Window::default(),
            offered: Window::default(),
            new_york: (None, 0),
            most: Most::default(),
        }
    }

    /// Counts a call; names the limit it ran into, the longest one first.
    pub(crate) fn call(&mut self, now: Timestamp) -> Option<Limit> {
        self.offered.advance(now);
        self.offered.add(now);
        let today = Some(session::new_york_date(now));
        self.new_york = if self.new_york.0 == today { (today, self.new_york.1 + 1) } else { (today, 1) };
        let most = &mut self.most;
        most.second = most.second.max(self.offered.in_second(now));
        most.minute = most.minute.max(self.offered.recent.len());
        most.day = most.day.max(self.offered.in_day);
        most.new_york_day = most.new_york_day.max(self.new_york.1);

        self.admitted.advance(now);
        let caps = self.plan.caps();
        let refused = if !self.enforced {
            None
        } else if caps.per_day.is_some_and(|cap| self.admitted.in_day >= cap) {
            Some(Limit::Day)
        } else if caps.per_60_seconds.is_some_and(|cap| self.admitted.recent.len() >= cap) {
            Some(Limit::Minute)
        } else if self.admitted.in_second(now) >= caps.per_second {
            Some(Limit::Second)
        } else {
            None
        };
        if refused.is_none() {
            self.admitted.add(now);
        }
        refused
    }

    /// Limits beside the most calls seen, for the status.
    pub(crate) fn status(&self) -> Value {
        let caps = self.plan.caps();
        json!({
            "plan": self.plan.as_str(),
            "enforced": self.enforced,
            "per_second": {"limit": caps.per_second, "max_seen": self.most.second},
            "per_60_seconds": {"limit": caps.per_60_seconds, "max_seen": self.most.minute},
            "per_day": {"limit": caps.per_day, "max_seen": self.most.day},
            "per_day_in_new_york": {"limit": null, "max_seen": self.most.new_york_day},
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(milliseconds: i64) -> Timestamp {
        Timestamp::from_millisecond(1_795_000_000_000 + milliseconds).unwrap()
    }

    proptest! {
        /// The oracle keeps every call for ever and counts from scratch.
        #[test]
        fn windows_slide(plan in prop::sample::select(Plan::ALL.to_vec()), steps in prop::collection::vec(0_i64..50, 1..400)) {
            let mut ledger = Ledger::new(plan, true);
            let (mut admitted, mut now): (Vec<Timestamp>, i64) = (Vec::new(), 0);
            for step in steps {
                // Whole steps of 100 ms, so that calls fall on the edges of windows.
                now += 100 * if step == 49 { 300 } else { step % 8 };
                let within = |length: SignedDuration| admitted.iter().filter(|call| at(now).duration_since(**call) < length).count();
                let today = |call: &Timestamp| call.as_second() / 86_400 == at(now).as_second() / 86_400;
                let caps = plan.caps();
                let expected = if caps.per_day.is_some_and(|cap| admitted.iter().filter(|call| today(call)).count() >= cap) {
                    Some(Limit::Day)
                } else if caps.per_60_seconds.is_some_and(|cap| within(MINUTE) >= cap) {
                    Some(Limit::Minute)
                } else {
                    (within(SECOND) >= caps.per_second).then_some(Limit::Second)
                };
                prop_assert_eq!(ledger.call(at(now)), expected);
                if expected.is_none() {
                    admitted.push(at(now));
                }
            }
        }
    }

    #[test]
    fn a_ledger_that_enforces_nothing_still_counts() {
        let mut ledger = Ledger::new(Plan::Free, false);
        assert!((0..40).all(|call| ledger.call(at(call * 100)).is_none()));
        assert_eq!(ledger.status()["per_second"], json!({"limit": 1, "max_seen": 10}));
        assert_eq!(ledger.status()["per_day"], json!({"limit": 25, "max_seen": 40}));
    }

    #[test]
    fn days_in_utc_and_in_new_york_are_counted_apart() {
        let mut ledger = Ledger::new(Plan::P1200, true);
        let midnight: Timestamp = "2026-11-21T00:00:00Z".parse().unwrap();
        // Five hours before midnight UTC, and five after it, when New York's day ends.
        for minutes in [-300, -200, -100, 0, 100, 299, 300] {
            assert_eq!(ledger.call(midnight + SignedDuration::from_mins(minutes)), None);
        }
        assert_eq!(ledger.status()["per_day"]["max_seen"], 4);
        assert_eq!(ledger.status()["per_day_in_new_york"], json!({"limit": null, "max_seen": 6}));
    }
}
