//! What all polling functions share. Requests enter, an outcome leaves; which requests a job stands for
//! is each function's own.

mod config;
mod error;

use aws::{DeadLetterBucket, Secret, StateTable, Stream, sdk_config};
use clock::Invocation;
use flow::QuotaState;
use pipeline::{
    Job, MarketHours, PollOutcome, PollPorts, PollSettings, SLOT_LIFETIME, poll,
    port::{QuotaError, QuotaLedger, QuotaSaved},
};
use secrecy::ExposeSecret;
use upstream::{Access, BadVendor, Http, Renew, Vendor};

pub use config::{Config, Settings};
pub use error::PollError;

/// What a polling function works with, built once.
#[derive(Debug)]
pub struct Poller {
    function: &'static str,
    http: Http,
    secret: Secret,
    stream: Stream,
    alerts: Stream,
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
            alerts: Stream::new(&sdk, config.alerts.as_str()),
            table: StateTable::new(&sdk, config.table.as_str()),
            dead_letters: DeadLetterBucket::new(&sdk, config.dead_letters.as_str()),
            config,
        })
    }

    /// Runs a job until `deadline`, in milliseconds since 1970, unless another run of it is under way;
    /// logs the outcome and returns it.
    pub async fn run(&self, job: &Job, deadline: u64) -> Result<PollOutcome, PollError> {
        let turn = format!("{}|{}", self.function, job.name);
        let outcome = if self.table.take_turn(&turn, deadline).await.map_err(PollError::Turn)? {
            let outcome = self.ask(job, deadline).await;
            if let Err(error) = self.table.end_turn(&turn, deadline).await {
                // It ends by its time anyway, and what was polled is not to be forgotten over it.
                telemetry::warn(&format!("the turn of `{turn}` could not be given back: {}", error.message));
            }
            outcome?
        } else {
            PollOutcome::not_run(job.name, job.entries.len(), "another run of this job is under way")
        };
        telemetry::outcome("poll finished", &outcome);
        Ok(outcome)
    }

    async fn ask(&self, job: &Job, deadline: u64) -> Result<PollOutcome, PollError> {
        let access = Access::parse(self.secret.value().await?.expose_secret());
        if access.is_err() {
            // The next run is to see what a person has put there by then.
            self.secret.forget().await;
        }
        let access = access?;
        let limits = access.limits();
        let speed = self.config.clock.map_or(1, |simulated| simulated.speed);
        let settings = PollSettings {
            function: self.function.to_owned(),
            entitlement: access.entitlement,
            // In a market that runs faster than the wall, all ways are as much longer.
            slot_lifetime: SLOT_LIFETIME * i32::try_from(speed).unwrap_or(i32::MAX),
            limits,
            bulk: access.has_bulk(),
            cooldowns: self.config.cooldowns,
            hours: MarketHours::Respected,
        };
        let runtime = Invocation::new(self.config.clock, deadline);
        let keys = Keys(&self.secret);
        let vendor = self.http.with(access, &keys);
        let quota = KeyQuota { table: &self.table, vendor: &vendor };
        let ports = PollPorts {
            vendor: &vendor,
            quota: &quota,
            stream: &self.stream,
            alerts: &self.alerts,
            state: &self.table,
            dead_letters: &self.dead_letters,
            runtime: &runtime,
        };
        Ok(poll(&ports, job, &settings).await)
    }
}

/// Another key comes from the secret.
struct Keys<'a>(&'a Secret);

impl Renew for Keys<'_> {
    async fn renewed(&self) -> Option<Access> {
        Access::parse(self.0.renewed().await?.expose_secret()).ok()
    }
}

/// The ledger of the calls of whichever key is in use.
struct KeyQuota<'a> {
    table: &'a StateTable,
    vendor: &'a Vendor<'a, Keys<'a>>,
}

impl KeyQuota<'_> {
    fn of_key(&self) -> aws::Quota {
        self.table.quota(self.vendor.apikey().expose_secret())
    }
}

impl QuotaLedger for KeyQuota<'_> {
    async fn load(&self) -> Result<(QuotaState, u64), QuotaError> {
        self.of_key().load().await
    }

    async fn save(&self, version: u64, state: &QuotaState) -> Result<QuotaSaved, QuotaError> {
        self.of_key().save(version, state).await
    }
}
