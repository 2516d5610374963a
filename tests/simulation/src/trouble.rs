//! What goes wrong, and where: named points at which a process can end, and faults of calls, all from the seed.
//!
//! Every side effect is a call at a [`Site`], and has a point before and one behind it. Crashes are armed for a point,
//! each point as often as any other, and strike whoever passes it next: so rare points are hit as often as frequent
//! ones. Faults of calls follow a weather that changes. Nothing here makes a call.

use std::fmt;

use fastrand::Rng;
use jiff::{SignedDuration, Timestamp};

/// A kind of call, each with an effect outside of the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Site {
    /// The consumer reads items.
    Load,
    /// The consumer writes an item, if its version is the one that was read.
    Save,
    /// The sweep lists what is due.
    Due,
    /// Raw lines to the archive.
    Archive,
    /// Readings to the archive.
    Indicators,
    /// Alerts of the consumer to the events stream.
    Alerts,
    /// The consumer keeps dead letters.
    Letters,
    /// The poller reads a ledger.
    LedgerLoad,
    /// The poller writes a ledger, if its version is the one that was read.
    LedgerSave,
    /// The poller puts records.
    Put,
    /// The poller keeps dead letters.
    PollerLetters,
}

impl Site {
    const ALL: [Self; 11] = [
        Self::Load,
        Self::Save,
        Self::Due,
        Self::Archive,
        Self::Indicators,
        Self::Alerts,
        Self::Letters,
        Self::LedgerLoad,
        Self::LedgerSave,
        Self::Put,
        Self::PollerLetters,
    ];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Load => "load items",
            Self::Save => "save an item",
            Self::Due => "list what is due",
            Self::Archive => "deliver raw lines",
            Self::Indicators => "deliver readings",
            Self::Alerts => "put alerts",
            Self::Letters => "keep dead letters",
            Self::LedgerLoad => "load a ledger",
            Self::LedgerSave => "save a ledger",
            Self::Put => "put records",
            Self::PollerLetters => "keep the poller's dead letters",
        }
    }
}

/// A place at which a process can end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Point {
    /// As it starts.
    Init,
    /// Before the effect of a call.
    Before(Site),
    /// Behind the effect of a call, of which the process has not heard yet.
    After(Site),
    /// All is done, and nobody has been told.
    Finished,
    /// The answer is on its way, and gets lost.
    Answered,
}

/// How many points there are.
pub const POINTS: usize = 3 + 2 * Site::ALL.len();

impl Point {
    /// All of them, in the order of their numbers.
    pub fn all() -> impl Iterator<Item = Self> {
        let sites = Site::ALL.into_iter().flat_map(|site| [Self::Before(site), Self::After(site)]);
        [Self::Init, Self::Finished, Self::Answered].into_iter().chain(sites)
    }

    /// Its number among all.
    pub fn number(self) -> usize {
        match self {
            Self::Init => 0,
            Self::Finished => 1,
            Self::Answered => 2,
            Self::Before(site) => 3 + 2 * site as usize,
            Self::After(site) => 4 + 2 * site as usize,
        }
    }
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Init => f.write_str("init"),
            Self::Finished => f.write_str("finished, before the answer"),
            Self::Answered => f.write_str("the answer is lost"),
            Self::Before(site) => write!(f, "before: {}", site.as_str()),
            Self::After(site) => write!(f, "after: {}", site.as_str()),
        }
    }
}

/// How a process is struck.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Strike {
    /// It is killed, with all that it remembers.
    Kill,
    /// The handler panics; the process goes on with the next invocation, and remembers.
    Panic,
    /// It is stopped, longer than its invocation may last, and goes on later.
    Pause(SignedDuration),
}

/// What goes wrong with one call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It fails without effect.
    Before,
    /// It has its effect, and the answer is lost.
    After,
    /// These entries of it are refused.
    Refuse(Vec<bool>),
    /// Another writer comes first.
    Overtaken,
}

/// What kind a call is, which decides on the faults that fit it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Call {
    /// It reads.
    Read,
    /// It writes whatever there is.
    Write,
    /// It writes on a condition.
    Conditional,
    /// It writes so many entries, each for itself.
    Batch(usize),
}

/// What goes wrong in a run.
#[derive(Debug)]
pub(crate) struct Trouble {
    rng: Rng,
    /// Nothing goes wrong any more.
    calm: bool,
    /// The share of calls that fail.
    share: f64,
    outage: Option<(Site, Timestamp)>,
    armed: Vec<(Point, Strike)>,
    /// Crashes by the number of the point.
    pub crashes: [u64; POINTS],
    /// Processes that were stopped and went on later.
    pub pauses: u64,
    /// Calls that failed, in whole or in part.
    pub faults: u64,
    /// Calls.
    pub calls: u64,
    next_point: usize,
}

