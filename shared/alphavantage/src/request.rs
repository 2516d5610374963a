//! What is asked: one request of one function, and its parameters.
//!
//! The API key is not among them: whoever sends the request adds it last, so that nothing here can log it.

use std::fmt;

use jiff::{Timestamp, tz::TimeZone};
use market::{Interval, Pair, Subject, Symbol, session::Hours};

use crate::{
    Entitlement, Function,
    parameter::{Horizon, Month, NewsLimit, NewsSort, NewsTopic, OutputSize, Symbols, joined},
};

/// One request to the vendor. Each costs one call of the plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// The latest trading day of one symbol.
    GlobalQuote {
        /// Whose quote.
        symbol: Symbol,
    },
    /// The latest quotes of many symbols.
    RealtimeBulkQuotes {
        /// Whose quotes.
        symbols: Symbols,
    },
    /// Bars of minutes of one symbol, as traded.
    TimeSeriesIntraday {
        /// Whose bars.
        symbol: Symbol,
        /// Their length: 1 to 60 minutes. The vendor knows no other here.
        interval: Interval,
        /// Whether to include what is traded before and after the regular session.
        hours: Hours,
        /// The month that the bars are of; the latest ones without it.
        month: Option<Month>,
        /// How many bars.
        output: OutputSize,
    },
    /// Days of one symbol, as traded.
    TimeSeriesDaily {
        /// Whose days.
        symbol: Symbol,
        /// How many days.
        output: OutputSize,
    },
    /// Days of one symbol, as traded, with what the vendor says of splits and dividends.
    TimeSeriesDailyAdjusted {
        /// Whose days.
        symbol: Symbol,
        /// How many days.
        output: OutputSize,
    },
    /// The rate of a pair, physical or digital.
    CurrencyExchangeRate {
        /// The two currencies.
        pair: Pair,
    },
    /// Bars of minutes of a digital currency in a market, by UTC.
    CryptoIntraday {
        /// A digital base and the currency of its market.
        pair: Pair,
        /// Their length: 1 to 60 minutes.
        interval: Interval,
        /// How many bars.
        output: OutputSize,
    },
    /// Bars of minutes of two physical currencies, by UTC.
    FxIntraday {
        /// The two currencies.
        pair: Pair,
        /// Their length: 1 to 60 minutes.
        interval: Interval,
        /// How many bars.
        output: OutputSize,
    },
    /// The days of a digital currency in a market, by UTC.
    DigitalCurrencyDaily {
        /// A digital base and the currency of its market.
        pair: Pair,
    },
    /// Articles.
    NewsSentiment {
        /// Instruments that an article must be about, all of them; `CRYPTO:BTC` and `FOREX:USD` are some too.
        tickers: Vec<Symbol>,
        /// Topics that an article must be about, all of them.
        topics: Vec<NewsTopic>,
        /// The earliest minute of publication.
        from: Option<Timestamp>,
        /// The latest minute of publication.
        to: Option<Timestamp>,
        /// Their order; the vendor's own without it.
        sort: Option<NewsSort>,
        /// How many articles at most.
        limit: NewsLimit,
    },
    /// Which markets of the world are open.
    MarketStatus,
    /// Who rose, fell and traded most in the United States.
    TopGainersLosers,
    /// When companies report.
    EarningsCalendar {
        /// Whose reports; all companies' without it.
        symbol: Option<Symbol>,
        /// How far ahead.
        horizon: Horizon,
    },
}

