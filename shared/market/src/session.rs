//! When a market trades: local time of an exchange, sessions, the week of currencies.
//!
//! Dates and moments enter, moments leave. Zones go through the tz database, never through fixed
//! offsets. Local times that the clock change skips or repeats are refused, not guessed. Which days
//! trade, and which close early, says the calendar's table; outside of the years that it covers every
//! weekday counts as a full trading day, so replies recorded before 2024 stay readable.

use jiff::{
    SignedDuration, Span, Timestamp,
    civil::{Date, DateTime, Time, Weekday, time},
    tz::{AmbiguousOffset, TimeZone},
};

pub use crate::calendar::{
    DayKind, covered, day_kind, holiday_name, is_half_day, is_trading_day, is_weekday, trading_days_between,
};
use crate::instrument::Pair;

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
    /// 09:30 to 16:00, on half days to 13:00.
    Regular,
    /// 04:00 to 20:00, on half days to 17:00: with what is traded before and after the regular session.
    Extended,
}

impl Hours {
    /// First and last moment of a full day, the last one exclusive.
    pub const fn bounds(self) -> (Time, Time) {
        match self {
            Self::Regular => (time(9, 30, 0, 0), time(16, 0, 0, 0)),
            Self::Extended => (time(4, 0, 0, 0), time(20, 0, 0, 0)),
        }
    }

    /// First and last moment of a half day, the last one exclusive.
    pub const fn half_day_bounds(self) -> (Time, Time) {
        match self {
            Self::Regular => (time(9, 30, 0, 0), time(13, 0, 0, 0)),
            Self::Extended => (time(4, 0, 0, 0), time(17, 0, 0, 0)),
        }
    }

