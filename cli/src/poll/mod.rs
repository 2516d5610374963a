//! `kinetick poll`: straight from the vendor to the streams of an environment, for once and by hand.
//!
//! It runs the pipeline's own `poll` over the same ports as the functions, with the quota and the ledger of what
//! was sent that all share; only its cursors are its own. A dry run prints the records and writes nothing.

mod dry;
mod hand;
mod options;
mod report;
mod show;

use std::process::ExitCode;

use alphavantage::{Plan, Redactor};
use anyhow::Result;
use aws::{DeadLetterBucket, Secret, StateTable, Stream};
use aws_config::SdkConfig;
use clock::Invocation;
use jiff::{SignedDuration, Timestamp};
use pipeline::{
    Cooldowns, Job, MarketHours, PollOutcome, PollPorts, PollSettings, SLOT_LIFETIME, STOP_ISSUING, poll,
    port::{Cursors, Fetch, KeepDeadLetters, Ledger, PutRecords, QuotaLedger, Runtime},
};
use secrecy::{ExposeSecret, SecretString};
use upstream::{Access, Http, Only};

pub(crate) use options::Options;

use crate::{
    place::{CREDENTIALS, Outputs},
    redacted,
    up::stop_on_signals,
};
use dry::{Forgetful, OwnQuota, Printed};
use hand::{HandTime, Noting};
use options::Target;
use report::Done;
use show::Show;

/// The name under which cursors and dead letters are filed: no function has it.
const FUNCTION: &str = "kinetick-poll";
const KEY: &str = "ALPHA_VANTAGE_API_KEY";
const PLAN: &str = "ALPHA_VANTAGE_PLAN";
const ENTITLEMENT: &str = "ALPHA_VANTAGE_ENTITLEMENT";

/// Why it ended before anything was asked.
#[derive(Debug, thiserror::Error)]
enum Ended {
    #[error("{0}")]
    WrongUse(String),
    #[error("{0}")]
    NoAccess(String),
    #[error("interrupted: nothing was asked")]
    Interrupted,
}

impl Ended {
    fn no_access(error: impl std::fmt::Display) -> Self {
        Self::NoAccess(error.to_string())
    }

    fn code(&self) -> u8 {
        match self {
            Self::Interrupted => 1,
            Self::WrongUse(_) => 2,
            Self::NoAccess(_) => NO_ACCESS,
        }
    }
}

/// The exit code where key or AWS give no access.
const NO_ACCESS: u8 = 3;

/// What was found out before the first request.
struct Prepared {
    access: Access,
    /// How AWS is reached and what the stack says; a dry run with a key at hand does without.
    deployed: Option<(SdkConfig, Outputs)>,
}

