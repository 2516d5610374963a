//! What `compute-indicators` reads from its environment; see the table in its README.

use config::{Name, Problems, Reader};
use market::SimulatedTime;
use pipeline::{BACKLOG_RECORDS, ProcessSettings};
use telemetry::LevelFilter;

/// The configuration.
#[derive(Debug)]
pub struct Config {
    /// The table of the series.
    pub table: Name,
    /// The bucket of the dead letters.
    pub dead_letters: Name,
    /// The delivery stream of raw lines.
    pub archive: Name,
    /// The delivery stream of readings.
    pub indicators: Name,
    /// The events stream, for alerts.
    pub events: Name,
    /// How records are processed.
    pub settings: ProcessSettings,
    /// The simulated market time, if it is not the wall's.
    pub clock: Option<SimulatedTime>,
    /// How much is logged.
    pub log_level: LevelFilter,
}

impl Config {
    /// Reads it, or says all that is wrong.
    pub fn read(mut from: Reader) -> Result<Self, Problems> {
        let table = from.required("STATE_TABLE");
        let dead_letters = from.required("DEAD_LETTER_BUCKET");
        let archive = from.required("RAW_DELIVERY_STREAM");
        let indicators = from.required("INDICATOR_DELIVERY_STREAM");
        let events = from.required("KINESIS_EVENTS_STREAM");
        let series = from.series_settings();
        let clock = from.simulated_time();
        let log_level = from.optional("LOG_LEVEL");
        let read = || {
            Some(Self {
                table: table?,
                dead_letters: dead_letters?,
                archive: archive?,
                indicators: indicators?,
                events: events?,
                settings: ProcessSettings {
                    function: env!("CARGO_PKG_NAME"),
                    series: series?,
                    backlog_records: BACKLOG_RECORDS,
                },
                clock,
                log_level: log_level.unwrap_or(LevelFilter::INFO),
            })
        };
        from.finish(read())
    }
}
