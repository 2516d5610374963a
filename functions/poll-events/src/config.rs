//! What `poll-events` reads from its environment; see the table in its README.

use alphavantage::NewsTopic;
use config::{Problems, Reader};
use planner::WatchList;
use poller::Settings;

/// The configuration.
#[derive(Debug)]
pub(crate) struct Config {
    pub(crate) poller: poller::Config,
    /// The topics whose news is asked for.
    pub(crate) topics: WatchList<NewsTopic>,
}

impl Config {
    /// Reads it, or says all that is wrong.
    pub(crate) fn read(mut from: Reader) -> Result<Self, Problems> {
        let poller = Settings::read(&mut from, "KINESIS_EVENTS_STREAM");
        let topics: Option<WatchList<NewsTopic>> = from.required("NEWS_TOPICS");
        from.finish(poller.complete().zip(topics).map(|(poller, topics)| Self { poller, topics }))
    }
}
