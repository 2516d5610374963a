//! What the machine takes and gives.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;

use super::{Destination, Record, SequenceNumber, Shard, ShardId};

/// Names an invocation within a mapping; never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct InvocationId(pub u64);

/// Names a letter to the destination within a mapping; never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LetterId(pub u64);

/// Where in a shard to read from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Position {
    /// The oldest record.
    TrimHorizon,
    /// What arrives from now on.
    Latest,
    /// What arrived from then on.
    AtTimestamp(Timestamp),
    /// Behind a record.
    After(SequenceNumber),
}

/// Something that happened.
#[derive(Debug, Clone)]
pub enum Input {
    /// The shards of the stream, as [`Action::ListShards`] asks.
    Shards(Vec<Shard>),
    /// What [`Action::Read`] gave: records in their order, perhaps none.
    Records {
        /// Of which shard.
        shard: ShardId,
        /// The records.
        records: Vec<Arc<Record>>,
        /// Whether the shard is closed and ends behind these.
        is_end: bool,
    },
    /// [`Action::Read`] failed.
    ReadFailed {
        /// Of which shard.
        shard: ShardId,
        /// Why.
        error: ReadError,
    },
    /// What came of [`Action::Invoke`].
    Answered {
        /// Which invocation.
        invocation: InvocationId,
        /// What it came to.
        answer: Answer,
    },
    /// What came of [`Action::Store`]: whether the destination took it.
    Stored {
        /// Which letter.
        letter: LetterId,
        /// Whether it was taken.
        taken: bool,
    },
    /// Time has passed: a moment came that [`Action::WakeAt`] named.
    Tick,
}

/// Why records could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadError {
    /// Too many reads, or an error of the service.
    Unavailable,
    /// The position lies before the oldest record: reading goes on from the oldest.
    Trimmed,
    /// There is no such shard any more.
    NoSuchShard,
}

/// What came of an invocation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// The function returned this.
    Returned(Vec<u8>),
    /// The function failed: an error that it reported, a crash, a time-out.
    Failed {
        /// `Handled` or `Unhandled`, as `responseContext.functionError` says.
        function_error: String,
    },
    /// It did not run: throttled, or an error of the service. Does not count as a retry.
    NotInvoked,
}

/// What is to be done.
#[derive(Debug, Clone)]
pub enum Action {
    /// Ask for the shards, and give [`Input::Shards`].
    ListShards,
    /// Read a shard, and give [`Input::Records`] or [`Input::ReadFailed`]. One at a time per shard.
    Read {
        /// The shard.
        shard: ShardId,
        /// From where.
        from: Position,
        /// Records at most.
        limit: usize,
    },
    /// Invoke the function, and give [`Input::Answered`].
    Invoke {
        /// Names it.
        invocation: InvocationId,
        /// With what; [`Batch::event`] renders it.
        batch: Batch,
    },
    /// Store what is given up at the destination, and give [`Input::Stored`].
    Store {
        /// Names it.
        letter: LetterId,
        /// What; it renders itself.
        content: Box<Letter>,
    },
    /// Give [`Input::Tick`] at this moment, unless a later call of `advance` names another one.
    WakeAt(Timestamp),
}

/// What one invocation gets.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    /// The shard.
    pub shard: ShardId,
    /// The records in their order; none only at the end of a window.
    pub records: Vec<Arc<Record>>,
    /// The window, where the mapping has tumbling windows.
    pub window: Option<Window>,
    /// How often these records were given to the function already, about.
    pub attempts: u32,
}

/// A tumbling window of a shard, as an event tells it.
#[derive(Debug, Clone, PartialEq)]
pub struct Window {
    /// Its beginning.
    pub start: Timestamp,
    /// Its end.
    pub end: Timestamp,
    /// What the last invocation of the window returned; an empty object at first.
    pub state: Value,
    /// Whether this is the window's last invocation.
    pub is_final: bool,
    /// Whether it ended early, because its state grew too large.
    pub is_terminated_early: bool,
}

/// A batch that was given up.
#[derive(Debug, Clone, PartialEq)]
pub struct Letter {
    /// Where it goes.
    pub destination: Destination,
    /// `RetryAttemptsExhausted` or what else AWS names.
    pub condition: &'static str,
    /// How often the function was invoked with it, about.
    pub approximate_invoke_count: u32,
    /// `Handled` or `Unhandled` if the function failed; none if it reported failures of items or was never invoked.
    pub function_error: Option<String>,
    /// The batch.
    pub batch: Batch,
    /// When it was given up.
    pub at: Timestamp,
}