/// Asks, sends and reports.
pub(crate) async fn run(options: &Options) -> Result<ExitCode> {
    let signals = stop_on_signals()?;
    let (mut first, mut second) = (signals.clone(), signals.clone());
    let prepared = async {
        let jobs = options.jobs().map_err(Ended::WrongUse)?;
        tokio::select! {
            prepared = prepare(options) => Ok((jobs, prepared?)),
            // The sender of signals lives as long as the process.
            _ = first.wait_for(|signals| *signals > 0) => Err(Ended::Interrupted),
        }
    };
    let (jobs, Prepared { access, deployed }) = match prepared.await {
        Ok(prepared) => prepared,
        Err(ended) => {
            eprintln!("error: {}", redacted::text(&Redactor::new(""), &ended.to_string()));
            return Ok(ExitCode::from(ended.code()));
        }
    };

    let redactor = Redactor::new(access.apikey.expose_secret());
    let all = |job: &Job| (0..job.entries.len()).collect::<Vec<_>>();
    let requests = |job: &Job| job.requests(&all(job), access.has_bulk()).len() as u64;
    let show = Show::new(jobs.iter().map(|(job, _)| requests(job)).sum());
    let url = options.vendor_url.as_ref().map_or(config::VENDOR_URL, |url| url.as_str());
    let http = Http::new(url)?;
    let vendor = http.with(access.clone(), &Only);
    // The time that is kept for the end of an invocation comes on top: until the limit requests are begun.
    let limit = SignedDuration::try_from(options.limit_time).unwrap_or(SignedDuration::MAX) + STOP_ISSUING;
    let deadline = Timestamp::now().saturating_add(limit).map_or(u64::MAX, |at| at.as_millisecond().max(0) as u64);
    let run = Run {
        options,
        access: &access,
        vendor: Noting::new(&vendor, &show),
        time: HandTime::new(Invocation::new(options.market_clock, deadline), signals, &show),
        show: &show,
        redactor: &redactor,
    };
    let plan = access.plan;
    let running = async {
        match deployed {
            None => {
                show.note(&format!(
                    "dry run, plan `{plan}`: nothing is sent, AWS is not called, and calls are counted in this process \
                     alone, not in the ledger that the pollers share"
                ));
                run.dry(&jobs, &OwnQuota::default(), requests).await
            }
            Some((sdk, outputs)) => {
                let table = StateTable::new(&sdk, outputs.get("StateTableName")?);
                let quota = table.quota(access.apikey.expose_secret());
                if options.dry_run {
                    show.note(&format!(
                        "dry run, plan `{plan}`: nothing is sent; calls count in the ledger that the pollers share"
                    ));
                    run.dry(&jobs, &quota, requests).await
                } else {
                    let stream = |kind| Stream::new(&sdk, &options.place.stream(kind));
                    let ports = Ports {
                        quota: &quota,
                        financial: stream("financial"),
                        crypto: stream("crypto"),
                        events: stream("events"),
                        state: table.clone(),
                        dead_letters: DeadLetterBucket::new(&sdk, outputs.get("DeadLetterBucketName")?),
                    };
                    run.all(&jobs, &ports, requests).await
                }
            }
        }
    };
    let done = tokio::select! {
        done = running => done,
        _ = second.wait_for(|signals| *signals > 1) => {
            show.finish();
            eprintln!("interrupted twice: ended at once; what was under way is not accounted for");
            return Ok(ExitCode::FAILURE);
        }
    };
    show.finish();
    Ok(run.conclude(&done?))
}

/// Finds key and plan, and the stack where one is needed.
async fn prepare(options: &Options) -> Result<Prepared, Ended> {
    let given = access_from_environment()?;
    if let (Some(access), true) = (&given, options.dry_run) {
        return Ok(Prepared { access: access.clone(), deployed: None });
    }
    let sdk = options.place.sdk_config().await.map_err(Ended::no_access)?;
    let stack = options.stack.clone().unwrap_or_else(|| options.place.stack());
    let outputs = options.place.outputs(&sdk, &stack).await.map_err(Ended::no_access)?;
    outputs.get("StateTableName").and(outputs.get("DeadLetterBucketName")).map_err(Ended::no_access)?;
    let access = match given {
        Some(access) => access,
        None => {
            let name = options.place.secret();
            let no_key = |error: String| {
                Ended::NoAccess(format!("{error}; put the key into the secret `{name}`, or set `{KEY}`; {CREDENTIALS}"))
            };
            let secret = Secret::new(&sdk, &name).value().await.map_err(|error| no_key(error.to_string()))?;
            Access::parse(secret.expose_secret()).map_err(|error| no_key(error.to_string()))?
        }
    };
    Ok(Prepared { access, deployed: Some((sdk, outputs)) })
}

/// The access that the environment holds, if it holds a key.
fn access_from_environment() -> Result<Option<Access>, Ended> {
    let variable =
        |name: &str| std::env::var(name).ok().map(|value| value.trim().to_owned()).filter(|it| !it.is_empty());
    let Some(key) = variable(KEY) else { return Ok(None) };
    let wrong = |name: &str, error: String| Ended::WrongUse(format!("`{name}`: {error}"));
    let plan: Plan = match variable(PLAN) {
        Some(text) => text.parse().map_err(|error: alphavantage::UnknownPlan| wrong(PLAN, error.to_string()))?,
        None => Plan::Free,
    };
    let entitlement = match variable(ENTITLEMENT) {
        Some(text) => Some(
            text.parse().map_err(|error: alphavantage::UnknownEntitlement| wrong(ENTITLEMENT, error.to_string()))?,
        ),
        None => None,
    };
    Ok(Some(Access { apikey: SecretString::from(key), plan, per_second: plan.per_second(), entitlement }))
}

/// Where a run writes.
struct Ports<'a, Quota, Stream, State, Dead> {
    quota: &'a Quota,
    financial: Stream,
    crypto: Stream,
    events: Stream,
    state: State,
    dead_letters: Dead,
}

