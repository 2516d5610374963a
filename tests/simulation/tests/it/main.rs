//! Seeds of the simulation, as many as a test has time for; `SEEDS`, `LARGE` and `SEED` change how many, or which.
#![allow(clippy::unwrap_used, reason = "helpers of tests; clippy's exception covers only functions marked as tests")]

use std::{
    process::Command,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    thread,
    time::{Duration, Instant},
};

use simulation::{POINTS, Point, Report, Shape, simulate};

const KEYS: usize = 2_000;
const SMALL: Shape = Shape { records: 20_000, keys: KEYS };
const LARGE: Shape = Shape { records: 1_000_000, keys: KEYS };
/// Far enough from the small ones that nobody takes one for the other.
const FIRST_LARGE: u64 = 1_000_000;

/// Seeds that once found something, with the size of their run: they are run first.
const REGRESSIONS: &[(u64, usize)] = &[];

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap())
}

/// The commit that is tested, and whether anything in it was changed since.
fn commit() -> String {
    let git = |arguments: &[&str]| {
        let output = Command::new("git").args(arguments).current_dir(env!("CARGO_MANIFEST_DIR")).output();
        output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default()
    };
    let changed = if git(&["status", "--porcelain"]).is_empty() { "" } else { ", changed since" };
    format!("{}{changed}", git(&["rev-parse", "HEAD"]))
}

/// Panics with all that is needed to see it again, unless the run left what it had to.
fn check(report: &Report, crashes: u64) {
    let Report { seed, shape: Shape { records, keys }, .. } = *report;
    let replay = format!("cargo run --locked -p simulation -- --seed {seed} --records {records} --keys {keys}");
    assert!(report.findings.is_empty(), "{report}commit {}; replay with:\n  {replay}", commit());
    assert!(report.crashed() >= crashes, "{report}{crashes} crashes are the least; replay with:\n  {replay}");
    assert!(report.readings as usize * 6 > records, "{report}too few readings to tell anything; see:\n  {replay}");
}

#[test]
fn whatever_happens_nothing_is_lost_and_nothing_differs() {
    if let Some(seed) = number("SEED") {
        return check(&simulate(seed, if seed < FIRST_LARGE { SMALL } else { LARGE }), 0);
    }
    let (small, large) = (number("SEEDS").unwrap_or(100), number("LARGE").unwrap_or(1));
    let runs = (0..large)
        .map(|nth| (FIRST_LARGE + nth, LARGE, 1_000))
        .chain(REGRESSIONS.iter().map(|(seed, records)| (*seed, Shape { records: *records, keys: KEYS }, 0)))
        .chain((0..small).map(|seed| (seed, SMALL, 20)));
    let runs = Mutex::new(runs);
    let crashes: [AtomicU64; POINTS] = std::array::from_fn(|_| AtomicU64::new(0));
    let totals: [AtomicU64; 5] = Default::default();
    let begun = Instant::now();
    let slowest = Mutex::new(Duration::ZERO);
    thread::scope(|scope| {
        let work = || {
            loop {
                let Some((seed, shape, least)) = runs.lock().unwrap().next() else { break };
                let begun = Instant::now();
                let report = simulate(seed, shape);
                let mut slowest = slowest.lock().unwrap();
                *slowest = begun.elapsed().max(*slowest);
                drop(slowest);
                check(&report, least);
                for (all, own) in crashes.iter().zip(report.crashes) {
                    all.fetch_add(own, Relaxed);
                }
                let own = [report.records, report.readings, report.crashed(), report.pauses, report.calls.1];
                for (all, own) in totals.iter().zip(own) {
                    all.fetch_add(own, Relaxed);
                }
            }
        };
        for _ in 0..thread::available_parallelism().map_or(2, usize::from) {
            scope.spawn(work);
        }
    });
    let [records, readings, crashed, pauses, faults] = totals.map(AtomicU64::into_inner);
    println!(
        "{small} seeds of {} rows and {large} of {}: {records} records, {readings} readings, {crashed} crashes, {pauses} \
         pauses, {faults} failed calls in {:.0?}, the slowest in {:.0?}",
        SMALL.records,
        LARGE.records,
        begun.elapsed(),
        slowest.into_inner().unwrap(),
    );
    for point in Point::all() {
        println!("{:>7} crashes {point}", crashes[point.number()].load(Relaxed));
    }
    let rare: Vec<String> = Point::all()
        .filter(|point| crashes[point.number()].load(Relaxed) < 20)
        .map(|point| point.to_string())
        .collect();
    assert!(rare.is_empty() || small < 100, "points at which hardly anybody ever crashed: {rare:?}");
}

#[test]
fn a_seed_is_one_run() {
    let shape = Shape { records: 2_000, keys: 400 };
    let reports: Vec<Report> = (0..4).map(|seed| simulate(seed, shape)).collect();
    for report in &reports {
        check(report, 5);
        assert_eq!(simulate(report.seed, shape), *report);
    }
    assert!(reports.windows(2).all(|pair| pair[0].trace != pair[1].trace), "seeds differ");
}
