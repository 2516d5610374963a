//! The way of a record, over ports: poll → produce on one side, process → deliver and sweep on the other.
//!
//! Each stage returns an outcome that accounts for everything it was given: what went through and
//! what failed, never the first error alone. The ports in [`port`] are capabilities; nothing here
//! knows a client, a clock or the environment.

mod advance;
mod deliver;
mod job;
mod letters;
mod outcome;
mod park;
mod poll;
pub mod port;
mod process;
mod produce;
mod put;
mod quota;
mod redrive;
mod sweep;
mod warm;

pub use job::{Entry, Job};
pub use letters::{Discarded, Discarding, LettersError, ListedBatches, Shown, discard, list, show};
pub use outcome::{PollOutcome, ProcessOutcome, Refusal, SweepOutcome};
pub use park::{ParkOutcome, ParkSettings, Parked, park};
pub use poll::{Cooldowns, MarketHours, PollPorts, PollSettings, STOP_ISSUING, poll};
pub use process::{BACKLOG_RECORDS, ProcessSettings, Processed, process};
pub use produce::{Rows, produce};
pub use put::{Latencies, Put, PutSettings, PutStats, Refused, put};
pub use quota::{Denied, Grant, RateLimiter, SLOT_LIFETIME, Why, named_per_second, refusal_class};
pub use redrive::{REDRIVES, RedriveOutcome, RedrivePorts, RedriveSettings, Scope, redrive};
pub use sweep::sweep;
pub use warm::Warm;
