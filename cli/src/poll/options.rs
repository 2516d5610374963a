//! The options of `poll`, and the jobs that they ask for.

use std::time::Duration;

use alphavantage::NewsTopic;
use clap::{Args, ValueEnum};
use market::{Interval, Pair, SimulatedTime, Symbol};
use pipeline::Job;
use planner::WatchList;
use reqwest::Url;

use crate::{
    parse::minutes,
    place::{Place, is_loopback, url},
    up::duration,
};

/// The options of `poll`.
#[derive(Debug, Clone, Args)]
pub(crate) struct Options {
    /// What to ask for.
    #[arg(value_enum)]
    what: What,
    /// Equities, with commas, for quotes, intraday and mixed.
    #[arg(long, value_name = "LIST")]
    symbols: Option<WatchList<Symbol>>,
    /// Pairs of currencies such as BTC/USD, with commas, for crypto and mixed.
    #[arg(long, value_name = "LIST")]
    pairs: Option<WatchList<Pair>>,
    /// Topics of news, with commas, for events; financial_markets by default.
    #[arg(long, value_name = "LIST")]
    topics: Option<WatchList<NewsTopic>>,
    /// The length of intraday bars: 1min (the default), 5min, 15min, 30min or 60min.
    #[arg(long, value_parser = minutes)]
    interval: Option<Interval>,
    #[command(flatten)]
    pub(crate) place: Place,
    /// The stack of the environment, if it is not called kinetick-ENV.
    #[arg(long, value_name = "NAME")]
    pub(crate) stack: Option<String>,
    /// Print the records instead of sending them.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Print one line of JSON for each job, for machines.
    #[arg(long)]
    pub(crate) json: bool,
    /// Begin no request after this time, such as 90s, 10m or 1h.
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = duration)]
    pub(crate) limit_time: Duration,
    /// Where a stand-in for the vendor answers, on this machine only.
    #[arg(long, value_name = "URL", value_parser = vendor_url)]
    pub(crate) vendor_url: Option<Url>,
    /// The clock of that stand-in, as it prints it.
    #[arg(long, value_name = "CLOCK", requires = "vendor_url")]
    pub(crate) market_clock: Option<SimulatedTime>,
}

/// What to ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum What {
    /// GLOBAL_QUOTE of each symbol.
    Quotes,
    /// TIME_SERIES_INTRADAY of each symbol.
    Intraday,
    /// CURRENCY_EXCHANGE_RATE of each pair, and DIGITAL_CURRENCY_DAILY where it has a digital currency.
    Crypto,
    /// Quotes, intraday bars, and rates.
    Mixed,
    /// NEWS_SENTIMENT of each topic, TOP_GAINERS_LOSERS, EARNINGS_CALENDAR and MARKET_STATUS.
    Events,
}

/// The stream that a job's records belong in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Target {
    Financial,
    Crypto,
    Events,
}

fn vendor_url(text: &str) -> Result<Url, String> {
    let mut url = url(text)?;
    if !is_loopback(&url) {
        return Err("the key goes to the vendor and to this machine only: write http://127.0.0.1:PORT".to_owned());
    }
    if url.path() == "/" {
        url.set_path("/query");
    }
    Ok(url)
}

impl Options {
    /// The jobs in their order, or what is wrong with the options taken together.
    pub(crate) fn jobs(&self) -> Result<Vec<(Job, Target)>, String> {
        use What::{Crypto, Events, Intraday, Mixed, Quotes};
        let what = self.what.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default();
        let takes = |option: &str, given: bool, by: &[What]| match given && !by.contains(&self.what) {
            true => Err(format!("`{what}` takes no `{option}`: leave it out")),
            false => Ok(()),
        };
        takes("--symbols", self.symbols.is_some(), &[Quotes, Intraday, Mixed])?;
        takes("--pairs", self.pairs.is_some(), &[Crypto, Mixed])?;
        takes("--interval", self.interval.is_some(), &[Intraday, Mixed])?;
        takes("--topics", self.topics.is_some(), &[Events])?;
        let symbols =
            || self.symbols.clone().ok_or_else(|| format!("`{what}` needs `--symbols`, such as `--symbols AAPL,MSFT`"));
        let pairs =
            || self.pairs.clone().ok_or_else(|| format!("`{what}` needs `--pairs`, such as `--pairs BTC/USD,ETH/USD`"));
        let quotes = || Ok::<_, String>((Job::quotes(symbols()?), Target::Financial));
        let interval = self.interval.unwrap_or(Interval::Min1);
        let intraday = || Ok::<_, String>((Job::intraday(symbols()?, interval), Target::Financial));
        let rates = || Ok::<_, String>((Job::rates(pairs()?), Target::Crypto));
        let jobs = match self.what {
            Quotes => vec![quotes()?],
            Intraday => vec![intraday()?],
            Crypto => vec![rates()?, (Job::daily(pairs()?), Target::Crypto)],
            Mixed => vec![quotes()?, intraday()?, rates()?],
            Events => {
                let topics = match &self.topics {
                    Some(topics) => topics.clone(),
                    None => "financial_markets".parse().map_err(|error| format!("{error}"))?,
                };
                let jobs = [Job::news(topics), Job::movers(), Job::earnings(), Job::status()];
                jobs.map(|job| (job, Target::Events)).into()
            }
        };
        // Of physical currencies there are no days to ask for.
        Ok(jobs.into_iter().filter(|(job, _)| !job.entries.is_empty()).collect())
    }
}
