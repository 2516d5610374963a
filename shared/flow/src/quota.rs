//! The ledger of calls that all who share a key keep together, as a value.
//!
//! The ledger, a clock's reading and what the vendor said enter; a verdict and the next ledger leave.
//! Nothing here stores it, waits, or spaces calls: spacing that trusted the clocks of several machines
//! would be wrong by their skew, so whoever takes a slot waits on its own clock first.
//!
//! Clocks of those who share a ledger may differ by half a second to either side. Therefore a minute is
//! counted over 62 seconds, and nothing is granted within 2 seconds of a day's edge.
//!
//! A clock that is behind the ledger by no more than [`CATCH_UP`] waits until it has caught up. One that
//! is further behind was set back, or another one was ahead: the ledger is set back to it, once and
//! explicitly, with [`QuotaState::set_back`], and takes all that it counted along. So a clock that jumps
//! back neither gains a call nor stops everything. One that jumps forward is believed: nothing tells it
//! from time that went by. What that can cost is bounded by the spacing, which trusts no clock.

mod codec;
mod days;
mod limits;
mod state;
mod summary;
#[cfg(test)]
mod tests;

use jiff::{SignedDuration, Timestamp};

pub use codec::QuotaStateError;
pub use limits::Limits;
pub use state::{QuotaState, Reason, RefusalClass, Wait};
pub use summary::Summary;

/// How far two clocks may be apart without one of them being wrong, twice over.
const SKEW: SignedDuration = SignedDuration::from_secs(2);
/// How far a clock may be behind the ledger and is waited for.
const CATCH_UP: SignedDuration = SignedDuration::from_mins(2);
/// The year 9000, in milliseconds since 1970.
const LATEST_MILLIS: i64 = 221_845_392_000_000;

/// Milliseconds since 1970, within what the ledger can hold.
fn millis(time: Timestamp) -> i64 {
    time.as_millisecond().clamp(0, LATEST_MILLIS)
}

fn timestamp(millis: i64) -> Timestamp {
    Timestamp::from_millisecond(millis).unwrap_or(Timestamp::MAX)
}
