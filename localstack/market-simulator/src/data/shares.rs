//! Shares: quotes, bars and trading days.

use jiff::{
    Span, Timestamp,
    civil::{Date, date},
};
use market::{
    Interval, Symbol,
    session::{self, Hours},
};

use super::{COMPACT, FULL_DAYS, NoData, World, entitled};
use crate::{
    function::Query,
    hours::{Wanted, share_bars, share_day},
    prices::{Bar, Process, TICK_SECONDS, tick_of},
    splits,
};

/// The most symbols of one bulk request; what comes after them is dropped without a word.
const BULK_MAX: usize = 100;
/// Years of daily bars in a full reply.
const FULL_YEARS: i64 = 20;
/// Days in which there are 100 trading days, with room for holidays.
const COMPACT_DAYS: i64 = 200;
/// Days in which there is a trading day.
const LONG_WEEKEND: i64 = 10;
/// The first month that bars are served for.
const FIRST_MONTH: Date = date(2000, 1, 1);

/// The state of a trading day.
#[derive(Debug, Clone)]
pub(crate) struct Quote {
    /// As it was asked for, letter case included.
    pub(crate) symbol: String,
    pub(crate) is_delayed: bool,
    pub(crate) day: Date,
    pub(crate) bar: Bar,
    pub(crate) previous_close: i64,
}

/// One of many quotes: the regular session, and what was paid outside of it.
#[derive(Debug, Clone)]
pub(crate) struct BulkQuote {
    /// As it was asked for, letter case included.
    pub(crate) symbol: String,
    /// The latest trade, in any session.
    pub(crate) at: Timestamp,
    pub(crate) bar: Bar,
    pub(crate) previous_close: i64,
    /// The latest price before or after the regular session.
    pub(crate) extended: i64,
}

/// Intraday bars, newest first.
#[derive(Debug, Clone)]
pub(crate) struct Series {
    pub(crate) symbol: String,
    pub(crate) is_delayed: bool,
    pub(crate) interval: Interval,
    pub(crate) is_full: bool,
    pub(crate) bars: Vec<Bar>,
}

/// One trading day.
#[derive(Debug, Clone)]
pub(crate) struct ShareDay {
    pub(crate) date: Date,
    /// As it was traded.
    pub(crate) bar: Bar,
    /// The close in shares of today.
    pub(crate) adjusted_close: i64,
    pub(crate) split_coefficient: i64,
}

/// Trading days, newest first.
#[derive(Debug, Clone)]
pub(crate) struct Days {
    pub(crate) symbol: String,
    pub(crate) is_delayed: bool,
    pub(crate) is_full: bool,
    pub(crate) is_adjusted: bool,
    pub(crate) days: Vec<ShareDay>,
}

impl World {
    /// The latest trading day of a ticker, and the close before it.
    pub(super) fn day(&self, ticker: &str, now: Timestamp) -> Option<(Date, Bar, i64)> {
        let day = session::latest_trading_day(now);
        let (bar, previous_close) = share_day(&Process::share(self.seed, ticker), day, now)?;
        let (today, before) = (self.factor(ticker, day), self.factor(ticker, day.yesterday().ok()?));
        Some((day, as_traded(bar, today), previous_close.saturating_mul(before)))
    }

    fn factor(&self, ticker: &str, day: Date) -> i64 {
        splits::factor(&self.splits, ticker, day)
    }

    pub(super) fn quote(&self, query: &Query, now: Timestamp) -> Result<Quote, NoData> {
        let (asked, symbol) = self.symbol(query)?;
        let (is_delayed, now) = entitled(query, now)?;
        let (day, bar, previous_close) = self.day(symbol.as_str(), now).ok_or(NoData::BadRequest)?;
        Ok(Quote { symbol: asked, is_delayed, day, bar, previous_close })
    }

    /// Quotes in the order in which they were asked for; unknown symbols are left out.
    pub(super) fn bulk(&self, query: &Query, now: Timestamp) -> Result<Vec<BulkQuote>, NoData> {
        query.get("symbol").ok_or(NoData::BadRequest)?;
        let Some(newest) = newest_minute(Hours::Extended, now) else { return Err(NoData::BadRequest) };
        let is_regular = newest_minute(Hours::Regular, now) == Some(newest);
        // The ticks of the newest minute that have happened.
        let last = tick_of(now).min(tick_of(newest) + 60 / TICK_SECONDS - 1);
        let quote = |asked: &str| {
            let symbol = self.known(asked).ok()?;
            let ticker = symbol.as_str();
            let (_, bar, previous_close) = self.day(ticker, now)?;
            let process = Process::share(self.seed, ticker);
            // During the regular session: what was paid last before it.
            let tick = if is_regular { tick_of(bar.start) - 1 } else { last };
            let began = Timestamp::from_second(tick * TICK_SECONDS).ok()?;
            let extended = process.price(tick).saturating_mul(self.factor(ticker, session::new_york_date(began)));
            Some(BulkQuote {
                symbol: asked.to_owned(),
                at: latest_trade(&process, last, now),
                bar,
                previous_close,
                extended,
            })
        };
        Ok(query.list("symbol").take(BULK_MAX).filter_map(quote).collect())
    }

