//! What `handle-dead-letters` reads from its environment; see the table in its README.

use std::num::NonZeroU32;

use config::{Name, Problems, Reader};
use jiff::SignedDuration;
use pipeline::{ParkSettings, REDRIVES, RedriveSettings};
use telemetry::LevelFilter;

/// Longest time that a consumer may take: its time-out in `template.yaml`, and the way there and back.
pub(crate) const CONSUMER_TIMEOUT: SignedDuration = SignedDuration::from_secs(62);
/// What is kept back for writing down what a consumer said.
const WRITING: SignedDuration = SignedDuration::from_secs(5);
/// Letters in one event: the batch size of the mappings in `template.yaml`.
const EVENT_LETTERS: usize = 500;
/// Letters in one second, unless something else is set.
const PER_SECOND: NonZeroU32 = NonZeroU32::new(500).unwrap();
/// How long a batch is left to an invocation: longer than one may take.
const CLAIM: SignedDuration = SignedDuration::from_mins(5);
/// How long the listing of a batch is kept once nothing is left to do.
const KEEP_DONE: SignedDuration = SignedDuration::from_hours(30 * 24);

/// The configuration.
#[derive(Debug)]
pub(crate) struct Config {
    pub(crate) table: Name,
    pub(crate) bucket: Name,
    pub(crate) park: ParkSettings,
    pub(crate) redrive: RedriveSettings,
    pub(crate) log_level: LevelFilter,
}

impl Config {
    /// Reads it, or says all that is wrong.
    pub(crate) fn read(mut from: Reader) -> Result<Self, Problems> {
        let table = from.required("STATE_TABLE");
        let bucket = from.required("DEAD_LETTER_BUCKET");
        let prefix: Option<Name> = from.required("FUNCTION_PREFIX");
        let per_second = from.optional("REDRIVE_PER_SECOND");
        // Dead letters go by the clock on the wall; it is read so that it is refused outside of local runs.
        let _ = from.simulated_time();
        let log_level = from.optional("LOG_LEVEL");
        let read = || {
            Some(Self {
                table: table?,
                bucket: bucket?,
                park: ParkSettings { prefix: prefix?.as_str().to_owned(), backoff: REDRIVES, keep_done: KEEP_DONE },
                redrive: RedriveSettings {
                    event_letters: EVENT_LETTERS,
                    per_second: Some(per_second.unwrap_or(PER_SECOND)),
                    backoff: REDRIVES,
                    claim: CLAIM,
                    reserve: CONSUMER_TIMEOUT + WRITING,
                    keep_done: KEEP_DONE,
                    dry_run: false,
                },
                log_level: log_level.unwrap_or(LevelFilter::INFO),
            })
        };
        from.finish(read())
    }
}
