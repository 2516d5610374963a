//! A watch list larger than a minute's calls: 500 symbols on 75 calls a minute, a run each minute.

use std::sync::{Arc, Mutex};

use alphavantage::Request;
use flow::Limits;
use jiff::{SignedDuration, Timestamp};
use pipeline::{
    Cooldowns, Job, MarketHours, PollPorts, PollSettings, SLOT_LIFETIME, poll,
    port::{CallError, Fetch, Fetched, QuotaError, QuotaLedger, QuotaSaved, Runtime},
};
use testkit::{MemoryDeadLetters, MemoryLedger, MemoryQuota, MemoryStream, Simulation, TaskClock};

use crate::poller::{NOW, quote};

const SYMBOLS: usize = 500;
const HOT: usize = 50;

fn ms(millis: i64) -> SignedDuration {
    SignedDuration::from_millis(millis)
}

/// Answers after a while, and remembers who asked for whom, and when.
struct SlowVendor {
    clock: TaskClock,
    asked: Mutex<Vec<(Timestamp, String)>>,
}

impl Fetch for SlowVendor {
    async fn fetch(&self, request: &Request, _: SignedDuration) -> Result<Fetched, CallError> {
        let symbol = request.about();
        self.asked.lock().unwrap().push((self.clock.true_now(), symbol.clone()));
        self.clock.sleep(ms(200 + (self.clock.random() * 600.0) as i64)).await;
        Ok(quote(&symbol))
    }

    fn redact(&self, text: &str) -> String {
        text.to_owned()
    }

    fn without_keys(&self, _: &str) -> Option<String> {
        None
    }
}

/// The ledger, some way off.
struct Remote {
    clock: TaskClock,
    ledger: MemoryQuota,
}

impl Remote {
    async fn way(&self) {
        self.clock.sleep(ms(3 + (self.clock.random() * 20.0) as i64)).await;
    }
}

impl QuotaLedger for Remote {
    async fn load(&self) -> Result<(flow::QuotaState, u64), QuotaError> {
        self.way().await;
        self.ledger.load().await
    }

    async fn save(&self, version: u64, state: &flow::QuotaState) -> Result<QuotaSaved, QuotaError> {
        self.way().await;
        let saved = self.ledger.save(version, state).await;
        self.way().await;
        saved
    }
}

#[test]
fn five_hundred_symbols_are_served_within_ten_minutes_on_75_a_minute_the_hot_ones_first() {
    let start: Timestamp = NOW.parse().unwrap();
    let simulation = Simulation::new(start, 7);
    let clock = simulation.clock(SignedDuration::ZERO, SignedDuration::from_secs(60));
    let vendor = Arc::new(SlowVendor { clock: clock.clone(), asked: Mutex::default() });
    let finished = Arc::new(Mutex::new(None));
    let (seen, done) = (Arc::clone(&vendor), Arc::clone(&finished));
    simulation.spawn(async move {
        let names: Vec<String> =
            (0..SYMBOLS).map(|nth| format!("S{nth}{}", if nth % (SYMBOLS / HOT) == 3 { "!" } else { "" })).collect();
        let job = Job::quotes(names.join(",").parse().unwrap());
        let settings = PollSettings {
            function: "poll-equities".to_owned(),
            entitlement: None,
            limits: Limits::of_plan(5, Some(75), None),
            slot_lifetime: SLOT_LIFETIME,
            bulk: false,
            cooldowns: Cooldowns::Wait,
            hours: MarketHours::Respected,
        };
        let quota = Remote { clock: clock.clone(), ledger: MemoryQuota::default() };
        let (stream, alerts) = (MemoryStream::default(), MemoryStream::default());
        let (state, dead_letters) = (MemoryLedger::default(), MemoryDeadLetters::default());
        for minute in 1..=15 {
            clock.begin_invocation(SignedDuration::from_secs(60));
            let ports = PollPorts {
                vendor: &*seen,
                quota: &quota,
                stream: &stream,
                alerts: &alerts,
                state: &state,
                dead_letters: &dead_letters,
                runtime: &clock,
            };
            let outcome = poll(&ports, &job, &settings).await;
            assert!(outcome.refused.is_empty() && outcome.failures.is_empty(), "{outcome:#?}");
            assert!(clock.remaining() > SignedDuration::ZERO, "the run of minute {minute} took too long");
            let cursor = state.cursor("poll-equities|quotes", &job.entries).unwrap();
            if (0..SYMBOLS).all(|index| cursor.succeeded_at(index).is_some()) {
                *done.lock().unwrap() = Some(clock.true_now());
                return;
            }
            // The schedule's next minute.
            let next = start + SignedDuration::from_mins(minute);
            clock.sleep(next.duration_since(clock.true_now()).max(SignedDuration::ZERO)).await;
        }
    });
    simulation.run();
    let finished = finished.lock().unwrap().expect("not all were served in 15 minutes");
    let took = finished.duration_since(start);
    let asked = vendor.asked.lock().unwrap();
    eprintln!("{SYMBOLS} symbols in {took:#}, {} calls", asked.len());
    assert!(took <= SignedDuration::from_mins(10), "{took:#}");
    assert!(asked.len() <= SYMBOLS + HOT, "nobody twice but the hot ones, in the last minute: {}", asked.len());
    for (at, (moment, _)) in asked.iter().enumerate() {
        let within =
            asked[..=at].iter().filter(|(other, _)| moment.duration_since(*other) < SignedDuration::from_secs(60));
        assert!(within.count() <= 75, "a 76th call within 60 s");
    }
    // Seven of ten calls are theirs, so the fifty hot ones are through after seventy-two.
    let is_hot = |symbol: &str| symbol[1..].parse::<usize>().unwrap() % (SYMBOLS / HOT) == 3;
    let hot_among_first = asked[..75].iter().filter(|(_, symbol)| is_hot(symbol)).count();
    assert_eq!(hot_among_first, HOT);
}
