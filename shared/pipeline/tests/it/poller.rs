//! A poller with everything around it, which checks each outcome for what must always hold.

use alphavantage::{OutputSize, Request};
use flow::Limits;
use jiff::{SignedDuration, civil::date};
use market::{Interval, session::Hours};
use pipeline::{
    Cooldowns, Entry, Job, MarketHours, PollOutcome, PollPorts, PollSettings, SLOT_LIFETIME, poll, port::Fetched,
};
use planner::{Priority, Trading, WatchList, Watched};
use testkit::{Answer, ManualTime, MemoryDeadLetters, MemoryLedger, MemoryQuota, MemoryStream, ScriptedVendor, reply};

/// The API key, which must turn up nowhere.
pub(crate) const KEY: &str = "QX7Z1K4M9P2R8S3T";
/// A Friday, 12:00 in New York.
pub(crate) const NOW: &str = "2026-11-20T17:00:00Z";

pub(crate) struct Poller {
    pub(crate) vendor: ScriptedVendor,
    pub(crate) quota: MemoryQuota,
    pub(crate) stream: MemoryStream,
    pub(crate) alerts: MemoryStream,
    pub(crate) ledger: MemoryLedger,
    pub(crate) dead_letters: MemoryDeadLetters,
    pub(crate) time: ManualTime,
    pub(crate) settings: PollSettings,
}

/// A job of these requests, in their order.
pub(crate) fn job(requests: &[Request]) -> Job {
    let entry = |request: &Request| Watched {
        what: Entry { name: request.to_string(), trading: Trading::Always, request: request.clone() },
        priority: Priority::Normal,
    };
    let entries = WatchList::new::<String>(requests.iter().map(entry).collect()).unwrap();
    Job { name: "quotes", entries, target: SignedDuration::from_mins(5) }
}

impl Poller {
    pub(crate) fn new() -> Self {
        let vendor = ScriptedVendor::default();
        vendor.keys(&[KEY]);
        Self {
            vendor,
            quota: MemoryQuota::default(),
            stream: MemoryStream::default(),
            alerts: MemoryStream::default(),
            ledger: MemoryLedger::default(),
            dead_letters: MemoryDeadLetters::default(),
            time: ManualTime::at(NOW),
            settings: PollSettings {
                function: "poll-equities".to_owned(),
                entitlement: None,
                limits: Limits::of_plan(5, Some(300), None),
                slot_lifetime: SLOT_LIFETIME,
                bulk: false,
                cooldowns: Cooldowns::Wait,
                hours: MarketHours::Ignored,
            },
        }
    }

    /// Scripts what the vendor answers to a request.
    pub(crate) fn answers<const N: usize>(&self, request: &Request, answers: [Answer; N]) {
        self.vendor.answers(request, answers);
    }

    pub(crate) async fn poll(&self, requests: &[Request]) -> PollOutcome {
        self.run(&job(requests)).await
    }

    pub(crate) async fn run(&self, job: &Job) -> PollOutcome {
        let ports = PollPorts {
            vendor: &self.vendor,
            quota: &self.quota,
            stream: &self.stream,
            alerts: &self.alerts,
            state: &self.ledger,
            dead_letters: &self.dead_letters,
            runtime: &self.time,
        };
        let outcome = poll(&ports, job, &self.settings).await;
        check_account(&outcome);
        self.check_secrecy(&outcome);
        outcome
    }

    fn check_secrecy(&self, outcome: &PollOutcome) {
        let letters: Vec<String> = self.dead_letters.letters().iter().map(failure::DeadLetter::to_line).collect();
        let records = self
            .stream
            .taken()
            .into_iter()
            .chain(self.alerts.taken())
            .map(|entry| String::from_utf8(entry.data).unwrap());
        for text in letters.into_iter().chain(records).chain([serde_json::to_string(outcome).unwrap()]) {
            assert!(!text.contains(KEY), "the API key is in {text}");
        }
    }
}

/// Every call and every row is in exactly one place.
pub(crate) fn check_account(outcome: &PollOutcome) {
    let PollOutcome { calls, accepted, refused, failed, .. } = outcome;
    assert_eq!(*calls, accepted + refused.values().sum::<u64>() + failed, "{outcome:#?}");
    let PollOutcome { records, put, deduplicated, dead_lettered, in_flight, .. } = outcome;
    assert_eq!(*records, put + deduplicated + dead_lettered + in_flight, "{outcome:#?}");
}

pub(crate) fn quote_of(symbol: &str) -> Request {
    Request::GlobalQuote { symbol: symbol.parse().unwrap() }
}

pub(crate) fn bars_of(symbol: &str) -> Request {
    let symbol = symbol.parse().unwrap();
    Request::TimeSeriesIntraday {
        symbol,
        interval: Interval::Min1,
        hours: Hours::Regular,
        month: None,
        output: OutputSize::Compact,
    }
}

/// A good quote of the day before [`NOW`].
pub(crate) fn quote(symbol: &str) -> Fetched {
    reply::quote(symbol, &date(2026, 11, 19).to_string(), "50.10")
}

/// Bars from 10:00 in New York on, one per price.
pub(crate) fn bars(symbol: &str, prices: &[&str]) -> Fetched {
    let bar = |(at, price): (usize, &&str)| (format!("2026-11-20 10:{at:02}:00"), (*price).to_owned());
    reply::intraday(symbol, "1min", &prices.iter().enumerate().map(bar).collect::<Vec<_>>())
}
