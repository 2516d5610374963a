//! The paces that AWS does not write down, or only in passing: how often to ask and how long to wait.

use jiff::SignedDuration;

/// How often a mapping reads and lists, and how long it waits after a failure.
///
/// The defaults are assumptions except for `poll_interval`: AWS polls "at a base rate of once per second".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// From a read that gave nothing to the next. A read that gave records is followed by the next at once.
    pub poll_interval: SignedDuration,
    /// From one list of shards to the next. The end of a shard is followed by a list at once.
    pub list_interval: SignedDuration,
    /// From a first failure to the second attempt: of an invocation, a read, or a letter.
    pub initial_backoff: SignedDuration,
    /// The longest wait: each failure in a row doubles it up to here.
    pub maximum_backoff: SignedDuration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            poll_interval: SignedDuration::from_secs(1),
            list_interval: SignedDuration::from_secs(60),
            initial_backoff: SignedDuration::from_millis(200),
            maximum_backoff: SignedDuration::from_secs(60),
        }
    }
}

impl Pace {
    /// How long to wait after so many failures in a row, at least one.
    pub fn backoff(&self, failures: u32) -> SignedDuration {
        let factor = 1_i32 << failures.saturating_sub(1).min(20);
        self.initial_backoff.checked_mul(factor).unwrap_or(self.maximum_backoff).min(self.maximum_backoff)
    }
}
