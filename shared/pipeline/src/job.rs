//! Jobs: a watch list becomes requests. What is watched enters, requests with their market hours leave.
//!
//! Which of them are due, and how many there are calls for, is decided elsewhere.

use std::fmt;

use alphavantage::{Horizon, NewsLimit, NewsTopic, OutputSize, Request, Symbols};
use jiff::SignedDuration;
use market::{Interval, Pair, Symbol, session::Hours};
use planner::{Priority, Trading, WatchList};

/// One thing to ask for again and again.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// What it is called in cursors, logs and plans: `MSFT`, `BTC/USD`, `financial_markets`.
    pub name: String,
    /// When it moves at all.
    pub trading: Trading,
    /// How to ask for it alone.
    pub request: Request,
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

/// A list of requests under a name, as a schedule asks for it.
#[derive(Debug, Clone, PartialEq)]
pub struct Job {
    /// Its name, as in a schedule's input.
    pub name: &'static str,
    /// What is asked for.
    pub entries: WatchList<Entry>,
    /// How often each entry is wanted: one that is overdue by more than that goes first.
    pub target: SignedDuration,
}

const MINUTE: SignedDuration = SignedDuration::from_mins(1);
const DAY: SignedDuration = SignedDuration::from_hours(24);

impl Job {
    /// GLOBAL_QUOTE of each symbol, or REALTIME_BULK_QUOTES of many, where the plan has it.
    pub fn quotes(symbols: WatchList<Symbol>) -> Self {
        let entry = |symbol: Symbol| equity(&symbol, Request::GlobalQuote { symbol: symbol.clone() });
        Self { name: "quotes", entries: symbols.map(entry), target: 5 * MINUTE }
    }

    /// TIME_SERIES_INTRADAY of each symbol: the regular session's latest 100 bars.
    pub fn intraday(symbols: WatchList<Symbol>, interval: Interval) -> Self {
        let entry = |symbol: Symbol| {
            let (hours, output) = (Hours::Regular, OutputSize::Compact);
            let request = Request::TimeSeriesIntraday { symbol: symbol.clone(), interval, hours, month: None, output };
            equity(&symbol, request)
        };
        Self { name: "intraday", entries: symbols.map(entry), target: MINUTE }
    }

    /// CURRENCY_EXCHANGE_RATE of each pair.
    pub fn rates(pairs: WatchList<Pair>) -> Self {
        let entry = |pair: Pair| currency(&pair, Request::CurrencyExchangeRate { pair: pair.clone() });
        Self { name: "rates", entries: pairs.map(entry), target: MINUTE }
    }

    /// DIGITAL_CURRENCY_DAILY of each pair whose base is a digital currency.
    pub fn daily(pairs: WatchList<Pair>) -> Self {
        let entry = |pair: Pair| currency(&pair, Request::DigitalCurrencyDaily { pair: pair.clone() });
        Self { name: "daily", entries: pairs.filter(Pair::is_crypto).map(entry), target: DAY }
    }

    /// NEWS_SENTIMENT of each topic.
    pub fn news(topics: WatchList<NewsTopic>) -> Self {
        let entry = |topic: NewsTopic| Entry {
            name: topic.to_string(),
            trading: Trading::Always,
            request: Request::NewsSentiment {
                tickers: Vec::new(),
                topics: vec![topic],
                from: None,
                to: None,
                sort: None,
                limit: NewsLimit::DEFAULT,
            },
        };
        Self { name: "news", entries: topics.map(entry), target: 15 * MINUTE }
    }

    /// TOP_GAINERS_LOSERS.
    pub fn movers() -> Self {
        Self::single("movers", Trading::Equities, Request::TopGainersLosers, 15 * MINUTE)
    }

    /// EARNINGS_CALENDAR of all companies for the next three months.
    pub fn earnings() -> Self {
        let request = Request::EarningsCalendar { symbol: None, horizon: Horizon::Month3 };
        Self::single("earnings", Trading::Always, request, DAY)
    }

    /// MARKET_STATUS.
    pub fn status() -> Self {
        Self::single("status", Trading::Always, Request::MarketStatus, 5 * MINUTE)
    }

    fn single(name: &'static str, trading: Trading, request: Request, target: SignedDuration) -> Self {
        let what = Entry { name: name.to_owned(), trading, request };
        Self { name, entries: WatchList::single(what, Priority::Normal), target }
    }

    /// The requests for these entries, each with the entries that it asks for. Quotes are asked for together
    /// if `bulk` says that the plan has it.
    pub fn requests(&self, indices: &[usize], bulk: bool) -> Vec<(Vec<usize>, Request)> {
        let entry = |index: usize| self.entries.get(index).map(|watched| &watched.what);
        let symbol = |index: usize| match entry(index).map(|entry| &entry.request) {
            Some(Request::GlobalQuote { symbol }) => Some(symbol.clone()),
            _ => None,
        };
        let together = if bulk { Symbols::MAX } else { 1 };
        indices
            .chunks(together)
            .flat_map(|chunk| {
                let symbols: Option<Vec<Symbol>> = chunk.iter().map(|index| symbol(*index)).collect();
                match symbols.filter(|symbols| symbols.len() > 1).and_then(|symbols| Symbols::new(symbols).ok()) {
                    Some(symbols) => vec![(chunk.to_vec(), Request::RealtimeBulkQuotes { symbols })],
                    None => {
                        chunk.iter().filter_map(|index| Some((vec![*index], entry(*index)?.request.clone()))).collect()
                    }
                }
            })
            .collect()
    }
}

fn equity(symbol: &Symbol, request: Request) -> Entry {
    Entry { name: symbol.to_string(), trading: Trading::Equities, request }
}

fn currency(pair: &Pair, request: Request) -> Entry {
    Entry { name: pair.to_string(), trading: Trading::of_pair(pair), request }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_asks_for_each_entry_alone_or_a_hundred_together() {
        let names: Vec<String> = (0..205).map(|number| format!("S{number}")).collect();
        let quotes = Job::quotes(names.join(",").parse().unwrap());
        let all: Vec<usize> = (0..205).collect();
        assert_eq!(quotes.requests(&all, false).len(), 205);
        let together = quotes.requests(&all, true);
        assert_eq!(together.iter().map(|(entries, _)| entries.len()).collect::<Vec<_>>(), [100, 100, 5]);
        assert_eq!(together[2].1.function().as_str(), "REALTIME_BULK_QUOTES");
        assert_eq!(quotes.requests(&[7], true)[0].1.to_string(), "GLOBAL_QUOTE S7");
        let daily = Job::daily("BTC/USD,USD/JPY!".parse().unwrap());
        assert_eq!(daily.entries.to_string(), "BTC/USD");
        assert_eq!(daily.requests(&[0, 5], true).len(), 1, "an entry that is not there is not asked for");
        let rates = Job::rates("USD/JPY!,BTC/USD".parse().unwrap());
        assert_eq!(rates.entries.to_string(), "USD/JPY!,BTC/USD");
        assert_eq!(rates.requests(&[0, 1], true).len(), 2);
        assert_eq!(Job::earnings().requests(&[0], false)[0].1.to_string(), "EARNINGS_CALENDAR _");
    }
}
