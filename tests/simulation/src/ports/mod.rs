//! The ports of the pipeline, in memory: what a process calls, and what stands behind it.
//!
//! Each port belongs to one process, which may be struck before and behind every effect. What stands behind is shared
//! by all, as the tables, streams and buckets are, and tells the checker of everything that comes to it.

mod ledger;
mod letters;
mod sink;
mod store;
mod stream;

pub(crate) use ledger::{LedgerPort, Ledgers};
pub(crate) use letters::LetterPort;
pub(crate) use sink::SinkPort;
pub(crate) use store::{StorePort, Table};
pub(crate) use stream::{Kinesis, StreamPort};
