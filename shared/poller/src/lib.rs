//! What all polling functions share. Requests enter, an outcome leaves; which requests a job stands for
//! is each function's own.

mod config;
mod error;

use alphavantage::{Redactor, Request};
use aws::{DeadLetterBucket, Secret, StateTable, Stream, sdk_config};
use clock::Invocation;
use pipeline::{PollOutcome, PollSettings, poll};
use secrecy::ExposeSecret;
use upstream::{Access, BadVendor, Http};

pub use config::{Config, Settings};
pub use error::PollError;

/// What a polling function works with, built once.
#[derive(Debug)]
pub struct Poller {
    function: &'static str,
    http: Http,
    secret: Secret,
    stream: Stream,
    table: StateTable,
    dead_letters: DeadLetterBucket,
    config: Config,
}

impl Poller {
    /// For the function of that name. Makes no call.
    pub async fn new(function: &'static str, config: Config) -> Result<Self, BadVendor> {
        let sdk = sdk_config().await;
        Ok(Self {
            function,
            http: Http::new(&config.vendor_url)?,
            secret: Secret::new(&sdk, config.secret.as_str()),
            stream: Stream::new(&sdk, config.stream.as_str()),
            table: StateTable::new(&sdk, config.table.as_str()),
            dead_letters: DeadLetterBucket::new(&sdk, config.dead_letters.as_str()),
            config,
        })
    }

    /// Runs a job until `deadline`, in milliseconds since 1970, unless another run of it is under way;
    /// logs the outcome and returns it.
    pub async fn run(&self, job: &str, requests: &[Request], deadline: u64) -> Result<PollOutcome, PollError> {
        let turn = format!("{}|{job}", self.function);
        let outcome = if self.table.take_turn(&turn, deadline).await.map_err(PollError::Turn)? {
            let outcome = self.ask(job, requests, deadline).await;
            self.table.end_turn(&turn, deadline).await.map_err(PollError::Turn)?;
            outcome?
        } else {
            PollOutcome::not_run(job, requests.len(), "another run of this job is under way")
        };
        telemetry::outcome("poll finished", &outcome);
        Ok(outcome)
    }

    async fn ask(&self, job: &str, requests: &[Request], deadline: u64) -> Result<PollOutcome, PollError> {
        let access = Access::parse(self.secret.value().await?.expose_secret());
        if access.is_err() {
            // The next run is to see what a person has put there by then.
            self.secret.forget().await;
        }
        let access = access?;
        let settings = PollSettings {
            function: self.function.to_owned(),
            entitlement: access.entitlement,
            per_second: access.per_second,
            cooldowns: self.config.cooldowns,
            redactor: Redactor::new(access.apikey.expose_secret()),
        };
        let runtime = Invocation::new(self.config.clock, deadline);
        let vendor = self.http.with(&access);
        let ports = (&vendor, &self.stream, &self.table, &self.dead_letters, &runtime);
        let outcome = poll(ports, job, requests, &settings).await;
        if outcome.refused.keys().any(|verdict| ["bad_key", "demo_key"].contains(verdict)) {
            self.secret.forget().await;
        }
        Ok(outcome)
    }
}
