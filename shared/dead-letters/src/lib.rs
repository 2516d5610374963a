//! Dead letters as they are parked, listed and redriven.
//!
//! What event source mappings, producers and consumers gave up on enters as the bytes of an object or a
//! message ([`read_object`], [`read_message`]) and becomes a [`Batch`] of [`Letter`]s, each with its payload. A
//! [`Listing`] says what has become of a batch. [`Event`] is a consumer's original event, and [`Answer`] what the
//! consumer said to it. Nothing here reads, writes, waits or knows the time.

mod answer;
mod event;
mod filter;
mod letter;
mod listing;
mod message;
mod object;
mod pointer;
mod time;

pub use answer::Answer;
pub use event::{EVENT_BYTES, Event};
pub use filter::Filter;
pub use letter::{Content, Expired, Letter, Way, parked_body, read_parked};
pub use listing::{Batch, BatchId, Discard, Listing, ListingError, Marks, Outlook, SYMBOLS_MAX, Status, parked_key};
pub use message::{Message, QueueMessage, read_message};
pub use object::{PARKED_PREFIX, Reading, read_object};
pub use pointer::{Pointer, StreamRecord};

/// The name of a function without its environment: `compute-indicators` of
/// `realtime-financial-dev-compute-indicators` where the prefix is `realtime-financial-dev-`. A name of another
/// prefix is kept whole.
pub fn short_name<'a>(deployed: &'a str, prefix: &str) -> &'a str {
    deployed.strip_prefix(prefix).filter(|rest| !rest.is_empty()).unwrap_or(deployed)
}
