//! The consumer's side: mappings read shards and invoke the function, in processes that come and go.
//!
//! The mapping is the state machine that also runs behind real processes, the handler the one that is deployed. What is
//! simulated is what lies between: reads that fail, invocations that are throttled, processes that start, die, panic, are
//! stopped or run out of time, answers that get lost, and mappings that start anew from their checkpoints while
//! invocations of the one before are still under way.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicU64, Ordering::Relaxed},
};

use compute_indicators::handler::Handler;
use event_source_mapping::kinesis::{
    Action, Answer, Batch, Destination, Input, Mapping, Pace, ReadError, Record, SequenceNumber, Settings, ShardId,
    StartingPosition,
};
use fastrand::Rng;
use jiff::{SignedDuration, Timestamp};
use memchr::memmem::find;
use pipeline::{ProcessSettings, Warm};
use wire::KinesisBatch;

use crate::{
    checker::Finding,
    order::Order,
    ports::{Kinesis, LetterPort, SinkPort, StorePort, StreamPort},
    process::{Clock, Ended, Process, supervise},
    run::Run,
    trouble::{Point, Site, Strike},
    world::lock,
};

/// The time-out of the function, as in the template.
const TIMEOUT: SignedDuration = SignedDuration::from_secs(60);
/// How often a batch is tried that fails: often enough for any outage here.
const RETRIES: u32 = 30;

/// A process of the function.
#[derive(Debug)]
struct Environment {
    process: Arc<Process>,
    handler: Handler<StorePort, LetterPort, SinkPort, StreamPort>,
}

/// The function: its processes that wait for an invocation.
#[derive(Debug, Default)]
pub(crate) struct Function {
    idle: Mutex<Vec<Arc<Environment>>>,
    /// Facts that were too late, as the function counts them.
    pub(crate) late: AtomicU64,
    /// Invocations that were begun.
    pub(crate) invocations: AtomicU64,
}

impl Environment {
    /// A process starts.
    fn start(run: &Run) -> Arc<Self> {
        let process = run.process();
        let sink = |site| SinkPort { site, checker: run.checker.clone(), process: process.clone() };
        let handler = Handler {
            store: StorePort { table: run.table.clone(), process: process.clone() },
            dead_letters: LetterPort { site: Site::Letters, checker: run.checker.clone(), process: process.clone() },
            archive: sink(Site::Archive),
            indicators: sink(Site::Indicators),
            events: StreamPort { stream: run.streams[2].clone(), site: Site::Alerts, process: process.clone() },
            warm: Warm::default(),
            settings: ProcessSettings {
                function: "compute-indicators",
                series: run.settings.clone(),
                backlog_records: run.backlog_records,
            },
            clock: None,
        };
        Arc::new(Self { process, handler })
    }
}

impl Function {
    /// Invokes the function with a batch.
    async fn invoke(&self, run: &Run, batch: &Batch, settings: &Settings, mut rng: Rng) -> Answer {
        let failed = || Answer::Failed { function_error: "Unhandled".to_owned() };
        let (throttled, latency) = {
            let mut trouble = lock(&run.trouble);
            (trouble.hitch(), trouble.latency())
        };
        run.world.sleep(latency).await;
        if throttled {
            return Answer::NotInvoked;
        }
        self.invocations.fetch_add(1, Relaxed);
        let idle = {
            let mut idle = lock(&self.idle);
            let place = rng.usize(0..=idle.len());
            (place < idle.len()).then(|| idle.swap_remove(place))
        };
        let environment = match idle {
            Some(environment) => environment,
            None => {
                let environment = Environment::start(run);
                let process = environment.process.clone();
                let init = async move { process.pass(Point::Init).await };
                if !matches!(supervise(&environment.process, TIMEOUT, init).await, Ended::Returned(())) {
                    return failed();
                }
                environment
            }
        };
        let process = &environment.process;
        if batch.records.iter().any(|record| is_deadly(record)) {
            let strike = if rng.bool() { Strike::Panic } else { Strike::Kill };
            process.light(rng.u32(0..40), strike);
        }
        let event = batch.event(settings);
        let clock = process.clock(TIMEOUT);
        let invocation = answer(environment.clone(), event, clock);
        match supervise(process, TIMEOUT, invocation).await {
            Ended::Returned(Some(Answered { answer, late, is_lost, is_accounted })) => {
                self.late.fetch_add(late, Relaxed);
                if !is_accounted {
                    let what = format!("{} records", batch.records.len());
                    lock(&run.checker).findings.add(Finding::Miscounted { what });
                }
                if is_lost {
                    return failed();
                }
                if rng.u8(0..50) > 0 {
                    lock(&self.idle).push(environment);
                }
                Answer::Returned(answer)
            }
            Ended::Returned(None) => {
                let what = "an event that cannot be read".to_owned();
                lock(&run.checker).findings.add(Finding::Miscounted { what });
                failed()
            }
            Ended::Panicked => {
                lock(&self.idle).push(environment);
                failed()
            }
            Ended::Lost => failed(),
        }
    }
}

