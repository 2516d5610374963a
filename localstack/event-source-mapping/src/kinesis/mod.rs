//! The event source mapping of a Kinesis stream.
//!
//! [`Mapping::advance`] takes the time and one [`Input`], and gives [`Action`]s. The driver carries them out and
//! reports what came of each. It may report in any order, and drop whatever it likes when it crashes: a new
//! `Mapping` starts from its starting position, as a new mapping does on AWS, and one that [`Mapping::resume`] makes from
//! the checkpoints.

mod action;
mod counts;
pub(crate) mod event;
mod filter;
mod lane;
mod letter;
mod mapping;
mod pace;
mod record;
mod response;
mod settings;
mod shard;
pub(crate) mod validate;
mod window;

pub use action::{Action, Answer, Batch, Input, InvocationId, Letter, LetterId, Position, ReadError, Window};
pub use counts::Counts;
pub use event::{MAXIMUM_EVENT_BYTES, MAXIMUM_STATE_BYTES};
pub use mapping::Mapping;
pub use pace::Pace;
pub use record::{BadSequenceNumber, Record, SequenceNumber, Shard, ShardId};
pub use settings::{Destination, Settings, StartingPosition};
pub use validate::SettingsError;