impl Request {
    /// The function that is asked.
    pub const fn function(&self) -> Function {
        match self {
            Self::GlobalQuote { .. } => Function::GlobalQuote,
            Self::RealtimeBulkQuotes { .. } => Function::RealtimeBulkQuotes,
            Self::TimeSeriesIntraday { .. } => Function::TimeSeriesIntraday,
            Self::TimeSeriesDaily { .. } => Function::TimeSeriesDaily,
            Self::TimeSeriesDailyAdjusted { .. } => Function::TimeSeriesDailyAdjusted,
            Self::CurrencyExchangeRate { .. } => Function::CurrencyExchangeRate,
            Self::CryptoIntraday { .. } => Function::CryptoIntraday,
            Self::FxIntraday { .. } => Function::FxIntraday,
            Self::DigitalCurrencyDaily { .. } => Function::DigitalCurrencyDaily,
            Self::NewsSentiment { .. } => Function::NewsSentiment,
            Self::MarketStatus => Function::MarketStatus,
            Self::TopGainersLosers => Function::TopGainersLosers,
            Self::EarningsCalendar { .. } => Function::EarningsCalendar,
        }
    }

    /// The one instrument that the reply must be about, if there is exactly one.
    pub fn subject(&self) -> Option<Subject> {
        match self {
            Self::GlobalQuote { symbol }
            | Self::TimeSeriesIntraday { symbol, .. }
            | Self::TimeSeriesDaily { symbol, .. }
            | Self::TimeSeriesDailyAdjusted { symbol, .. }
            | Self::EarningsCalendar { symbol: Some(symbol), .. } => Some(Subject::Equity(symbol.clone())),
            Self::CurrencyExchangeRate { pair }
            | Self::CryptoIntraday { pair, .. }
            | Self::FxIntraday { pair, .. }
            | Self::DigitalCurrencyDaily { pair } => Some(Subject::Pair(pair.clone())),
            Self::RealtimeBulkQuotes { symbols } => match symbols.as_slice() {
                [symbol] => Some(Subject::Equity(symbol.clone())),
                _ => None,
            },
            Self::NewsSentiment { .. }
            | Self::MarketStatus
            | Self::TopGainersLosers
            | Self::EarningsCalendar { symbol: None, .. } => None,
        }
    }

    /// What it is about, as a stable name for ledgers and logs: `MSFT`, `BTC/USD`, `MSFT,AAPL`, or `_` where
    /// there is no instrument.
    pub fn about(&self) -> String {
        match (self, self.subject()) {
            (_, Some(subject)) => subject.to_string(),
            (Self::RealtimeBulkQuotes { symbols }, None) => symbols.to_string(),
            (Self::NewsSentiment { tickers, .. }, None) if !tickers.is_empty() => joined(tickers),
            _ => "_".to_owned(),
        }
    }

    /// The parameters of the URL, not yet percent-encoded, without the API key.
    ///
    /// Intraday prices are asked for as traded (`adjusted=false`): the vendor's default would rewrite
    /// past bars on every split. The entitlement is named only where the vendor knows it.
    pub fn query(&self, entitlement: Option<Entitlement>) -> Vec<(&'static str, String)> {
        let mut query = vec![("function", self.function().to_string())];
        let mut add = |name, value: &str| query.push((name, value.to_owned()));
        match self {
            Self::GlobalQuote { symbol } => add("symbol", symbol.as_str()),
            Self::RealtimeBulkQuotes { symbols } => add("symbol", &symbols.to_string()),
            Self::TimeSeriesIntraday { symbol, interval, hours, month, output } => {
                add("symbol", symbol.as_str());
                add("interval", interval.as_str());
                add("adjusted", "false");
                add("extended_hours", if *hours == Hours::Extended { "true" } else { "false" });
                if let Some(month) = month {
                    add("month", &month.to_string());
                }
                add("outputsize", output.as_str());
            }
            Self::TimeSeriesDaily { symbol, output } | Self::TimeSeriesDailyAdjusted { symbol, output } => {
                add("symbol", symbol.as_str());
                add("outputsize", output.as_str());
            }
            Self::CurrencyExchangeRate { pair } => {
                add("from_currency", pair.base.as_str());
                add("to_currency", pair.quote.as_str());
            }
            Self::CryptoIntraday { pair, interval, output } => {
                add("symbol", pair.base.as_str());
                add("market", pair.quote.as_str());
                add("interval", interval.as_str());
                add("outputsize", output.as_str());
            }
            Self::FxIntraday { pair, interval, output } => {
                add("from_symbol", pair.base.as_str());
                add("to_symbol", pair.quote.as_str());
                add("interval", interval.as_str());
                add("outputsize", output.as_str());
            }
            Self::DigitalCurrencyDaily { pair } => {
                add("symbol", pair.base.as_str());
                add("market", pair.quote.as_str());
            }
            Self::NewsSentiment { tickers, topics, from, to, sort, limit } => {
                for (name, list) in [("tickers", joined(tickers)), ("topics", joined(topics))] {
                    if !list.is_empty() {
                        add(name, &list);
                    }
                }
                for (name, time) in [("time_from", from), ("time_to", to)] {
                    if let Some(time) = time {
                        add(name, &minute(*time));
                    }
                }
                if let Some(sort) = sort {
                    add("sort", sort.as_str());
                }
                add("limit", &limit.get().to_string());
            }
            Self::MarketStatus | Self::TopGainersLosers => {}
            Self::EarningsCalendar { symbol, horizon } => {
                if let Some(symbol) = symbol {
                    add("symbol", symbol.as_str());
                }
                add("horizon", horizon.as_str());
            }
        }
        if let (Some(entitlement), true) = (entitlement, self.function().takes_entitlement()) {
            add("entitlement", entitlement.as_str());
        }
        query
    }
}

