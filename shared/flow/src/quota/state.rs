//! The ledger of calls: what it remembers, who may call, and what a refusal closes.

use std::fmt;

use jiff::{SignedDuration, Timestamp};

use super::{
    CATCH_UP, LATEST_MILLIS, SKEW,
    days::{Day, Days},
    limits::{Limits, spacing_for},
    millis, timestamp,
};

/// A minute, widened by the skew of two clocks on either side.
const WINDOW_SECONDS: i64 = 62;
/// Seconds that are remembered: the window of a clock that is behind the ledger by the whole skew.
pub(super) const SECONDS: usize = WINDOW_SECONDS as usize + 3;
/// Functions that can be closed at a time.
pub(super) const FUNCTIONS_MAX: usize = 32;
/// How much of a function's name is kept.
pub(super) const NAME_BYTES_MAX: usize = 64;

const SECOND_PAUSE: SignedDuration = SignedDuration::from_secs(2);
const AFTER_MINUTE: SignedDuration = SignedDuration::from_secs(5);
const AFTER_DAY: SignedDuration = SignedDuration::from_mins(5);
const KEY_PAUSE: SignedDuration = SignedDuration::from_mins(10);
const FUNCTION_PAUSE: SignedDuration = SignedDuration::from_hours(24);
/// Two refusals for the minute this far apart, without success between, speak of the day.
const MINUTE_MEANS_DAY: SignedDuration = SignedDuration::from_secs(65);

/// What the vendor refused a call for, as far as it closes anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RefusalClass {
    /// More calls in a second than allowed: closed for 2 s.
    Second,
    /// More calls in a minute than allowed: closed until the next full minute and 5 s.
    Minute,
    /// The day's calls are spent: closed until midnight in UTC and in New York, whichever is later, and 5 min.
    Day,
    /// The key is wrong: everything is closed for 10 min.
    BadKey,
    /// The public key is in use: as for a wrong one.
    DemoKey,
    /// The plan does not include the function: it alone is closed, for 24 h.
    Premium,
    /// Made-up prices: as for a function that is not included.
    Artificial,
}

impl RefusalClass {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::Second, Self::Minute, Self::Day, Self::BadKey, Self::DemoKey, Self::Premium, Self::Artificial];

    /// The word for logs and reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Second => "second",
            Self::Minute => "minute",
            Self::Day => "day",
            Self::BadKey => "bad_key",
            Self::DemoKey => "demo_key",
            Self::Premium => "premium",
            Self::Artificial => "artificial",
        }
    }
}

impl fmt::Display for RefusalClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Classes that close everything, in the order of [`QuotaState::closed`].
pub(super) const CLOSING: [RefusalClass; 5] =
    [RefusalClass::Second, RefusalClass::Minute, RefusalClass::Day, RefusalClass::BadKey, RefusalClass::DemoKey];

/// Why a call must wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// The minute's calls are spent.
    Minute,
    /// The day's calls are spent, in UTC or in New York.
    Day,
    /// It is too close to midnight, in UTC or in New York, to tell which day the call would count in.
    DayEdge,
    /// The vendor refused a call.
    Cooldown(RefusalClass),
    /// The vendor refuses this function.
    FunctionClosed,
    /// The clock is behind the ledger: it, or that of another, is wrong.
    ClockBehind,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Minute => f.write_str("the calls of the minute are spent"),
            Self::Day => f.write_str("the calls of the day are spent"),
            Self::DayEdge => f.write_str("it is too close to midnight to tell which day a call would count in"),
            Self::Cooldown(class) => write!(f, "the vendor refused a call, class `{class}`"),
            Self::FunctionClosed => f.write_str("the vendor refuses this function"),
            Self::ClockBehind => f.write_str("the clock is behind the ledger of calls"),
        }
    }
}

/// A call must wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wait {
    /// Until when at least, by the clock that asked.
    pub until: Timestamp,
    /// Why.
    pub why: Reason,
}

/// The vendor named another figure of calls per second than the plan's.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Named {
    /// The plan's figure then. A person who changes it overrules what was named.
    pub(super) instead_of: u32,
    pub(super) per_second: u32,
}

/// A function that the vendor refuses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ClosedFunction {
    pub(super) name: String,
    pub(super) class: RefusalClass,
    pub(super) until: i64,
}

/// The ledger of calls. Moments are milliseconds since 1970, 0 for never.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuotaState {
    /// The latest reading of a clock that was noted.
    pub(super) latest: i64,
    /// Calls by second: first the second of `latest`, then those before.
    pub(super) seconds: [u16; SECONDS],
    pub(super) utc: Days,
    pub(super) new_york: Days,
    /// Until when everything is closed, by class.
    pub(super) closed: [i64; CLOSING.len()],
    /// The first refusal for the minute since a call was accepted.
    pub(super) minute_refused: i64,
    pub(super) named: Option<Named>,
    pub(super) functions: Vec<ClosedFunction>,
}

