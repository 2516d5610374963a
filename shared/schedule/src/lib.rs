//! Schedule expressions of EventBridge Scheduler: `cron(...)`, `rate(...)` and `at(...)`.
//!
//! An expression enters, the moments at which it fires leave. Nothing here waits, invokes or knows
//! the time: the span that is asked for is an argument, and so is the moment from which a rate
//! counts. Start and end dates, flexible windows and retries belong to whoever holds the schedule.
//!
//! What AWS documents holds here, and what it leaves open is refused or said beside the code:
//! <https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html>.

mod cron;
mod field;

use std::iter;

use jiff::{
    SignedDuration, Timestamp,
    civil::DateTime,
    tz::{AmbiguousOffset, TimeZone},
};

use crate::cron::Cron;

/// Why a text is no schedule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadSchedule {
    /// It is of no known form.
    #[error("schedule `{0}` is of no known form; allowed: cron(...), rate(...), at(...)")]
    Form(String),
    /// A cron expression has too few or too many fields.
    #[error("cron has {0} fields; allowed: minutes hours day-of-month month day-of-week, and year if you like")]
    FieldCount(usize),
    /// A field of a cron expression has what it may not have.
    #[error("field `{field}` of cron has `{found}`; allowed: {allowed}")]
    Field {
        /// The field's name.
        field: &'static str,
        /// What is wrong in it.
        found: String,
        /// What may stand there.
        allowed: String,
    },
    /// Both fields name days, or none does.
    #[error(
        "fields `day-of-month` and `day-of-week` of cron are `{day_of_month}` and `{day_of_week}`; \
         put `?` in one of them, and only in one"
    )]
    DayFields {
        /// The one.
        day_of_month: String,
        /// The other.
        day_of_week: String,
    },
    /// A rate that is none.
    #[error("rate is `{0}`; allowed: a number of 1 or more and minutes, hours or days, as in `rate(5 minutes)`")]
    Rate(String),
    /// A moment that is none.
    #[error("at is `{0}`; allowed: a local time `yyyy-mm-ddThh:mm:ss`")]
    At(String),
}

/// When something is to happen, again and again or once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule(Kind);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Kind {
    Cron(Cron),
    /// The time between two fires, more than zero.
    Rate(SignedDuration),
    At(DateTime),
}

impl Schedule {
    /// Reads an expression as a template has it, say `cron(0/5 10-15 ? * MON-FRI *)`.
    pub fn parse(text: &str) -> Result<Self, BadSchedule> {
        let inner = |name: &str| text.trim().strip_prefix(name)?.strip_prefix('(')?.strip_suffix(')');
        if let Some(fields) = inner("cron") {
            Cron::parse(fields).map(Kind::Cron)
        } else if let Some(rate) = inner("rate") {
            parse_rate(rate).map(Kind::Rate).ok_or_else(|| BadSchedule::Rate(quoted(rate)))
        } else if let Some(at) = inner("at") {
            parse_at(at).map(Kind::At).ok_or_else(|| BadSchedule::At(quoted(at)))
        } else {
            Err(BadSchedule::Form(quoted(text)))
        }
        .map(Self)
    }

    /// When it fires, in order: from `from`, which is included, to `to`, which is not.
    ///
    /// `cron` and `at` speak of local time in `zone`. A local time that the clocks skip in spring does
    /// not fire; one that they repeat in autumn fires once, the first time. So documents AWS for cron;
    /// `at` is taken the same way. A cron of every minute thus rests for the repeated hour.
    ///
    /// `rate` fires at `anchor`, the schedule's start, and from there on by the time that has passed: a
    /// day is 24 hours, whatever the clocks do. The other kinds ignore the anchor.
    pub fn fires<'a>(
        &'a self,
        zone: &'a TimeZone,
        anchor: Timestamp,
        from: Timestamp,
        to: Timestamp,
    ) -> impl Iterator<Item = Timestamp> + 'a {
        let (mut cron, mut rate, mut at) = (None, None, None);
        match &self.0 {
            Kind::Cron(it) => cron = Some(it.local_times(from.to_zoned(zone.clone()).date())),
            Kind::Rate(every) => rate = Some(rate_from(*every, anchor, from)),
            Kind::At(local) => at = Some(*local),
        }
        // Local times ascend, and so do their first instants: clocks repeat no hour that they skipped.
        let local = cron.into_iter().flatten().chain(at).filter_map(|local| first_instant(local, zone));
        local.chain(rate.into_iter().flatten()).skip_while(move |at| *at < from).take_while(move |at| *at < to)
    }

    /// The first moment later than `after` at which it fires, if there is one. See [`Self::fires`].
    pub fn next(&self, zone: &TimeZone, anchor: Timestamp, after: Timestamp) -> Option<Timestamp> {
        let from = after.checked_add(SignedDuration::from_nanos(1)).ok()?;
        self.fires(zone, anchor, from, Timestamp::MAX).next()
    }
}

/// The number and the unit of a rate; whether the unit is in the plural does not matter to AWS.
fn parse_rate(text: &str) -> Option<SignedDuration> {
    let mut words = text.split_whitespace();
    let (value, unit) = (words.next()?, words.next()?);
    let value = i64::from(digits(value)?.parse::<u32>().ok().filter(|value| *value > 0)?);
    let every = match unit {
        "minute" | "minutes" => SignedDuration::from_mins(value),
        "hour" | "hours" => SignedDuration::from_hours(value),
        "day" | "days" => SignedDuration::from_hours(24 * value),
        _ => return None,
    };
    words.next().is_none().then_some(every)
}

fn parse_at(text: &str) -> Option<DateTime> {
    // The parser also takes shorter, longer and zoned texts.
    text.parse().ok().filter(|at: &DateTime| at.to_string() == text)
}

/// A text of digits only: the number parsers also take a sign.
fn digits(text: &str) -> Option<&str> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then_some(text)
}

/// As much of a text as a message can bear.
fn quoted(text: &str) -> String {
    text.chars().take(64).collect()
}

/// The fires of a rate that are not before `from`.
fn rate_from(every: SignedDuration, anchor: Timestamp, from: Timestamp) -> impl Iterator<Item = Timestamp> {
    let (passed, step) = (from.duration_since(anchor).as_nanos(), every.as_nanos());
    let steps = if passed <= 0 { 0 } else { (passed + step - 1) / step };
    let first = i64::try_from(steps * step / 1_000_000_000).ok().map(SignedDuration::from_secs);
    let first = first.and_then(|since| anchor.checked_add(since).ok());
    iter::successors(first, move |at| at.checked_add(every).ok())
}

/// The first moment at which clocks show a local time; `None` if they skip it.
fn first_instant(local: DateTime, zone: &TimeZone) -> Option<Timestamp> {
    let offset = match zone.to_ambiguous_timestamp(local).offset() {
        AmbiguousOffset::Unambiguous { offset } => offset,
        AmbiguousOffset::Fold { before, .. } => before,
        AmbiguousOffset::Gap { .. } => return None,
    };
    offset.to_timestamp(local).ok()
}