/// A minute as the vendor takes it, in UTC.
fn minute(at: Timestamp) -> String {
    let local = at.to_zoned(TimeZone::UTC).datetime();
    let (date, time) = (local.date(), local.time());
    let (year, month, day) = (date.year(), date.month(), date.day());
    format!("{year:04}{month:02}{day:02}T{:02}{:02}", time.hour(), time.minute())
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.function(), self.about())?;
        match self {
            Self::TimeSeriesIntraday { interval, month: Some(month), .. } => write!(f, " {interval} {month}"),
            Self::TimeSeriesIntraday { interval, .. }
            | Self::CryptoIntraday { interval, .. }
            | Self::FxIntraday { interval, .. } => write!(f, " {interval}"),
            _ => Ok(()),
        }
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
        use Entitlement::{Delayed, Realtime};
        use OutputSize::{Compact, Full};
        let symbol: Symbol = "MSFT".parse().unwrap();
        let pair: Pair = "BTC/EUR".parse().unwrap();
        let quote = Request::GlobalQuote { symbol: symbol.clone() };
        check(&quote, None, "GLOBAL_QUOTE MSFT", "function=GLOBAL_QUOTE&symbol=MSFT");
        check(&quote, Some(Delayed), "GLOBAL_QUOTE MSFT", "function=GLOBAL_QUOTE&symbol=MSFT&entitlement=delayed");
        let symbols = Symbols::new(["MSFT", "BRK.B"].map(|text| text.parse().unwrap())).unwrap();
        check(
            &Request::RealtimeBulkQuotes { symbols },
            Some(Realtime),
            "REALTIME_BULK_QUOTES MSFT,BRK.B",
            "function=REALTIME_BULK_QUOTES&symbol=MSFT,BRK.B",
        );
        let bars = |month: Option<&str>, hours, output| Request::TimeSeriesIntraday {
            symbol: symbol.clone(),
            interval: Interval::Min5,
            hours,
            month: month.map(|month| month.parse().unwrap()),
            output,
        };
        check(
            &bars(None, Hours::Regular, Compact),
            Some(Realtime),
            "TIME_SERIES_INTRADAY MSFT 5min",
            "function=TIME_SERIES_INTRADAY&symbol=MSFT&interval=5min&adjusted=false&extended_hours=false\
             &outputsize=compact&entitlement=realtime",
        );
        check(
            &bars(Some("2009-01"), Hours::Extended, Full),
            None,
            "TIME_SERIES_INTRADAY MSFT 5min 2009-01",
            "function=TIME_SERIES_INTRADAY&symbol=MSFT&interval=5min&adjusted=false&extended_hours=true\
             &month=2009-01&outputsize=full",
        );
        check(
            &Request::TimeSeriesDaily { symbol: symbol.clone(), output: Compact },
            Some(Delayed),
            "TIME_SERIES_DAILY MSFT",
            "function=TIME_SERIES_DAILY&symbol=MSFT&outputsize=compact&entitlement=delayed",
        );
        check(
            &Request::TimeSeriesDailyAdjusted { symbol: symbol.clone(), output: Full },
            None,
            "TIME_SERIES_DAILY_ADJUSTED MSFT",
            "function=TIME_SERIES_DAILY_ADJUSTED&symbol=MSFT&outputsize=full",
        );
        check(
            &Request::CurrencyExchangeRate { pair: pair.clone() },
            Some(Realtime),
            "CURRENCY_EXCHANGE_RATE BTC/EUR",
            "function=CURRENCY_EXCHANGE_RATE&from_currency=BTC&to_currency=EUR",
        );
        check(
            &Request::CryptoIntraday { pair: pair.clone(), interval: Interval::Min60, output: Full },
            Some(Realtime),
            "CRYPTO_INTRADAY BTC/EUR 60min",
            "function=CRYPTO_INTRADAY&symbol=BTC&market=EUR&interval=60min&outputsize=full",
        );
        check(
            &Request::FxIntraday { pair: "EUR/USD".parse().unwrap(), interval: Interval::Min1, output: Compact },
            Some(Realtime),
            "FX_INTRADAY EUR/USD 1min",
            "function=FX_INTRADAY&from_symbol=EUR&to_symbol=USD&interval=1min&outputsize=compact",
        );
        check(
            &Request::DigitalCurrencyDaily { pair },
            None,
            "DIGITAL_CURRENCY_DAILY BTC/EUR",
            "function=DIGITAL_CURRENCY_DAILY&symbol=BTC&market=EUR",
        );
        check(
            &Request::TopGainersLosers,
            Some(Delayed),
            "TOP_GAINERS_LOSERS _",
            "function=TOP_GAINERS_LOSERS&entitlement=delayed",
        );
        check(&Request::MarketStatus, Some(Delayed), "MARKET_STATUS _", "function=MARKET_STATUS");
        let calendar = |symbol| Request::EarningsCalendar { symbol, horizon: Horizon::Month3 };
        let all = "function=EARNINGS_CALENDAR&horizon=3month";
        check(&calendar(None), Some(Delayed), "EARNINGS_CALENDAR _", all);
        let one = "function=EARNINGS_CALENDAR&symbol=MSFT&horizon=3month";
        check(&calendar(Some(symbol)), None, "EARNINGS_CALENDAR MSFT", one);
    }

    #[test]
    fn searches_for_news_name_what_is_asked_and_nothing_else() {
        let news = |tickers: &[&str], topics: &[&str], from: Option<&str>, sort| Request::NewsSentiment {
            tickers: tickers.iter().map(|text| text.parse().unwrap()).collect(),
            topics: topics.iter().map(|text| text.parse().unwrap()).collect(),
            from: from.map(|text| text.parse().unwrap()),
            to: None,
            sort,
            limit: NewsLimit::DEFAULT,
        };
        let plain = "function=NEWS_SENTIMENT&limit=50";
        check(&news(&[], &[], None, None), Some(Entitlement::Delayed), "NEWS_SENTIMENT _", plain);
        check(
            &news(&["COIN", "CRYPTO:BTC"], &["earnings", "ipo"], Some("2026-11-20T15:30:59Z"), Some(NewsSort::Latest)),
            None,
            "NEWS_SENTIMENT COIN,CRYPTO:BTC",
            "function=NEWS_SENTIMENT&tickers=COIN,CRYPTO:BTC&topics=earnings,ipo&time_from=20261120T1530&sort=LATEST\
             &limit=50",
        );
    }
}