/// What an invocation came to.
struct Answered {
    answer: Vec<u8>,
    /// How many facts were late.
    late: u64,
    /// Whether the answer gets lost on its way.
    is_lost: bool,
    /// Whether the outcome speaks of every record, and of what is to come again as the answer does.
    is_accounted: bool,
}

/// What the runtime and the handler do with an event; `None` for one that cannot be read.
async fn answer(environment: Arc<Environment>, event: Vec<u8>, clock: Clock) -> Option<Answered> {
    let batch = KinesisBatch::from_slice(&event).ok()?;
    drop(event);
    let records = batch.len() as u64;
    let (response, outcome) = environment.handler.answer(batch, &clock).await;
    let process = &environment.process;
    process.explode().await;
    process.pass(Point::Finished).await;
    let settled = outcome.delivered + outcome.duplicates + outcome.dead_lettered;
    let retried = !response.batch_item_failures.is_empty();
    let is_accounted = outcome.records == records && outcome.settled == settled && retried == (settled < records);
    let is_lost = lock(&process.trouble).pass(Point::Answered, false).is_some();
    Some(Answered { answer: serde_json::to_vec(&response).ok()?, late: outcome.late, is_lost, is_accounted })
}

/// Whether a record ends whoever takes it.
fn is_deadly(record: &Record) -> bool {
    find(&record.data, b"\"deadly.v1\"").is_some()
}

/// Carries out what the mapping of a stream asks for.
#[derive(Debug)]
pub(crate) struct Driver {
    run: Arc<Run>,
    stream: Arc<Kinesis>,
    settings: Settings,
    pace: Pace,
    mapping: Mutex<Mapping>,
    order: Mutex<Order>,
    /// Rises when the mapping starts anew: what was asked for before is of no interest then.
    life: AtomicU64,
    /// Rises with every moment that is named.
    wake: AtomicU64,
}

impl Driver {
    /// The mapping of the stream of that number.
    pub(crate) fn new(run: &Arc<Run>, stream: usize, batch_size: usize) -> Arc<Self> {
        let name = ["financial", "crypto", "events"][stream];
        // Pairs are spread over shards anyway; the rest keeps the order of its keys over several batches at once.
        let parallelization_factor = if stream == 1 { 1 } else { run.world.chance().usize(1..4) };
        let settings = Settings {
            uuid: format!("00000000-0000-0000-0000-00000000000{stream}"),
            function_arn: "arn:aws:lambda:us-east-1:123456789012:function:compute-indicators".to_owned(),
            stream_arn: format!("arn:aws:kinesis:us-east-1:123456789012:stream/realtime-financial-dev-{name}-stream"),
            role_arn: "arn:aws:iam::123456789012:role/role".to_owned(),
            batch_size,
            batching_window: SignedDuration::from_secs(1),
            starting_position: StartingPosition::TrimHorizon,
            parallelization_factor,
            filters: Vec::new(),
            reports_batch_item_failures: true,
            bisects: true,
            maximum_retry_attempts: Some(RETRIES),
            maximum_record_age: None,
            retention: SignedDuration::from_hours(24 * 7),
            on_failure: Some(Destination::S3 { arn: "arn:aws:s3:::dead-letters".to_owned() }),
            tumbling_window: None,
        };
        let pace = Pace {
            poll_interval: SignedDuration::from_secs(run.world.chance().i64(1..4)),
            maximum_backoff: SignedDuration::from_secs(8),
            ..Pace::default()
        };
        let mapping = Mutex::new(Mapping::with_pace(settings.clone(), pace));
        let stream = run.streams[stream].clone();
        let (order, life, wake) = Default::default();
        Arc::new(Self { run: run.clone(), stream, settings, pace, mapping, order, life, wake })
    }

