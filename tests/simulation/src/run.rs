//! One run: a seed becomes a world, a workload and trouble; the checker's findings leave.
//!
//! Pollers bring one epoch after the other, mappings and sweeps run beside them, the weather changes, shards are split
//! and merged, processes are struck. Then all becomes calm, time runs on until nothing is owed, and the checker judges.

use std::{
    fmt,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use fastrand::Rng;
use futures::future::join_all;
use jiff::{SignedDuration, Timestamp};
use market::Interval;
use pipeline::sweep;
use series::{Rules, Sets, Settings};
use testkit::record;
use wire::{Entry, Parcel};

use crate::{
    checker::{Checker, Finding, Findings, Kind, truth},
    consumer::{Driver, Function},
    poller::{poll, put_all},
    ports::{Kinesis, Ledgers, SinkPort, StorePort, StreamPort, Table},
    process::{Ended, Process, supervise},
    trouble::{POINTS, Point, Site, Trouble},
    workload::{BEGIN, Shape, Workload},
    world::{World, lock},
};

/// What all in a run share.
#[derive(Debug)]
pub(crate) struct Run {
    /// Time.
    pub world: World,
    /// What goes wrong.
    pub trouble: Arc<Mutex<Trouble>>,
    /// Who judges.
    pub checker: Arc<Mutex<Checker>>,
    /// The items.
    pub table: Arc<Table>,
    /// What was sent.
    pub ledgers: Arc<Ledgers>,
    /// Financial, crypto, events.
    pub streams: [Arc<Kinesis>; 3],
    /// How series act.
    pub settings: Settings,
    /// From how many records on a batch counts as one of a backlog.
    pub backlog_records: usize,
    /// The consumer.
    pub function: Function,
    /// Rows that a poller gave up for the moment.
    pub refused: AtomicU64,
    /// How far clocks may be ahead or behind.
    skew: SignedDuration,
    rng: Mutex<Rng>,
}

/// What came of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Its seed.
    pub seed: u64,
    /// Its size.
    pub shape: Shape,
    /// Records in the streams, each counted once.
    pub records: u64,
    /// Readings, each counted once.
    pub readings: u64,
    /// Invocations of the consumer.
    pub invocations: u64,
    /// Crashes by the number of the point.
    pub crashes: [u64; POINTS],
    /// Processes that were stopped and went on later.
    pub pauses: u64,
    /// Calls, and those that failed in whole or in part.
    pub calls: (u64, u64),
    /// Rows that a poller gave up, to bring them again.
    pub refused: u64,
    /// How long it took in its own time.
    pub lasted: SignedDuration,
    /// A number that tells it from a run in which anything happened otherwise.
    pub trace: u64,
    /// What is wrong.
    pub findings: Findings,
}

impl Report {
    /// All crashes.
    pub fn crashed(&self) -> u64 {
        self.crashes.iter().sum()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seed, shape, records, readings, invocations, pauses, refused, trace, findings, .. } = self;
        let (calls, faults) = self.calls;
        writeln!(
            f,
            "seed {seed}, {} rows: {records} records, {readings} readings, {invocations} invocations, {} crashes, \
             {pauses} pauses, {calls} calls of which {faults} failed, {refused} rows refused, {:.0} minutes, trace {trace:016x}",
            shape.records,
            self.crashed(),
            self.lasted.as_secs_f64() / 60.0
        )?;
        for (word, count) in &findings.counts {
            writeln!(f, "  {word}: {count}")?;
        }
        findings.first.iter().try_for_each(|finding| writeln!(f, "    {finding}"))
    }
}

/// Sets of indicators and rules, one of which a seed takes: by intervals of bars that are computed or built.
const CONFIGURED: [(&str, &str); 3] = [
    ("SMA(3),RSI(5),EMA(4),VWMA(3); 5min: SMA(3)", "RSI(5) > 80; 5min: close crosses SMA(3)"),
    ("SMA(4),EMA(5),ATR(3),VWAP", "close crosses above SMA(4)"),
    ("EMA(3),MACD(3,6,3),OBV; 5min: RSI(3),SMA(2)", "5min: RSI(3) < 20"),
];