/// Longer than any invocation may last.
const PAUSE_SECONDS: std::ops::Range<i64> = 65..420;

impl Trouble {
    /// From a seed.
    pub(crate) fn new(mut rng: Rng) -> Self {
        let next_point = rng.usize(0..POINTS);
        Self {
            rng,
            calm: false,
            share: 0.0,
            outage: None,
            armed: Vec::new(),
            crashes: [0; POINTS],
            pauses: 0,
            faults: 0,
            calls: 0,
            next_point,
        }
    }

    /// Nothing goes wrong from now on.
    pub(crate) fn end(&mut self) {
        (self.calm, self.outage) = (true, None);
        self.armed.clear();
    }

    /// Whether nothing goes wrong any more.
    pub(crate) fn is_calm(&self) -> bool {
        self.calm
    }

    /// Another weather, and maybe an outage of one kind of call.
    pub(crate) fn change(&mut self, now: Timestamp) {
        if self.calm {
            return;
        }
        self.share = match self.rng.u8(0..10) {
            0..4 => 0.0,
            4..7 => 0.01,
            7..9 => 0.1,
            _ => 0.35,
        };
        // A poller keeps a dead letter only where its stream stays out of reach; who waits there gets that weather.
        let letters = [Point::Before(Site::PollerLetters), Point::After(Site::PollerLetters)];
        if self.armed.iter().any(|(armed, _)| letters.contains(armed)) && self.rng.bool() {
            self.outage = Some((Site::Put, now + SignedDuration::from_secs(self.rng.i64(60..120))));
        } else if self.rng.u8(0..6) == 0 {
            let site = Site::ALL[self.rng.usize(0..Site::ALL.len())];
            self.outage = Some((site, now + SignedDuration::from_secs(self.rng.i64(1..90))));
        }
    }

    /// Arms a strike. Each point has its turn, wherever the first one lies.
    pub(crate) fn arm(&mut self) {
        if self.calm {
            return;
        }
        let Some(point) = Point::all().nth(self.next_point) else { return };
        self.next_point = (self.next_point + 1) % POINTS;
        let pause = Strike::Pause(SignedDuration::from_secs(self.rng.i64(PAUSE_SECONDS)));
        let strike = match self.rng.u8(0..20) {
            0..3 if point != Point::Init && point != Point::Answered => Strike::Panic,
            3..7 if point != Point::Answered => pause,
            _ => Strike::Kill,
        };
        self.armed.push((point, strike));
    }

    /// A process passes a point. Returns what strikes it there; one that must not be stopped is killed instead.
    pub(crate) fn pass(&mut self, point: Point, may_stop: bool) -> Option<Strike> {
        if self.calm || self.armed.is_empty() {
            return None;
        }
        let at = self.armed.iter().position(|(armed, _)| *armed == point)?;
        let strike = match self.armed.swap_remove(at).1 {
            Strike::Pause(_) if !may_stop => Strike::Kill,
            strike => strike,
        };
        match strike {
            Strike::Pause(_) => self.pauses += 1,
            Strike::Kill | Strike::Panic => self.crashes[point.number()] += 1,
        }
        Some(strike)
    }

    /// What goes wrong with a call.
    pub(crate) fn fault(&mut self, site: Site, call: Call, now: Timestamp) -> Option<Fault> {
        self.calls += 1;
        if self.calm {
            return None;
        }
        let is_out = self.outage.is_some_and(|(down, until)| down == site && now < until);
        if !is_out && self.rng.f64() >= self.share {
            return None;
        }
        self.faults += 1;
        let kind = if is_out { 0 } else { self.rng.u8(0..3) };
        Some(match (call, kind) {
            (_, 0) | (Call::Read, _) => Fault::Before,
            (_, 1) | (Call::Write, _) => Fault::After,
            (Call::Conditional, _) => Fault::Overtaken,
            (Call::Batch(entries), _) => Fault::Refuse((0..entries).map(|_| self.rng.bool()).collect()),
        })
    }

    /// Whether something fails of what has no process: reading a shard, starting an invocation, storing a letter.
    pub(crate) fn hitch(&mut self) -> bool {
        !self.calm && self.rng.f64() < self.share
    }

    /// How long the way of a call takes, there or back.
    pub(crate) fn latency(&mut self) -> SignedDuration {
        let slow = !self.calm && self.share > 0.0 && self.rng.u16(0..4000) == 0;
        let micros = if slow { self.rng.i64(3_000_000..40_000_000) } else { self.rng.i64(500..15_000) };
        SignedDuration::from_micros(micros)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_point_has_its_number() {
        let numbers: Vec<usize> = Point::all().map(Point::number).collect();
        assert_eq!(numbers, (0..POINTS).collect::<Vec<_>>());
    }
}