    /// Begins, or goes on.
    pub(crate) fn tick(self: &Arc<Self>) {
        self.feed(self.life.load(Relaxed), Input::Tick);
    }

    /// The mapping starts anew from its checkpoints.
    pub(crate) fn restart(self: &Arc<Self>) {
        {
            let mut mapping = lock(&self.mapping);
            let mut checkpoints: Vec<(ShardId, SequenceNumber)> =
                mapping.checkpoints().map(|(shard, number)| (shard.clone(), number.clone())).collect();
            checkpoints.sort();
            *mapping = Mapping::resume(self.settings.clone(), self.pace, checkpoints);
            self.life.fetch_add(1, Relaxed);
        }
        self.tick();
    }

    /// Asks for nothing more until it starts anew.
    pub(crate) fn stop(&self) {
        self.life.fetch_add(1, Relaxed);
    }

    fn feed(self: &Arc<Self>, life: u64, input: Input) {
        let actions = {
            let mut mapping = lock(&self.mapping);
            if self.life.load(Relaxed) != life {
                return;
            }
            mapping.advance(self.run.world.now(), input)
        };
        for action in actions {
            let driver = self.clone();
            if let Action::WakeAt(at) = action {
                let wake = self.wake.fetch_add(1, Relaxed) + 1;
                self.run.world.spawn(async move { driver.wake_at((life, wake), at).await });
                continue;
            }
            let rng = self.run.world.chance();
            self.run.world.spawn(async move { driver.carry_out(life, action, rng).await });
        }
    }

    async fn carry_out(self: Arc<Self>, life: u64, action: Action, rng: Rng) {
        let run = &self.run;
        let input = match action {
            Action::WakeAt(_) => return,
            Action::ListShards => {
                self.wait().await;
                Input::Shards(self.stream.list())
            }
            Action::Read { shard, from, limit } => {
                let failed = self.wait().await;
                let read = if failed { Err(ReadError::Unavailable) } else { self.stream.read(&shard, &from, limit) };
                match read {
                    Ok((records, is_end)) => Input::Records { shard, records, is_end },
                    Err(error) => Input::ReadFailed { shard, error },
                }
            }
            Action::Invoke { invocation, batch } => {
                if let Some(key) = lock(&self.order).give(&batch) {
                    lock(&run.checker).findings.add(Finding::Overtaken { key: key.to_string() });
                }
                let answer = run.function.invoke(run, &batch, &self.settings, rng).await;
                Input::Answered { invocation, answer }
            }
            Action::Store { letter, content } => {
                let failed = self.wait().await;
                if !failed {
                    let mut checker = lock(&run.checker);
                    content.batch.records.iter().for_each(|record| checker.given_up(&record.data));
                }
                Input::Stored { letter, taken: !failed }
            }
        };
        self.feed(life, input);
    }

    /// The way there and back. Returns whether it fails.
    async fn wait(&self) -> bool {
        let (latency, failed) = {
            let mut trouble = lock(&self.run.trouble);
            (trouble.latency(), trouble.hitch())
        };
        self.run.world.sleep(latency).await;
        failed
    }

    /// Only the moment that was named last counts.
    async fn wake_at(self: &Arc<Self>, (life, wake): (u64, u64), at: Timestamp) {
        let wait = at.duration_since(self.run.world.now());
        self.run.world.sleep(wait).await;
        if self.wake.load(Relaxed) == wake {
            self.feed(life, Input::Tick);
        }
    }
}
