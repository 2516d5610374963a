//! Several tasks in one simulated time, each with a clock of its own. The order of everything follows
//! from the seed, so that a case can be run again.
//!
//! There is one true time. It stands still while tasks run, and moves to the next moment at which one
//! wakes when all of them wait. Which of several tasks that could run goes first is chance. Tasks wait
//! with the `sleep` of their [`TaskClock`] and wake each other as futures do; a task that waits for
//! anything else never ends, and the simulation says so.

use std::{
    collections::BTreeMap,
    fmt,
    future::{Future, poll_fn},
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll, Wake, Waker},
};

use fastrand::Rng;
use jiff::{SignedDuration, Timestamp};
use pipeline::port::Runtime;

use crate::lock;

type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A simulated time and the tasks in it. Clones are the same simulation.
#[derive(Clone)]
pub struct Simulation(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    ready: Mutex<Vec<usize>>,
}

struct State {
    now: Timestamp,
    rng: Rng,
    tasks: Vec<Option<Task>>,
    /// When somebody wakes, in an order that chance gives to equal moments.
    alarms: BTreeMap<(Timestamp, u64), Waker>,
}

struct WakeTask {
    shared: Arc<Shared>,
    task: usize,
}

impl Wake for WakeTask {
    fn wake(self: Arc<Self>) {
        let mut ready = lock(&self.shared.ready);
        if !ready.contains(&self.task) {
            ready.push(self.task);
        }
    }
}

impl fmt::Debug for Simulation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Simulation at {}", self.now())
    }
}

impl Simulation {
    /// Begins at a moment.
    pub fn new(now: Timestamp, seed: u64) -> Self {
        let rng = Rng::with_seed(seed);
        let state = State { now, rng, tasks: Vec::new(), alarms: BTreeMap::new() };
        Self(Arc::new(Shared { state: Mutex::new(state), ready: Mutex::default() }))
    }

    /// The true time.
    pub fn now(&self) -> Timestamp {
        lock(&self.0.state).now
    }

    /// A clock that is that much ahead of the true time, in an invocation of that length.
    pub fn clock(&self, ahead: SignedDuration, remaining: SignedDuration) -> TaskClock {
        let mut state = lock(&self.0.state);
        let (begun, rng) = (state.now, state.rng.fork());
        let clock = Clock { ahead, begun, deadline: begun + remaining, rng };
        drop(state);
        TaskClock { simulation: self.clone(), clock: Arc::new(Mutex::new(clock)) }
    }

    /// Adds a task. Tasks may add others.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let mut state = lock(&self.0.state);
        state.tasks.push(Some(Box::pin(task)));
        lock(&self.0.ready).push(state.tasks.len() - 1);
    }

    /// Lets all tasks run to their end.
    pub fn run(&self) {
        loop {
            while let Some(task) = self.next_ready() {
                self.poll(task);
            }
            if !self.wake_next() {
                break;
            }
        }
        let stuck = lock(&self.0.state).tasks.iter().filter(|task| task.is_some()).count();
        assert_eq!(stuck, 0, "tasks wait for something that never comes");
    }

    fn next_ready(&self) -> Option<usize> {
        let mut state = lock(&self.0.state);
        let mut ready = lock(&self.0.ready);
        (!ready.is_empty()).then(|| {
            let place = state.rng.usize(0..ready.len());
            ready.swap_remove(place)
        })
    }

    /// Runs a task until it waits. Nothing is locked meanwhile, for it uses the clocks.
    fn poll(&self, number: usize) {
        let Some(mut task) = lock(&self.0.state).tasks[number].take() else { return };
        let waker = Waker::from(Arc::new(WakeTask { shared: self.0.clone(), task: number }));
        if task.as_mut().poll(&mut Context::from_waker(&waker)).is_pending() {
            lock(&self.0.state).tasks[number] = Some(task);
        }
    }

    /// Moves to the next moment at which somebody wakes.
    fn wake_next(&self) -> bool {
        let mut state = lock(&self.0.state);
        let Some(((at, _), waker)) = state.alarms.pop_first() else { return false };
        state.now = state.now.max(at);
        drop(state);
        waker.wake();
        true
    }

    fn set_alarm(&self, at: Timestamp, waker: Waker) {
        let mut state = lock(&self.0.state);
        let order = state.rng.u64(..);
        state.alarms.insert((at, order), waker);
    }
}

