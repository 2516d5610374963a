//! One invocation: the job of the schedule becomes requests, the requests an outcome.

use alphavantage::{Redactor, Request};
use aws::{DeadLetterBucket, Secret, StateTable, Stream};
use clock::Invocation;
use lambda_runtime::{Error, LambdaEvent};
use market::session::Hours;
use pipeline::{PollOutcome, PollSettings, poll};
use secrecy::ExposeSecret;
use serde::Deserialize;
use upstream::{Access, Http};

use crate::config::Config;

const FUNCTION: &str = env!("CARGO_PKG_NAME");

/// The schedule's input: `{"job":"quotes"}` or `{"job":"intraday"}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(tag = "job", rename_all = "lowercase")]
pub(crate) enum Job {
    /// GLOBAL_QUOTE of each symbol.
    Quotes,
    /// TIME_SERIES_INTRADAY of each symbol.
    Intraday,
}

impl Job {
    fn name(self) -> &'static str {
        match self {
            Self::Quotes => "quotes",
            Self::Intraday => "intraday",
        }
    }

    fn requests(self, config: &Config) -> Vec<Request> {
        let request = |symbol: &market::Symbol| match self {
            Self::Quotes => Request::GlobalQuote { symbol: symbol.clone() },
            Self::Intraday => {
                Request::TimeSeriesIntraday { symbol: symbol.clone(), interval: config.interval, hours: Hours::Regular }
            }
        };
        config.symbols.iter().map(request).collect()
    }
}

/// What an invocation works with, built once.
pub(crate) struct Handler {
    pub(crate) http: Http,
    pub(crate) secret: Secret,
    pub(crate) stream: Stream,
    pub(crate) table: StateTable,
    pub(crate) dead_letters: DeadLetterBucket,
    pub(crate) config: Config,
}

impl Handler {
    /// Runs the job, unless another run of it is under way.
    pub(crate) async fn handle(&self, event: LambdaEvent<Job>) -> Result<PollOutcome, Error> {
        let job = event.payload;
        let requests = job.requests(&self.config);
        let (turn, until) = (format!("{FUNCTION}|{}", job.name()), event.context.deadline);
        let outcome = if self.table.take_turn(&turn, until).await.map_err(|error| error.message)? {
            let outcome = self.run(job, &requests, until).await;
            self.table.end_turn(&turn, until).await.map_err(|error| error.message)?;
            outcome?
        } else {
            PollOutcome::not_run(job.name(), requests.len(), "another run of this job is under way")
        };
        telemetry::outcome("poll finished", &outcome);
        Ok(outcome)
    }

    async fn run(&self, job: Job, requests: &[Request], deadline: u64) -> Result<PollOutcome, Error> {
        let access = Access::parse(self.secret.value().await?.expose_secret())?;
        let settings = PollSettings {
            function: FUNCTION.to_owned(),
            entitlement: access.entitlement,
            per_second: access.per_second,
            cooldowns: self.config.cooldowns,
            redactor: Redactor::new(access.apikey.expose_secret()),
        };
        let runtime = Invocation::new(self.config.clock, deadline);
        let vendor = self.http.with(&access);
        let ports = (&vendor, &self.stream, &self.table, &self.dead_letters, &runtime);
        let outcome = poll(ports, job.name(), requests, &settings).await;
        if outcome.refused.keys().any(|verdict| ["bad_key", "demo_key"].contains(verdict)) {
            self.secret.forget().await;
        }
        Ok(outcome)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sample_events_are_jobs() {
        let job = |text: &str| serde_json::from_str::<Job>(text);
        assert_eq!(job(include_str!("../../../events/poll-equities/quotes.json")).unwrap(), Job::Quotes);
        assert_eq!(job(include_str!("../../../events/poll-equities/intraday.json")).unwrap(), Job::Intraday);
        let error = job(r#"{"job":"daily"}"#).unwrap_err().to_string();
        assert!(error.contains("unknown variant `daily`, expected `quotes` or `intraday`"), "{error}");
    }
}
