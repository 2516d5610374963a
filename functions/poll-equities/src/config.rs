//! What `poll-equities` reads from its environment; see the table in its README.

use config::{List, Name, Problems, Reader, VENDOR_URL};
use market::{Interval, SimulatedTime, Symbol};
use pipeline::Cooldowns;
use telemetry::LevelFilter;

/// The configuration.
#[derive(Debug)]
pub(crate) struct Config {
    pub(crate) symbols: Vec<Symbol>,
    pub(crate) interval: Interval,
    pub(crate) stream: Name,
    pub(crate) table: Name,
    pub(crate) dead_letters: Name,
    pub(crate) secret: Name,
    pub(crate) vendor_url: String,
    pub(crate) cooldowns: Cooldowns,
    pub(crate) clock: Option<SimulatedTime>,
    pub(crate) log_level: LevelFilter,
}

impl Config {
    /// Reads it, or says all that is wrong.
    pub(crate) fn read(mut from: Reader) -> Result<Self, Problems> {
        let symbols: Option<List<Symbol>> = from.required("SYMBOLS");
        let interval: Option<Interval> = from.optional("INTERVAL");
        let stream = from.required("KINESIS_FINANCIAL_STREAM");
        let table = from.required("STATE_TABLE");
        let dead_letters = from.required("DEAD_LETTER_BUCKET");
        let secret = from.required("API_KEY_SECRET");
        let vendor_url = from.local_only("VENDOR_URL", VENDOR_URL);
        let cooldowns = from.local_only("COOLDOWNS", "wait");
        let clock = from.simulated_time();
        let log_level = from.optional("LOG_LEVEL");
        if interval == Some(Interval::Day) {
            from.refuse("`INTERVAL` is `1day`: intraday bars have 1min, 5min, 15min, 30min or 60min");
        }
        let read = || {
            Some(Self {
                symbols: symbols?.0,
                interval: interval.unwrap_or(Interval::Min1),
                stream: stream?,
                table: table?,
                dead_letters: dead_letters?,
                secret: secret?,
                vendor_url: vendor_url.unwrap_or_else(|| VENDOR_URL.to_owned()),
                cooldowns: cooldowns.unwrap_or(Cooldowns::Wait),
                clock,
                log_level: log_level.unwrap_or(LevelFilter::INFO),
            })
        };
        from.finish(read())
    }
}
