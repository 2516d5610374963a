//! A day ahead: the ticks of a schedule, jobs and an allowance enter; every call of the day, and what is not
//! asked and why, leaves.
//!
//! The same `pick` and `is_due` as in a poll, one key for all jobs. A call is taken to succeed and to
//! take no longer than the spacing; retries and refusals are not in here.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use jiff::{SignedDuration, Timestamp, civil::Date};
use market::session::new_york_date;

use crate::{
    Allowance, Cursor, Due, Opening, Priority, Reason, Trading, WatchList,
    allowance::{Purse, Spent},
    requests,
};

/// What a run keeps of its function's time-out to store its state.
pub const RESERVE: SignedDuration = SignedDuration::from_secs(10);

const DAY: SignedDuration = SignedDuration::from_hours(24);

/// Something that a job asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The symbol or pair.
    pub name: String,
    /// When it is traded.
    pub trading: Trading,
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

/// A job of a polling function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// Its name in the schedule's input.
    pub name: String,
    /// The vendor's function that it asks.
    pub function: &'static str,
    /// What it asks for.
    pub list: WatchList<Entry>,
    /// The time-out of the Lambda function that runs it.
    pub timeout: SignedDuration,
}

/// A moment at which a job is started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tick {
    /// When.
    pub at: Timestamp,
    /// Which, by its place among the jobs.
    pub job: usize,
}

/// A call of the day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planned {
    /// When it is made, not before its tick.
    pub at: Timestamp,
    /// The tick that it belongs to.
    pub tick: Timestamp,
    /// For which job, by its place.
    pub job: usize,
    /// The vendor's function.
    pub function: &'static str,
    /// What it asks for.
    pub subjects: Vec<String>,
}

/// Why something is not asked at a tick.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Why {
    /// There is nothing to ask for.
    NotDue(Reason),
    /// The plan's calls of the day are used up.
    DayCallsSpent,
    /// The calls do not fit into the function's time-out.
    NoTime,
    /// The job's previous run has not ended.
    RunUnderWay,
    /// The plan does not answer that function.
    PremiumOnly,
}

impl Why {
    /// The word for it in machine-readable output.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotDue(reason) => reason.as_str(),
            Self::DayCallsSpent => "day_calls_spent",
            Self::NoTime => "no_time",
            Self::RunUnderWay => "run_under_way",
            Self::PremiumOnly => "premium_only",
        }
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotDue(reason) => reason.fmt(f),
            Self::DayCallsSpent => f.write_str("the day's calls are spent"),
            Self::NoTime => f.write_str("no time, the run's calls are used up"),
            Self::RunUnderWay => f.write_str("no time, the run before has not ended"),
            Self::PremiumOnly => f.write_str("premium only, the plan does not answer this function"),
        }
    }
}

/// What is not asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// For which job, by its place.
    pub job: usize,
    /// The symbol or pair.
    pub subject: String,
    /// Why not.
    pub why: Why,
    /// At how many ticks.
    pub count: u32,
}

/// How well a job is served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Served {
    /// The job, by its place.
    pub job: usize,
    /// Hot entries first, then the others; only tiers that have an entry.
    pub tiers: Vec<Tier>,
}

/// How well the entries of one priority are served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tier {
    /// The priority.
    pub priority: Priority,
    /// How many entries have it.
    pub entries: usize,
    /// Polls that were due.
    pub expected: u32,
    /// Polls that are made.
    pub done: u32,
    /// How far apart the schedule wants them; a day if it wants one or none.
    pub wanted: SignedDuration,
    /// How far apart the polls of an entry are, on average; `None` if none is made.
    pub every: Option<SignedDuration>,
}

/// A day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DayPlan {
    /// The calls in the order of their time.
    pub calls: Vec<Planned>,
    /// What is not asked, by job, place in the list and reason.
    pub skipped: Vec<Skipped>,
    /// How well the jobs are served, one for each.
    pub served: Vec<Served>,
}

impl DayPlan {
    /// Polls that were due, whether made or not.
    pub fn expected(&self) -> u32 {
        self.served.iter().flat_map(|served| &served.tiers).map(|tier| tier.expected).sum()
    }

    /// Whether all that was due is asked.
    pub fn is_complete(&self) -> bool {
        self.served.iter().flat_map(|served| &served.tiers).all(|tier| tier.done >= tier.expected)
    }
}

