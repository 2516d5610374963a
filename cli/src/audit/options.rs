//! The options of `audit`.

use std::time::Duration;

use clap::{Args, ValueEnum};
use jiff::{SignedDuration, Timestamp};

use crate::{place::Place, up::duration};

/// The window without `--from` and `--last`.
const LAST: SignedDuration = SignedDuration::from_hours(1);

/// How the account is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// A table for people.
    Text,
    /// One JSON object for programs.
    Json,
}

/// The options of `audit`.
#[derive(Debug, Clone, Args)]
pub(crate) struct Options {
    #[command(flatten)]
    pub(super) place: Place,
    /// The stack, if it is not `kinetick-ENV`.
    #[arg(long, value_name = "NAME")]
    pub(super) stack: Option<String>,
    /// Begin of the window, RFC 3339: records that arrived then or later.
    #[arg(long, value_name = "TIME", value_parser = moment, conflicts_with = "last")]
    from: Option<Timestamp>,
    /// End of the window, RFC 3339: records that arrived before it; now by default.
    #[arg(long, value_name = "TIME", value_parser = moment)]
    to: Option<Timestamp>,
    /// The window is so long, such as 90s, 30m or 24h [default: 1h].
    #[arg(long, value_name = "TIME", value_parser = duration)]
    last: Option<Duration>,
    /// Text for people or JSON for programs.
    #[arg(long, default_value = "text", value_name = "FORMAT")]
    pub(super) format: Format,
    /// How many records that are not accounted for are named.
    #[arg(long, default_value_t = 20, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=100_000))]
    pub(super) limit: u32,
    /// A stream to read in place of the stack's; may be given more than once.
    #[arg(long = "stream", value_name = "NAME")]
    pub(super) streams: Vec<String>,
    /// The bucket of the archive in place of the stack's.
    #[arg(long, value_name = "NAME")]
    pub(super) data_bucket: Option<String>,
    /// The bucket of the dead letters in place of the stack's.
    #[arg(long, value_name = "NAME")]
    pub(super) dead_letter_bucket: Option<String>,
    /// The state table in place of the stack's.
    #[arg(long, value_name = "NAME")]
    pub(super) state_table: Option<String>,
}

fn moment(text: &str) -> Result<Timestamp, &'static str> {
    text.parse().map_err(|_| "write a time of RFC 3339, such as 2026-11-20T15:30:00Z")
}

/// From when to when records have arrived: the first moment is in it, the last one is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Window {
    pub(crate) from: Timestamp,
    pub(crate) to: Timestamp,
}

impl Options {
    /// The window, seen from now.
    pub(super) fn window(&self, now: Timestamp) -> Result<Window, String> {
        let to = self.to.unwrap_or(now);
        let last = self.last.map_or(Ok(LAST), SignedDuration::try_from).unwrap_or(LAST);
        let from = self.from.unwrap_or_else(|| to.checked_sub(last).unwrap_or(Timestamp::MIN));
        if from >= to {
            return Err(format!("`--from` is {from}, and the window ends at {to}: write an earlier one"));
        }
        if from >= now {
            return Err(format!("the window begins at {from}, which is still to come: write an earlier one"));
        }
        Ok(Window { from, to })
    }
}
