//! Strikes processes at work: kills them, or stops them beyond their deadline and continues them.
//!
//! A process is stopped first, and struck only if it still is in the invocation that it was seen in; so each strike
//! falls within one.

use std::time::Duration;

use fastrand::Rng;
use lambda_host::{Host, ProcessInfo};
use rustix::process::{Pid, Signal, kill_process};

use super::{compute, sum, until};
use crate::hosted::{COMPUTE, is_of};

/// The longest time from seeing a process at work to striking it.
const MOMENT: Duration = Duration::from_millis(60);

/// So often is looked whether an invocation that is over counts as failed.
const LOOKS: u32 = 25;

/// What becomes of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Struck {
    /// Ended by SIGKILL.
    Killed,
    /// Stopped by SIGSTOP, continued after it has been succeeded.
    Paused,
}

/// A process that is stopped, and how many invocations there were that took up a batch again when it was given up.
struct Paused {
    pid: u32,
    retries: u64,
}

pub(super) struct Chaos<'a> {
    host: &'a Host,
    rng: Rng,
    paused: Vec<Paused>,
}

fn send(pid: u32, signal: Signal) {
    let pid = Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    // It may have ended by itself.
    let _ = kill_process(pid, signal);
}

impl<'a> Chaos<'a> {
    pub(super) fn new(host: &'a Host, rng: Rng) -> Self {
        Self { host, rng, paused: Vec::new() }
    }

    fn process(&self, pid: u32) -> Option<ProcessInfo> {
        self.host.processes().into_iter().find(|process| process.pid == pid)
    }

    /// Strikes one process within an invocation.
    pub(super) async fn strike(&mut self, how: Struck) {
        until("a process at work", async || {
            self.resume();
            let mut at_work = self.host.processes();
            at_work.retain(|process| {
                let is_paused = self.paused.iter().any(|paused| paused.pid == process.pid);
                is_of(&process.function, COMPUTE) && process.request_id.is_some() && !is_paused
            });
            if at_work.is_empty() {
                return Err("none has work".to_owned());
            }
            let chosen = at_work.swap_remove(self.rng.usize(0..at_work.len()));
            tokio::time::sleep(MOMENT.mul_f64(self.rng.f64())).await;
            send(chosen.pid, Signal::STOP);
            if self.process(chosen.pid).is_none_or(|now| now.request_id != chosen.request_id) {
                send(chosen.pid, Signal::CONT);
                return Err(format!("{chosen:?} had answered before it was struck"));
            }
            let before = compute(&self.host.report()).exits;
            if how == Struck::Killed {
                send(chosen.pid, Signal::KILL);
            }
            // Its answer may have been on its way; then the strike fell on nothing.
            let mut looks = 0;
            let is_struck = until("the end of its invocation", async || {
                let now = self.process(chosen.pid);
                let has_ended = now.as_ref().is_none_or(|now| now.request_id != chosen.request_id);
                looks += u32::from(has_ended);
                match how {
                    Struck::Killed if compute(&self.host.report()).exits > before => Ok(true),
                    Struck::Paused if now.as_ref().is_some_and(|now| now.is_abandoned) => Ok(true),
                    _ if looks > LOOKS => Ok(false),
                    _ => Err(format!("{now:?}")),
                }
            })
            .await;
            if !is_struck {
                send(chosen.pid, Signal::CONT);
                return Err(format!("the answer of {chosen:?} was on its way"));
            }
            if how == Struck::Paused {
                let retries = sum(&self.host.report(), |mapping| mapping.retries);
                self.paused.push(Paused { pid: chosen.pid, retries });
            }
            Ok(())
        })
        .await;
    }

    /// Continues those whose batch another process has taken up since.
    fn resume(&mut self) {
        let retries = sum(&self.host.report(), |mapping| mapping.retries);
        self.paused.retain(|paused| {
            let is_succeeded = retries > paused.retries;
            if is_succeeded {
                send(paused.pid, Signal::CONT);
            }
            !is_succeeded
        });
    }

    /// Continues the rest, which all have been succeeded when nothing is left to be done, and waits until they are gone.
    pub(super) async fn end(mut self) {
        for paused in self.paused.drain(..) {
            send(paused.pid, Signal::CONT);
        }
        until("the end of those who were given up", async || {
            match self.host.processes().into_iter().find(|process| process.is_abandoned) {
                None => Ok(()),
                Some(left) => Err(format!("{left:?} is there")),
            }
        })
        .await;
    }
}