    /// First and last moment of that day, the last one exclusive; `None` if it has no trading.
    pub fn bounds_on(self, date: Date) -> Option<(Time, Time)> {
        match day_kind(date) {
            DayKind::Weekend | DayKind::Holiday(_) => None,
            DayKind::HalfDay(_) => Some(self.half_day_bounds()),
            DayKind::Full => Some(self.bounds()),
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

/// First and last moment of a day's session in New York, the last one exclusive; `None` on weekends
/// and holidays.
pub fn session(date: Date, hours: Hours) -> Option<(Timestamp, Timestamp)> {
    let (open, close) = hours.bounds_on(date)?;
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

/// When the weekend of physical currencies began, if it lasts at that moment.
///
/// They rest from Friday 17:00 to Sunday 17:00 in New York, whatever its clocks do in that night.
/// Holidays thin the trade and do not end it, so they are not in here.
pub fn fx_closed_since(at: Timestamp) -> Option<Timestamp> {
    let zone = new_york();
    let local = at.to_zoned(zone.clone()).datetime();
    let days_since_friday = match (local.weekday(), local.hour()) {
        (Weekday::Friday, 17..) => 0,
        (Weekday::Saturday, _) => 1,
        (Weekday::Sunday, ..17) => 2,
        _ => return None,
    };
    let friday = local.date().checked_sub(Span::new().days(days_since_friday)).ok()?;
    // Clocks change on Sundays, so that the Friday's hour is there once.
    instant(friday.to_datetime(FX_WEEK_ENDS), &zone).ok()
}

const FX_WEEK_ENDS: Time = time(17, 0, 0, 0);

/// Whether physical currencies are traded at that moment.
pub fn fx_is_open(at: Timestamp) -> bool {
    fx_closed_since(at).is_none()
}

/// Whether a pair is traded at that moment: always, if either currency is digital.
pub fn pair_is_open(pair: &Pair, at: Timestamp) -> bool {
    pair.base.is_digital() || pair.quote.is_digital() || fx_is_open(at)
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
        // Thanksgiving, before and after the half day's open; Christmas with the weekend behind it.
        assert_eq!(latest_trading_day(at("2026-11-26T18:00:00Z")), date(2026, 11, 25));
        assert_eq!(latest_trading_day(at("2026-11-27T14:29:59Z")), date(2026, 11, 25));
        assert_eq!(latest_trading_day(at("2026-11-27T20:00:00Z")), date(2026, 11, 27));
        assert_eq!(latest_trading_day(at("2026-12-27T18:00:00Z")), date(2026, 12, 24));
    }

    #[test]
    fn sessions_of_holidays_and_half_days() {
        for (day, regular, extended) in [
            // In winter time, New York is five hours behind UTC.
            (date(2026, 11, 25), Some(("14:30", "21:00")), Some(("09:00", "25:00"))),
            (date(2026, 11, 26), None, None),
            (date(2026, 11, 27), Some(("14:30", "18:00")), Some(("09:00", "22:00"))),
            (date(2026, 12, 24), Some(("14:30", "18:00")), Some(("09:00", "22:00"))),
            (date(2026, 12, 25), None, None),
            (date(2026, 7, 3), None, None),
            (date(2026, 6, 19), None, None),
            // In summer time, four.
            (date(2028, 7, 3), Some(("13:30", "17:00")), Some(("08:00", "21:00"))),
            (date(2025, 1, 9), None, None),
            // Before the table, every weekday is full.
            (date(2020, 11, 27), Some(("14:30", "21:00")), Some(("09:00", "25:00"))),
            (date(2020, 12, 25), Some(("14:30", "21:00")), Some(("09:00", "25:00"))),
        ] {
            let midnight = day.to_zoned(TimeZone::UTC).unwrap().timestamp();
            let moment = |text: &str| {
                let (hours, minutes) = text.split_once(':').unwrap();
                midnight
                    + SignedDuration::from_mins(hours.parse::<i64>().unwrap() * 60 + minutes.parse::<i64>().unwrap())
            };
            for (hours, expected) in [(Hours::Regular, regular), (Hours::Extended, extended)] {
                let expected = expected.map(|(open, close)| (moment(open), moment(close)));
                assert_eq!(session(day, hours), expected, "{day} {hours:?}");
                assert_eq!(hours.bounds_on(day).is_some(), expected.is_some());
            }
        }
    }

    #[test]
    fn a_half_day_closes_early() {
        for (moment, regular, extended) in [
            ("2026-11-27T14:29:59Z", false, true),
            ("2026-11-27T14:30:00Z", true, true),
            ("2026-11-27T17:59:59Z", true, true),
            ("2026-11-27T18:00:00Z", false, true),
            ("2026-11-27T22:00:00Z", false, false),
            ("2026-11-26T16:00:00Z", false, false),
        ] {
            assert_eq!(is_open(at(moment), Hours::Regular), regular, "{moment}");
            assert_eq!(is_open(at(moment), Hours::Extended), extended, "{moment}");
        }
    }

    #[test]
    fn the_week_of_currencies_ends_and_begins_at_17_in_new_york() {
        let (euro, bitcoin) = ("EUR/USD".parse().unwrap(), "BTC/USD".parse().unwrap());
        for (moment, closed_since) in [
            ("2026-11-20T21:59:59.999Z", None),
            ("2026-11-20T22:00:00Z", Some("2026-11-20T22:00:00Z")),
            ("2026-11-21T12:00:00Z", Some("2026-11-20T22:00:00Z")),
            ("2026-11-22T21:59:59.999Z", Some("2026-11-20T22:00:00Z")),
            ("2026-11-22T22:00:00Z", None),
            // The clocks change in this weekend: it begins in winter time and ends in summer time.
            ("2026-03-06T22:00:00Z", Some("2026-03-06T22:00:00Z")),
            ("2026-03-08T20:59:59Z", Some("2026-03-06T22:00:00Z")),
            ("2026-03-08T21:00:00Z", None),
            // And the other way round.
            ("2026-10-30T20:59:59Z", None),
            ("2026-10-30T21:00:00Z", Some("2026-10-30T21:00:00Z")),
            ("2026-11-01T21:59:59Z", Some("2026-10-30T21:00:00Z")),
            ("2026-11-01T22:00:00Z", None),
            // Christmas is a Friday like every other.
            ("2026-12-25T15:00:00Z", None),
        ] {
            assert_eq!(fx_closed_since(at(moment)), closed_since.map(at), "{moment}");
            assert_eq!(fx_is_open(at(moment)), closed_since.is_none());
            assert_eq!(pair_is_open(&euro, at(moment)), closed_since.is_none());
            assert!(pair_is_open(&bitcoin, at(moment)));
        }
    }
}
