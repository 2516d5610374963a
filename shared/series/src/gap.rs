//! Which bars the calendar expected between two that came one after the other.

use jiff::Timestamp;
use market::{Interval, Pair, Subject, session};

const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;

/// By how much days of the American market are shifted so that no session, extended ones included, crosses a
/// border of days: 04:00 to 20:00 in New York is 03:00 to 20:00 then, in summer and in winter.
pub(crate) const NEW_YORK_SHIFT: i64 = 5 * HOUR;

/// The number of the trading session of a bar, for the VWAP: the days since 1970, of UTC for currencies and
/// daily bars, of the American market for shares.
pub(crate) fn session_of(subject: &Subject, interval: Interval, start: i64) -> u32 {
    let shift = if matches!(subject, Subject::Equity(_)) && interval != Interval::Day { NEW_YORK_SHIFT } else { 0 };
    u32::try_from((start - shift).div_euclid(DAY)).unwrap_or(0)
}

/// How many bars are missing between two of a series, as far as a calendar knows.
///
/// Within a session every bar is expected, whether or not anybody traded; between sessions whole days are.
/// Shares whose symbol names another exchange have holidays that nobody here knows: nothing is missing there
/// between two days.
pub(crate) fn missing(subject: &Subject, interval: Interval, before: i64, start: i64) -> u32 {
    let (from, to) = (at(before), at(start));
    let apart = |length: i64| u32::try_from((start - before) / length - 1).unwrap_or(0);
    match subject {
        Subject::Pair(pair) => {
            let length = interval.duration().as_millis() as i64;
            if start - before <= length || rests_between(pair, before, start) { 0 } else { apart(length) }
        }
        Subject::Equity(symbol) if interval == Interval::Day => {
            let utc = |at: Timestamp| at.to_zoned(jiff::tz::TimeZone::UTC).date();
            if is_foreign(symbol.as_str()) {
                0
            } else {
                session::trading_days_between(utc(from), utc(to)).saturating_sub(1)
            }
        }
        Subject::Equity(symbol) => {
            let day = |start| session_of(subject, interval, start);
            if day(before) == day(start) {
                apart(interval.duration().as_millis() as i64)
            } else if is_foreign(symbol.as_str()) {
                0
            } else {
                session::trading_days_between(session::new_york_date(from), session::new_york_date(to))
                    .saturating_sub(1)
            }
        }
    }
}

/// Whether the pair rests at some time between two moments. A week has a weekend of two days in it, so a look
/// at each of its days finds it.
fn rests_between(pair: &Pair, before: i64, start: i64) -> bool {
    let days = (0..7).map(|day| before + day * DAY).take_while(|moment| *moment < start);
    days.chain([start]).any(|moment| !session::pair_is_open(pair, at(moment)))
}

/// Whether a symbol names an exchange outside of the United States: `TSCO.LON`, but not `BRK.B`.
fn is_foreign(symbol: &str) -> bool {
    symbol.rsplit_once('.').is_some_and(|(_, suffix)| suffix.len() >= 2) || symbol.contains(':')
}

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millisecond(millis).unwrap_or(Timestamp::UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(subject: &str, interval: Interval, before: &str, start: &str, expected: u32) {
        let subject = match subject.split_once('/') {
            Some(_) => Subject::Pair(subject.parse().unwrap()),
            None => Subject::Equity(subject.parse().unwrap()),
        };
        let millis = |text: &str| text.parse::<Timestamp>().unwrap().as_millisecond();
        let found = missing(&subject, interval, millis(before), millis(start));
        assert_eq!(found, expected, "{subject} {interval} {before} {start}");
    }

    #[test]
    fn bars_that_the_calendar_expected_are_missing() {
        use Interval::{Day, Min1, Min5};
        check("MSFT", Min1, "2026-11-20T15:00:00Z", "2026-11-20T15:01:00Z", 0);
        check("MSFT", Min1, "2026-11-20T15:00:00Z", "2026-11-20T15:04:00Z", 3);
        check("MSFT", Min5, "2026-11-20T15:00:00Z", "2026-11-20T15:10:00Z", 1);
        // Friday's close to Monday's open; over Thanksgiving's Thursday; with a Tuesday between.
        check("MSFT", Min1, "2026-11-20T20:59:00Z", "2026-11-23T14:30:00Z", 0);
        check("MSFT", Min1, "2026-11-25T20:59:00Z", "2026-11-27T14:30:00Z", 0);
        check("MSFT", Min1, "2026-11-23T20:59:00Z", "2026-11-25T14:30:00Z", 1);
        // An extended session runs over midnight of UTC.
        check("MSFT", Min1, "2026-07-06T23:59:00Z", "2026-07-07T00:01:00Z", 1);
        check("MSFT", Day, "2026-11-20T00:00:00Z", "2026-11-23T00:00:00Z", 0);
        check("MSFT", Day, "2026-11-25T00:00:00Z", "2026-11-27T00:00:00Z", 0);
        check("MSFT", Day, "2026-11-20T00:00:00Z", "2026-11-25T00:00:00Z", 2);
        check("BRK.B", Day, "2026-11-20T00:00:00Z", "2026-11-25T00:00:00Z", 2);
        check("TSCO.LON", Day, "2026-11-20T00:00:00Z", "2026-11-25T00:00:00Z", 0);
        check("BTC/USD", Min1, "2026-11-21T15:00:00Z", "2026-11-21T15:10:00Z", 9);
        check("BTC/USD", Day, "2026-11-20T00:00:00Z", "2026-11-22T00:00:00Z", 1);
        check("EUR/USD", Min1, "2026-11-19T15:00:00Z", "2026-11-19T15:10:00Z", 9);
        check("EUR/USD", Min1, "2026-11-20T21:59:00Z", "2026-11-22T22:00:00Z", 0);
        check("EUR/USD", Day, "2026-11-20T00:00:00Z", "2026-11-23T00:00:00Z", 0);
    }

    #[test]
    fn a_session_has_one_number() {
        let msft = Subject::Equity("MSFT".parse().unwrap());
        let of = |text: &str| session_of(&msft, Interval::Min1, text.parse::<Timestamp>().unwrap().as_millisecond());
        assert_eq!(of("2026-01-05T09:00:00Z"), of("2026-01-06T00:59:00Z"), "winter: 04:00 to 19:59");
        assert_eq!(of("2026-07-06T08:00:00Z"), of("2026-07-06T23:59:00Z"), "summer: 04:00 to 19:59");
        assert_ne!(of("2026-07-06T23:59:00Z"), of("2026-07-07T08:00:00Z"));
    }
}