/// The clock of one task: off by a constant, until it is set. Waiting and what has passed are not affected.
/// Clones are the same clock.
#[derive(Debug, Clone)]
pub struct TaskClock {
    simulation: Simulation,
    clock: Arc<Mutex<Clock>>,
}

#[derive(Debug)]
struct Clock {
    ahead: SignedDuration,
    begun: Timestamp,
    deadline: Timestamp,
    rng: Rng,
}

impl TaskClock {
    /// Sets the clock that much ahead of the true time, or behind it.
    pub fn set_ahead(&self, ahead: SignedDuration) {
        lock(&self.clock).ahead = ahead;
    }

    /// Begins an invocation that may take that long. What has passed is counted anew.
    pub fn begin_invocation(&self, remaining: SignedDuration) {
        let now = self.simulation.now();
        let mut clock = lock(&self.clock);
        clock.begun = now;
        clock.deadline = now + remaining;
    }

    /// The true time, for what stands outside and judges.
    pub fn true_now(&self) -> Timestamp {
        self.simulation.now()
    }
}

impl Runtime for TaskClock {
    fn now(&self) -> Timestamp {
        self.simulation.now() + lock(&self.clock).ahead
    }

    fn remaining(&self) -> SignedDuration {
        lock(&self.clock).deadline.duration_since(self.simulation.now())
    }

    fn elapsed(&self) -> SignedDuration {
        self.simulation.now().duration_since(lock(&self.clock).begun)
    }

    async fn sleep(&self, time: SignedDuration) {
        let until = self.simulation.now() + time.max(SignedDuration::ZERO);
        let mut set = false;
        poll_fn(|context| {
            // Also a wait of nothing lets others go first.
            if set && self.simulation.now() >= until {
                return Poll::Ready(());
            }
            if !set {
                self.simulation.set_alarm(until, context.waker().clone());
                set = true;
            }
            Poll::Pending
        })
        .await;
    }

    fn random(&self) -> f64 {
        lock(&self.clock).rng.f64()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(seed: u64) -> Vec<(i64, usize)> {
        let simulation = Simulation::new(Timestamp::UNIX_EPOCH, seed);
        let told = Arc::new(Mutex::new(Vec::new()));
        for task in 0..3 {
            let (clock, told) = (simulation.clock(SignedDuration::ZERO, SignedDuration::from_mins(1)), told.clone());
            simulation.spawn(async move {
                for second in [2, 1, 3] {
                    clock.sleep(SignedDuration::from_secs(second)).await;
                    lock(&told).push((clock.now().as_second(), task));
                }
            });
        }
        simulation.run();
        std::mem::take(&mut *lock(&told))
    }

    #[test]
    fn time_moves_when_all_wait_and_a_seed_gives_one_order() {
        let orders: Vec<_> = (0..20).map(run).collect();
        assert!(orders.iter().all(|told| told.iter().map(|(at, _)| *at).eq([2, 2, 2, 3, 3, 3, 6, 6, 6])));
        assert!(orders.iter().any(|told| *told != orders[0]), "chance orders equal moments");
        assert_eq!(run(7), orders[7]);
    }

    #[test]
    fn clocks_differ_in_what_they_read_and_not_in_how_long_they_wait() {
        let simulation = Simulation::new(Timestamp::UNIX_EPOCH, 0);
        let clock = simulation.clock(SignedDuration::from_secs(-5), SignedDuration::from_secs(10));
        let (task, inner) = (clock.clone(), simulation.clone());
        simulation.spawn(async move {
            task.sleep(SignedDuration::from_secs(4)).await;
            inner.spawn(async move { task.sleep(SignedDuration::from_secs(2)).await });
        });
        simulation.run();
        assert_eq!((clock.now().as_second(), clock.true_now().as_second()), (1, 6));
        assert_eq!((clock.elapsed().as_secs(), clock.remaining().as_secs()), (6, 4));
        clock.set_ahead(SignedDuration::from_hours(-1));
        clock.begin_invocation(SignedDuration::from_secs(3));
        assert_eq!((clock.now().as_second(), clock.elapsed().as_secs(), clock.remaining().as_secs()), (-3594, 0, 3));
    }
}
