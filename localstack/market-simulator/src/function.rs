//! The functions that the simulator serves, and a request's parameters.

use std::collections::BTreeMap;

use market::{Interval, Pair, Symbol};

/// Longest subject that is written to the log of calls, in characters.
const SUBJECT_MAX: usize = 48;

/// An endpoint of the vendor, named by the parameter `function`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Function {
    /// The state of a trading day for one symbol.
    GlobalQuote,
    /// Bars of one symbol, 1 to 60 minutes.
    TimeSeriesIntraday,
    /// The rate of a pair, now.
    CurrencyExchangeRate,
    /// Days of a digital currency.
    DigitalCurrencyDaily,
}

impl Function {
    /// All of them.
    pub const ALL: [Self; 4] =
        [Self::GlobalQuote, Self::TimeSeriesIntraday, Self::CurrencyExchangeRate, Self::DigitalCurrencyDaily];

    /// The vendor's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::GlobalQuote => "GLOBAL_QUOTE",
            Self::TimeSeriesIntraday => "TIME_SERIES_INTRADAY",
            Self::CurrencyExchangeRate => "CURRENCY_EXCHANGE_RATE",
            Self::DigitalCurrencyDaily => "DIGITAL_CURRENCY_DAILY",
        }
    }

    /// The function of that name.
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|function| function.as_str() == name)
    }

    /// The functions that somebody calls who follows these symbols and pairs.
    pub fn in_use(symbols: &[Symbol], pairs: &[Pair]) -> Vec<Self> {
        let used = |function: &Self| match function {
            Self::GlobalQuote | Self::TimeSeriesIntraday => !symbols.is_empty(),
            Self::CurrencyExchangeRate => !pairs.is_empty(),
            Self::DigitalCurrencyDaily => pairs.iter().any(Pair::is_crypto),
        };
        Self::ALL.into_iter().filter(used).collect()
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

    /// The same query with other values for some parameters.
    pub(crate) fn with(&self, parameters: &[(&str, &str)]) -> Self {
        let mut changed = self.clone();
        changed.0.extend(parameters.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        changed
    }

    pub(crate) fn function(&self) -> &str {
        self.get("function").unwrap_or_default()
    }

    /// Whether the reply is asked for as CSV.
    pub(crate) fn wants_csv(&self) -> bool {
        self.get("datatype") == Some("csv")
    }

    /// What the request is about, in upper case, as faults and the log name it: `MSFT` or `BTC/USD`.
    pub(crate) fn subject(&self) -> String {
        let (base, quote) = match Function::find(self.function()) {
            Some(Function::CurrencyExchangeRate) => ("from_currency", Some("to_currency")),
            Some(Function::DigitalCurrencyDaily) => ("symbol", Some("market")),
            _ => ("symbol", None),
        };
        let mut subject = self.get(base).unwrap_or_default().to_owned();
        if let Some(quote) = quote {
            subject = format!("{subject}/{}", self.get(quote).unwrap_or_default());
        }
        subject.to_ascii_uppercase().chars().take(SUBJECT_MAX).collect()
    }

    /// The parameter `interval`, if it is one of minutes.
    pub(crate) fn interval(&self) -> Option<Interval> {
        self.get("interval")?.parse().ok().filter(|interval| *interval != Interval::Day)
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