/// The day of that date in New York.
///
/// Ticks of days before are run too, so that the cursors know what was fetched, and do not show up in the
/// plan. Ticks of later days are left out.
pub fn plan_day(schedule: &[Tick], jobs: &[Job], allowance: &Allowance, date: Date) -> DayPlan {
    let mut ticks: Vec<Tick> =
        schedule.iter().copied().filter(|tick| tick.job < jobs.len() && new_york_date(tick.at) <= date).collect();
    ticks.sort_unstable_by_key(|tick| (tick.at, tick.job));
    ticks.dedup();

    let mut purse = Purse::new(*allowance);
    let mut runs: Vec<Run> =
        jobs.iter().enumerate().map(|(place, job)| Run::new(job, place, &ticks, allowance)).collect();
    let mut calls = Vec::new();
    for together in ticks.chunk_by(|a, b| a.at == b.at) {
        let at = together[0].at;
        let reported = new_york_date(at) == date;
        let mut started: Vec<Started> = Vec::new();
        for tick in together {
            started.extend(runs[tick.job].start(tick, allowance, reported));
        }
        spend_in_turn(&mut purse, at, &mut started);
        for run in started {
            let made = runs[run.job].finish(run, at, allowance, reported);
            if reported {
                calls.extend(made);
            }
        }
    }
    calls.sort_by_key(|call| call.at);
    let skipped = runs.iter().flat_map(Run::skipped).collect();
    DayPlan { calls, skipped, served: runs.iter().map(Run::served).collect() }
}

/// A run that has begun and has calls to make.
struct Started {
    job: usize,
    due: BTreeSet<usize>,
    deadline: Timestamp,
    needed: usize,
    slots: Vec<Timestamp>,
    /// Why there are less slots than needed.
    spent: Option<Spent>,
}

/// Runs that begin together share the key: one call each in turn.
fn spend_in_turn(purse: &mut Purse, at: Timestamp, runs: &mut [Started]) {
    let mut more = true;
    while more {
        more = false;
        for run in runs.iter_mut().filter(|run| run.spent.is_none() && run.slots.len() < run.needed) {
            match purse.spend(at, run.deadline) {
                Ok(slot) => run.slots.push(slot),
                Err(spent) => run.spent = Some(spent),
            }
            more = true;
        }
    }
}

/// The runs of one job.
struct Run<'a> {
    job: &'a Job,
    place: usize,
    cursor: Cursor,
    target: SignedDuration,
    allowed: bool,
    busy_until: Timestamp,
    skipped: BTreeMap<(usize, Why), u32>,
    expected: Vec<u32>,
    done: Vec<u32>,
    due_at: BTreeMap<Priority, BTreeSet<Timestamp>>,
}

impl<'a> Run<'a> {
    fn new(job: &'a Job, place: usize, ticks: &[Tick], allowance: &Allowance) -> Self {
        let own = ticks.iter().filter(|tick| tick.job == place).map(|tick| tick.at);
        Self {
            job,
            place,
            cursor: Cursor::new(&job.list),
            target: usual_gap(own),
            allowed: allowance.allows(job.function),
            busy_until: Timestamp::MIN,
            skipped: BTreeMap::new(),
            expected: vec![0; job.list.len()],
            done: vec![0; job.list.len()],
            due_at: BTreeMap::new(),
        }
    }

    fn skip(&mut self, index: usize, why: Why) {
        *self.skipped.entry((index, why)).or_default() += 1;
    }

    fn start(&mut self, tick: &Tick, allowance: &Allowance, reported: bool) -> Option<Started> {
        let mut openings: Vec<(Trading, Opening)> = Vec::new();
        let mut due = BTreeSet::new();
        for (index, watched) in self.job.list.entries().iter().enumerate() {
            let trading = watched.what.trading;
            let opening = openings.iter().find(|(known, _)| *known == trading).map(|(_, opening)| *opening);
            let opening = opening.unwrap_or_else(|| {
                let opening = Opening::at(trading, tick.at);
                openings.push((trading, opening));
                opening
            });
            match opening.is_due(self.cursor.succeeded_at(index)) {
                Due::Due => {
                    due.insert(index);
                    if reported {
                        self.expected[index] += 1;
                        self.due_at.entry(watched.priority).or_default().insert(tick.at);
                    }
                }
                Due::NotDue(reason) if reported => self.skip(index, Why::NotDue(reason)),
                Due::NotDue(_) => {}
            }
        }
        let refused = match () {
            () if !self.allowed => Some(Why::PremiumOnly),
            () if tick.at < self.busy_until => Some(Why::RunUnderWay),
            () => None,
        };
        if let Some(why) = refused {
            if reported {
                due.iter().for_each(|index| self.skip(*index, why));
            }
            return None;
        }
        let needed = due.len().div_ceil(allowance.subjects_per_call(self.job.function));
        let deadline = tick.at + (self.job.timeout - RESERVE);
        Some(Started { job: self.place, due, deadline, needed, slots: Vec::new(), spent: None })
    }

