//! A function's processes: an event comes in, what the function made of it leaves.
//!
//! Processes are kept warm and taken up again, the one that rested shortest first. There are never more at work than
//! the function may have; what is beyond is throttled, not queued, as Lambda does. A process that hangs, ends or takes
//! too much memory is reported and replaced; nothing that a function does ends the pool.

use std::{
    collections::HashMap,
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use serde_json::json;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, oneshot},
    time::{sleep, sleep_until, timeout},
};

use crate::{
    function::Function,
    link::{Invocation, Progress, Said},
    outcome::{Done, Failure, Outcome},
    process::{Process, Surroundings},
    report::FunctionReport,
};

/// How long the first initialization may take; the second has the function's time.
/// <https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html>
pub(crate) const INIT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long an answer waits for its process to ask for more work: an invocation is over when it does.
const SETTLE: Duration = Duration::from_secs(1);

/// What becomes of a process that does not answer in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnTimeout {
    /// It is killed, as Lambda does.
    #[default]
    Kill,
    /// It is left alone, and a new one takes its place. What it says later is refused, and when it asks for more work it
    /// is killed. For tests of late writes: a process that is stopped by a signal, and continued after its deadline.
    Abandon,
}

/// A process, for those who look from outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProcessInfo {
    /// Whose.
    pub function: String,
    /// Its pid, which is that of its process group.
    pub pid: u32,
    /// What it works on.
    pub request_id: Option<String>,
    /// Whether it was given up; see [`OnTimeout::Abandon`].
    pub is_abandoned: bool,
}

/// What a function is invoked with.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// The event.
    pub event: Bytes,
    /// `X-Amz-Client-Context`, as it came.
    pub client_context: Option<String>,
    /// The ARN that was invoked, if another one than the function's own.
    pub arn: Option<String>,
    /// The trace that it belongs to, as `X-Amzn-Trace-Id` says it.
    pub trace_id: Option<String>,
    /// The id that it has already: an asynchronous event keeps its own over its retries.
    pub request_id: Option<String>,
    /// Whether the end of its log is wanted.
    pub wants_log: bool,
}

/// An invocation that did not take place: the function has no process free and may have no other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the function is throttled: all of its processes are at work")]
pub struct Throttled;

/// A function's processes.
pub(crate) struct Pool {
    pub(crate) function: Arc<Function>,
    around: Arc<Surroundings>,
    on_timeout: OnTimeout,
    slots: Arc<Semaphore>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    idle: Vec<Arc<Process>>,
    /// All that run, abandoned ones included.
    all: HashMap<u32, Weak<Process>>,
    abandoned: Vec<Arc<Process>>,
    report: FunctionReport,
    is_over: bool,
}

/// A process that is ready, and what its beginning took if this is its first invocation.
struct Ready {
    process: Arc<Process>,
    init: Option<Duration>,
}

/// Why a process did not become ready.
enum NotReady {
    Reported(Bytes),
    Ended(crate::process::Exit),
    TooSlow,
    NotStarted(io::Error),
}

