//! A process of a function: it passes points, can be killed, panic or be stopped there, and has a clock of its own.
//!
//! [`supervise`] runs one invocation in it, up to the time that the function may take. What is killed is dropped
//! where it stands, between two polls: whatever it had not sent by then is never sent.

use std::{
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll},
};

use fastrand::Rng;
use futures::future::{Either, select};
use jiff::{SignedDuration, Timestamp};
use pipeline::port::{CallError, Runtime};

use crate::{
    trouble::{Call, Fault, Point, Site, Strike, Trouble},
    world::{World, lock},
};

/// A process of a function.
#[derive(Debug)]
pub(crate) struct Process {
    world: World,
    /// What happens to it.
    pub(crate) trouble: Arc<Mutex<Trouble>>,
    /// How far its clock is ahead of the true time.
    skew: SignedDuration,
    /// Whether it may be stopped and go on later.
    may_stop: bool,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// It was killed, or panicked.
    struck: Option<Strike>,
    stopped_until: Option<Timestamp>,
    /// It dies after passing so many points, for what its batch holds.
    fuse: Option<(u32, Strike)>,
}

/// What came of an invocation.
#[derive(Debug)]
pub(crate) enum Ended<T> {
    /// It returned.
    Returned(T),
    /// It panicked, and its process lives.
    Panicked,
    /// Its process is gone, or is not to be used any more: killed, or beyond its time.
    Lost,
}

impl Process {
    /// A new one.
    pub(crate) fn new(world: &World, trouble: &Arc<Mutex<Trouble>>, skew: SignedDuration, may_stop: bool) -> Arc<Self> {
        Arc::new(Self { world: world.clone(), trouble: trouble.clone(), skew, may_stop, state: Mutex::default() })
    }

    /// The world that it lives in.
    pub(crate) fn world(&self) -> &World {
        &self.world
    }

    /// From now on it dies after passing so many points, or at [`explode`](Self::explode).
    pub(crate) fn light(&self, points: u32, strike: Strike) {
        lock(&self.state).fuse = Some((points, strike));
    }

    /// Dies now, if a fuse is lit.
    pub(crate) async fn explode(&self) {
        let strike = lock(&self.state).fuse.take().map(|(_, strike)| strike);
        if let Some(strike) = strike {
            self.strike(strike).await;
        }
    }

    /// Passes a point; whoever is struck there never comes back from it, or comes back late.
    pub(crate) async fn pass(&self, point: Point) {
        let mut strike = lock(&self.trouble).pass(point, self.may_stop);
        if let Some((left, fatal)) = &mut lock(&self.state).fuse {
            // It dies of what it reads, before it has anything to say of it.
            let is_last = matches!(point, Point::Before(Site::Letters | Site::Archive));
            if *left == 0 || is_last {
                strike = Some(*fatal);
            }
            *left = left.saturating_sub(1);
        }
        if let Some(strike) = strike {
            self.strike(strike).await;
        }
    }

    async fn strike(&self, strike: Strike) {
        if let Strike::Pause(time) = strike {
            lock(&self.state).stopped_until = Some(self.world.now() + time);
            // Nothing of it runs until then.
            return self.world.sleep(SignedDuration::ZERO).await;
        }
        {
            let mut state = lock(&self.state);
            state.struck = state.struck.or(Some(strike));
            state.fuse = None;
        }
        std::future::pending::<()>().await;
    }

    /// The way to the effect of a call. Returns what to do about it.
    pub(crate) async fn begin(&self, site: Site, call: Call) -> Result<Option<Fault>, CallError> {
        self.pass(Point::Before(site)).await;
        let (latency, fault) = {
            let mut trouble = lock(&self.trouble);
            (trouble.latency(), trouble.fault(site, call, self.world.now()))
        };
        self.world.sleep(latency).await;
        match fault {
            Some(Fault::Before) => Err(CallError::unavailable("the connection was refused")),
            fault => Ok(fault),
        }
    }

    /// The way back from the effect of a call.
    pub(crate) async fn end(&self, site: Site, fault: Option<Fault>) -> Result<(), CallError> {
        self.pass(Point::After(site)).await;
        let latency = lock(&self.trouble).latency();
        self.world.sleep(latency).await;
        match fault {
            Some(Fault::After) => Err(CallError::unavailable("no answer came in time")),
            _ => Ok(()),
        }
    }

    /// The clock of an invocation that may take that long.
    pub(crate) fn clock(self: &Arc<Self>, limit: SignedDuration) -> Clock {
        let begun = self.world.now();
        let rng = Mutex::new(self.world.chance());
        Clock { process: self.clone(), begun, deadline: begun + limit, rng }
    }
}

/// The clock of an invocation.
#[derive(Debug)]
pub(crate) struct Clock {
    process: Arc<Process>,
    begun: Timestamp,
    deadline: Timestamp,
    rng: Mutex<Rng>,
}

impl Runtime for Clock {
    fn now(&self) -> Timestamp {
        self.process.world.now() + self.process.skew
    }

    fn remaining(&self) -> SignedDuration {
        self.deadline.duration_since(self.process.world.now())
    }

    fn elapsed(&self) -> SignedDuration {
        self.process.world.now().duration_since(self.begun)
    }

    async fn sleep(&self, time: SignedDuration) {
        self.process.world.sleep(time).await;
    }

    fn random(&self) -> f64 {
        lock(&self.rng).f64()
    }
}

/// What runs in a process: not at all while it is stopped, and no further once it was struck.
struct Guarded<F> {
    process: Arc<Process>,
    inner: Option<Pin<Box<F>>>,
}

impl<F: Future> Future for Guarded<F> {
    type Output = Result<F::Output, Strike>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let process = self.process.clone();
        let is_stopped = |context: &mut Context<'_>| {
            let mut state = lock(&process.state);
            match state.stopped_until {
                Some(until) if process.world.now() < until => {
                    process.world.alarm(until, context.waker().clone());
                    true
                }
                _ => {
                    state.stopped_until = None;
                    false
                }
            }
        };
        if is_stopped(context) {
            return Poll::Pending;
        }
        let Some(inner) = &mut self.inner else { return Poll::Pending };
        if let Poll::Ready(value) = inner.as_mut().poll(context) {
            return Poll::Ready(Ok(value));
        }
        let struck = lock(&process.state).struck.take();
        if let Some(strike) = struck {
            self.inner = None;
            return Poll::Ready(Err(strike));
        }
        is_stopped(context);
        Poll::Pending
    }
}

/// Runs an invocation up to the time that it may take. Beyond that a process is killed; one that is stopped cannot be,
/// and is left to itself: it goes on when nobody expects it any more.
pub(crate) async fn supervise<F>(process: &Arc<Process>, limit: SignedDuration, invocation: F) -> Ended<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send,
{
    let guarded = Guarded { process: process.clone(), inner: Some(Box::pin(invocation)) };
    let world = process.world.clone();
    let timer = Box::pin(async move { world.sleep(limit).await });
    match select(guarded, timer).await {
        Either::Left((Ok(value), _)) => Ended::Returned(value),
        Either::Left((Err(Strike::Panic), _)) => {
            lock(&process.state).fuse = None;
            Ended::Panicked
        }
        Either::Left((Err(_), _)) => Ended::Lost,
        Either::Right(((), guarded)) => {
            if lock(&process.state).stopped_until.is_some() {
                process.world.spawn(async move { drop(guarded.await) });
            }
            Ended::Lost
        }
    }
}
