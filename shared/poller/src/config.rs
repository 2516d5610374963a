//! What every polling function reads from its environment.

use config::{Name, Reader, VENDOR_URL};
use market::SimulatedTime;
use pipeline::Cooldowns;
use telemetry::LevelFilter;

/// The configuration that polling functions share.
#[derive(Debug)]
pub struct Config {
    pub(crate) stream: Name,
    pub(crate) alerts: Name,
    pub(crate) table: Name,
    pub(crate) dead_letters: Name,
    pub(crate) secret: Name,
    pub(crate) vendor_url: String,
    pub(crate) cooldowns: Cooldowns,
    pub(crate) clock: Option<SimulatedTime>,
    /// How much is logged.
    pub log_level: LevelFilter,
}

/// The settings as they were read, those that are wrong missing.
#[derive(Debug)]
pub struct Settings {
    stream: Option<Name>,
    alerts: Option<Name>,
    table: Option<Name>,
    dead_letters: Option<Name>,
    secret: Option<Name>,
    vendor_url: Option<String>,
    cooldowns: Option<Cooldowns>,
    clock: Option<SimulatedTime>,
    log_level: Option<LevelFilter>,
}

impl Settings {
    /// Reads them; the stream's name stands in the variable `stream`. What is wrong is noted in the reader.
    pub fn read(from: &mut Reader, stream: &str) -> Self {
        let alerts: Option<Name> = from.required("KINESIS_EVENTS_STREAM");
        Self {
            stream: if stream == "KINESIS_EVENTS_STREAM" { alerts.clone() } else { from.required(stream) },
            alerts,
            table: from.required("STATE_TABLE"),
            dead_letters: from.required("DEAD_LETTER_BUCKET"),
            secret: from.required("API_KEY_SECRET"),
            vendor_url: from.local_only("VENDOR_URL", VENDOR_URL),
            cooldowns: from.local_only("COOLDOWNS", "wait"),
            clock: from.simulated_time(),
            log_level: from.optional("LOG_LEVEL"),
        }
    }

    /// The configuration, if nothing that it needs is wrong.
    pub fn complete(self) -> Option<Config> {
        Some(Config {
            stream: self.stream?,
            alerts: self.alerts?,
            table: self.table?,
            dead_letters: self.dead_letters?,
            secret: self.secret?,
            vendor_url: self.vendor_url.unwrap_or_else(|| VENDOR_URL.to_owned()),
            cooldowns: self.cooldowns.unwrap_or(Cooldowns::Wait),
            clock: self.clock,
            log_level: self.log_level.unwrap_or(LevelFilter::INFO),
        })
    }
}
