//! How the data of each function look: the keys that hold them, the columns of their CSV, their fields.
//!
//! All names are words as [`crate::field::word`] gives them.

use crate::{Function, refusal::is_message};

/// How rows stand under the key of the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Layout {
    /// The key holds one row.
    Row,
    /// The key holds an object of rows under their times, beside `Meta Data`.
    Series,
    /// The key holds a list of rows; there may be more than one such key.
    List,
    /// There is no such key: data come as CSV.
    Table,
}

pub(crate) const fn layout(function: Function) -> Layout {
    match function {
        Function::GlobalQuote | Function::CurrencyExchangeRate => Layout::Row,
        Function::TimeSeriesIntraday
        | Function::TimeSeriesDaily
        | Function::TimeSeriesDailyAdjusted
        | Function::CryptoIntraday
        | Function::FxIntraday
        | Function::DigitalCurrencyDaily => Layout::Series,
        Function::RealtimeBulkQuotes
        | Function::NewsSentiment
        | Function::MarketStatus
        | Function::TopGainersLosers => Layout::List,
        Function::EarningsCalendar => Layout::Table,
    }
}

/// Whether a key of the top level holds data of the function.
pub(crate) fn is_data_key(function: Function, word: &str) -> bool {
    match function {
        Function::GlobalQuote => word.starts_with("globalquote"),
        Function::CurrencyExchangeRate => word.starts_with("realtimecurrencyexchangerate"),
        Function::RealtimeBulkQuotes => word == "data",
        Function::NewsSentiment => word == "feed",
        Function::MarketStatus => word == "markets",
        Function::TopGainersLosers => matches!(word, "topgainers" | "toplosers" | "mostactivelytraded"),
        Function::EarningsCalendar => false,
        _ => word.contains("timeseries"),
    }
}

/// How the data key is written, for messages.
pub(crate) const fn data_key(function: Option<Function>) -> &'static str {
    match function {
        None => "data of a known function",
        Some(Function::GlobalQuote) => "Global Quote",
        Some(Function::CurrencyExchangeRate) => "Realtime Currency Exchange Rate",
        Some(Function::RealtimeBulkQuotes) => "data",
        Some(Function::NewsSentiment) => "feed",
        Some(Function::MarketStatus) => "markets",
        Some(Function::TopGainersLosers) => "top_gainers",
        Some(Function::EarningsCalendar) => "reportDate",
        Some(_) => "Time Series",
    }
}

/// The columns by which a CSV of the function is known; none where it has no CSV that could be trusted.
///
/// The rate has none at all. That of bulk quotes could not say that its prices are made up.
pub(crate) const fn columns(function: Function) -> &'static [&'static str] {
    match function {
        Function::GlobalQuote => &["symbol", "open", "high", "low", "price", "volume", "latesttradingday"],
        Function::EarningsCalendar => &["symbol", "reportdate", "fiscaldateending"],
        Function::TimeSeriesDailyAdjusted => &["timestamp", "open", "high", "low", "close", "adjustedclose"],
        Function::TimeSeriesIntraday
        | Function::TimeSeriesDaily
        | Function::CryptoIntraday
        | Function::FxIntraday
        | Function::DigitalCurrencyDaily => &["timestamp", "open", "high", "low", "close"],
        Function::CurrencyExchangeRate
        | Function::RealtimeBulkQuotes
        | Function::NewsSentiment
        | Function::MarketStatus
        | Function::TopGainersLosers => &[],
    }
}

/// Whether columns of an adjusted series may stand in a CSV of the function.
pub(crate) const fn may_be_adjusted(function: Function) -> bool {
    matches!(function, Function::TimeSeriesDaily | Function::TimeSeriesDailyAdjusted)
}

/// The fields of a row that are known.
pub(crate) const fn fields(function: Function) -> &'static [&'static str] {
    match function {
        Function::GlobalQuote => &[
            "symbol",
            "open",
            "high",
            "low",
            "price",
            "volume",
            "latesttradingday",
            "previousclose",
            "change",
            "changepercent",
        ],
        Function::RealtimeBulkQuotes => &[
            "symbol",
            "timestamp",
            "open",
            "high",
            "low",
            "close",
            "volume",
            "previousclose",
            "change",
            "changepercent",
            "extendedhoursquote",
            "extendedhourschange",
            "extendedhourschangepercent",
        ],
        Function::CurrencyExchangeRate => &[
            "fromcurrencycode",
            "fromcurrencyname",
            "tocurrencycode",
            "tocurrencyname",
            "exchangerate",
            "lastrefreshed",
            "timezone",
            "bidprice",
            "askprice",
        ],
        Function::TimeSeriesIntraday | Function::TimeSeriesDaily | Function::CryptoIntraday | Function::FxIntraday => {
            &["timestamp", "open", "high", "low", "close", "volume"]
        }
        Function::TimeSeriesDailyAdjusted => &[
            "timestamp",
            "open",
            "high",
            "low",
            "close",
            "adjustedclose",
            "volume",
            "dividendamount",
            "splitcoefficient",
        ],
        Function::DigitalCurrencyDaily => &["timestamp", "open", "high", "low", "close", "volume", "marketcap"],
        Function::NewsSentiment => &[
            "title",
            "url",
            "timepublished",
            "authors",
            "summary",
            "bannerimage",
            "source",
            "categorywithinsource",
            "sourcedomain",
            "topics",
            "overallsentimentscore",
            "overallsentimentlabel",
            "tickersentiment",
        ],
        Function::MarketStatus => {
            &["markettype", "region", "primaryexchanges", "localopen", "localclose", "currentstatus", "notes"]
        }
        Function::TopGainersLosers => &["ticker", "price", "changeamount", "changepercentage", "volume"],
        Function::EarningsCalendar => {
            &["symbol", "name", "reportdate", "fiscaldateending", "estimate", "currency", "timeoftheday"]
        }
    }
}

/// The fields of `Meta Data` that are known.
pub(crate) const META: &[&str] = &[
    "information",
    "symbol",
    "lastrefreshed",
    "interval",
    "outputsize",
    "timezone",
    "digitalcurrencycode",
    "digitalcurrencyname",
    "marketcode",
    "marketname",
    "fromsymbol",
    "tosymbol",
];

/// Whether a key of the top level is known, be it data or not.
pub(crate) fn is_known_key(function: Function, word: &str) -> bool {
    const BESIDE: &[&str] =
        &["metadata", "endpoint", "items", "sentimentscoredefinition", "relevancescoredefinition", "lastupdated"];
    is_data_key(function, word) || is_message(word) || BESIDE.contains(&word)
}
