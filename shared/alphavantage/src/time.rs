//! Dates and local times of a row, and the bounds that all of them must keep.

use jiff::{
    SignedDuration, Timestamp,
    civil::{Date, DateTime, date},
};

use crate::Reason;

/// How far a time may lie in the future: the vendor's clock and ours need not agree.
pub const CLOCK_SKEW: SignedDuration = SignedDuration::from_secs(120);

/// How long after its end a bar may still change.
pub const SETTLE_BAR: SignedDuration = SignedDuration::from_secs(60);

/// The first day that is accepted: intraday series begin in January 2000.
pub const EARLIEST: Date = date(2000, 1, 1);

fn not_a_time(text: &str) -> Reason {
    Reason::NotATime(text.chars().take(64).collect())
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
}
