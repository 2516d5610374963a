//! Which moments were traded: the bars of a share by session, the open hours of currencies.

use jiff::{SignedDuration, Timestamp, civil::Date, tz::TimeZone};
use market::{
    Interval, Pair,
    session::{self, Hours},
};

use crate::prices::{Bar, Process, WEIGHT_ONE};

/// How long after the open, and before the close, trade is twice as busy.
const RUSH_SECONDS: i64 = 30 * 60;

/// How busy the moments of one trading day are.
#[derive(Clone, Copy)]
struct Busy {
    open: i64,
    close: i64,
}

impl Busy {
    fn weigh(self, second: i64) -> i64 {
        if second < self.open || second >= self.close {
            WEIGHT_ONE / 20
        } else if second < self.open + RUSH_SECONDS || second >= self.close - RUSH_SECONDS {
            2 * WEIGHT_ONE
        } else {
            WEIGHT_ONE
        }
    }
}

/// Which bars of a share are asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted {
    pub(crate) interval: Interval,
    pub(crate) hours: Hours,
    /// First and last day in New York, both included.
    pub(crate) days: (Date, Date),
    /// At most so many, the newest.
    pub(crate) limit: usize,
}

/// The bars of a share by `now`, newest first, labelled by their begin.
///
/// The grid starts at the begin of the session, so regular bars of 60 minutes start at half past
/// and the last one is cut short by the close.
pub(crate) fn share_bars(process: &Process, wanted: &Wanted, now: Timestamp) -> Vec<Bar> {
    let mut bars = Vec::new();
    let mut day = wanted.days.1.min(session::new_york_date(now));
    while day >= wanted.days.0 && bars.len() < wanted.limit {
        bars.extend(bars_of_day(process, wanted, day, now).into_iter().rev().take(wanted.limit - bars.len()));
        let Ok(before) = day.yesterday() else { break };
        day = before;
    }
    bars
}

fn bars_of_day(process: &Process, wanted: &Wanted, day: Date, now: Timestamp) -> Vec<Bar> {
    let (Some((open, close)), Some(busy)) = (session::session(day, wanted.hours), busy(day)) else { return Vec::new() };
    let mut bars = Vec::new();
    let mut start = open;
    while start < close {
        let end = (start + wanted.interval.duration()).min(close);
        let Some(bar) = process.bar(start, end, now, |second| busy.weigh(second)) else { break };
        bars.push(bar);
        start = end;
    }
    bars
}

fn busy(day: Date) -> Option<Busy> {
    session::session(day, Hours::Regular).map(|(open, close)| Busy { open: open.as_second(), close: close.as_second() })
}

/// A day's regular session so far, as one bar, and the close of the trading day before.
pub(crate) fn share_day(process: &Process, day: Date, now: Timestamp) -> Option<(Bar, i64)> {
    let whole = |day: Date, now: Timestamp| {
        let ((open, close), busy) = (session::session(day, Hours::Regular)?, busy(day)?);
        process.bar(open, close, now, |second| busy.weigh(second))
    };
    let mut before = day.yesterday().ok()?;
    while !session::is_trading_day(before) {
        before = before.yesterday().ok()?;
    }
    Some((whole(day, now)?, whole(before, now)?.close))
}

/// The days of a digital currency by `now`, in UTC, newest first; the first one is still going on.
pub(crate) fn currency_days(process: &Process, count: usize, now: Timestamp) -> Vec<Bar> {
    let mut bars = Vec::with_capacity(count);
    let mut day = now.to_zoned(TimeZone::UTC).date();
    while bars.len() < count {
        let Ok(start) = day.to_zoned(TimeZone::UTC) else { break };
        let start = start.timestamp();
        bars.extend(process.bar(start, start + SignedDuration::from_hours(24), now, |_| WEIGHT_ONE));
        let Ok(before) = day.yesterday() else { break };
        day = before;
    }
    bars
}

/// Whether a pair is traded on weekends too, which it is if either currency is digital.
pub(crate) fn never_rests(pair: &Pair) -> bool {
    pair.base.is_digital() || pair.quote.is_digital()
}

