//! Virtual time and the tasks in it, on one thread. Futures enter; they run in an order that follows from the seed.
//!
//! Time stands still while any task can go on, and then moves to the next moment at which one wakes. Which of several
//! tasks goes first is chance, of the seed. Every step of a task is folded into the trace, so that two runs can be
//! compared. Nothing here knows what the tasks do, and nothing waits for real.

use std::{
    cmp::Ordering,
    collections::BinaryHeap,
    fmt,
    future::{Future, poll_fn},
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Wake, Waker},
};

use fastrand::Rng;
use jiff::{SignedDuration, Timestamp};

type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A virtual time and the tasks in it. Clones are the same world.
#[derive(Clone)]
pub(crate) struct World(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    ready: Mutex<Vec<usize>>,
}

struct State {
    /// In microseconds since 1970.
    now: i64,
    rng: Rng,
    tasks: Vec<Option<Task>>,
    wakers: Vec<Waker>,
    free: Vec<usize>,
    alarms: BinaryHeap<Alarm>,
    trace: u64,
}

/// When somebody wakes. Chance orders equal moments.
struct Alarm {
    at: i64,
    tie: u64,
    waker: Waker,
}

impl Ord for Alarm {
    fn cmp(&self, other: &Self) -> Ordering {
        (other.at, other.tie).cmp(&(self.at, self.tie))
    }
}

impl PartialOrd for Alarm {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Alarm {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Alarm {}

struct WakeTask {
    shared: Arc<Shared>,
    task: usize,
}

impl Wake for WakeTask {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let mut ready = lock(&self.shared.ready);
        if !ready.contains(&self.task) {
            ready.push(self.task);
        }
    }
}

/// What a mutex guards here is still whole after a panic: the run is over then.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "World at {}", self.now())
    }
}

impl World {
    /// Begins at a moment.
    pub(crate) fn new(now: Timestamp, seed: u64) -> Self {
        let state = State {
            now: now.as_microsecond(),
            rng: Rng::with_seed(seed),
            tasks: Vec::new(),
            wakers: Vec::new(),
            free: Vec::new(),
            alarms: BinaryHeap::new(),
            trace: seed,
        };
        Self(Arc::new(Shared { state: Mutex::new(state), ready: Mutex::default() }))
    }

    /// The true time.
    pub(crate) fn now(&self) -> Timestamp {
        Timestamp::from_microsecond(lock(&self.0.state).now).unwrap_or(Timestamp::UNIX_EPOCH)
    }

    /// Chance for somebody, from that of the world.
    pub(crate) fn chance(&self) -> Rng {
        lock(&self.0.state).rng.fork()
    }

    /// Folds something that happened into the trace.
    pub(crate) fn note(&self, what: u64) {
        let mut state = lock(&self.0.state);
        let now = state.now as u64;
        state.trace = mix(mix(state.trace, what), now);
    }

    /// A number that tells two runs apart in which anything happened otherwise.
    pub(crate) fn trace(&self) -> u64 {
        lock(&self.0.state).trace
    }

    /// Adds a task. Tasks may add others.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let mut state = lock(&self.0.state);
        let number = state.free.pop().unwrap_or(state.tasks.len());
        if number == state.tasks.len() {
            state.tasks.push(None);
            state.wakers.push(Waker::from(Arc::new(WakeTask { shared: self.0.clone(), task: number })));
        }
        state.tasks[number] = Some(Box::pin(task));
        lock(&self.0.ready).push(number);
    }

    /// Runs until that task has ended, and drops all others.
    pub(crate) fn run(&self, task: impl Future<Output = ()> + Send + 'static) {
        let done = Arc::new(Mutex::new(false));
        let told = done.clone();
        self.spawn(async move {
            task.await;
            *lock(&told) = true;
        });
        while !*lock(&done) {
            match self.next_ready() {
                Some(number) => self.poll(number),
                None if self.wake_next() => {}
                None => break,
            }
        }
        // Tasks hold the world and the world holds them.
        let (tasks, alarms) = {
            let mut state = lock(&self.0.state);
            state.wakers.clear();
            (std::mem::take(&mut state.tasks), std::mem::take(&mut state.alarms))
        };
        drop((tasks, alarms));
    }

    fn next_ready(&self) -> Option<usize> {
        let mut state = lock(&self.0.state);
        let mut ready = lock(&self.0.ready);
        (!ready.is_empty()).then(|| {
            let place = state.rng.usize(0..ready.len());
            ready.swap_remove(place)
        })
    }

    /// Runs a task until it waits. Nothing is locked meanwhile, for it uses the world.
    fn poll(&self, number: usize) {
        let (mut task, waker) = {
            let mut state = lock(&self.0.state);
            // One that has ended may still be woken by an alarm that it set.
            let Some(task) = state.tasks[number].take() else { return };
            state.trace = mix(state.trace, number as u64);
            (task, state.wakers[number].clone())
        };
        let is_over = task.as_mut().poll(&mut Context::from_waker(&waker)).is_ready();
        let mut state = lock(&self.0.state);
        if is_over {
            state.free.push(number);
        } else {
            state.tasks[number] = Some(task);
        }
    }

    /// Moves to the next moment at which somebody wakes.
    fn wake_next(&self) -> bool {
        let mut state = lock(&self.0.state);
        let Some(Alarm { at, waker, .. }) = state.alarms.pop() else { return false };
        state.now = state.now.max(at);
        drop(state);
        waker.wake();
        true
    }

    /// Wakes somebody at a moment.
    pub(crate) fn alarm(&self, at: Timestamp, waker: Waker) {
        let mut state = lock(&self.0.state);
        let tie = state.rng.u64(..);
        state.alarms.push(Alarm { at: at.as_microsecond(), tie, waker });
    }

    /// Waits that long.
    pub(crate) async fn sleep(&self, time: SignedDuration) {
        // Time counts in microseconds: a wait that ended between two of them would never be seen to end.
        let micros = i64::try_from((time.as_nanos().max(0) + 999) / 1000).unwrap_or(i64::MAX);
        let until = self.now() + SignedDuration::from_micros(micros);
        let mut set = false;
        poll_fn(|context| {
            // Also a wait of nothing lets others go first.
            if set && self.now() >= until {
                return Poll::Ready(());
            }
            if !set {
                self.alarm(until, context.waker().clone());
                set = true;
            }
            Poll::Pending
        })
        .await;
    }
}

/// Folds a number into another; not to be undone by chance.
pub(crate) fn mix(trace: u64, what: u64) -> u64 {
    (trace ^ what).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(seed: u64) -> (Vec<usize>, u64) {
        let world = World::new(Timestamp::UNIX_EPOCH, seed);
        let told = Arc::new(Mutex::new(Vec::new()));
        for task in 0..3 {
            let (world, told) = (world.clone(), told.clone());
            world.clone().spawn(async move {
                for second in [2, 1, 3] {
                    // Also what is no whole number of microseconds ends.
                    world.sleep(SignedDuration::new(second, -1)).await;
                    lock(&told).push(task);
                }
            });
        }
        let end = world.clone();
        world.run(async move { end.sleep(SignedDuration::from_secs(7)).await });
        assert_eq!(world.now().as_second(), 7);
        (std::mem::take(&mut *lock(&told)), world.trace())
    }

    #[test]
    fn a_seed_gives_one_order() {
        let runs: Vec<_> = (0..20).map(run).collect();
        assert!(runs.iter().all(|(told, _)| told.len() == 9));
        assert!(runs.iter().any(|(told, _)| *told != runs[0].0), "chance orders equal moments");
        assert_eq!(run(7), runs[7]);
    }
}
