//! The functions that the simulator serves, and a request's parameters.

use std::collections::BTreeMap;

use market::{Interval, Pair, Symbol};

/// An endpoint of the vendor, named by the parameter `function`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Function {
    /// The state of a trading day for one symbol.
    GlobalQuote,
    /// The state of a trading day for up to 100 symbols.
    RealtimeBulkQuotes,
    /// Bars of one symbol, 1 to 60 minutes.
    TimeSeriesIntraday,
    /// Trading days of one symbol, as traded.
    TimeSeriesDaily,
    /// Trading days of one symbol, with what splits and dividends make of the close.
    TimeSeriesDailyAdjusted,
    /// The rate of a pair, now.
    CurrencyExchangeRate,
    /// Bars of a digital currency, 1 to 60 minutes.
    CryptoIntraday,
    /// Bars of a pair of physical currencies, 1 to 60 minutes.
    FxIntraday,
    /// Days of a digital currency.
    DigitalCurrencyDaily,
    /// News articles and what they mean for tickers.
    NewsSentiment,
    /// Which markets are open.
    MarketStatus,
    /// The shares that moved or traded most.
    TopGainersLosers,
    /// When companies will report. CSV only.
    EarningsCalendar,
}

/// Which parameters say what a request is about.
enum About {
    Nothing,
    One(&'static str),
    Pair(&'static str, &'static str),
}

impl Function {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::GlobalQuote,
        Self::RealtimeBulkQuotes,
        Self::TimeSeriesIntraday,
        Self::TimeSeriesDaily,
        Self::TimeSeriesDailyAdjusted,
        Self::CurrencyExchangeRate,
        Self::CryptoIntraday,
        Self::FxIntraday,
        Self::DigitalCurrencyDaily,
        Self::NewsSentiment,
        Self::MarketStatus,
        Self::TopGainersLosers,
        Self::EarningsCalendar,
    ];

    /// The vendor's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::GlobalQuote => "GLOBAL_QUOTE",
            Self::RealtimeBulkQuotes => "REALTIME_BULK_QUOTES",
            Self::TimeSeriesIntraday => "TIME_SERIES_INTRADAY",
            Self::TimeSeriesDaily => "TIME_SERIES_DAILY",
            Self::TimeSeriesDailyAdjusted => "TIME_SERIES_DAILY_ADJUSTED",
            Self::CurrencyExchangeRate => "CURRENCY_EXCHANGE_RATE",
            Self::CryptoIntraday => "CRYPTO_INTRADAY",
            Self::FxIntraday => "FX_INTRADAY",
            Self::DigitalCurrencyDaily => "DIGITAL_CURRENCY_DAILY",
            Self::NewsSentiment => "NEWS_SENTIMENT",
            Self::MarketStatus => "MARKET_STATUS",
            Self::TopGainersLosers => "TOP_GAINERS_LOSERS",
            Self::EarningsCalendar => "EARNINGS_CALENDAR",
        }
    }

    /// The function of that name.
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|function| function.as_str() == name)
    }

    /// The functions that somebody calls who follows these symbols and pairs by quote, intraday
    /// bar, rate and day of digital currencies. Whoever calls others says so.
    pub fn in_use(symbols: &[Symbol], pairs: &[Pair]) -> Vec<Self> {
        let used = |function: &Self| match function {
            Self::GlobalQuote | Self::TimeSeriesIntraday => !symbols.is_empty(),
            Self::CurrencyExchangeRate => !pairs.is_empty(),
            Self::DigitalCurrencyDaily => pairs.iter().any(Pair::is_crypto),
            _ => false,
        };
        Self::ALL.into_iter().filter(used).collect()
    }

    const fn about(self) -> About {
        match self {
            Self::GlobalQuote
            | Self::RealtimeBulkQuotes
            | Self::TimeSeriesIntraday
            | Self::TimeSeriesDaily
            | Self::TimeSeriesDailyAdjusted
            | Self::EarningsCalendar => About::One("symbol"),
            Self::CurrencyExchangeRate => About::Pair("from_currency", "to_currency"),
            Self::FxIntraday => About::Pair("from_symbol", "to_symbol"),
            Self::CryptoIntraday | Self::DigitalCurrencyDaily => About::Pair("symbol", "market"),
            Self::NewsSentiment => About::One("tickers"),
            Self::MarketStatus | Self::TopGainersLosers => About::Nothing,
        }
    }

    /// The parameter that names a symbol, or the first currency of a pair.
    pub(crate) const fn subject_parameter(self) -> Option<&'static str> {
        match self.about() {
            About::Nothing => None,
            About::One(name) | About::Pair(name, _) => Some(name),
        }
    }
}

/// The parameters of a request.
#[derive(Debug, Clone, Default)]
pub(crate) struct Query(BTreeMap<String, String>);

impl Query {
    pub(crate) fn new(parameters: BTreeMap<String, String>) -> Self {
        Self(parameters)
    }

    /// A parameter; an empty one counts as absent.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// The parts of a parameter between commas; none if it is absent.
    pub(crate) fn list(&self, name: &str) -> impl Iterator<Item = &str> {
        self.get(name).into_iter().flat_map(|list| list.split(',')).map(str::trim).filter(|part| !part.is_empty())
    }

    /// The same query with another value for a parameter.
    pub(crate) fn with(&self, name: &str, value: &str) -> Self {
        let mut changed = self.clone();
        changed.0.insert(name.to_owned(), value.to_owned());
        changed
    }

    pub(crate) fn function(&self) -> &str {
        self.get("function").unwrap_or_default()
    }

    /// Whether the reply is CSV, if there is one.
    pub(crate) fn wants_csv(&self) -> bool {
        self.get("datatype") == Some("csv") || self.function() == Function::EarningsCalendar.as_str()
    }

    /// What the request is about, in upper case, as faults and the log name it: `MSFT`,
    /// `MSFT,AAPL` or `BTC/USD`; empty for what is about everything.
    pub(crate) fn subject(&self) -> String {
        let get = |name: &str| self.get(name).unwrap_or_default();
        let subject = match Function::find(self.function()).map_or(About::One("symbol"), Function::about) {
            About::Nothing => String::new(),
            About::One(name) => get(name).to_owned(),
            About::Pair(base, quote) => format!("{}/{}", get(base), get(quote)),
        };
        subject.to_ascii_uppercase()
    }

    /// The parameter `interval`, if it is one of minutes.
    pub(crate) fn interval(&self) -> Option<Interval> {
        self.get("interval")?.parse().ok().filter(|interval| *interval != Interval::Day)
    }

    /// Whether `outputsize` is `full`; `None` if it is neither that nor `compact`.
    pub(crate) fn is_full(&self) -> Option<bool> {
        match self.get("outputsize") {
            None | Some("compact") => Some(false),
            Some("full") => Some(true),
            Some(_) => None,
        }
    }

    /// A parameter that is `true` or `false`; `None` if it is anything else.
    pub(crate) fn flag(&self, name: &str, default: bool) -> Option<bool> {
        match self.get(name) {
            None => Some(default),
            Some("true") => Some(true),
            Some("false") => Some(false),
            Some(_) => None,
        }
    }
}