/// When a rate was last refreshed: now, to the second. Physical currencies rest from Friday 17:00
/// to Sunday 17:00 New York and keep their last second; a pair with a digital one never rests.
pub(crate) fn last_refreshed(pair: &Pair, now: Timestamp) -> Timestamp {
    let second = Timestamp::from_second(now.as_second()).unwrap_or(now);
    if never_rests(pair) {
        return second;
    }
    session::fx_closed_since(now).map_or(second, |closed| closed - SignedDuration::from_secs(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn process() -> Process {
        Process::equity(3, &"MSFT".parse().unwrap())
    }

    #[test]
    fn bars_lie_in_the_session_of_their_day() {
        let now = at("2026-11-21T04:00:00Z");
        let count =
            |interval, hours, days, limit| share_bars(&process(), &Wanted { interval, hours, days, limit }, now);
        let friday = (date(2026, 11, 20), date(2026, 11, 20));
        for (interval, regular, extended) in [
            (Interval::Min1, 390, 960),
            (Interval::Min5, 78, 192),
            (Interval::Min15, 26, 64),
            (Interval::Min30, 13, 32),
            (Interval::Min60, 7, 16),
        ] {
            assert_eq!(count(interval, Hours::Regular, friday, 9_999).len(), regular);
            assert_eq!(count(interval, Hours::Extended, friday, 9_999).len(), extended);
        }
        let bars = count(Interval::Min60, Hours::Regular, friday, 9_999);
        assert_eq!(bars[0].start, at("2026-11-20T20:30:00Z"));
        assert_eq!(bars[6].start, at("2026-11-20T14:30:00Z"));
        // Over a weekend and over the change of the clocks on 2026-11-01.
        let bars = count(Interval::Min30, Hours::Extended, (date(2026, 10, 28), date(2026, 11, 3)), 9_999);
        assert_eq!(bars.len(), 5 * 32);
        assert!(bars.is_sorted_by(|newer, older| newer.start > older.start));
        assert!(bars.iter().all(|bar| session::is_open(bar.start, Hours::Extended)));
        assert_eq!(count(Interval::Min1, Hours::Extended, (date(2026, 1, 1), date(2027, 1, 1)), 100).len(), 100);
        assert_eq!(count(Interval::Min1, Hours::Extended, (date(2026, 11, 22), date(2026, 11, 21)), 100).len(), 0);
    }

    #[test]
    fn holidays_have_no_bars_and_half_days_few() {
        let now = at("2026-11-28T04:00:00Z");
        let bars = |hours, first, last| {
            let wanted = Wanted { interval: Interval::Min1, hours, days: (first, last), limit: usize::MAX };
            share_bars(&process(), &wanted, now)
        };
        let (before, thanksgiving, half) = (date(2026, 11, 25), date(2026, 11, 26), date(2026, 11, 27));
        assert_eq!(bars(Hours::Extended, thanksgiving, thanksgiving).len(), 0);
        let regular = bars(Hours::Regular, half, half);
        assert_eq!((regular.len(), regular[0].start), (210, at("2026-11-27T17:59:00Z")));
        let extended = bars(Hours::Extended, half, half);
        assert_eq!((extended.len(), extended[0].start), (780, at("2026-11-27T21:59:00Z")));
        assert_eq!(bars(Hours::Regular, before, half).len(), 390 + 210);

        let (whole, previous_close) = share_day(&process(), half, now).unwrap();
        assert_eq!(whole.volume, regular.iter().map(|bar| bar.volume).sum::<i64>());
        assert_eq!(previous_close, bars(Hours::Regular, before, before)[0].close);
        assert!(share_day(&process(), thanksgiving, now).is_none());
    }

    #[test]
    fn a_day_is_the_fold_of_its_regular_bars() {
        let now = at("2026-11-20T17:00:20Z");
        let day = date(2026, 11, 20);
        let wanted = Wanted { interval: Interval::Min5, hours: Hours::Regular, days: (day, day), limit: 999 };
        let bars = share_bars(&process(), &wanted, now);
        let (whole, previous_close) = share_day(&process(), day, now).unwrap();
        assert_eq!(whole.open, bars[bars.len() - 1].open);
        assert_eq!(whole.close, bars[0].close);
        assert_eq!(whole.volume, bars.iter().map(|bar| bar.volume).sum::<i64>());
        let yesterday = Wanted { days: (date(2026, 11, 19), date(2026, 11, 19)), limit: 1, ..wanted };
        assert_eq!(previous_close, share_bars(&process(), &yesterday, now)[0].close);
    }

    #[test]
    fn physical_currencies_rest_on_weekends() {
        let (fx, crypto) = ("USD/JPY".parse().unwrap(), "BTC/USD".parse().unwrap());
        for (now, refreshed) in [
            ("2026-11-20T21:59:59.9Z", "2026-11-20T21:59:59Z"),
            ("2026-11-20T22:00:00Z", "2026-11-20T21:59:59Z"),
            ("2026-11-21T12:00:00Z", "2026-11-20T21:59:59Z"),
            ("2026-11-22T21:59:59Z", "2026-11-20T21:59:59Z"),
            ("2026-11-22T22:00:00.5Z", "2026-11-22T22:00:00Z"),
            // The clocks change in the night of that Sunday.
            ("2026-11-01T20:00:00Z", "2026-10-30T20:59:59Z"),
        ] {
            assert_eq!(last_refreshed(&fx, at(now)), at(refreshed), "{now}");
            assert_eq!(last_refreshed(&crypto, at(now)).as_second(), at(now).as_second());
        }
    }

    #[test]
    fn days_of_currencies_begin_at_midnight_utc() {
        let process = Process::pair(3, &"BTC/EUR".parse().unwrap());
        let days = currency_days(&process, 3, at("2026-11-21T04:00:00Z"));
        assert_eq!(days.len(), 3);
        assert_eq!(days[0].start, at("2026-11-21T00:00:00Z"));
        assert_eq!(days[2].start, at("2026-11-19T00:00:00Z"));
        assert!(days[0].volume < days[1].volume / 3);
    }
}