/// One run over all jobs.
struct Run<'a, Vendor> {
    options: &'a Options,
    access: &'a Access,
    vendor: Noting<'a, Vendor>,
    time: HandTime<'a>,
    show: &'a Show,
    redactor: &'a Redactor,
}

impl<Vendor: Fetch> Run<'_, Vendor> {
    async fn dry(
        &self,
        jobs: &[(Job, Target)],
        quota: &impl QuotaLedger,
        requests: impl Fn(&Job) -> u64,
    ) -> Result<Vec<Done>> {
        let printed = || Printed { show: self.show, redactor: self.redactor };
        let (financial, crypto, events) = (printed(), printed(), printed());
        let ports = Ports { quota, financial, crypto, events, state: Forgetful, dead_letters: Forgetful };
        self.all(jobs, &ports, requests).await
    }

    /// Runs the jobs one after the other, until one of them shows that no further one can succeed.
    async fn all<Quota, Stream, State, Dead>(
        &self,
        jobs: &[(Job, Target)],
        ports: &Ports<'_, Quota, Stream, State, Dead>,
        requests: impl Fn(&Job) -> u64,
    ) -> Result<Vec<Done>>
    where
        Quota: QuotaLedger,
        Stream: PutRecords,
        State: Ledger + Cursors,
        Dead: KeepDeadLetters,
    {
        let settings = self.settings();
        let mut all: Vec<Done> = Vec::new();
        for (job, target) in jobs {
            let count = requests(job);
            let pointless = if self.time.is_ended() {
                Some("interrupted")
            } else if all.iter().any(Done::is_key_refused) {
                Some("the key was refused before")
            } else if all.iter().any(Done::is_out_of_reach) {
                Some("the vendor did not answer before")
            } else {
                None
            };
            let outcome = match pointless {
                Some(reason) => PollOutcome::not_run(job.name, count as usize, reason),
                None => {
                    let stream = match target {
                        Target::Financial => &ports.financial,
                        Target::Crypto => &ports.crypto,
                        Target::Events => &ports.events,
                    };
                    let ports = PollPorts {
                        vendor: &self.vendor,
                        quota: ports.quota,
                        stream,
                        alerts: &ports.events,
                        state: &ports.state,
                        dead_letters: &ports.dead_letters,
                        runtime: &self.time,
                    };
                    let mut outcome = poll(&ports, job, &settings).await;
                    if outcome.stopped.is_some() && self.time.is_ended() {
                        outcome.stopped = Some("interrupted".to_owned());
                    } else if outcome.stopped.is_some() && self.time.remaining() < STOP_ISSUING {
                        outcome.stopped = Some("the time of `--limit-time` is over".to_owned());
                    }
                    outcome
                }
            };
            all.push(Done { outcome, requests: count, not_asked_entries: self.vendor.not_asked(job) });
        }
        Ok(all)
    }

    fn settings(&self) -> PollSettings {
        // In a market that runs faster than the wall, all ways are as much longer.
        let speed = self.options.market_clock.map_or(1, |simulated| simulated.speed);
        PollSettings {
            function: FUNCTION.to_owned(),
            entitlement: self.access.entitlement,
            limits: self.access.limits(),
            slot_lifetime: SLOT_LIFETIME * i32::try_from(speed).unwrap_or(i32::MAX),
            bulk: self.access.has_bulk(),
            cooldowns: Cooldowns::Wait,
            hours: MarketHours::Ignored,
        }
    }

    /// Says what became of it all. A dry run's standard output is for its records.
    fn conclude(&self, all: &[Done]) -> ExitCode {
        if self.options.json {
            for done in all {
                // Outcomes are made of texts, numbers and lists, which can always be written.
                let json = serde_json::to_string(done).unwrap_or_default();
                self.show.print(&redacted::line(self.redactor, &json));
            }
        } else {
            let say = |line: &str| if self.options.dry_run { self.show.note(line) } else { self.show.print(line) };
            let taken = if self.options.dry_run { "printed" } else { "sent" };
            report::table(all, taken).iter().for_each(|line| say(&redacted::text(self.redactor, line)));
        }
        if all.iter().any(Done::is_key_refused) {
            ExitCode::from(NO_ACCESS)
        } else if all.iter().all(Done::is_whole) {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        }
    }
}
