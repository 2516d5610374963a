//! Dates and local times of a row, and the bounds that all of them must keep.

use jiff::{
    SignedDuration, Timestamp,
    civil::{Date, DateTime, Time, date},
    tz::TimeZone,
};
use market::{
    Freshness, Symbol,
    session::{self, LocalTimeError},
};

use crate::{Reason, reason::excerpt};

/// How far a time may lie in the future: the vendor's clock and ours need not agree.
pub const CLOCK_SKEW: SignedDuration = SignedDuration::from_secs(120);

/// How long after its end a bar may still change.
pub const SETTLE_BAR: SignedDuration = SignedDuration::from_secs(60);

/// The first day that is accepted: intraday series begin in January 2000.
pub const EARLIEST: Date = date(2000, 1, 1);

fn not_a_time(text: &str) -> Reason {
    Reason::NotATime(excerpt(text))
}

/// Whether digits stand where the pattern has `9`, and its other characters as they are.
fn is_shaped(text: &str, pattern: &str) -> bool {
    text.len() == pattern.len()
        && text.bytes().zip(pattern.bytes()).all(|(byte, p)| if p == b'9' { byte.is_ascii_digit() } else { byte == p })
}

/// A date, `YYYY-MM-DD`.
pub(crate) fn day(text: &str) -> Result<Date, Reason> {
    if !is_shaped(text, "9999-99-99") {
        return Err(not_a_time(text));
    }
    text.parse().map_err(|_| not_a_time(text))
}

/// A local time, `YYYY-MM-DD HH:MM:SS`, or midnight of a date. Seconds may be absent or have decimals.
///
/// Strict about the shape, since the parser of dates would also take an offset and ignore it.
pub(crate) fn local(text: &str) -> Result<DateTime, Reason> {
    let Some((date, time)) = text.split_once([' ', 'T']) else {
        return Ok(day(text)?.to_datetime(jiff::civil::Time::midnight()));
    };
    let (clock, fraction) = time.split_once('.').map_or((time, None), |(clock, fraction)| (clock, Some(fraction)));
    let shaped = is_shaped(clock, "99:99:99") || (fraction.is_none() && is_shaped(clock, "99:99"));
    let decimals =
        fraction.is_none_or(|text| (1..=9).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit()));
    if !shaped || !decimals {
        return Err(not_a_time(text));
    }
    Ok(day(date)?.to_datetime(time.parse().map_err(|_| not_a_time(text))?))
}

/// A moment as articles are stamped, `YYYYMMDDTHHMMSS` in UTC; seconds may be absent.
pub(crate) fn stamp(text: &str) -> Result<Timestamp, Reason> {
    if !is_shaped(text, "99999999T999999") && !is_shaped(text, "99999999T9999") {
        return Err(not_a_time(text));
    }
    let read = || {
        let number = |from: usize, to: usize| text.get(from..to).map_or(Some(0), |digits| digits.parse::<i8>().ok());
        let date = Date::new(text.get(..4)?.parse().ok()?, number(4, 6)?, number(6, 8)?).ok()?;
        let time = Time::new(number(9, 11)?, number(11, 13)?, number(13, 15)?, 0).ok()?;
        session::instant(date.to_datetime(time), &TimeZone::UTC).ok()
    };
    read().ok_or_else(|| not_a_time(text))
}

/// A time zone by its name in the reply.
pub(crate) fn zone(name: &str) -> Result<TimeZone, Reason> {
    session::zone(name).map_err(|_| LocalTimeError::UnknownZone(excerpt(name)).into())
}

/// Whether a symbol is listed outside of the United States: the vendor writes the place of such a listing
/// as three letters behind a dot (`AZN.LON`) or before a colon (`FRA:IQQE`). A class of shares has one (`BRK.B`).
fn is_abroad(symbol: &Symbol) -> bool {
    let place = |text: &str| text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_alphabetic());
    let name = symbol.as_str();
    name.rsplit_once('.').is_some_and(|(_, end)| place(end))
        || name.split_once(':').is_some_and(|(begin, _)| place(begin))
}

/// The close of a day's regular session in New York, if it is a trading day that may have begun.
///
/// Abroad other days are holidays, of which there is no calendar here: every weekday may trade, and
/// none closes early.
pub(crate) fn close_of(day: Date, symbol: Option<&Symbol>, now: Timestamp) -> Result<Timestamp, Reason> {
    not_too_early(day)?;
    let today = session::new_york_date(now.saturating_add(CLOCK_SKEW).unwrap_or(now));
    if day > today {
        return Err(Reason::FutureDay { day, today });
    }
    let hours = session::Hours::Regular;
    if symbol.is_some_and(is_abroad) && session::is_weekday(day) {
        return Ok(session::instant(day.to_datetime(hours.bounds().1), &session::new_york())?);
    }
    let (_, close) = session::session(day, hours).ok_or(Reason::NotATradingDay(day))?;
    Ok(close)
}

/// Whether a trading day is over and settled: at its close where the vendor publishes after it, and a
/// while later where late prints still move it.
pub(crate) fn is_settled(close: Timestamp, freshness: Freshness, now: Timestamp) -> bool {
    let settle = if freshness == Freshness::Eod { SignedDuration::ZERO } else { session::SETTLE };
    now.duration_since(close) >= settle
}

/// Whether a trading day lies more than one before the latest that has begun.
pub(crate) fn is_old(day: Date, now: Timestamp) -> bool {
    session::trading_days_between(day, session::latest_trading_day(now)) > 1
}

/// Refuses days before [`EARLIEST`].
pub(crate) fn not_too_early(day: Date) -> Result<(), Reason> {
    if day < EARLIEST { Err(Reason::TooEarly(day)) } else { Ok(()) }
}

/// Refuses moments later than now by more than [`CLOCK_SKEW`].
pub(crate) fn not_in_the_future(at: Timestamp, now: Timestamp) -> Result<(), Reason> {
    if at.duration_since(now) > CLOCK_SKEW { Err(Reason::Future { at, now }) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn local_times_are_read_strictly() {
        let midnight = date(2018, 6, 1).at(0, 0, 0, 0);
        for (text, expected) in [
            ("2018-06-01", midnight),
            ("2018-06-01 16:00:00", date(2018, 6, 1).at(16, 0, 0, 0)),
            ("2018-06-01T16:00", date(2018, 6, 1).at(16, 0, 0, 0)),
            ("2024-10-30 19:59:57.644", date(2024, 10, 30).at(19, 59, 57, 644_000_000)),
        ] {
            assert_eq!(local(text), Ok(expected));
        }
        for text in [
            "",
            "2018-06-31",
            "2018-6-1",
            "2018-06-01 16",
            "2018-06-01 24:00:00",
            "2018-06-01 16:00:00-04:00",
            "2018-06-01 16:00:00Z",
            "2018-06-01 16:00:00.",
            "2099-99-99",
            "2018-06-01 (end of day)",
            "２018-06-01",
        ] {
            assert!(local(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn stamps_of_articles_are_in_utc() {
        for (text, expected) in [("20260517T110159", "2026-05-17T11:01:59Z"), ("20260517T1101", "2026-05-17T11:01:00Z")]
        {
            assert_eq!(stamp(text).unwrap().to_string(), expected);
        }
        for text in [
            "",
            "20260517",
            "20260517T11",
            "20261317T110159",
            "20260517T240000",
            "2026-05-17T11:01:59",
            "20260517 110159",
        ] {
            assert!(stamp(text).is_err(), "{text:?}");
        }
    }
}
