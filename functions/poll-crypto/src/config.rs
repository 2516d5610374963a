//! What `poll-crypto` reads from its environment; see the table in its README.

use config::{Problems, Reader};
use market::Pair;
use planner::WatchList;
use poller::Settings;

/// The configuration.
#[derive(Debug)]
pub(crate) struct Config {
    pub(crate) poller: poller::Config,
    /// The pairs that are asked for.
    pub(crate) watched: WatchList<Pair>,
}

impl Config {
    /// Reads it, or says all that is wrong.
    pub(crate) fn read(mut from: Reader) -> Result<Self, Problems> {
        let poller = Settings::read(&mut from, "KINESIS_CRYPTO_STREAM");
        let pairs: Option<WatchList<Pair>> = from.required("PAIRS");
        from.finish(poller.complete().zip(pairs).map(|(poller, watched)| Self { poller, watched }))
    }
}
