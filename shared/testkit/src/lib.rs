//! For tests only: the ports of the pipeline in memory, which fail on demand.
//!
//! Every fake keeps what it was given for the test to look at, and has [`Faults`] for each kind of
//! call: none, a script, always the same, or random ones from a seed. Every call gives way to others
//! before and after its effect, so that joined futures interleave, and [`crash_after`] can drop one
//! between an effect and its answer. Nothing waits: time is [`ManualTime`] for one task, and [`Simulation`] for
//! several, each with a clock of its own.
//!
//! With the feature `http` there is a stream that is spoken to as AWS speaks, with faults on the wire: `kinesis`.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "for tests only: a fake that is used wrongly stops the test and says so"
)]

mod dead_letters;
mod fault;
mod interleave;
#[cfg(feature = "http")]
pub mod kinesis;
mod ledger;
mod letters;
mod quota;
pub mod record;
pub mod reply;
mod seed;
mod simulation;
mod sink;
mod store;
mod stream;
mod time;
mod vendor;

pub use dead_letters::MemoryDeadLetters;
pub use fault::{Fault, Faults};
pub use interleave::crash_after;
pub use ledger::MemoryLedger;
pub use letters::{MemoryFunctions, MemoryListings, MemoryObjects, MemoryShards, MemoryStreams, SharedStream};
pub use quota::MemoryQuota;
pub use seed::for_each_seed;
pub use simulation::{Simulation, TaskClock};
pub use sink::MemorySink;
pub use store::MemoryStore;
pub use stream::MemoryStream;
pub use time::ManualTime;
pub use vendor::{Answer, ScriptedVendor};

use std::sync::{Mutex, MutexGuard, PoisonError};

/// What a mutex guards here is still whole after a panic: no test looks at it any more anyway.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
