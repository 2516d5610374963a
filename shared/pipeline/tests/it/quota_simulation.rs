//! Pollers that share a key, on clocks that differ, over a network that delays and loses answers, killed at
//! any moment. The vendor judges by its own clock, when a call arrives.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use fastrand::Rng;
use flow::{Limits, QuotaState, RefusalClass};
use jiff::{SignedDuration, Timestamp, civil::Date, tz::TimeZone};
use pipeline::{
    RateLimiter, SLOT_LIFETIME,
    port::{CallError, QuotaError, QuotaLedger, QuotaSaved, Runtime},
};
use testkit::{MemoryQuota, Simulation, TaskClock, crash_after, for_each_seed};

const FUNCTION: &str = "GLOBAL_QUOTE";
const TIMEOUT: SignedDuration = SignedDuration::from_secs(1);
const INVOCATION: SignedDuration = SignedDuration::from_secs(60);
/// So long everybody is busy, or nobody.
const PHASE_SECONDS: u64 = 2 * 60 * 60;
const MARGIN: SignedDuration = SignedDuration::from_secs(5);

fn ms(millis: i64) -> SignedDuration {
    SignedDuration::from_millis(millis)
}

/// A plan by the vendor's own figures.
#[derive(Clone, Copy)]
struct Plan {
    per_second: u32,
    per_minute: Option<u32>,
    per_day: Option<u32>,
}

const FREE: Plan = Plan { per_second: 1, per_minute: None, per_day: Some(25) };
const P75: Plan = Plan { per_second: 5, per_minute: Some(75), per_day: None };
const P300: Plan = Plan { per_second: 5, per_minute: Some(300), per_day: None };
const P1200: Plan = Plan { per_second: 30, per_minute: Some(1_200), per_day: None };

impl Plan {
    fn limits(self) -> Limits {
        Limits::of_plan(self.per_second, self.per_minute, self.per_day)
    }
}

#[derive(Clone, Copy)]
struct Scenario {
    plan: Plan,
    pollers: usize,
    lasts: SignedDuration,
    /// Invocations begin on these, by the poller's clock.
    every: SignedDuration,
    /// Delays, time-outs, kills and refusals; or a network as it mostly is.
    wild: bool,
    /// Whether in some hours nobody calls.
    idle_at_times: bool,
}

/// What comes over the network: mostly soon, sometimes too late for a slot.
fn delay(rng: &Mutex<Rng>, wild: bool) -> SignedDuration {
    let mut rng = rng.lock().unwrap();
    ms(match (wild, rng.u8(0..10)) {
        (false, _) => rng.i64(1..12),
        (true, 0) => rng.i64(0..800),
        (true, 1..3) => rng.i64(100..350),
        (true, _) => rng.i64(0..60),
    })
}

fn chance(rng: &Mutex<Rng>, share: f64) -> bool {
    rng.lock().unwrap().f64() < share
}

/// The ledger as one poller reaches it.
struct Remote {
    ledger: Arc<MemoryQuota>,
    simulation: Simulation,
    clock: TaskClock,
    rng: Arc<Mutex<Rng>>,
    wild: bool,
}

impl Remote {
    async fn way(&self) {
        self.clock.sleep(delay(&self.rng, self.wild)).await;
    }
}

impl QuotaLedger for Remote {
    async fn load(&self) -> Result<(QuotaState, u64), QuotaError> {
        self.way().await;
        let loaded = self.ledger.load().await;
        self.way().await;
        loaded
    }

    async fn save(&self, version: u64, state: &QuotaState) -> Result<QuotaSaved, QuotaError> {
        if self.wild && chance(&self.rng, 0.05) {
            // The write goes its way and has its effect some time, before or after nobody waits for it any more.
            let (ledger, state, clock) = (self.ledger.clone(), state.clone(), self.clock.clone());
            let late = ms(self.rng.lock().unwrap().i64(0..3_000));
            self.simulation.spawn(async move {
                clock.sleep(late).await;
                drop(ledger.save(version, &state).await);
            });
            self.clock.sleep(TIMEOUT).await;
            return Err(QuotaError::Call(CallError::unavailable("no answer in time")));
        }
        self.way().await;
        let saved = self.ledger.save(version, state).await;
        self.way().await;
        saved
    }
}

