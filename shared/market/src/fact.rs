//! What a vendor says about the market: a quote, a bar, a rate, each with the labels it needs to be understood.

use std::fmt;

use jiff::{Timestamp, civil::Date};
use rust_decimal::Decimal;

use crate::{Bar, Basis, Event, Freshness, Interval, Ohlc, Pair, Price, Subject, Symbol, Volume, session};

/// The state of a trading day for one symbol, as of the vendor's last update.
///
/// It has a day, not a time of day, so it is never stamped "now".
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quote {
    /// Whose quote.
    pub symbol: Symbol,
    /// The day in New York that it speaks of.
    pub trading_day: Date,
    /// Open, high and low of the day so far; its close is the latest price.
    pub prices: Ohlc,
    /// Close of the trading day before.
    pub previous_close: Option<Price>,
    /// Price less previous close.
    pub change: Option<Decimal>,
    /// Change in percent of the previous close.
    pub change_percent: Option<Decimal>,
    /// Shares traded that day so far.
    pub volume: Volume,
    /// How old the price is when published.
    pub freshness: Freshness,
    /// Whether the day is over and settled: only a correction will change it.
    pub is_final: bool,
    /// When the price was made, where the vendor says so: in bulk quotes only.
    pub quoted_at: Option<Timestamp>,
    /// What was traded outside of the regular session: in bulk quotes only.
    pub extended_hours: Option<ExtendedHours>,
}

/// The latest price outside of the regular session. It may lie beyond the day's high and low.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExtendedHours {
    /// The latest price.
    pub price: Price,
    /// Price less the regular session's close.
    pub change: Option<Decimal>,
    /// Change in percent of the regular session's close.
    pub change_percent: Option<Decimal>,
}

impl Quote {
    /// The latest price.
    pub fn price(&self) -> Price {
        self.prices.close()
    }
}

/// The price of one unit of the base currency in the quote currency, at a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rate {
    /// The two currencies.
    pub pair: Pair,
    /// When the vendor last refreshed it.
    pub at: Timestamp,
    /// Units of the quote currency for one unit of the base.
    pub rate: Price,
    /// What a buyer offers.
    pub bid: Option<Price>,
    /// What a seller asks.
    pub ask: Option<Price>,
    /// How old the rate is when published.
    pub freshness: Freshness,
}

/// A bar with what it is about and how it is to be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VendorBar {
    /// Whose bar; `None` where neither the request nor the reply names it, as for a series in CSV.
    pub subject: Option<Subject>,
    /// What its prices were corrected for.
    pub basis: Basis,
    /// How old it is when published.
    pub freshness: Freshness,
    /// The bar.
    pub bar: Bar,
    /// What the vendor says of splits and dividends of that day, where it was asked.
    pub adjustment: Option<Adjustment>,
}

/// What became of a share on a day, besides trading.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Adjustment {
    /// The day's close, divided through later splits and reduced by later dividends.
    pub adjusted_close: Price,
    /// Dividend per share that went ex on that day, zero for none.
    pub dividend: Decimal,
    /// Shares after the split of that day for one before, one for none.
    pub split_coefficient: Decimal,
}

/// One thing that a vendor said.
#[derive(Debug, Clone, PartialEq)]
pub enum Fact {
    /// A trading day's quote.
    Quote(Quote),
    /// A bar.
    Bar(VendorBar),
    /// A rate.
    Rate(Rate),
    /// Something around the market, which belongs to no series.
    Event(Event),
}

impl Fact {
    /// The instrument that the fact is about, if it is about one and it is named.
    pub fn subject(&self) -> Option<Subject> {
        match self {
            Self::Quote(quote) => Some(Subject::Equity(quote.symbol.clone())),
            Self::Bar(bar) => bar.subject.clone(),
            Self::Rate(rate) => Some(Subject::Pair(rate.pair.clone())),
            Self::Event(event) => event.subject(),
        }
    }

    /// When it happened: a bar's begin, a rate's refresh, and for a quote the begin of its day's regular session.
    ///
    /// A quote of a day without trading, which validation refuses, counts from midnight UTC.
    pub fn event_time(&self) -> Timestamp {
        match self {
            Self::Quote(quote) => day_start(quote.trading_day),
            Self::Bar(bar) => bar.bar.start,
            Self::Rate(rate) => rate.at,
            Self::Event(event) => event.event_time(),
        }
    }

    /// The length of time it covers, if any.
    pub fn interval(&self) -> Option<Interval> {
        match self {
            Self::Quote(_) => Some(Interval::Day),
            Self::Bar(bar) => Some(bar.bar.interval),
            Self::Rate(_) | Self::Event(_) => None,
        }
    }
}

/// The begin of a trading day: that of its regular session in New York.
pub fn day_start(day: Date) -> Timestamp {
    session::session(day, session::Hours::Regular)
        .map(|(open, _)| open)
        .or_else(|| day.to_zoned(jiff::tz::TimeZone::UTC).ok().map(|zoned| zoned.timestamp()))
        .unwrap_or(Timestamp::UNIX_EPOCH)
}

/// A remark on a fact that is good but not as usual.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Flag {
    /// Older than the last session that should have produced it.
    Stale,
    /// Open or close lies outside of high and low by no more than the vendor's rounding.
    Rounded,
    /// The vendor labelled the bar by its end; the record's time is its begin, computed.
    EndLabelled,
    /// The interval is not over yet; a later revision follows.
    Partial,
    /// Neither the request nor the reply names the symbol.
    SymbolUnknown,
    /// The price is further from the one before than is usual.
    PriceSpike,
    /// The price came back from a spike: what was there before was a misprint.
    RevertedSpike,
    /// Much more was traded than is usual.
    VolumeSpike,
    /// The price has not moved for long, in session.
    FlatLine,
    /// The jump is that of a split, and the vendor says there was one.
    Split,
    /// The jump looks like that of a split; nobody said there was one.
    SplitSuspected,
}

impl Flag {
    /// The word in records.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stale => "stale",
            Self::Rounded => "rounded",
            Self::EndLabelled => "end_labelled",
            Self::Partial => "partial",
            Self::SymbolUnknown => "symbol_unknown",
            Self::PriceSpike => "price_spike",
            Self::RevertedSpike => "reverted_spike",
            Self::VolumeSpike => "volume_spike",
            Self::FlatLine => "flat_line",
            Self::Split => "split",
            Self::SplitSuspected => "split_suspected",
        }
    }
}

impl fmt::Display for Flag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A fact with the remarks on it.
#[derive(Debug, Clone, PartialEq)]
pub struct Observation {
    /// What was said.
    pub fact: Fact,
    /// Remarks, sorted, each at most once.
    pub flags: Vec<Flag>,
}
