//! What the market says to a request: parameters and a market time enter, values leave; no text yet.

use std::collections::BTreeSet;

use jiff::{
    SignedDuration, Span, Timestamp,
    civil::{Date, date},
};
use market::{
    Currency, Interval, Pair, Symbol,
    session::{self, Hours},
};

use crate::{
    faults::Spoiled,
    function::{Function, Query},
    hours::{Wanted, currency_days, last_refreshed, never_rests, share_bars, share_day},
    prices::{Bar, Process, tick_of},
};

/// Bars of a compact reply.
const COMPACT: usize = 100;
/// Days that a full reply reaches back, unless a month is asked for.
const FULL_DAYS: i64 = 30;
/// Rows of DIGITAL_CURRENCY_DAILY.
const CURRENCY_DAYS: usize = 100;
/// How late data are with `entitlement=delayed`.
const DELAY: SignedDuration = SignedDuration::from_mins(15);
/// The first month that intraday bars are served for.
const FIRST_MONTH: Date = date(2000, 1, 1);
/// Half of the difference between bid and ask, in millionths of the rate.
const HALF_SPREAD_PPM: i64 = 20;

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

/// Intraday bars, newest first.
#[derive(Debug, Clone)]
pub(crate) struct Series {
    pub(crate) symbol: String,
    pub(crate) is_delayed: bool,
    pub(crate) interval: Interval,
    pub(crate) is_full: bool,
    pub(crate) bars: Vec<Bar>,
}

/// A rate at a moment.
#[derive(Debug, Clone)]
pub(crate) struct Rate {
    pub(crate) pair: Pair,
    pub(crate) at: Timestamp,
    pub(crate) rate: i64,
    pub(crate) bid: i64,
    pub(crate) ask: i64,
}

/// Days of a digital currency, newest first.
#[derive(Debug, Clone)]
pub(crate) struct Daily {
    pub(crate) pair: Pair,
    pub(crate) bars: Vec<Bar>,
}

/// What a good reply says.
#[derive(Debug, Clone)]
pub(crate) enum Data {
    Quote(Quote),
    Series(Series),
    Rate(Rate),
    Daily(Daily),
}

/// Why there are no data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoData {
    BadRequest,
    UnknownSymbol,
}

/// The instruments that exist, and the seed of their prices.
#[derive(Debug, Clone, Default)]
pub(crate) struct World {
    pub(crate) seed: u64,
    /// If not empty, no other symbol is known.
    pub(crate) symbols: BTreeSet<Symbol>,
    /// If not empty, no other pair is known.
    pub(crate) pairs: BTreeSet<Pair>,
    /// Symbols and pairs, in upper case, that are not known.
    pub(crate) unknown: BTreeSet<String>,
}

impl World {
    /// What a request gets at a market time.
    pub(crate) fn data(&self, function: Function, query: &Query, now: Timestamp) -> Result<Data, NoData> {
        Ok(match function {
            Function::GlobalQuote => Data::Quote(self.quote(query, now)?),
            Function::TimeSeriesIntraday => Data::Series(self.series(query, now)?),
            Function::CurrencyExchangeRate => {
                let pair = self.pair(query.get("from_currency"), query.get("to_currency"))?;
                Data::Rate(self.rate(pair, now))
            }
            Function::DigitalCurrencyDaily => {
                let pair = self.pair(query.get("symbol"), query.get("market"))?;
                if !pair.is_crypto() {
                    return Err(NoData::BadRequest);
                }
                let bars = currency_days(&Process::pair(self.seed, &pair), CURRENCY_DAYS, now);
                Data::Daily(Daily { pair, bars })
            }
        })
    }

    fn symbol(&self, query: &Query) -> Result<(String, Symbol), NoData> {
        let asked = query.get("symbol").ok_or(NoData::BadRequest)?;
        let symbol: Symbol = asked.parse().map_err(|_| NoData::UnknownSymbol)?;
        let is_known =
            (self.symbols.is_empty() || self.symbols.contains(&symbol)) && !self.unknown.contains(symbol.as_str());
        if is_known { Ok((asked.to_owned(), symbol)) } else { Err(NoData::UnknownSymbol) }
    }

    fn pair(&self, base: Option<&str>, quote: Option<&str>) -> Result<Pair, NoData> {
        let (base, quote) = base.zip(quote).ok_or(NoData::BadRequest)?;
        let pair: Pair = format!("{base}/{quote}").parse().map_err(|_| NoData::UnknownSymbol)?;
        let is_known =
            (self.pairs.is_empty() || self.pairs.contains(&pair)) && !self.unknown.contains(&pair.to_string());
        if is_known { Ok(pair) } else { Err(NoData::UnknownSymbol) }
    }

    fn quote(&self, query: &Query, now: Timestamp) -> Result<Quote, NoData> {
        let (asked, symbol) = self.symbol(query)?;
        let (is_delayed, now) = entitled(query, now)?;
        let day = session::latest_trading_day(now);
        let (bar, previous_close) =
            share_day(&Process::equity(self.seed, &symbol), day, now).ok_or(NoData::BadRequest)?;
        Ok(Quote { symbol: asked, is_delayed, day, bar, previous_close })
    }