impl Pool {
    pub(crate) fn new(function: Function, around: Arc<Surroundings>, on_timeout: OnTimeout, limit: usize) -> Arc<Self> {
        let slots = function.reserved_concurrency.unwrap_or(limit);
        Arc::new(Self {
            function: Arc::new(function),
            around,
            on_timeout,
            slots: Arc::new(Semaphore::new(slots)),
            state: Mutex::default(),
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Counters and lists, whole after each line.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn report(&self) -> FunctionReport {
        let state = self.state();
        let mut report = state.report.clone();
        let refused = state.all.values().filter_map(Weak::upgrade).map(|process| process.link.refused());
        report.late_answers += refused.sum::<u64>();
        report
    }

    pub(crate) fn processes(&self) -> Vec<ProcessInfo> {
        let all: Vec<_> = self.state().all.values().filter_map(Weak::upgrade).collect();
        let running = all.iter().filter(|process| process.exit().is_none());
        let info = running.map(|process| {
            let progress = process.link.progress().borrow().clone();
            ProcessInfo {
                function: self.function.name.clone(),
                pid: process.pid,
                request_id: process.link.current().filter(|_| progress == Progress::Working),
                is_abandoned: progress == Progress::Abandoned,
            }
        });
        info.collect()
    }

    /// Kills all processes, and starts no other.
    pub(crate) async fn stop(&self) {
        let all: Vec<_> = {
            let mut state = self.state();
            state.is_over = true;
            let all = state.all.values().filter_map(Weak::upgrade).collect();
            state.idle.clear();
            state.abandoned.clear();
            all
        };
        for process in all {
            process.end().await;
        }
    }

    /// Invokes the function once. It is carried through even if nobody waits for it any more.
    pub(crate) async fn invoke(self: &Arc<Self>, request: Request) -> Result<Done, Throttled> {
        let Ok(permit) = Arc::clone(&self.slots).try_acquire_owned() else {
            self.state().report.throttles += 1;
            return Err(Throttled);
        };
        let (done, wait) = oneshot::channel();
        let pool = Arc::clone(self);
        tokio::spawn(async move { pool.run(request, permit, done).await });
        // It only fails when the runtime is ending.
        wait.await.map_err(|_| Throttled)
    }

    async fn run(self: Arc<Self>, request: Request, permit: OwnedSemaphorePermit, done: oneshot::Sender<Done>) {
        let request_id = request.request_id.clone().unwrap_or_else(new_request_id);
        self.state().report.invocations += 1;
        let answered = |outcome: Outcome, log_tail: Vec<u8>| {
            // Nobody may wait for it any more.
            let _ = done.send(Done { request_id: request_id.clone(), outcome, log_tail });
        };
        let (ready, mut answer, deadline) = match self.begin(&request, &request_id).await {
            Ok(begun) => begun,
            Err(outcome) => {
                self.count(&outcome);
                drop(permit);
                return answered(outcome, Vec::new());
            }
        };
        let process = ready.process;
        let begun = Instant::now();
        let outcome = tokio::select! {
            biased;
            said = &mut answer => said.ok().map(outcome_of),
            exit = process.ended() => Some(match answer.try_recv() {
                // It answered and ended at once.
                Ok(said) => outcome_of(said),
                Err(_) if exit.was_out_of_memory => Outcome::out_of_memory(&request_id),
                Err(_) => Outcome::exited(&request_id, exit.status),
            }),
            () = sleep_until(deadline.into()) => None,
        };
        let took = begun.elapsed();
        let is_answered = outcome.is_some();
        let outcome = outcome.unwrap_or_else(|| Outcome::timed_out(&request_id, self.function.timeout));
        self.count(&outcome);
        let asks_again = is_answered && asks_within(&process, SETTLE).await;
        let mut log_tail = Vec::new();
        if request.wants_log {
            process.drain().await;
            self.platform_report(&process, &request_id, &outcome, took, ready.init);
            log_tail = process.tail.bytes();
        }
        if asks_again {
            self.rest(&process);
        } else if !is_answered {
            self.give_up(&process).await;
        } else if process.exit().is_none() {
            // It still is at work, and counts as such.
            self.wait_for(&process, permit);
            return answered(outcome, log_tail);
        }
        drop(permit);
        answered(outcome.clone(), log_tail);
        if !request.wants_log {
            self.platform_report(&process, &request_id, &outcome, took, ready.init);
        }
    }

    /// Gets a process and hands it the event. An outcome is that there is no process to be had.
    async fn begin(
        self: &Arc<Self>,
        request: &Request,
        request_id: &str,
    ) -> Result<(Ready, oneshot::Receiver<Said>, Instant), Outcome> {
        loop {
            let ready = self.ready(request_id).await?;
            ready.process.tail.clear();
            let deadline = Instant::now() + self.function.timeout;
            let deadline_ms = SystemTime::now() + self.function.timeout;
            let deadline_ms = deadline_ms.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
            let invocation = Invocation {
                request_id: request_id.to_owned(),
                arn: request.arn.clone().unwrap_or_else(|| self.function.arn.clone()),
                deadline_ms: u64::try_from(deadline_ms).unwrap_or(u64::MAX),
                trace_id: request.trace_id.clone().unwrap_or_else(|| new_trace_id(self.function.is_traced)),
                client_context: request.client_context.clone(),
                event: request.event.clone(),
            };
            if let Some(answer) = ready.process.link.give(invocation) {
                return Ok((ready, answer, deadline));
            }
            // Its call for work broke off while it rested: it is gone, or about to be.
            ready.process.end().await;
        }
    }

    /// A warm process, or a new one that has begun.
    async fn ready(self: &Arc<Self>, request_id: &str) -> Result<Ready, Outcome> {
        loop {
            let Some(process) = self.state().idle.pop() else { break };
            if process.exit().is_none() {
                return Ok(Ready { process, init: None });
            }
        }
        // What fails once is begun anew within the invocation, and that failure is what is reported.
        if let Ok(ready) = self.start(INIT_TIMEOUT).await {
            return Ok(ready);
        }
        self.start(self.function.timeout).await.map_err(|error| match error {
            NotReady::Reported(payload) => Outcome::Failed { failure: Failure::Init, payload },
            NotReady::Ended(exit) if exit.was_out_of_memory => Outcome::out_of_memory(request_id),
            NotReady::Ended(exit) => Outcome::exited(request_id, exit.status),
            NotReady::TooSlow => Outcome::timed_out(request_id, self.function.timeout),
            NotReady::NotStarted(error) => {
                let bootstrap = self.function.bootstrap.display();
                let message = format!("RequestId: {request_id} Error: cannot run `{bootstrap}`: {error}");
                Outcome::failed(Failure::Init, "Runtime.InvalidEntrypoint", message)
            }
        })
    }

    async fn start(self: &Arc<Self>, limit: Duration) -> Result<Ready, NotReady> {
        let begun = Instant::now();
        if self.state().is_over {
            return Err(NotReady::NotStarted(io::Error::other("the host is ending")));
        }
        let process = Process::start(&self.function, &self.around).await.map_err(NotReady::NotStarted)?;
        let process = Arc::new(process);
        let is_over = {
            let mut state = self.state();
            state.all.retain(|_, process| process.strong_count() > 0);
            state.all.insert(process.pid, Arc::downgrade(&process));
            state.is_over
        };
        if is_over {
            process.end().await;
            return Err(NotReady::NotStarted(io::Error::other("the host is ending")));
        }
        let mut progress = process.link.progress();
        let begins = progress.wait_for(|progress| *progress != Progress::Starting);
        let error = tokio::select! {
            progress = begins => match progress.as_deref() {
                Ok(Progress::InitFailed(document)) => NotReady::Reported(document.clone()),
                _ => {
                    let init = begun.elapsed();
                    let mut state = self.state();
                    state.report.inits += 1;
                    state.report.init_ms = state.report.init_ms.max(millis(init));
                    return Ok(Ready { process, init: Some(init) });
                }
            },
            exit = process.ended() => NotReady::Ended(exit),
            () = sleep(limit) => NotReady::TooSlow,
        };
        self.state().report.init_failures += 1;
        process.end().await;
        Err(error)
    }

    /// Waits elsewhere until a process that answered asks for more work, or its time is up.
    fn wait_for(self: &Arc<Self>, process: &Arc<Process>, permit: OwnedSemaphorePermit) {
        let (pool, process) = (Arc::clone(self), Arc::clone(process));
        tokio::spawn(async move {
            if asks_within(&process, pool.function.timeout).await {
                pool.rest(&process);
            } else {
                process.end().await;
            }
            drop(permit);
        });
    }

    /// Lays a process down until it is needed.
    fn rest(&self, process: &Arc<Process>) {
        let mut state = self.state();
        if !state.is_over {
            state.idle.push(Arc::clone(process));
        }
    }

    /// What becomes of a process that did not answer in time.
    async fn give_up(self: &Arc<Self>, process: &Arc<Process>) {
        process.link.abandon();
        if self.on_timeout == OnTimeout::Kill {
            process.end().await;
            return;
        }
        self.state().abandoned.push(Arc::clone(process));
        let (pool, process) = (Arc::downgrade(self), Arc::clone(process));
        tokio::spawn(async move {
            tokio::select! {
                () = process.link.asked_again() => {}
                _ = process.ended() => {}
            }
            process.end().await;
            if let Some(pool) = pool.upgrade() {
                let mut state = pool.state();
                state.report.late_answers += process.link.refused();
                state.abandoned.retain(|other| other.pid != process.pid);
                state.all.remove(&process.pid);
            }
        });
    }

    fn count(&self, outcome: &Outcome) {
        let report = &mut self.state().report;
        match outcome.failure() {
            None => return,
            Some(Failure::Timeout) => report.timeouts += 1,
            Some(Failure::Exit | Failure::OutOfMemory) => report.exits += 1,
            Some(Failure::Error | Failure::Init | Failure::TooLarge) => {}
        }
        report.errors += 1;
    }

    fn platform_report(&self, process: &Process, id: &str, outcome: &Outcome, took: Duration, init: Option<Duration>) {
        let memory_mb = process.peak_kb().div_ceil(1024);
        {
            let report = &mut self.state().report;
            report.max_memory_mb = report.max_memory_mb.max(memory_mb);
            report.duration_ms += millis(took);
        }
        let status = outcome.failure().map_or("success", Failure::status);
        let billed = took.as_millis() + u128::from(!took.subsec_nanos().is_multiple_of(1_000_000));
        let mut record = json!({
            "requestId": id,
            "status": status,
            "metrics": {
                "durationMs": millis(took),
                "billedDurationMs": u64::try_from(billed).unwrap_or(u64::MAX),
                "memorySizeMB": self.function.memory_mb,
                "maxMemoryUsedMB": memory_mb,
            },
        });
        let mut text = format!(
            "REPORT RequestId: {id}\tDuration: {:.2} ms\tBilled Duration: {billed} ms\tMemory Size: {} MB\t\
             Max Memory Used: {memory_mb} MB",
            millis(took),
            self.function.memory_mb,
        );
        if let Some(init) = init {
            record["metrics"]["initDurationMs"] = json!(millis(init));
            text.push_str(&format!("\tInit Duration: {:.2} ms", millis(init)));
        }
        if status != "success" {
            text.push_str(&format!("\tStatus: {status}"));
        }
        process.tail.push(&text);
        self.around.logs.platform(&self.function, &process.log_stream, "platform.report", &record, text);
    }
}

/// Whether a process asks for more work in time.
async fn asks_within(process: &Process, limit: Duration) -> bool {
    let mut progress = process.link.progress();
    let asks = progress.wait_for(|progress| *progress == Progress::Idle);
    tokio::select! {
        asks = timeout(limit, asks) => matches!(asks, Ok(Ok(_))),
        _ = process.ended() => false,
    }
}

fn outcome_of(said: Said) -> Outcome {
    match said {
        Said::Response(payload) => Outcome::Returned(payload),
        Said::Error(payload) => Outcome::Failed { failure: Failure::Error, payload },
        Said::TooLarge(size) => Outcome::too_large(size),
    }
}

/// Milliseconds with two decimals, as Lambda gives them.
fn millis(time: Duration) -> f64 {
    (time.as_secs_f64() * 100_000.0).round() / 100.0
}

/// A random id in the form of a UUID of version 4.
pub(crate) fn new_request_id() -> String {
    let bits = fastrand::u128(..);
    let (a, b, c) = (bits >> 96, (bits >> 80) & 0xffff, (bits >> 64) & 0x0fff);
    let (d, e) = ((bits >> 48) & 0x3fff | 0x8000, bits & 0xffff_ffff_ffff);
    format!("{a:08x}-{b:04x}-4{c:03x}-{d:04x}-{e:012x}")
}

/// A trace that begins here, in X-Ray's form.
fn new_trace_id(is_traced: bool) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let root = fastrand::u128(..) & ((1 << 96) - 1);
    format!("Root=1-{now:08x}-{root:024x};Parent={:016x};Sampled={}", fastrand::u64(..), u8::from(is_traced))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_have_their_forms() {
        let id = new_request_id();
        let lengths: Vec<_> = id.split('-').map(str::len).collect();
        assert_eq!(lengths, [8, 4, 4, 4, 12]);
        assert_eq!(&id[14..15], "4");
        assert!("89ab".contains(&id[19..20]));
        let trace = new_trace_id(true);
        assert!(trace.starts_with("Root=1-") && trace.ends_with(";Sampled=1"), "{trace}");
        assert_eq!(trace.len(), "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=1".len());
    }
}
