//! The time and chance of one invocation: the clock on the wall, or a simulated market time on it.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use market::SimulatedTime;
use pipeline::port::Runtime;

/// One invocation's clock, with the moment at which Lambda cuts it off.
#[derive(Debug, Clone, Copy)]
pub struct Invocation {
    simulated: Option<SimulatedTime>,
    deadline: Timestamp,
}

impl Invocation {
    /// Until `deadline_ms`, in milliseconds since 1970 on the wall, as Lambda gives it.
    pub fn new(simulated: Option<SimulatedTime>, deadline_ms: u64) -> Self {
        let deadline = i64::try_from(deadline_ms).ok().and_then(|at| Timestamp::from_millisecond(at).ok());
        Self { simulated, deadline: deadline.unwrap_or(Timestamp::MAX) }
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