fn configured(nth: usize) -> (Settings, truth::Sets) {
    let (text, rules) = CONFIGURED[nth % CONFIGURED.len()];
    let sets: Sets = text.parse().unwrap_or_default();
    let of = truth_sets(text);
    let settings = Settings {
        close_after: SignedDuration::from_secs(125),
        redeliver_after: SignedDuration::from_secs(120),
        rules: Rules::parse(rules, &sets).unwrap_or_default(),
        sets,
    };
    (settings, of)
}

/// The same text, read by the checker's own plain rules: what stands without an interval is for all bars.
fn truth_sets(text: &str) -> truth::Sets {
    let mut parts = text.split("; ");
    let any = parts.next().and_then(|list| list.parse().ok());
    let mut sets = truth::Sets { of: std::array::from_fn(|_| any.clone()), built: [false; 6] };
    for part in parts {
        let Some((interval, list)) = part.split_once(": ") else { continue };
        if let Some(at) = truth::place_of(interval.as_bytes()) {
            sets.of[usize::from(at)] = list.parse().ok();
            sets.built[usize::from(at)] = true;
        }
    }
    sets
}

impl Run {
    /// A process whose clock is off, by as much as clocks are in this run.
    pub(crate) fn process(&self) -> Arc<Process> {
        self.any_process(true)
    }

    /// A process that is never stopped: a poller that went on later would bring old news, of which nobody can know.
    pub(crate) fn poller(&self) -> Arc<Process> {
        self.any_process(false)
    }

    fn any_process(&self, may_stop: bool) -> Arc<Process> {
        let most = self.skew.as_millis() as i64;
        let skew = SignedDuration::from_millis(lock(&self.rng).i64(-most..=most));
        Process::new(&self.world, &self.trouble, skew, may_stop)
    }

    /// A process that nothing happens to.
    pub(crate) fn quiet_process(&self) -> Arc<Process> {
        let mut quiet = Trouble::new(self.world.chance());
        quiet.end();
        Process::new(&self.world, &Arc::new(Mutex::new(quiet)), SignedDuration::ZERO, false)
    }

    fn chance<T>(&self, of: impl FnOnce(&mut Rng) -> T) -> T {
        of(&mut lock(&self.rng))
    }

    async fn sleep(&self, seconds: i64) {
        self.world.sleep(SignedDuration::from_secs(seconds)).await;
    }
}

/// Runs a seed to its end and judges it.
pub fn simulate(seed: u64, shape: Shape) -> Report {
    let mut rng = Rng::with_seed(seed ^ 0x6b69_6e65_7469_636b);
    let begin: Timestamp = BEGIN.parse().unwrap_or(Timestamp::UNIX_EPOCH);
    let world = World::new(begin, rng.u64(..));
    let checker = Arc::new(Mutex::new(Checker::default()));
    let (settings, sets) = configured(rng.usize(..));
    let stream = |shards| Arc::new(Kinesis::new(&world, &checker, shards));
    let run = Arc::new(Run {
        trouble: Arc::new(Mutex::new(Trouble::new(rng.fork()))),
        table: Arc::new(Table::of(settings.sets.clone(), checker.clone())),
        ledgers: Arc::default(),
        // Eight shards in all.
        streams: [stream(4), stream(3), stream(1)],
        settings,
        // In two of three runs acknowledgements wait in processes that crash.
        backlog_records: [usize::MAX, 60, 200][(seed % 3) as usize],
        function: Function::default(),
        refused: AtomicU64::new(0),
        skew: SignedDuration::from_secs(if rng.bool() { 300 } else { 2 }),
        rng: Mutex::new(rng.fork()),
        checker: checker.clone(),
        world: world.clone(),
    });
    let workload = Workload::new(rng.fork(), shape);
    let batch_size = [100, 500, 500, 2000][rng.usize(0..4)];
    world.run(direct(run.clone(), workload, batch_size, shape));

    let mut checker = lock(&checker);
    if !checker.findings.counts.contains_key("stalled") {
        for (series, owed) in run.table.owing() {
            checker.findings.add(Finding::Owing { series: series.to_string(), owed });
        }
        let count = run.table.due(world.now());
        if count > 0 {
            checker.findings.add(Finding::Due { count });
        }
    }
    checker.judge(&sets);
    let trouble = lock(&run.trouble);
    Report {
        seed,
        shape,
        records: checker.offered(),
        readings: checker.readings(),
        invocations: run.function.invocations.load(Relaxed),
        crashes: trouble.crashes,
        pauses: trouble.pauses,
        calls: (trouble.calls, trouble.faults),
        refused: run.refused.load(Relaxed),
        lasted: world.now().duration_since(begin),
        trace: world.trace(),
        findings: std::mem::take(&mut checker.findings),
    }
}