    fn finish(&mut self, run: Started, tick: Timestamp, allowance: &Allowance, reported: bool) -> Vec<Planned> {
        let list = &self.job.list;
        let room = run.slots.len() * allowance.subjects_per_call(self.job.function);
        let picked = self.cursor.pick(list, tick, room, self.target, |index| run.due.contains(&index));
        self.cursor.attempted(&picked, tick);
        let names: Vec<String> =
            picked.iter().filter_map(|index| list.get(*index)).map(|entry| entry.what.name.clone()).collect();
        let calls = requests(self.job.function, &names, allowance);
        let mut rest = &picked[..];
        let mut made = Vec::with_capacity(calls.len());
        for (call, at) in calls.into_iter().zip(&run.slots) {
            let asked = rest.split_off(..call.subjects.len()).unwrap_or_default();
            asked.iter().for_each(|index| self.cursor.succeeded(*index, *at));
            made.push(Planned { at: *at, tick, job: self.place, function: call.function, subjects: call.subjects });
        }
        self.busy_until = run.slots.last().copied().unwrap_or(self.busy_until);
        if reported {
            let why = if run.spent == Some(Spent::Day) { Why::DayCallsSpent } else { Why::NoTime };
            picked.iter().for_each(|index| self.done[*index] += 1);
            let picked: BTreeSet<usize> = picked.into_iter().collect();
            run.due.difference(&picked).for_each(|index| self.skip(*index, why));
        }
        made
    }

    fn skipped(&self) -> impl Iterator<Item = Skipped> {
        self.skipped.iter().filter_map(|((index, why), count)| {
            let subject = self.job.list.get(*index)?.what.name.clone();
            Some(Skipped { job: self.place, subject, why: *why, count: *count })
        })
    }

    fn served(&self) -> Served {
        let tiers = [Priority::Hot, Priority::Normal].into_iter().filter_map(|priority| {
            let of = |counts: &[u32]| -> Vec<u32> {
                let entries = counts.iter().zip(self.job.list.entries());
                entries.filter(|(_, entry)| entry.priority == priority).map(|(count, _)| *count).collect()
            };
            let (expected, done) = (of(&self.expected), of(&self.done));
            if expected.is_empty() {
                return None;
            }
            let entries = expected.len();
            let asked_for = expected.iter().filter(|count| **count > 0).count();
            let (expected, done) = (expected.iter().sum::<u32>(), done.iter().sum::<u32>());
            let ticks = self.due_at.get(&priority).into_iter().flatten().copied();
            let wanted = usual_gap(ticks);
            let seldom = wanted == DAY || (done as usize) < asked_for;
            let every = match done {
                0 => None,
                _ if seldom => Some(times(DAY, asked_for as f64 / f64::from(done))),
                _ => Some(times(wanted, f64::from(expected) / f64::from(done))),
            };
            Some(Tier { priority, entries, expected, done, wanted, every })
        });
        Served { job: self.place, tiers: tiers.collect() }
    }
}

fn times(duration: SignedDuration, factor: f64) -> SignedDuration {
    SignedDuration::from_millis((duration.as_millis() as f64 * factor).round() as i64)
}

/// The median of the gaps between ascending moments; a day if there is none.
fn usual_gap(moments: impl Iterator<Item = Timestamp>) -> SignedDuration {
    let moments: Vec<Timestamp> = moments.collect();
    let mut gaps: Vec<SignedDuration> = moments.windows(2).map(|pair| pair[1].duration_since(pair[0])).collect();
    gaps.sort_unstable();
    gaps.get(gaps.len() / 2).copied().unwrap_or(DAY)
}
