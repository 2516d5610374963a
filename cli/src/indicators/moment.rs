//! When a row was, and to which session it belongs: text enters, a point in time and a day leave.

use std::str::FromStr;

use jiff::{Timestamp, civil::DateTime, tz::TimeZone};

const SECONDS_PER_DAY: i64 = 86_400;
/// Digits behind the point of a number of seconds: nanoseconds.
const FRACTION_MAX: usize = 9;

/// Why a text is no time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadMoment {
    /// A form that is not known, or a date that does not exist.
    #[error("is no time; write RFC 3339, YYYY-MM-DD, YYYY-MM-DD HH:MM:SS or seconds since 1970")]
    Form,
    /// A number that is no time of the years -9999 to 9999.
    #[error("is beyond the year 9999; a number counts seconds since 1970, not milliseconds")]
    Range,
    /// More digits than are kept.
    #[error("has more than {FRACTION_MAX} digits behind the point of its seconds")]
    Fraction,
}

/// Reads RFC 3339, a date with or without a time, or seconds since 1970. What names no zone is UTC.
pub(crate) fn moment(text: &str) -> Result<Timestamp, BadMoment> {
    let bytes = text.as_bytes();
    // A year of four digits keeps `20240102` a number, which it is elsewhere.
    let dated = bytes.get(4) == Some(&b'-') && bytes[..4].iter().all(u8::is_ascii_digit);
    if !dated {
        return seconds(text);
    }
    // Behind the date such a letter or sign begins a zone. A name in brackets would contradict an offset.
    let zoned = bytes.iter().skip(10).any(|byte| matches!(byte, b'Z' | b'z' | b'+' | b'-'));
    let read = match (zoned, bytes.contains(&b'[')) {
        (_, true) => None,
        (true, false) => text.parse().ok(),
        (false, false) => text.parse::<DateTime>().ok().and_then(|time| TimeZone::UTC.to_timestamp(time).ok()),
    };
    read.ok_or(BadMoment::Form)
}

/// Reads a number of seconds exactly.
fn seconds(text: &str) -> Result<Timestamp, BadMoment> {
    let (negative, digits) = text.strip_prefix('-').map_or((false, text), |digits| (true, digits));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number(whole) || !is_number(fraction) {
        return Err(BadMoment::Form);
    }
    if fraction.len() > FRACTION_MAX {
        return Err(BadMoment::Fraction);
    }
    let whole: i64 = whole.parse().map_err(|_| BadMoment::Range)?;
    let nanoseconds: i32 = format!("{fraction:0<FRACTION_MAX$}").parse().map_err(|_| BadMoment::Fraction)?;
    let sign = if negative { -1 } else { 1 };
    Timestamp::new(sign * whole, sign as i32 * nanoseconds).map_err(|_| BadMoment::Range)
}

/// The zone in which a session is a day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SessionZone {
    name: String,
    zone: TimeZone,
}

/// A name that no zone has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no time zone `{0}`; write a name of the IANA database, such as America/New_York or UTC")]
pub(crate) struct UnknownZone(String);

impl FromStr for SessionZone {
    type Err = UnknownZone;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let zone = TimeZone::get(text).map_err(|_| UnknownZone(text.chars().take(64).collect()))?;
        Ok(Self { name: zone.iana_name().unwrap_or(text).to_owned(), zone })
    }
}

impl Default for SessionZone {
    fn default() -> Self {
        Self { name: "UTC".to_owned(), zone: TimeZone::UTC }
    }
}

impl SessionZone {
    /// Its name.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The session of a time: days from 1970 to the date that it is in the zone.
    pub(crate) fn session(&self, at: Timestamp) -> u32 {
        let local = at.as_second() + i64::from(self.zone.to_offset(at).seconds());
        // Sessions before 1970 count down from the largest number: all that matters is that they differ.
        local.div_euclid(SECONDS_PER_DAY) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Result<&str, BadMoment>) {
        assert_eq!(moment(text), expected.map(|time| time.parse().unwrap()), "{text}");
    }

    #[test]
    fn times_are_read_in_all_forms_and_are_utc_without_a_zone() {
        check("2026-11-20T09:30:00-05:00", Ok("2026-11-20T14:30:00Z"));
        check("2026-11-20T14:30:00.123456789Z", Ok("2026-11-20T14:30:00.123456789Z"));
        check("2026-11-20t14:30:00z", Ok("2026-11-20T14:30:00Z"));
        check("2026-11-20 14:30:00+00:00", Ok("2026-11-20T14:30:00Z"));
        check("2026-11-20", Ok("2026-11-20T00:00:00Z"));
        check("2026-11-20 14:30:00", Ok("2026-11-20T14:30:00Z"));
        check("2026-11-20T14:30:00.5", Ok("2026-11-20T14:30:00.5Z"));
        check("2026-11-20 14:30", Ok("2026-11-20T14:30:00Z"));
        check("0", Ok("1970-01-01T00:00:00Z"));
        check("1700000000", Ok("2023-11-14T22:13:20Z"));
        check("1700000000.25", Ok("2023-11-14T22:13:20.25Z"));
        check("-0.5", Ok("1969-12-31T23:59:59.5Z"));
        check("20240102", Ok("1970-08-23T06:15:02Z"));
    }

    #[test]
    fn what_is_no_time_says_why() {
        for text in [
            "",
            "-",
            ".5",
            "5.",
            "abc",
            "1e9",
            "NaN",
            "2026-02-30",
            "2026-13-01",
            "2026-11-20T25:00:00Z",
            "20/11/2026",
            "2026-11-20T14:30:00Z[America/New_York]",
            "2026-11-20 14:30:00[America/New_York]",
            "2026-",
            "12:30",
        ] {
            check(text, Err(BadMoment::Form));
        }
        check("1700000000000", Err(BadMoment::Range));
        check("99999999999999999999", Err(BadMoment::Range));
        check("1.0123456789", Err(BadMoment::Fraction));
    }

    #[test]
    fn a_session_is_a_day_of_its_zone() {
        let zone: SessionZone = "america/new_york".parse().unwrap();
        assert_eq!(zone.name(), "America/New_York");
        for (time, utc, new_york) in [
            ("1970-01-01T00:00:00Z", 0, u32::MAX),
            ("1970-01-02T04:59:59Z", 1, 0),
            ("1970-01-02T05:00:00Z", 1, 1),
            ("2026-07-01T03:59:59Z", 20_635, 20_634),
            ("2026-07-01T04:00:00Z", 20_635, 20_635),
        ] {
            let time = time.parse().unwrap();
            assert_eq!((SessionZone::default().session(time), zone.session(time)), (utc, new_york), "{time}");
        }
        assert!("Mars/Olympus".parse::<SessionZone>().unwrap_err().to_string().contains("`Mars/Olympus`"));
    }
}
