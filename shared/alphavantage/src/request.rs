//! What is asked: one request of one function, and its parameters.
//!
//! The API key is not among them: whoever sends the request adds it last, so that nothing here can log it.

use std::fmt;

use market::{Interval, Pair, Subject, Symbol, session::Hours};

use crate::Entitlement;

/// One request to the vendor. Each costs one call of the plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// The latest trading day of one symbol.
    GlobalQuote {
        /// Whose quote.
        symbol: Symbol,
    },
    /// The latest 100 bars of one symbol, as traded.
    TimeSeriesIntraday {
        /// Whose bars.
        symbol: Symbol,
        /// Their length: 1 to 60 minutes. The vendor knows no other here.
        interval: Interval,
        /// Whether to include what is traded before and after the regular session.
        hours: Hours,
    },
    /// The rate of a pair, physical or digital.
    CurrencyExchangeRate {
        /// The two currencies.
        pair: Pair,
    },
    /// The days of a digital currency in a market, by UTC.
    DigitalCurrencyDaily {
        /// A digital base and the currency of its market.
        pair: Pair,
    },
}

impl Request {
    /// The vendor's name of the function.
    pub const fn function(&self) -> &'static str {
        match self {
            Self::GlobalQuote { .. } => "GLOBAL_QUOTE",
            Self::TimeSeriesIntraday { .. } => "TIME_SERIES_INTRADAY",
            Self::CurrencyExchangeRate { .. } => "CURRENCY_EXCHANGE_RATE",
            Self::DigitalCurrencyDaily { .. } => "DIGITAL_CURRENCY_DAILY",
        }
    }

    /// What the reply must be about.
    pub fn subject(&self) -> Subject {
        match self {
            Self::GlobalQuote { symbol } | Self::TimeSeriesIntraday { symbol, .. } => Subject::Equity(symbol.clone()),
            Self::CurrencyExchangeRate { pair } | Self::DigitalCurrencyDaily { pair } => Subject::Pair(pair.clone()),
        }
    }

    /// The parameters of the URL, not yet percent-encoded, without the API key.
    ///
    /// Intraday prices are asked for as traded (`adjusted=false`): the vendor's default would rewrite
    /// past bars on every split. The entitlement exists for equities only.
    pub fn query(&self, entitlement: Option<Entitlement>) -> Vec<(&'static str, String)> {
        let mut query = vec![("function", self.function().to_owned())];
        let mut add = |name, value: &str| query.push((name, value.to_owned()));
        match self {
            Self::GlobalQuote { symbol } => add("symbol", symbol.as_str()),
            Self::TimeSeriesIntraday { symbol, interval, hours } => {
                add("symbol", symbol.as_str());
                add("interval", interval.as_str());
                add("adjusted", "false");
                add("extended_hours", if *hours == Hours::Extended { "true" } else { "false" });
                add("outputsize", "compact");
            }
            Self::CurrencyExchangeRate { pair } => {
                add("from_currency", pair.base.as_str());
                add("to_currency", pair.quote.as_str());
            }
            Self::DigitalCurrencyDaily { pair } => {
                add("symbol", pair.base.as_str());
                add("market", pair.quote.as_str());
            }
        }
        if let (Some(entitlement), Subject::Equity(_)) = (entitlement, self.subject()) {
            add("entitlement", entitlement.as_str());
        }
        query
    }
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.function(), self.subject())?;
        if let Self::TimeSeriesIntraday { interval, .. } = self { write!(f, " {interval}") } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(request: &Request, entitlement: Option<Entitlement>, shown: &str, query: &str) {
        let pairs: Vec<_> =
            request.query(entitlement).into_iter().map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(pairs.join("&"), query);
        assert_eq!(request.to_string(), shown);
    }

    #[test]
    fn requests_name_all_that_decides_what_the_reply_means() {
        let symbol: Symbol = "MSFT".parse().unwrap();
        let pair: Pair = "BTC/EUR".parse().unwrap();
        let quote = Request::GlobalQuote { symbol: symbol.clone() };
        check(&quote, None, "GLOBAL_QUOTE MSFT", "function=GLOBAL_QUOTE&symbol=MSFT");
        check(
            &quote,
            Some(Entitlement::Delayed),
            "GLOBAL_QUOTE MSFT",
            "function=GLOBAL_QUOTE&symbol=MSFT&entitlement=delayed",
        );
        check(
            &Request::TimeSeriesIntraday { symbol, interval: Interval::Min5, hours: Hours::Regular },
            Some(Entitlement::Realtime),
            "TIME_SERIES_INTRADAY MSFT 5min",
            "function=TIME_SERIES_INTRADAY&symbol=MSFT&interval=5min&adjusted=false&extended_hours=false\
             &outputsize=compact&entitlement=realtime",
        );
        check(
            &Request::CurrencyExchangeRate { pair: pair.clone() },
            Some(Entitlement::Realtime),
            "CURRENCY_EXCHANGE_RATE BTC/EUR",
            "function=CURRENCY_EXCHANGE_RATE&from_currency=BTC&to_currency=EUR",
        );
        check(
            &Request::DigitalCurrencyDaily { pair },
            None,
            "DIGITAL_CURRENCY_DAILY BTC/EUR",
            "function=DIGITAL_CURRENCY_DAILY&symbol=BTC&market=EUR",
        );
    }
}
