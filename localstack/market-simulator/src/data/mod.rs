//! What the market says to a request: parameters and a market time enter, values leave; no text yet.
//!
//! Functions agree with each other, because all of them ask the same processes.

mod board;
mod calendar;
mod movers;
mod news;
mod rates;
mod shares;
mod spoil;
mod status;

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use market::{Pair, Symbol};

use crate::{
    function::{Function, Query},
    splits::Split,
};

pub(crate) use calendar::Report;
pub(crate) use movers::{Mover, Movers};
pub(crate) use news::{Article, Mention};
pub(crate) use rates::{CurrencyBars, CurrencyDays, Rate};
pub(crate) use shares::{BulkQuote, Days, Quote, Series, ShareDay};
pub(crate) use spoil::other_subject;
pub(crate) use status::Market;

/// Bars of a compact reply.
const COMPACT: usize = 100;
/// Days that a full intraday reply reaches back, unless a month is asked for.
const FULL_DAYS: i64 = 30;
/// How late data are with `entitlement=delayed`.
const DELAY: SignedDuration = SignedDuration::from_mins(15);

/// What a good reply says.
#[derive(Debug, Clone)]
pub(crate) enum Data {
    Quote(Quote),
    Bulk(Vec<BulkQuote>),
    Series(Series),
    Days(Days),
    Rate(Rate),
    CurrencyBars(CurrencyBars),
    CurrencyDays(CurrencyDays),
    News(Vec<Article>),
    Status(Vec<Market>),
    Movers(Movers),
    Calendar(Vec<Report>),
}

/// Why there are no data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoData {
    BadRequest,
    UnknownSymbol,
    NoArticles,
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
    /// Splits of shares.
    pub(crate) splits: Vec<Split>,
}

impl World {
    /// What a request gets at a market time.
    pub(crate) fn data(&self, function: Function, query: &Query, now: Timestamp) -> Result<Data, NoData> {
        Ok(match function {
            Function::GlobalQuote => Data::Quote(self.quote(query, now)?),
            Function::RealtimeBulkQuotes => Data::Bulk(self.bulk(query, now)?),
            Function::TimeSeriesIntraday => Data::Series(self.series(query, now)?),
            Function::TimeSeriesDaily => Data::Days(self.days(query, now, false)?),
            Function::TimeSeriesDailyAdjusted => Data::Days(self.days(query, now, true)?),
            Function::CurrencyExchangeRate => Data::Rate(self.rate(query, now)?),
            Function::CryptoIntraday => Data::CurrencyBars(self.crypto_bars(query, now)?),
            Function::FxIntraday => Data::CurrencyBars(self.fx_bars(query, now)?),
            Function::DigitalCurrencyDaily => Data::CurrencyDays(self.currency_days(query, now)?),
            Function::NewsSentiment => Data::News(self.news(query, now)?),
            Function::MarketStatus => Data::Status(status::status(now)),
            Function::TopGainersLosers => Data::Movers(self.movers(query, now)?),
            Function::EarningsCalendar => Data::Calendar(self.calendar(query, now)?),
        })
    }

    /// The symbol of a text; its letters remain as they were sent beside it.
    fn known(&self, asked: &str) -> Result<Symbol, NoData> {
        let symbol: Symbol = asked.parse().map_err(|_| NoData::UnknownSymbol)?;
        let is_known =
            (self.symbols.is_empty() || self.symbols.contains(&symbol)) && !self.unknown.contains(symbol.as_str());
        if is_known { Ok(symbol) } else { Err(NoData::UnknownSymbol) }
    }

    fn symbol(&self, query: &Query) -> Result<(String, Symbol), NoData> {
        let asked = query.get("symbol").ok_or(NoData::BadRequest)?;
        Ok((asked.to_owned(), self.known(asked)?))
    }

    fn pair(&self, base: Option<&str>, quote: Option<&str>) -> Result<Pair, NoData> {
        let (base, quote) = base.zip(quote).ok_or(NoData::BadRequest)?;
        let pair: Pair = format!("{base}/{quote}").parse().map_err(|_| NoData::UnknownSymbol)?;
        let is_known =
            (self.pairs.is_empty() || self.pairs.contains(&pair)) && !self.unknown.contains(&pair.to_string());
        if is_known { Ok(pair) } else { Err(NoData::UnknownSymbol) }
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
