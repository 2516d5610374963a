//! The tumbling window of a shard: its bounds, its state and when it is over.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value};

use super::Window;

/// The window that is open, if any.
#[derive(Debug, Default)]
pub(crate) struct Tumbling {
    open: Option<Window>,
}

impl Tumbling {
    pub(crate) fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// Whether the state of the open window grew too large.
    pub(crate) fn is_terminated_early(&self) -> bool {
        self.open.as_ref().is_some_and(|window| window.is_terminated_early)
    }

    /// Opens the window of a record that arrived then, unless one is open.
    pub(crate) fn open(&mut self, arrived: Timestamp, length: SignedDuration) {
        if self.open.is_some() {
            return;
        }
        let length = length.as_secs().max(1);
        let start = arrived.as_millisecond().div_euclid(1000).div_euclid(length) * length;
        let moment = |seconds| Timestamp::from_second(seconds).unwrap_or(arrived);
        self.open = Some(Window {
            start: moment(start),
            end: moment(start + length),
            state: Value::Object(Map::new()),
            is_final: false,
            is_terminated_early: false,
        });
    }

    /// Whether the open window is due for its last call, before the record that arrived then.
    ///
    /// It is over when a later record was read, when a read that began behind its end gave nothing, when the shard
    /// has ended, and when its state grew too large.
    pub(crate) fn is_over(&self, next: Option<Timestamp>, is_end: bool, caught_up: Option<Timestamp>) -> bool {
        self.open.as_ref().is_some_and(|window| {
            window.is_terminated_early
                || match next {
                    Some(next) => next >= window.end,
                    None => is_end || caught_up.is_some_and(|moment| moment >= window.end),
                }
        })
    }

    /// Whether a record that arrived then goes into the open window. Without windows every record does.
    ///
    /// One that arrived before the window's start, by a clock that went back, goes along.
    pub(crate) fn holds(&self, arrived: Timestamp) -> bool {
        self.open.as_ref().is_none_or(|window| arrived < window.end)
    }

    /// The window as an event tells it.
    pub(crate) fn window(&self, is_final: bool) -> Option<Window> {
        self.open.clone().map(|window| Window {
            is_final,
            is_terminated_early: is_final && window.is_terminated_early,
            ..window
        })
    }

    /// Takes the state that the function returned; one above the bound ends the window early.
    pub(crate) fn take_state(&mut self, state: Value, bound: usize) {
        if let Some(window) = &mut self.open {
            window.is_terminated_early |= state.to_string().len() > bound;
            window.state = state;
        }
    }

    /// Drops the window and its state, after its last call.
    pub(crate) fn close(&mut self) {
        self.open = None;
    }
}
