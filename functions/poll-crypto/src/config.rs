//! What `poll-crypto` reads from its environment; see the table in its README.

use config::{List, Problems, Reader};
use market::Pair;
use poller::Settings;

/// The configuration.
#[derive(Debug)]
pub(crate) struct Config {
    pub(crate) poller: poller::Config,
    /// The pairs that are asked for.
    pub(crate) watched: Vec<Pair>,
}

impl Config {
    /// Reads it, or says all that is wrong.
    pub(crate) fn read(mut from: Reader) -> Result<Self, Problems> {
        let poller = Settings::read(&mut from, "KINESIS_CRYPTO_STREAM");
        let pairs: Option<List<Pair>> = from.required("PAIRS");
        from.finish(poller.complete().zip(pairs).map(|(poller, List(watched))| Self { poller, watched }))
    }
}