    pub(super) fn series(&self, query: &Query, now: Timestamp) -> Result<Series, NoData> {
        let bad = NoData::BadRequest;
        let interval = query.interval().ok_or(bad)?;
        let is_extended = query.flag("extended_hours", true).ok_or(bad)?;
        let is_adjusted = query.flag("adjusted", true).ok_or(bad)?;
        let is_full = query.is_full().ok_or(bad)?;
        let (asked, symbol) = self.symbol(query)?;
        let (is_delayed, now) = entitled(query, now)?;
        let today = session::new_york_date(now);
        let days = match query.get("month") {
            Some(month) => days_of_month(month).ok_or(bad)?,
            // Far enough for 100 bars of an hour in regular sessions of seven.
            None => (days_before(today, FULL_DAYS), today),
        };
        let wanted = Wanted {
            interval,
            hours: if is_extended { Hours::Extended } else { Hours::Regular },
            days,
            limit: if is_full { usize::MAX } else { COMPACT },
        };
        let mut bars = share_bars(&Process::equity(self.seed, &symbol), &wanted, now);
        for bar in &mut bars {
            let day = if is_adjusted { today } else { session::new_york_date(bar.start) };
            *bar = as_traded(*bar, self.factor(symbol.as_str(), day));
        }
        if bars.is_empty() { Err(bad) } else { Ok(Series { symbol: asked, is_delayed, interval, is_full, bars }) }
    }

    pub(super) fn days(&self, query: &Query, now: Timestamp, is_adjusted: bool) -> Result<Days, NoData> {
        let is_full = query.is_full().ok_or(NoData::BadRequest)?;
        let (asked, symbol) = self.symbol(query)?;
        let (is_delayed, now) = entitled(query, now)?;
        let days = self.trading_days(&symbol, is_full, now);
        if days.is_empty() {
            return Err(NoData::BadRequest);
        }
        Ok(Days { symbol: asked, is_delayed, is_full, is_adjusted, days })
    }

    fn trading_days(&self, symbol: &Symbol, is_full: bool, now: Timestamp) -> Vec<ShareDay> {
        let today = session::new_york_date(now);
        let (first, limit) = if is_full {
            (today.checked_sub(Span::new().years(FULL_YEARS)).unwrap_or(FIRST_MONTH), usize::MAX)
        } else {
            (days_before(today, COMPACT_DAYS), COMPACT)
        };
        // A bar of 24 hours that the close cuts short is the day's regular session.
        let wanted = Wanted { interval: Interval::Day, hours: Hours::Regular, days: (first, today), limit };
        let now_factor = self.factor(symbol.as_str(), today);
        let day = |bar: Bar| {
            let date = session::new_york_date(bar.start);
            ShareDay {
                date,
                adjusted_close: bar.close.saturating_mul(now_factor),
                bar: as_traded(bar, self.factor(symbol.as_str(), date)),
                split_coefficient: splits::coefficient(&self.splits, symbol.as_str(), date),
            }
        };
        share_bars(&Process::equity(self.seed, symbol), &wanted, now).into_iter().map(day).collect()
    }
}

/// A bar of the process, in shares of which each became `factor` of the newest.
fn as_traded(bar: Bar, factor: i64) -> Bar {
    let [open, high, low, close] = [bar.open, bar.high, bar.low, bar.close].map(|price| price.saturating_mul(factor));
    Bar { open, high, low, close, volume: bar.volume / factor, ..bar }
}

/// The begin of the newest minute in which shares traded. It asks for bars, so that whatever those
/// know of holidays and short days holds here as well.
pub(super) fn newest_minute(hours: Hours, now: Timestamp) -> Option<Timestamp> {
    let today = session::new_york_date(now);
    let days = (days_before(today, LONG_WEEKEND), today);
    let wanted = Wanted { interval: Interval::Min1, hours, days, limit: 1 };
    share_bars(&Process::share(0, "ANY"), &wanted, now).first().map(|bar| bar.start)
}

/// When a share was last traded, to the millisecond: somewhere in its latest tick. Before that
/// moment it is the begin of the tick.
fn latest_trade(process: &Process, tick: i64, now: Timestamp) -> Timestamp {
    let begin = tick * TICK_SECONDS * 1_000;
    let at = Timestamp::from_millisecond(begin + process.trade(tick, 1_000 * TICK_SECONDS as u64)).unwrap_or(now);
    if at <= now { at } else { Timestamp::from_millisecond(begin).unwrap_or(now) }
}

fn days_before(day: Date, days: i64) -> Date {
    day.checked_sub(Span::new().days(days)).unwrap_or(FIRST_MONTH)
}

/// First and last day of a `YYYY-MM`.
fn days_of_month(text: &str) -> Option<(Date, Date)> {
    let first: Date = format!("{text}-01").parse().ok()?;
    (text.len() == 7 && first >= FIRST_MONTH).then(|| (first, first.last_of_month()))
}
