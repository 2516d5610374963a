//! A run by hand: the time that a person may cut short, and the vendor with a note of what was asked.

use std::{
    sync::{Mutex, OnceLock, PoisonError},
    time::Instant,
};

use alphavantage::Request;
use clock::Invocation;
use jiff::{SignedDuration, Timestamp};
use pipeline::{
    Job, STOP_ISSUING,
    port::{CallError, Fetch, Fetched, Runtime},
};
use tokio::sync::watch;

use super::show::Show;

/// An invocation that ends early when a person wants it to: no request is begun any more, and what is under
/// way has the time that is kept for it at the end of any invocation.
pub(crate) struct HandTime<'a> {
    pub(crate) invocation: Invocation,
    /// How many signals came.
    pub(crate) signals: watch::Receiver<u32>,
    pub(crate) show: &'a Show,
    ended: OnceLock<Instant>,
}

impl<'a> HandTime<'a> {
    pub(crate) fn new(invocation: Invocation, signals: watch::Receiver<u32>, show: &'a Show) -> Self {
        Self { invocation, signals, show, ended: OnceLock::new() }
    }

    /// Whether nothing more is to be asked.
    pub(crate) fn is_ended(&self) -> bool {
        *self.signals.borrow() > 0 || self.show.is_closed()
    }
}

impl Runtime for HandTime<'_> {
    fn now(&self) -> Timestamp {
        self.invocation.now()
    }

    fn remaining(&self) -> SignedDuration {
        let remaining = self.invocation.remaining();
        if !self.is_ended() {
            return remaining;
        }
        let since = self.ended.get_or_init(Instant::now).elapsed();
        let since = SignedDuration::try_from(since).unwrap_or(SignedDuration::MAX);
        remaining.min(STOP_ISSUING.saturating_sub(SignedDuration::from_millis(1)).saturating_sub(since))
    }

    fn elapsed(&self) -> SignedDuration {
        self.invocation.elapsed()
    }

    async fn sleep(&self, time: SignedDuration) {
        // Who sleeps when the signal comes looks at the time; who sleeps later knows what is left.
        let mut signals = self.signals.clone();
        let ended = async move {
            if self.is_ended() || signals.wait_for(|signals| *signals > 0).await.is_err() {
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            () = self.invocation.sleep(time) => {}
            () = ended => {}
        }
    }

    fn random(&self) -> f64 {
        self.invocation.random()
    }
}

/// The vendor, with a note of what it was asked.
pub(crate) struct Noting<'a, Vendor> {
    pub(crate) vendor: &'a Vendor,
    pub(crate) show: &'a Show,
    asked: Mutex<Vec<Request>>,
}

impl<'a, Vendor> Noting<'a, Vendor> {
    pub(crate) fn new(vendor: &'a Vendor, show: &'a Show) -> Self {
        Self { vendor, show, asked: Mutex::default() }
    }

    /// The entries of a job that the vendor was never asked for.
    pub(crate) fn not_asked(&self, job: &Job) -> Vec<String> {
        let asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        let was_asked = |request: &Request| {
            asked.iter().any(|one| match (one, request) {
                (Request::RealtimeBulkQuotes { symbols }, Request::GlobalQuote { symbol }) => {
                    symbols.as_slice().contains(symbol)
                }
                _ => one == request,
            })
        };
        let entries = job.entries.entries().iter().map(|watched| &watched.what);
        entries.filter(|entry| !was_asked(&entry.request)).map(|entry| entry.name.clone()).collect()
    }
}

impl<Vendor: Fetch> Fetch for Noting<'_, Vendor> {
    async fn fetch(&self, request: &Request, within: SignedDuration) -> Result<Fetched, CallError> {
        {
            let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
            if !asked.contains(request) {
                asked.push(request.clone());
                self.show.asking(&request.to_string());
            }
        }
        self.vendor.fetch(request, within).await
    }

    async fn connect(&self) {
        self.vendor.connect().await;
    }

    async fn renew(&self) -> bool {
        self.vendor.renew().await
    }

    fn renewals(&self) -> u64 {
        self.vendor.renewals()
    }

    fn redact(&self, text: &str) -> String {
        self.vendor.redact(text)
    }

    fn without_keys(&self, text: &str) -> Option<String> {
        self.vendor.without_keys(text)
    }
}
