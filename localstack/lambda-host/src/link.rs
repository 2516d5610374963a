//! What the host and one process have to say to each other: the states of the Runtime API.
//!
//! An invocation goes in, and what the runtime says about it comes out. No bytes of HTTP here; nothing waits longer
//! than its caller lets it.

use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::sync::{Notify, oneshot, watch};

/// What a process is asked to do.
#[derive(Debug, Clone)]
pub(crate) struct Invocation {
    pub(crate) request_id: String,
    pub(crate) arn: String,
    pub(crate) deadline_ms: u64,
    pub(crate) trace_id: String,
    pub(crate) client_context: Option<String>,
    pub(crate) event: Bytes,
}

/// What a runtime says about an invocation, or about its beginning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Said {
    Response(Bytes),
    Error(Bytes),
    /// A response of that many bytes, at least.
    TooLarge(usize),
}

/// Why a call is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// 400: no invocation of that id is under way here.
    InvalidRequestId,
    /// 403: not now.
    InvalidState(&'static str),
    /// The process was given up; whatever it calls next is its last call.
    Abandoned,
}

/// How far a process is, as the host waits for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Progress {
    Starting,
    /// It reported that it cannot begin.
    InitFailed(Bytes),
    /// It asked for work and has none.
    Idle,
    Working,
    /// It answered, and did not ask for more yet.
    Answered,
    /// Nothing more is expected of it.
    Abandoned,
}

#[derive(Debug)]
pub(crate) struct Link {
    state: Mutex<State>,
    progress: watch::Sender<Progress>,
    /// An abandoned process asked for more work.
    asked_again: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// A call for work that waits.
    parked: Option<oneshot::Sender<Invocation>>,
    /// The id of what was given to the process last.
    current: Option<String>,
    answer: Option<oneshot::Sender<Said>>,
    refused: u64,
}

impl Default for Link {
    fn default() -> Self {
        Self { state: Mutex::default(), progress: watch::channel(Progress::Starting).0, asked_again: Notify::new() }
    }
}

impl Link {
    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing panics while it is held, and a state is whole after each line.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Follows the process.
    pub(crate) fn progress(&self) -> watch::Receiver<Progress> {
        self.progress.subscribe()
    }

    fn is(&self, progress: &Progress) -> bool {
        *self.progress.borrow() == *progress
    }

    /// `invocation/next`: gives what to wait for.
    pub(crate) fn next(&self) -> Result<oneshot::Receiver<Invocation>, Refusal> {
        let mut state = self.state();
        match &*self.progress.borrow() {
            Progress::Starting | Progress::Answered | Progress::Idle => {}
            Progress::Abandoned => {
                self.asked_again.notify_one();
                return Err(Refusal::Abandoned);
            }
            Progress::Working => return Err(Refusal::InvalidState("the invocation before it has no answer yet")),
            Progress::InitFailed(_) => return Err(Refusal::InvalidState("the initialization failed")),
        }
        // A call that is repeated because the first one broke off takes its place.
        let (sender, receiver) = oneshot::channel();
        state.parked = Some(sender);
        drop(state);
        self.progress.send_replace(Progress::Idle);
        Ok(receiver)
    }

    /// Hands an invocation to the process, which must be idle. None if it is not, or is gone.
    pub(crate) fn give(&self, invocation: Invocation) -> Option<oneshot::Receiver<Said>> {
        let (sender, receiver) = oneshot::channel();
        {
            let mut state = self.state();
            if !self.is(&Progress::Idle) {
                return None;
            }
            let parked = state.parked.take()?;
            state.current = Some(invocation.request_id.clone());
            state.answer = Some(sender);
            self.progress.send_replace(Progress::Working);
            if parked.send(invocation).is_err() {
                state.answer = None;
                return None;
            }
        }
        Some(receiver)
    }

    /// Whether an answer to that id would be taken now.
    pub(crate) fn expects(&self, request_id: &str) -> Result<(), Refusal> {
        let state = self.state();
        self.expected(&state, request_id)
    }

    fn expected(&self, state: &State, request_id: &str) -> Result<(), Refusal> {
        if state.current.as_deref() != Some(request_id) || self.is(&Progress::Abandoned) {
            return Err(Refusal::InvalidRequestId);
        }
        if self.is(&Progress::Working) { Ok(()) } else { Err(Refusal::InvalidState("it was answered already")) }
    }

    /// `response` and `error` of an invocation.
    pub(crate) fn answer(&self, request_id: &str, said: Said) -> Result<(), Refusal> {
        let mut state = self.state();
        if let Err(refusal) = self.expected(&state, request_id) {
            state.refused += 1;
            return Err(refusal);
        }
        if let Some(answer) = state.answer.take() {
            // Nobody waits any more if the deadline passes right now; it is an answer all the same.
            let _ = answer.send(said);
        }
        drop(state);
        self.progress.send_replace(Progress::Answered);
        Ok(())
    }

    /// `init/error`.
    pub(crate) fn init_error(&self, document: Bytes) -> Result<(), Refusal> {
        if !self.is(&Progress::Starting) {
            return Err(Refusal::InvalidState("the initialization is over"));
        }
        self.progress.send_replace(Progress::InitFailed(document));
        Ok(())
    }

    /// Nothing that the process says counts any more.
    pub(crate) fn abandon(&self) {
        let mut state = self.state();
        state.answer = None;
        state.parked = None;
        drop(state);
        self.progress.send_replace(Progress::Abandoned);
    }

    /// Waits until an abandoned process asks for more work.
    pub(crate) async fn asked_again(&self) {
        self.asked_again.notified().await;
    }

    /// The id of the invocation that the process works on, or worked on last.
    pub(crate) fn current(&self) -> Option<String> {
        self.state().current.clone()
    }

    /// How many answers came too late or for nothing.
    pub(crate) fn refused(&self) -> u64 {
        self.state().refused
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn invocation(id: &str) -> Invocation {
        Invocation {
            request_id: id.to_owned(),
            arn: String::new(),
            deadline_ms: 0,
            trace_id: String::new(),
            client_context: None,
            event: Bytes::new(),
        }
    }

    #[test]
    fn an_invocation_is_answered_once_and_by_its_id() {
        let link = Link::default();
        assert!(link.give(invocation("a")).is_none(), "not asked for work yet");
        let mut work = link.next().unwrap();
        let mut answer = link.give(invocation("a")).unwrap();
        assert_eq!(work.try_recv().unwrap().request_id, "a");
        assert!(matches!(link.next(), Err(Refusal::InvalidState(_))));
        assert_eq!(link.answer("b", Said::Response("1".into())), Err(Refusal::InvalidRequestId));
        link.answer("a", Said::Response("1".into())).unwrap();
        assert_eq!(answer.try_recv().unwrap(), Said::Response("1".into()));
        assert!(matches!(link.answer("a", Said::Error("2".into())), Err(Refusal::InvalidState(_))));
        assert!(matches!(link.init_error("x".into()), Err(Refusal::InvalidState(_))));
        assert_eq!(link.refused(), 2);
        link.next().unwrap();
        assert!(*link.progress().borrow() == Progress::Idle);
    }

    #[test]
    fn what_was_abandoned_says_nothing_more() {
        let link = Link::default();
        let _work = link.next().unwrap();
        let mut answer = link.give(invocation("a")).unwrap();
        link.abandon();
        assert_eq!(link.answer("a", Said::Response("late".into())), Err(Refusal::InvalidRequestId));
        assert!(answer.try_recv().is_err());
        assert_eq!(link.next().unwrap_err(), Refusal::Abandoned);
    }
}
