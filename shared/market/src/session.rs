//! When a market trades: local time of an exchange, sessions, trading days.
//!
//! Zones go through the tz database, never through fixed offsets. Local times that the clock change
//! skips or repeats are refused, not guessed. Holidays are not in here yet: a holiday looks like a
//! trading day on which nothing happens.

use jiff::{
    SignedDuration, Timestamp,
    civil::{Date, DateTime, Time, Weekday, time},
    tz::{AmbiguousOffset, TimeZone},
};

/// Why a local time has no place on the time line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LocalTimeError {
    /// The tz database has no such zone.
    #[error("time zone `{0}` is not in the tz database")]
    UnknownZone(String),
    /// Skipped or repeated when the clocks change.
    #[error("local time `{local}` is skipped or repeated in `{zone}` by the change of the clocks")]
    Ambiguous {
        /// The local time.
        local: DateTime,
        /// Its zone.
        zone: String,
    },
}

/// Which hours of a day are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hours {
    /// 09:30 to 16:00.
    Regular,
    /// 04:00 to 20:00, with what is traded before and after the regular session.
    Extended,
}

impl Hours {
    /// First and last moment, the last one exclusive.
    pub const fn bounds(self) -> (Time, Time) {
        match self {
            Self::Regular => (time(9, 30, 0, 0), time(16, 0, 0, 0)),
            Self::Extended => (time(4, 0, 0, 0), time(20, 0, 0, 0)),
        }
    }
}

/// A time zone of the tz database, by any of its names.
pub fn zone(name: &str) -> Result<TimeZone, LocalTimeError> {
    TimeZone::get(name).map_err(|_| LocalTimeError::UnknownZone(name.chars().take(48).collect()))
}

/// The zone of the United States' exchanges.
pub fn new_york() -> TimeZone {
    // The database is bundled, so the zone is always there; UTC keeps this total.
    TimeZone::get("America/New_York").unwrap_or(TimeZone::UTC)
}

/// The moment of a local time, if there is exactly one.
pub fn instant(local: DateTime, zone: &TimeZone) -> Result<Timestamp, LocalTimeError> {
    let ambiguous = || LocalTimeError::Ambiguous { local, zone: zone.iana_name().unwrap_or("?").to_owned() };
    match zone.to_ambiguous_timestamp(local).offset() {
        AmbiguousOffset::Unambiguous { offset } => offset.to_timestamp(local).map_err(|_| ambiguous()),
        AmbiguousOffset::Gap { .. } | AmbiguousOffset::Fold { .. } => Err(ambiguous()),
    }
}

/// Whether exchanges of the United States trade on that day of the week.
pub fn is_weekday(date: Date) -> bool {
    !matches!(date.weekday(), Weekday::Saturday | Weekday::Sunday)
}

/// First and last moment of a day's session in New York, the last one exclusive; `None` on weekends.
pub fn session(date: Date, hours: Hours) -> Option<(Timestamp, Timestamp)> {
    if !is_weekday(date) {
        return None;
    }
    let (open, close) = hours.bounds();
    let zone = new_york();
    // Clocks change at 02:00 on Sundays, outside of every session.
    Some((instant(date.to_datetime(open), &zone).ok()?, instant(date.to_datetime(close), &zone).ok()?))
}

/// The day in New York on which a moment falls.
pub fn new_york_date(at: Timestamp) -> Date {
    at.to_zoned(new_york()).date()
}

/// Whether a moment lies in the day's session.
pub fn is_open(at: Timestamp, hours: Hours) -> bool {
    session(new_york_date(at), hours).is_some_and(|(open, close)| open <= at && at < close)
}

/// The latest day whose regular session has begun by `now`: the day of which quotes speak.
pub fn latest_trading_day(now: Timestamp) -> Date {
    let mut date = new_york_date(now);
    while session(date, Hours::Regular).is_none_or(|(open, _)| now < open) {
        date = date.yesterday().unwrap_or(date);
        if date == Date::MIN {
            break;
        }
    }
    date
}

/// How many trading days lie in `(from, to]`, counted on weekdays.
pub fn trading_days_between(from: Date, to: Date) -> u32 {
    if from >= to {
        return 0;
    }
    let days = (to - from).get_days().unsigned_abs();
    let (weeks, rest) = (days / 7, days % 7);
    let tail =
        from.series(jiff::Span::new().days(1)).skip(1).take(rest as usize).filter(|day| is_weekday(*day)).count();
    weeks * 5 + tail as u32
}

/// How long after the close of a session the day's quote is still moving: late prints and the
/// 15-minute delay of some plans.
pub const SETTLE: SignedDuration = SignedDuration::from_mins(30);

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn sessions_follow_daylight_saving_time() {
        // Clocks in New York change on 2026-03-08 and 2026-11-01.
        assert_eq!(session(date(2026, 3, 6), Hours::Regular).unwrap().0, at("2026-03-06T14:30:00Z"));
        assert_eq!(session(date(2026, 3, 9), Hours::Regular).unwrap().0, at("2026-03-09T13:30:00Z"));
        assert_eq!(session(date(2026, 10, 30), Hours::Regular).unwrap().1, at("2026-10-30T20:00:00Z"));
        assert_eq!(session(date(2026, 11, 2), Hours::Extended).unwrap().1, at("2026-11-03T01:00:00Z"));
        assert_eq!(session(date(2026, 11, 1), Hours::Regular), None);
    }

    #[test]
    fn skipped_and_repeated_local_times_are_refused() {
        let zone = new_york();
        for (local, good) in [
            (date(2026, 3, 8).at(1, 59, 0, 0), true),
            (date(2026, 3, 8).at(2, 30, 0, 0), false),
            (date(2026, 11, 1).at(1, 30, 0, 0), false),
            (date(2026, 11, 1).at(2, 0, 0, 0), true),
        ] {
            assert_eq!(instant(local, &zone).is_ok(), good, "{local}");
        }
        assert!(super::zone("US/Eastern").is_ok());
        assert!(super::zone("Mars/Olympus").is_err());
    }

    #[test]
    fn the_latest_trading_day_is_the_one_whose_session_has_begun() {
        assert_eq!(latest_trading_day(at("2026-11-20T14:29:59Z")), date(2026, 11, 19));
        assert_eq!(latest_trading_day(at("2026-11-20T14:30:00Z")), date(2026, 11, 20));
        assert_eq!(latest_trading_day(at("2026-11-22T18:00:00Z")), date(2026, 11, 20));
    }

    #[test]
    fn trading_days_are_counted_over_weekends() {
        for (from, to, days) in [
            (date(2026, 11, 20), date(2026, 11, 20), 0),
            (date(2026, 11, 20), date(2026, 11, 23), 1),
            (date(2026, 11, 18), date(2026, 11, 23), 3),
            (date(2026, 11, 23), date(2026, 11, 20), 0),
            (date(2018, 6, 1), date(2026, 11, 20), 2210),
        ] {
            let naive = std::iter::successors(Some(from), |day| day.tomorrow().ok())
                .skip(1)
                .take_while(|day| *day <= to)
                .filter(|day| is_weekday(*day))
                .count() as u32;
            assert_eq!(trading_days_between(from, to), naive);
            assert_eq!(naive, days, "{from} {to}");
        }
    }
}