impl Default for QuotaState {
    fn default() -> Self {
        Self {
            latest: 0,
            seconds: [0; SECONDS],
            utc: Days::default(),
            new_york: Days::default(),
            closed: [0; CLOSING.len()],
            minute_refused: 0,
            named: None,
            functions: Vec::new(),
        }
    }
}

impl QuotaState {
    /// Whether a call may be made now, and the ledger with that call in it; or the longest of the waits.
    ///
    /// A call that was granted counts, whatever becomes of it: that it was not sent is never certain.
    pub fn grant(&self, limits: &Limits, now: Timestamp, function: &str) -> Result<Self, Wait> {
        let now = millis(now);
        if now < self.latest - SKEW.as_millis() as i64 {
            // Further behind there is nothing to wait for: the ledger must be set back.
            let until = if self.is_far_ahead(now) { now } else { self.latest - SKEW.as_millis() as i64 };
            return Err(Wait { until: timestamp(until), why: Reason::ClockBehind });
        }
        let mut next = self.clone();
        next.advance(now);
        let (utc, new_york) = (Day::utc(now), Day::new_york(now));
        let waits = [
            next.minute_wait(limits, now),
            self.day_wait(limits, &utc, &new_york),
            limits.per_day.and_then(|_| edge_wait(now, [&utc, &new_york])),
            self.cooldown(now),
            self.function_wait(now, function),
        ];
        if let Some(longest) = waits.into_iter().flatten().max_by_key(|wait| wait.until) {
            return Err(longest);
        }
        let second = &mut next.seconds[next.age(now)];
        *second = second.saturating_add(1);
        next.utc.count(utc.number);
        next.new_york.count(new_york.number);
        Ok(next)
    }

    /// The ledger as it must be stored before anything else is done with it, if this clock is so far behind
    /// it that one of the clocks is wrong. All calls and waits that it knows of are taken along.
    pub fn set_back(&self, now: Timestamp) -> Option<Self> {
        let now = millis(now);
        if !self.is_far_ahead(now) {
            return None;
        }
        let mut next = self.clone();
        let ahead = self.latest - now;
        next.latest = now;
        next.seconds = [0; SECONDS];
        next.seconds[0] = self.seconds.iter().fold(0, |sum, calls| sum.saturating_add(*calls));
        next.utc.set_back(Day::utc(now).number);
        next.new_york.set_back(Day::new_york(now).number);
        let back = |moment: &mut i64| *moment = (*moment - ahead).max(0);
        next.closed.iter_mut().for_each(back);
        next.functions.iter_mut().map(|function| &mut function.until).for_each(back);
        back(&mut next.minute_refused);
        Some(next)
    }

    /// The ledger after a refusal. `named_per_second` is the figure that the vendor's words name, if they do.
    pub fn refused(
        &self,
        limits: &Limits,
        class: RefusalClass,
        function: &str,
        now: Timestamp,
        named_per_second: Option<u32>,
    ) -> Self {
        let now = millis(now);
        let mut next = self.clone();
        next.advance(now);
        match class {
            RefusalClass::Second => {
                let known = self.per_second(limits);
                if let Some(per_second) = named_per_second.filter(|named| (1..known).contains(named)) {
                    next.named = Some(Named { instead_of: limits.per_second, per_second });
                }
                next.close(class, now + SECOND_PAUSE.as_millis() as i64);
            }
            RefusalClass::Minute => {
                let first = if (1..=now).contains(&self.minute_refused) { self.minute_refused } else { now };
                if now - first >= MINUTE_MEANS_DAY.as_millis() as i64 {
                    return Self {
                        minute_refused: 0,
                        ..self.refused(limits, RefusalClass::Day, function, timestamp(now), None)
                    };
                }
                next.minute_refused = first;
                let next_minute = (now / 60_000 + 1) * 60_000;
                next.close(class, next_minute + AFTER_MINUTE.as_millis() as i64);
            }
            RefusalClass::Day => {
                let reset = Day::utc(now).end.max(Day::new_york(now).end);
                next.close(class, reset + AFTER_DAY.as_millis() as i64);
            }
            RefusalClass::BadKey | RefusalClass::DemoKey => next.close(class, now + KEY_PAUSE.as_millis() as i64),
            RefusalClass::Premium | RefusalClass::Artificial => next.close_function(class, function, now),
        }
        next
    }

    /// The ledger after a call was answered with anything but a limit, if that changes it.
    pub fn accepted(&self) -> Option<Self> {
        (self.minute_refused != 0).then(|| Self { minute_refused: 0, ..self.clone() })
    }

    /// How many calls are left today, in the day of UTC or of New York that has fewer; `None` if a day has no limit.
    pub fn left_today(&self, limits: &Limits, now: Timestamp) -> Option<u32> {
        let now = millis(now);
        let per_day = limits.per_day?;
        let closed = self.cooldown(now).is_some_and(|wait| wait.why == Reason::Cooldown(RefusalClass::Day));
        let spent = self.utc.calls(Day::utc(now).number).max(self.new_york.calls(Day::new_york(now).number));
        Some(if closed { 0 } else { per_day.saturating_sub(spent) })
    }