/// How long nothing may move before the run counts as stalled.
const STALLED_SECONDS: i64 = 4 * 3600;

/// Waits until records of epochs up to that one are done with. Returns whether they are.
async fn wait_for(run: &Run, epoch: u32) -> bool {
    let (mut still, mut before) = (0, 0);
    loop {
        let (open, done) = {
            let checker = lock(&run.checker);
            (checker.open_until(epoch), checker.done())
        };
        if open == 0 {
            return true;
        }
        still = if done == before { still + 2 } else { 0 };
        before = done;
        if still > STALLED_SECONDS {
            let at = run.world.now().to_string();
            lock(&run.checker).findings.add(Finding::Stalled { open, at });
            return false;
        }
        run.sleep(2).await;
    }
}

/// Lets a run happen.
async fn direct(run: Arc<Run>, mut workload: Workload, batch_size: usize, shape: Shape) {
    let days = Arc::new(workload.days());
    let drivers: Vec<Arc<Driver>> = (0..3).map(|stream| Driver::new(&run, stream, batch_size)).collect();
    drivers.iter().for_each(Driver::tick);
    run.world.spawn(sweeps(run.clone()));
    run.world.spawn(weather(run.clone(), drivers.clone()));
    run.world.spawn(strikes(run.clone(), shape));

    let mut recent: Vec<(usize, Parcel)> = Vec::new();
    for nth in 0.. {
        let Some(epoch) = workload.next() else { break };
        run.world.sleep(workload.end_of(nth).duration_since(run.world.now())).await;
        if nth >= 2 && !wait_for(&run, nth as u32 - 2).await {
            return;
        }
        run.streams.iter().for_each(|stream| stream.epoch.store(nth as u32, Relaxed));
        let odd = odd_parcels(&run, &epoch.poison, &epoch.deadly);
        recent.extend(odd.iter().cloned());
        // Some that were put before come once more, as from a producer that did not hear of it.
        run.chance(|rng| rng.shuffle(&mut recent));
        recent.truncate(12);
        let others = odd.into_iter().chain(recent.iter().take(2).cloned());
        let others: Vec<_> = others.map(|(stream, parcel)| put_later(run.clone(), stream, parcel)).collect();
        let replies = epoch.replies.into_iter().enumerate();
        let pollers = replies.map(|(stream, replies)| poll(run.clone(), stream, replies, days.clone()));
        futures::join!(join_all(pollers), join_all(others));
    }

    // Calm, and whoever was stopped has gone on.
    lock(&run.trouble).end();
    if !wait_for(&run, u32::MAX).await {
        return;
    }
    run.sleep(600).await;
    late(&run).await;
    // By then the clock has closed all, and what was left behind is delivered. Nothing is read meanwhile.
    drivers.iter().for_each(|driver| driver.stop());
    run.sleep(75 * 60).await;
    drivers.iter().for_each(Driver::restart);
    wait_for(&run, u32::MAX).await;
}

/// A payload that is no good, on its way to some shard.
fn odd_parcels(run: &Run, poison: &[Vec<u8>], deadly: &[Vec<u8>]) -> Vec<(usize, Parcel)> {
    let kinds = poison.iter().map(|data| (data, Kind::Poison)).chain(deadly.iter().map(|data| (data, Kind::Deadly)));
    let parcel = |(data, kind): (&Vec<u8>, Kind)| {
        lock(&run.checker).expect(data, kind);
        let (stream, key) = run.chance(|rng| (rng.usize(0..3), rng.u32(..)));
        let entry = Entry { partition_key: wire::event("odd", &key.to_string()), data: data.clone() };
        (stream, Parcel { entry, ordered: false })
    };
    kinds.map(parcel).collect()
}

