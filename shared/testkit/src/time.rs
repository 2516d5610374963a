//! Time that moves only when somebody sleeps, or by hand.

use std::sync::Mutex;

use fastrand::Rng;
use jiff::{SignedDuration, Timestamp};
use pipeline::port::Runtime;

use crate::{interleave::give_way, lock};

/// A clock for market time and for what is left of the invocation, and a seeded generator.
#[derive(Debug)]
pub struct ManualTime(Mutex<State>);

#[derive(Debug)]
struct State {
    now: Timestamp,
    deadline: Timestamp,
    elapsed: SignedDuration,
    sleeps: Vec<SignedDuration>,
    rng: Rng,
}

impl ManualTime {
    /// At a moment in RFC 3339, with fifteen minutes left and a fixed seed.
    pub fn at(now: &str) -> Self {
        Self::seeded(now.parse().unwrap(), 0)
    }

    /// At a moment, with fifteen minutes left and this seed.
    pub fn seeded(now: Timestamp, seed: u64) -> Self {
        let deadline = now + SignedDuration::from_mins(15);
        Self(Mutex::new(State {
            now,
            deadline,
            elapsed: SignedDuration::ZERO,
            sleeps: Vec::new(),
            rng: Rng::with_seed(seed),
        }))
    }

    /// Moves the clock, backwards too; what is left of the invocation stays the same.
    pub fn set(&self, now: Timestamp) {
        let mut state = lock(&self.0);
        let moved = now.duration_since(state.now);
        state.deadline += moved;
        state.now = now;
    }

    /// Moves the clock on, and the time that has passed; what is left of the invocation stays the same.
    pub fn advance(&self, time: SignedDuration) {
        let now = lock(&self.0).now;
        self.set(now + time);
        lock(&self.0).elapsed += time.max(SignedDuration::ZERO);
    }

    /// Begins an invocation that may take that long; each sleep uses some of it up.
    pub fn begin_invocation(&self, remaining: SignedDuration) {
        let mut state = lock(&self.0);
        state.deadline = state.now + remaining;
    }

    /// All waits so far that were longer than nothing.
    pub fn sleeps(&self) -> Vec<SignedDuration> {
        lock(&self.0).sleeps.clone()
    }
}

impl Runtime for ManualTime {
    fn now(&self) -> Timestamp {
        lock(&self.0).now
    }

    fn remaining(&self) -> SignedDuration {
        let state = lock(&self.0);
        state.deadline.duration_since(state.now)
    }

    fn elapsed(&self) -> SignedDuration {
        lock(&self.0).elapsed
    }

    async fn sleep(&self, time: SignedDuration) {
        give_way().await;
        if time > SignedDuration::ZERO {
            let mut state = lock(&self.0);
            state.now += time;
            state.elapsed += time;
            state.sleeps.push(time);
        }
    }

    fn random(&self) -> f64 {
        lock(&self.0).rng.f64()
    }
}