    fn series(&self, query: &Query, now: Timestamp) -> Result<Series, NoData> {
        let bad = NoData::BadRequest;
        let interval = query.interval().ok_or(bad)?;
        let is_extended = query.flag("extended_hours", true).ok_or(bad)?;
        // There are no splits and dividends here, so adjusted prices are the prices.
        query.flag("adjusted", true).ok_or(bad)?;
        let is_full = match query.get("outputsize") {
            None | Some("compact") => false,
            Some("full") => true,
            Some(_) => return Err(bad),
        };
        let (asked, symbol) = self.symbol(query)?;
        let (is_delayed, now) = entitled(query, now)?;
        let today = session::new_york_date(now);
        let days = match query.get("month") {
            Some(month) => days_of_month(month).ok_or(bad)?,
            // Far enough for 100 bars of an hour in regular sessions of seven.
            None => (today.checked_sub(Span::new().days(FULL_DAYS)).map_err(|_| bad)?, today),
        };
        let wanted = Wanted {
            interval,
            hours: if is_extended { Hours::Extended } else { Hours::Regular },
            days,
            limit: if is_full { usize::MAX } else { COMPACT },
        };
        let bars = share_bars(&Process::equity(self.seed, &symbol), &wanted, now);
        if bars.is_empty() { Err(bad) } else { Ok(Series { symbol: asked, is_delayed, interval, is_full, bars }) }
    }

    fn rate(&self, pair: Pair, now: Timestamp) -> Rate {
        let at = last_refreshed(&pair, now);
        let rate = Process::pair(self.seed, &pair).price(tick_of(at));
        let half_spread = (rate / 1_000_000 * HALF_SPREAD_PPM).max(1);
        Rate { pair, at, rate, bid: rate - half_spread, ask: rate + half_spread }
    }
}

/// What `entitlement` makes of the market time.
fn entitled(query: &Query, now: Timestamp) -> Result<(bool, Timestamp), NoData> {
    match query.get("entitlement") {
        None | Some("realtime") => Ok((false, now)),
        Some("delayed") => Ok((true, now - DELAY)),
        Some(_) => Err(NoData::BadRequest),
    }
}

/// First and last day of a `YYYY-MM`.
fn days_of_month(text: &str) -> Option<(Date, Date)> {
    let first: Date = format!("{text}-01").parse().ok()?;
    (text.len() == 7 && first >= FIRST_MONTH).then(|| (first, first.last_of_month()))
}

/// The request for something else, to which the answer is about the wrong thing.
pub(crate) fn other_subject(function: Function, query: &Query) -> [(&'static str, &'static str); 1] {
    let asked = query.subject();
    let other = |name: &'static str, choice: [&'static str; 3]| {
        let free = choice.into_iter().find(|code| !asked.split('/').any(|part| part == *code));
        [(name, free.unwrap_or(choice[0]))]
    };
    match function {
        Function::GlobalQuote | Function::TimeSeriesIntraday => other("symbol", ["IBM", "MSFT", "AAPL"]),
        Function::DigitalCurrencyDaily => other("symbol", ["ETH", "BTC", "SOL"]),
        Function::CurrencyExchangeRate => {
            let is_digital = query
                .get("from_currency")
                .and_then(|code| code.parse::<Currency>().ok())
                .is_some_and(|currency| currency.is_digital());
            other("from_currency", if is_digital { ["ETH", "BTC", "SOL"] } else { ["EUR", "GBP", "CHF"] })
        }
    }
}

impl Data {
    /// Makes one value bad; a fault that is not about values changes nothing.
    pub(crate) fn spoil(&mut self, how: Spoiled) {
        match how {
            Spoiled::NegativePrice => self.make_negative(),
            Spoiled::OutOfSession => self.leave_session(),
            Spoiled::BrokenJson | Spoiled::Cut | Spoiled::WrongSymbol => {}
        }
    }

    fn make_negative(&mut self) {
        match self {
            Self::Quote(quote) => quote.bar.close = -quote.bar.close,
            Self::Rate(rate) => rate.rate = -rate.rate,
            Self::Series(Series { bars, .. }) | Self::Daily(Daily { bars, .. }) => {
                // The oldest one: it is complete, so nothing else speaks against it.
                if let Some(bar) = bars.last_mut() {
                    bar.low = -bar.low;
                }
            }
        }
    }

    fn leave_session(&mut self) {
        match self {
            // The Sunday before.
            Self::Quote(quote) => {
                let sunday = Span::new().days(i64::from(quote.day.weekday().to_sunday_zero_offset()));
                quote.day = quote.day.checked_sub(sunday).unwrap_or(quote.day);
            }
            // Two o'clock on the day of the oldest bar, so that the order remains.
            Self::Series(series) => {
                if let Some(bar) = series.bars.last_mut() {
                    let night = session::new_york_date(bar.start).at(2, 0, 0, 0);
                    bar.start = session::instant(night, &session::new_york()).unwrap_or(bar.start);
                }
            }
            // The Saturday before, at noon; a digital currency always trades, so tomorrow.
            Self::Rate(rate) if never_rests(&rate.pair) => rate.at += SignedDuration::from_hours(24),
            Self::Rate(rate) => {
                let day = session::new_york_date(rate.at);
                let back = i64::from(day.weekday().to_sunday_zero_offset()) + 1;
                let noon = day.checked_sub(Span::new().days(back)).unwrap_or(day).at(12, 0, 0, 0);
                rate.at = session::instant(noon, &session::new_york()).unwrap_or(rate.at);
            }
            Self::Daily(daily) => {
                if let Some(bar) = daily.bars.first_mut() {
                    bar.start += SignedDuration::from_hours(24);
                }
            }
        }
    }
}