async fn put_later(run: Arc<Run>, stream: usize, parcel: Parcel) {
    let wait = run.chance(|rng| rng.i64(0..10));
    run.sleep(wait).await;
    put_all(&run, stream, vec![parcel]).await;
}

/// How many bars a series has to have for its first one to be beyond revision for sure.
const LONG: usize = 40;

/// Some facts come far too late, in a calm: each is counted once, archived, and changes nothing.
async fn late(run: &Arc<Run>) {
    let mut long = lock(&run.checker).long_series(LONG);
    run.chance(|rng| rng.shuffle(&mut long));
    long.truncate(20);
    let parcels: Vec<Parcel> = long
        .iter()
        .filter_map(|(symbol, start)| {
            let fact = record::bar(symbol, Interval::Min1, Timestamp::from_millisecond(*start).ok()?, 77_777, true);
            let entry =
                Entry { partition_key: wire::financial(&symbol.parse().ok()?), data: record::payload(fact, 999) };
            lock(&run.checker).expect(&entry.data, Kind::Late);
            Some(Parcel { entry, ordered: false })
        })
        .collect();
    let (before, expected) = (run.function.late.load(Relaxed), parcels.len() as u64);
    put_all(run, 0, parcels).await;
    wait_for(run, u32::MAX).await;
    run.sleep(60).await;
    let counted = run.function.late.load(Relaxed) - before;
    if counted != expected {
        lock(&run.checker).findings.add(Finding::Late { counted, expected });
    }
}

/// `sweep-series`, every minute, sometimes before the last one has ended.
async fn sweeps(run: Arc<Run>) {
    loop {
        let wait = run.chance(|rng| if rng.u8(0..10) == 0 { 1 } else { rng.i64(50..70) });
        run.sleep(wait).await;
        let (process, limit) = (run.process(), SignedDuration::from_secs(50));
        let (own, runner) = (process.clone(), run.clone());
        let invocation = async move {
            own.pass(Point::Init).await;
            let store = StorePort { table: runner.table.clone(), process: own.clone() };
            let sink = SinkPort { site: Site::Indicators, checker: runner.checker.clone(), process: own.clone() };
            let events = StreamPort { stream: runner.streams[2].clone(), site: Site::Alerts, process: own.clone() };
            let swept = sweep((&store, &sink, &events, &own.clock(limit)), &runner.settings).await;
            own.pass(Point::Finished).await;
            swept
        };
        run.world.spawn(async move {
            // What it could not do the next one does.
            let _: Ended<_> = supervise(&process, limit, invocation).await;
        });
    }
}

/// The weather changes, shards are split and merged, mappings start anew.
async fn weather(run: Arc<Run>, drivers: Vec<Arc<Driver>>) {
    loop {
        let wait = run.chance(|rng| rng.i64(5..60));
        run.sleep(wait).await;
        let is_calm = {
            let mut trouble = lock(&run.trouble);
            trouble.change(run.world.now());
            trouble.is_calm()
        };
        if is_calm {
            return;
        }
        let (reshard, restart, stream) = run.chance(|rng| (rng.u8(0..12) == 0, rng.u8(0..12) == 0, rng.usize(0..3)));
        if reshard {
            run.streams[stream].reshard();
        }
        if restart {
            drivers[stream].restart();
        }
    }
}

/// Strikes are armed as records are done with, so that every run has its share whatever its pace.
async fn strikes(run: Arc<Run>, shape: Shape) {
    // Some armed points are never passed again, and some strikes are pauses.
    let each = (shape.records as u64 / 60).clamp(1, 500);
    let mut next = each;
    loop {
        let done = lock(&run.checker).done();
        while done >= next {
            lock(&run.trouble).arm();
            next += each;
        }
        run.world.sleep(SignedDuration::from_millis(100)).await;
    }
}
