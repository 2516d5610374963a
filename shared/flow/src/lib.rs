//! How fast and how often to try: pacing, backoff and the vendor's quota.
//!
//! The time and a random number enter, a waiting time leaves. Nothing here waits.

mod quota;

pub use quota::{Limits, QuotaState, QuotaStateError, Reason, RefusalClass, Summary, Wait};

use jiff::{SignedDuration, Timestamp};

/// Exponential backoff with full jitter: before attempt n + 1, a random part of `base · 2ⁿ⁻¹`, `cap` at the most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// The longest wait before the second attempt.
    pub base: SignedDuration,
    /// The longest wait at all.
    pub cap: SignedDuration,
    /// How often to try, the first time included.
    pub attempts: u32,
}

impl Backoff {
    /// How long to wait after that many failed attempts, with a random number from 0 to 1; `None` to give up.
    pub fn wait(&self, failed: u32, random: f64) -> Option<SignedDuration> {
        if failed == 0 || failed >= self.attempts {
            return None;
        }
        let doublings = (failed - 1).min(30);
        let longest = self.base.checked_mul(1 << doublings).unwrap_or(self.cap).min(self.cap);
        Some(SignedDuration::from_secs_f64(longest.as_secs_f64() * random.clamp(0.0, 1.0)))
    }
}

/// Spaces calls evenly, so that no window of a second holds more than the vendor allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    spacing: SignedDuration,
    last: Option<Timestamp>,
}

/// Which part of the vendor's allowance is used: refusals have been seen at 4 calls of 5.
const HEADROOM: f64 = 0.8;

impl Pace {
    /// At most that many calls per second, less some headroom; none is taken for one.
    pub fn per_second(calls: u32) -> Self {
        Self { spacing: SignedDuration::from_secs_f64(1.0 / (HEADROOM * f64::from(calls.max(1)))), last: None }
    }

    /// How long to wait before the next call.
    pub fn wait(&self, now: Timestamp) -> SignedDuration {
        let Some(last) = self.last else { return SignedDuration::ZERO };
        // A clock that was set back must not stop everything: never wait longer than one spacing.
        (self.spacing - now.duration_since(last)).clamp(SignedDuration::ZERO, self.spacing)
    }

    /// Notes that a call is made.
    pub fn called(&mut self, now: Timestamp) {
        self.last = Some(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const BACKOFF: Backoff =
        Backoff { base: SignedDuration::from_secs(1), cap: SignedDuration::from_secs(4), attempts: 5 };

    #[test]
    fn waits_double_up_to_the_cap_and_end() {
        let waits: Vec<_> = (0..6).map(|failed| BACKOFF.wait(failed, 1.0).map(|wait| wait.as_secs())).collect();
        assert_eq!(waits, [None, Some(1), Some(2), Some(4), Some(4), None]);
        assert_eq!(BACKOFF.wait(1, 0.0), Some(SignedDuration::ZERO));
        let endless = Backoff { attempts: u32::MAX, ..BACKOFF };
        assert_eq!(endless.wait(u32::MAX - 1, 1.0), Some(BACKOFF.cap));
    }

    proptest! {
        #[test]
        fn no_second_holds_more_calls_than_allowed(calls in 1u32..30, steps in prop::collection::vec(0i64..2_000, 1..80)) {
            let mut pace = Pace::per_second(calls);
            let mut now = Timestamp::UNIX_EPOCH;
            let mut made: Vec<Timestamp> = Vec::new();
            for step in steps {
                now += SignedDuration::from_millis(step);
                now += pace.wait(now);
                prop_assert_eq!(pace.wait(now), SignedDuration::ZERO);
                pace.called(now);
                made.push(now);
                let recent = made.iter().filter(|at| now.duration_since(**at) < SignedDuration::from_secs(1)).count();
                prop_assert!(recent <= calls as usize, "{recent} calls within a second");
            }
        }

        #[test]
        fn a_clock_set_back_waits_one_spacing_at_most(back in 0i64..1_000_000) {
            let mut pace = Pace::per_second(1);
            pace.called(Timestamp::from_second(2_000_000).unwrap());
            let wait = pace.wait(Timestamp::from_second(2_000_000 - back).unwrap());
            prop_assert!(wait <= SignedDuration::from_millis(1_250));
        }
    }
}
