//! The time and chance of one invocation: the clock on the wall, or a simulated market time on it.

use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use market::SimulatedTime;
use pipeline::port::Runtime;

/// One invocation's clock, with the moment at which Lambda cuts it off.
#[derive(Debug, Clone, Copy)]
pub struct Invocation {
    simulated: Option<SimulatedTime>,
    deadline: Timestamp,
    begun: Instant,
}

impl Invocation {
    /// Until `deadline_ms`, in milliseconds since 1970 on the wall, as Lambda gives it.
    pub fn new(simulated: Option<SimulatedTime>, deadline_ms: u64) -> Self {
        let deadline = i64::try_from(deadline_ms).ok().and_then(|at| Timestamp::from_millisecond(at).ok());
        Self { simulated, deadline: deadline.unwrap_or(Timestamp::MAX), begun: Instant::now() }
    }
}

impl Runtime for Invocation {
    fn now(&self) -> Timestamp {
        let now = Timestamp::now();
        self.simulated.map_or(now, |simulated| simulated.at(now))
    }

    fn remaining(&self) -> SignedDuration {
        self.deadline.duration_since(Timestamp::now())
    }

    fn elapsed(&self) -> SignedDuration {
        let speed = self.simulated.map_or(1, |simulated| simulated.speed);
        SignedDuration::try_from(self.begun.elapsed().saturating_mul(speed)).unwrap_or(SignedDuration::MAX)
    }

    async fn sleep(&self, time: SignedDuration) {
        let time = Duration::try_from(time).unwrap_or_default();
        let speed = self.simulated.map_or(1, |simulated| simulated.speed);
        if !time.is_zero() {
            tokio::time::sleep(time / speed).await;
        }
    }

    fn random(&self) -> f64 {
        fastrand::f64()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_passed_is_counted_in_market_time_and_never_goes_back() {
        let speed = 100_000;
        let simulated = SimulatedTime { real: Timestamp::UNIX_EPOCH, market: Timestamp::UNIX_EPOCH, speed };
        let (plain, fast) = (Invocation::new(None, 0), Invocation::new(Some(simulated), 0));
        let (before, fast_before) = (plain.elapsed(), fast.elapsed());
        // As soon as anything has passed on the wall, much more has in the market.
        while plain.elapsed() == before {}
        assert!(before >= SignedDuration::ZERO && plain.elapsed() > before);
        assert!(fast.elapsed() - fast_before > plain.elapsed() - before);
    }
}
