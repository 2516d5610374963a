//! What `poll-equities` reads from its environment; see the table in its README.

use config::{Problems, Reader};
use market::{Interval, Symbol};
use planner::WatchList;
use poller::Settings;

/// The configuration.
#[derive(Debug)]
pub(crate) struct Config {
    pub(crate) poller: poller::Config,
    pub(crate) watched: Watched,
}

/// What is asked for.
#[derive(Debug)]
pub(crate) struct Watched {
    pub(crate) symbols: WatchList<Symbol>,
    pub(crate) interval: Interval,
}

impl Config {
    /// Reads it, or says all that is wrong.
    pub(crate) fn read(mut from: Reader) -> Result<Self, Problems> {
        let poller = Settings::read(&mut from, "KINESIS_FINANCIAL_STREAM");
        let symbols: Option<WatchList<Symbol>> = from.required("SYMBOLS");
        let interval = from.optional("INTERVAL").unwrap_or(Interval::Min1);
        if interval == Interval::Day {
            from.refuse("`INTERVAL` is `1day`: intraday bars have 1min, 5min, 15min, 30min or 60min");
        }
        let watched = symbols.map(|symbols| Watched { symbols, interval });
        from.finish(poller.complete().zip(watched).map(|(poller, watched)| Self { poller, watched }))
    }
}
