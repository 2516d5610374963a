//! Currencies: rates, bars and days.

use jiff::{SignedDuration, Timestamp};
use market::{Interval, Pair};

use super::{COMPACT, FULL_DAYS, NoData, World};
use crate::{
    function::Query,
    hours::{currency_days, last_refreshed, never_rests},
    prices::{Bar, Process, WEIGHT_ONE, tick_of},
};

/// Rows of DIGITAL_CURRENCY_DAILY.
const CURRENCY_DAYS: usize = 100;
/// Half of the difference between bid and ask, in millionths of the rate.
const HALF_SPREAD_PPM: i64 = 20;
const HOUR: SignedDuration = SignedDuration::from_hours(1);

/// A rate at a moment.
#[derive(Debug, Clone)]
pub(crate) struct Rate {
    pub(crate) pair: Pair,
    pub(crate) at: Timestamp,
    pub(crate) rate: i64,
    pub(crate) bid: i64,
    pub(crate) ask: i64,
}

/// Intraday bars of a pair, newest first.
#[derive(Debug, Clone)]
pub(crate) struct CurrencyBars {
    pub(crate) pair: Pair,
    pub(crate) interval: Interval,
    pub(crate) is_full: bool,
    /// How many decimals of the rates are shown.
    pub(crate) decimals: u32,
    pub(crate) bars: Vec<Bar>,
}

/// Days of a digital currency, newest first.
#[derive(Debug, Clone)]
pub(crate) struct CurrencyDays {
    pub(crate) pair: Pair,
    pub(crate) bars: Vec<Bar>,
}

impl World {
    pub(super) fn rate(&self, query: &Query, now: Timestamp) -> Result<Rate, NoData> {
        let pair = self.pair(query.get("from_currency"), query.get("to_currency"))?;
        let at = last_refreshed(&pair, now);
        let rate = Process::pair(self.seed, &pair).price(tick_of(at));
        let half_spread = (rate / 1_000_000 * HALF_SPREAD_PPM).max(1);
        Ok(Rate { pair, at, rate, bid: rate - half_spread, ask: rate + half_spread })
    }

    pub(super) fn crypto_bars(&self, query: &Query, now: Timestamp) -> Result<CurrencyBars, NoData> {
        let pair = self.pair(query.get("symbol"), query.get("market"))?;
        if pair.is_crypto() { self.currency_bars(pair, query, now) } else { Err(NoData::BadRequest) }
    }

    pub(super) fn fx_bars(&self, query: &Query, now: Timestamp) -> Result<CurrencyBars, NoData> {
        let pair = self.pair(query.get("from_symbol"), query.get("to_symbol"))?;
        if never_rests(&pair) { Err(NoData::BadRequest) } else { self.currency_bars(pair, query, now) }
    }

    fn currency_bars(&self, pair: Pair, query: &Query, now: Timestamp) -> Result<CurrencyBars, NoData> {
        let interval = query.interval().ok_or(NoData::BadRequest)?;
        let is_full = query.is_full().ok_or(NoData::BadRequest)?;
        let process = Process::pair(self.seed, &pair);
        let bars = bars(&process, &pair, interval, if is_full { usize::MAX } else { COMPACT }, now);
        Ok(CurrencyBars { decimals: process.intraday_decimals(), pair, interval, is_full, bars })
    }

    pub(super) fn currency_days(&self, query: &Query, now: Timestamp) -> Result<CurrencyDays, NoData> {
        let pair = self.pair(query.get("symbol"), query.get("market"))?;
        if !pair.is_crypto() {
            return Err(NoData::BadRequest);
        }
        let bars = currency_days(&Process::pair(self.seed, &pair), CURRENCY_DAYS, now);
        Ok(CurrencyDays { pair, bars })
    }
}

/// The bars of a pair by `now`, newest first. Markets of currencies open and close on the hour, and
/// every interval divides one.
fn bars(process: &Process, pair: &Pair, interval: Interval, limit: usize, now: Timestamp) -> Vec<Bar> {
    let mut bars = Vec::new();
    let second = now.as_second();
    let Ok(mut hour) = Timestamp::from_second(second - second.rem_euclid(3_600)) else { return bars };
    for _ in 0..FULL_DAYS * 24 {
        if bars.len() >= limit {
            break;
        }
        if last_refreshed(pair, hour) == hour {
            let starts =
                (0_i64..).map(|step| hour + interval.duration() * step as i32).take_while(|at| *at < hour + HOUR);
            let of_hour: Vec<Bar> = starts
                .map_while(|start| process.bar(start, start + interval.duration(), now, |_| WEIGHT_ONE))
                .collect();
            bars.extend(of_hour.into_iter().rev().take(limit - bars.len()));
        }
        hour -= HOUR;
    }
    bars
}
