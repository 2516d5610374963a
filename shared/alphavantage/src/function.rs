//! The vendor's functions that are spoken here, by their names.

use std::{fmt, str::FromStr};

/// The text is no function that is spoken here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("function `{text}` is not known; allowed: {allowed}", allowed = allowed())]
pub struct UnknownFunction {
    text: String,
}

fn allowed() -> String {
    Function::ALL.map(Function::as_str).join(", ")
}

/// A function of the vendor. <https://www.alphavantage.co/documentation/>
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Function {
    /// The latest trading day of one symbol.
    GlobalQuote,
    /// The latest quotes of up to 100 symbols.
    RealtimeBulkQuotes,
    /// Bars of minutes of one symbol.
    TimeSeriesIntraday,
    /// Days of one symbol, as traded.
    TimeSeriesDaily,
    /// Days of one symbol with their splits and dividends.
    TimeSeriesDailyAdjusted,
    /// The rate of a pair.
    CurrencyExchangeRate,
    /// Bars of minutes of a digital currency in a market.
    CryptoIntraday,
    /// Bars of minutes of two physical currencies.
    FxIntraday,
    /// Days of a digital currency in a market, by UTC.
    DigitalCurrencyDaily,
    /// Articles with the vendor's opinion of them.
    NewsSentiment,
    /// Which markets of the world are open.
    MarketStatus,
    /// Who rose, fell and traded most.
    TopGainersLosers,
    /// When companies report.
    EarningsCalendar,
}

/// What the reply of a function is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum About {
    Symbol,
    Symbols,
    Pair,
    Nothing,
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

    /// The vendor's name of it.
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

    /// Whether the free plan does not include it, by the vendor's documentation of 2026.
    pub const fn is_premium(self) -> bool {
        matches!(
            self,
            Self::RealtimeBulkQuotes | Self::TimeSeriesDailyAdjusted | Self::CryptoIntraday | Self::FxIntraday
        )
    }

    /// Whether it takes the parameter `entitlement`; without one its prices move once a day.
    pub const fn takes_entitlement(self) -> bool {
        matches!(
            self,
            Self::GlobalQuote
                | Self::TimeSeriesIntraday
                | Self::TimeSeriesDaily
                | Self::TimeSeriesDailyAdjusted
                | Self::TopGainersLosers
        )
    }

    /// Whether its data come as CSV and never as JSON. Its refusals are JSON all the same.
    pub const fn is_csv_only(self) -> bool {
        matches!(self, Self::EarningsCalendar)
    }

    pub(crate) const fn about(self) -> About {
        match self {
            Self::GlobalQuote
            | Self::TimeSeriesIntraday
            | Self::TimeSeriesDaily
            | Self::TimeSeriesDailyAdjusted
            | Self::EarningsCalendar => About::Symbol,
            Self::RealtimeBulkQuotes => About::Symbols,
            Self::CurrencyExchangeRate | Self::CryptoIntraday | Self::FxIntraday | Self::DigitalCurrencyDaily => {
                About::Pair
            }
            Self::NewsSentiment | Self::MarketStatus | Self::TopGainersLosers => About::Nothing,
        }
    }
}

impl fmt::Display for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Function {
    type Err = UnknownFunction;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|function| function.as_str() == text)
            .ok_or_else(|| UnknownFunction { text: text.chars().take(64).collect() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_survive_text() {
        for function in Function::ALL {
            assert_eq!(function.to_string().parse(), Ok(function));
        }
        let error = "GLOBAL_QUOTES".parse::<Function>().unwrap_err().to_string();
        assert!(error.starts_with("function `GLOBAL_QUOTES` is not known; allowed: GLOBAL_QUOTE, REAL"), "{error}");
        assert!("global_quote".parse::<Function>().is_err());
    }
}
