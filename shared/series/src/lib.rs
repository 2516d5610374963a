//! A series is one item: a subject's bars of one origin and basis, the indicators over them, and what
//! of their readings is still owed to the sink.
//!
//! Facts enter through [`step`], which is pure and idempotent in facts; the item leaves, with new
//! readings in `owed`. An entry leaves `owed` only when the sink has acknowledged it, and it has one
//! id and one byte string from the step that allotted it. Reading and writing the item, and sending
//! what is owed, are the caller's: see the crate `pipeline`.
//!
//! There is no sequence guard in here: with records dispersed over shards, or redriven, a guard would
//! drop good records. Facts carry revisions, and joining them twice changes nothing.

mod codec;
mod gap;
mod id;
mod item;
mod lane;
mod route;
mod rule;
mod sets;
mod split;
mod step;

pub use codec::{FORMAT, StateError};
pub use id::{BadSeriesId, SeriesId, Span};
pub use item::{Item, Owed, OwedAlert, OwedReadings, What};
pub use route::{About, Part, SeriesFact, route, splits};
pub use rule::{BadRule, RULES_MAX, Rules};
pub use sets::{BadSets, OUTPUTS_MAX, STATE_MAX, Sets};
pub use split::Split;
pub use step::{Settings, Step, Written, step};

/// How many final bars a series keeps beside its engine, so that corrections of them can be replayed.
pub const REVISABLE_BARS: usize = 16;
/// How many final bars it keeps at the most, when history comes at once and its shards lie apart. Each of
/// them may have to be read anew in one step, so that their readings fit into what an item may owe.
pub const CLOSED_BARS_MAX: usize = 128;
/// How many open bars a series keeps at the most; the oldest beyond that is given up.
pub const OPEN_BARS_MAX: usize = 16;
/// How many bytes of readings an item may owe. At 64 KiB it stays far below DynamoDB's 400 KB.
pub const OWED_BYTES_MAX: usize = 64 * 1024;

#[cfg(test)]
mod tests;