struct Poller {
    remote: Remote,
    arrivals: Arc<Mutex<Vec<Timestamp>>>,
    scenario: Scenario,
    seed: u64,
}

impl Poller {
    /// Calls as long as there are slots.
    async fn invocation(&self) {
        let Remote { clock, rng, simulation, wild, .. } = &self.remote;
        let limiter = RateLimiter::new(&self.remote, clock, self.scenario.plan.limits(), SLOT_LIFETIME);
        while let Ok(grant) = limiter.acquire(FUNCTION, MARGIN).await {
            if grant.alone.is_some() {
                // Everybody on their own keeps to no common limit, nor is it promised.
                assert_eq!(self.scenario.plan.per_day, None);
                continue;
            }
            if *wild {
                // A process may halt between any two steps.
                clock.sleep(delay(rng, true) / 4).await;
            }
            if !grant.is_alive(clock) {
                continue;
            }
            // What was sent arrives, whatever becomes of the sender.
            let transit = ms(rng.lock().unwrap().i64(0..150));
            let (vendor, arrivals) = (clock.clone(), self.arrivals.clone());
            simulation.spawn(async move {
                vendor.sleep(transit).await;
                arrivals.lock().unwrap().push(vendor.true_now());
            });
            clock.sleep(transit + delay(rng, *wild)).await;
            let reported = if *wild && chance(rng, 0.01) {
                limiter.refused(RefusalClass::Second, FUNCTION, None).await
            } else {
                limiter.accepted().await
            };
            if reported.is_err() {
                break;
            }
        }
    }

    /// Whether anybody has anything to ask for: in some hours nobody has, so that calls are spent at any time
    /// of a day, not only when it begins.
    fn is_busy(&self) -> bool {
        let phase = self.remote.clock.true_now().as_second() as u64 / PHASE_SECONDS;
        !self.scenario.idle_at_times || Rng::with_seed(self.seed ^ phase).bool()
    }

    async fn run(self) {
        let Remote { clock, rng, wild, .. } = &self.remote;
        let end = clock.true_now() + self.scenario.lasts;
        loop {
            clock.begin_invocation(INVOCATION.min(end.duration_since(clock.true_now()) + MARGIN));
            let kill = *wild && chance(rng, 0.3);
            let polls = if kill { rng.lock().unwrap().usize(0..60) } else { usize::MAX };
            if self.is_busy() {
                crash_after(polls, self.invocation()).await;
            }
            if clock.true_now() >= end {
                break;
            }
            let every = self.scenario.every.as_millis() as i64;
            clock.sleep(ms(every - clock.now().as_millisecond().rem_euclid(every))).await;
        }
    }
}

/// When calls arrived, in order.
fn simulate(seed: u64, start: Timestamp, scenario: Scenario) -> Vec<Timestamp> {
    let mut rng = Rng::with_seed(seed);
    let simulation = Simulation::new(start, rng.u64(..));
    let (ledger, arrivals) = (Arc::new(MemoryQuota::default()), Arc::new(Mutex::new(Vec::new())));
    for _ in 0..scenario.pollers {
        let clock = simulation.clock(ms(rng.i64(-500..=500)), INVOCATION);
        let rng = Arc::new(Mutex::new(rng.fork()));
        let remote = Remote { ledger: ledger.clone(), simulation: simulation.clone(), clock, rng, wild: scenario.wild };
        simulation.spawn(Poller { remote, arrivals: arrivals.clone(), scenario, seed }.run());
    }
    simulation.run();
    let arrivals = std::mem::take(&mut *arrivals.lock().unwrap());
    assert!(arrivals.is_sorted());
    arrivals
}