    /// Between two calls: the plan's, or more if the vendor named a lower figure per second.
    pub fn spacing(&self, limits: &Limits) -> SignedDuration {
        limits.spacing.max(spacing_for(self.per_second(limits)))
    }

    /// Calls per second: the plan's, or a lower figure that the vendor named under this plan.
    pub(super) fn per_second(&self, limits: &Limits) -> u32 {
        let named = self.named.filter(|named| named.instead_of == limits.per_second);
        named.map_or(limits.per_second, |named| named.per_second.min(limits.per_second))
    }

    /// Calls of the last minute, by a clock that is not far from the others.
    pub(super) fn last_minute(&self, now: i64) -> u32 {
        let mut at_now = self.clone();
        at_now.advance(now);
        at_now.window(now).map(|calls| u32::from(*calls)).sum()
    }

    fn is_far_ahead(&self, now: i64) -> bool {
        now < self.latest - CATCH_UP.as_millis() as i64
    }

    /// Moves the seconds on, if the clock is ahead of them.
    fn advance(&mut self, now: i64) {
        let passed = now / 1000 - self.latest / 1000;
        if passed > 0 {
            let kept = SECONDS.saturating_sub(usize::try_from(passed).unwrap_or(SECONDS));
            self.seconds.copy_within(..kept, SECONDS - kept);
            self.seconds[..SECONDS - kept].fill(0);
        }
        self.latest = self.latest.max(now);
    }

    /// How many seconds the clock is behind the latest reading.
    fn age(&self, now: i64) -> usize {
        usize::try_from(self.latest / 1000 - now / 1000).unwrap_or(0).min(SECONDS - 1)
    }

    /// The seconds that may lie in one minute with this moment, the latest first: also those ahead of it.
    fn window(&self, now: i64) -> impl DoubleEndedIterator<Item = &u16> + ExactSizeIterator {
        self.seconds.iter().take(self.age(now) + WINDOW_SECONDS as usize + 1)
    }

    fn minute_wait(&self, limits: &Limits, now: i64) -> Option<Wait> {
        let allowed = limits.per_minute?.saturating_sub(1);
        let mut calls: u32 = self.window(now).map(|calls| u32::from(*calls)).sum();
        // The oldest leave the window first.
        for (age, second) in self.window(now).enumerate().rev() {
            if calls <= allowed {
                break;
            }
            calls -= u32::from(*second);
            if calls <= allowed {
                let until = (self.latest / 1000 - age as i64 + WINDOW_SECONDS + 1) * 1000;
                return Some(Wait { until: timestamp(until), why: Reason::Minute });
            }
        }
        None
    }

    fn day_wait(&self, limits: &Limits, utc: &Day, new_york: &Day) -> Option<Wait> {
        let per_day = limits.per_day?;
        let full = [(&self.utc, utc), (&self.new_york, new_york)]
            .into_iter()
            .filter(|(days, day)| days.calls(day.number) >= per_day);
        full.map(|(_, day)| Wait { until: day.ends() + SKEW, why: Reason::Day }).max_by_key(|wait| wait.until)
    }

    /// The longest of the waits that close everything.
    fn cooldown(&self, now: i64) -> Option<Wait> {
        let (until, class) = self.closed.iter().zip(CLOSING).max_by_key(|(until, _)| **until)?;
        (now < *until).then(|| Wait { until: timestamp(*until), why: Reason::Cooldown(class) })
    }

    fn function_wait(&self, now: i64, function: &str) -> Option<Wait> {
        let closed = self.functions.iter().find(|closed| closed.name == name(function) && now < closed.until)?;
        Some(Wait { until: timestamp(closed.until), why: Reason::FunctionClosed })
    }

    fn close(&mut self, class: RefusalClass, until: i64) {
        for (closed, _) in self.closed.iter_mut().zip(CLOSING).filter(|(_, closing)| *closing == class) {
            *closed = until.max(*closed).min(LATEST_MILLIS);
        }
    }

    fn close_function(&mut self, class: RefusalClass, function: &str, now: i64) {
        let name = name(function).to_owned();
        self.functions.retain(|closed| now < closed.until && closed.name != name);
        if self.functions.len() == FUNCTIONS_MAX {
            self.functions.remove(0);
        }
        let until = (now + FUNCTION_PAUSE.as_millis() as i64).min(LATEST_MILLIS);
        self.functions.push(ClosedFunction { name, class, until });
    }
}

/// As much of a function's name as is kept.
fn name(function: &str) -> &str {
    &function[..function.floor_char_boundary(NAME_BYTES_MAX)]
}

/// Near midnight the vendor may count in another day than the ledger.
fn edge_wait(now: i64, days: [&Day; 2]) -> Option<Wait> {
    let skew = SKEW.as_millis() as i64;
    let edges = days.into_iter().flat_map(|day| [day.start, day.end]);
    let near = edges.filter(|edge| (now - edge).abs() < skew).max()?;
    Some(Wait { until: timestamp(near + skew), why: Reason::DayEdge })
}
