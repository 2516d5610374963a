//! The event source mapping of an SQS queue.
//!
//! As with [`crate::kinesis`], [`Mapping::advance`] takes the time and one [`Input`] and gives [`Action`]s. The queue
//! itself hides messages, shows them again and moves them to a dead-letter queue; a mapping only receives and deletes.

mod action;
mod event;
mod filter;
mod mapping;
mod settings;

pub use action::{Action, Batch, Counts, Input, Message};
pub use mapping::Mapping;
pub use settings::Settings;

pub use crate::kinesis::{Answer, InvocationId, Pace, SettingsError};