/// The most arrivals in any window of that length.
fn busiest(arrivals: &[Timestamp], window: SignedDuration) -> usize {
    let within = |nth: usize| arrivals[nth..].iter().take_while(|at| at.duration_since(arrivals[nth]) < window).count();
    (0..arrivals.len()).map(within).max().unwrap_or(0)
}

fn judge(arrivals: &[Timestamp], plan: Plan) {
    let second = busiest(arrivals, SignedDuration::from_secs(1));
    assert!(second <= plan.per_second as usize, "{second} calls within a second");
    let minute = busiest(arrivals, SignedDuration::from_mins(1));
    assert!(plan.per_minute.is_none_or(|most| minute <= most as usize), "{minute} calls within a minute");
    for zone in [TimeZone::UTC, TimeZone::get("America/New_York").unwrap()] {
        let mut days: BTreeMap<Date, usize> = BTreeMap::new();
        for at in arrivals {
            *days.entry(at.to_zoned(zone.clone()).date()).or_default() += 1;
        }
        let day = days.values().max().copied().unwrap_or(0);
        assert!(plan.per_day.is_none_or(|most| day <= most as usize), "{day} calls within a day: {days:?}");
    }
}

/// Evenings before ordinary days and before those on which clocks change.
const EVENINGS: [&str; 4] =
    ["2026-11-20T20:00:00Z", "2026-03-07T20:00:00Z", "2026-10-31T20:00:00Z", "2026-12-31T20:00:00Z"];

#[test]
fn a_free_plan_is_never_overdrawn() {
    let scenario = Scenario {
        plan: FREE,
        pollers: 10,
        lasts: SignedDuration::from_hours(50),
        every: SignedDuration::from_mins(20),
        wild: true,
        idle_at_times: true,
    };
    for_each_seed(40, |seed| {
        let arrivals = simulate(seed, EVENINGS[seed as usize % EVENINGS.len()].parse().unwrap(), scenario);
        judge(&arrivals, FREE);
        assert!(arrivals.len() > 10, "{} calls are too few to tell anything", arrivals.len());
    });
}

#[test]
fn calls_of_many_pollers_are_apart_by_the_vendors_clock() {
    // Days without a limit that matters, so that every second of it is contended.
    let plan = Plan { per_second: 1, per_minute: None, per_day: Some(100_000) };
    let scenario = Scenario {
        plan,
        pollers: 10,
        lasts: SignedDuration::from_mins(4),
        every: ms(7_000),
        wild: true,
        idle_at_times: false,
    };
    for_each_seed(20, |seed| {
        let arrivals = simulate(seed, "2026-11-20T15:00:00Z".parse().unwrap(), scenario);
        judge(&arrivals, plan);
        assert!(arrivals.len() > 40, "{} calls are too few to tell anything", arrivals.len());
    });
}

#[test]
fn a_paid_plan_is_never_overdrawn() {
    for_each_seed(20, |seed| {
        let plan = [P75, P300, P1200][seed as usize % 3];
        let scenario = Scenario {
            plan,
            pollers: 10,
            lasts: SignedDuration::from_mins(4),
            every: ms(7_000),
            wild: true,
            idle_at_times: false,
        };
        let arrivals = simulate(seed, "2026-11-20T23:58:00Z".parse().unwrap(), scenario);
        judge(&arrivals, plan);
        assert!(arrivals.len() > 100, "{} calls are too few to tell anything", arrivals.len());
    });
}

#[test]
fn what_was_paid_for_is_used() {
    for pollers in [1, 10] {
        for_each_seed(4, |seed| {
            let lasts = SignedDuration::from_mins(10);
            let scenario = Scenario {
                plan: P75,
                pollers,
                lasts,
                every: SignedDuration::from_mins(1),
                wild: false,
                idle_at_times: false,
            };
            let arrivals = simulate(seed, "2026-11-20T15:00:00Z".parse().unwrap(), scenario);
            judge(&arrivals, P75);
            assert!(arrivals.len() >= 600, "{pollers} pollers made {} calls in 10 minutes", arrivals.len());
        });
    }
}
