//! One invocation: the job of the schedule becomes requests, the requests an outcome.

use alphavantage::{OutputSize, Request};
use lambda_runtime::LambdaEvent;
use market::session::Hours;
use pipeline::PollOutcome;
use poller::{PollError, Poller};
use serde::Deserialize;

use crate::config::Watched;

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

    fn requests(self, watched: &Watched) -> Vec<Request> {
        let request = |symbol: &market::Symbol| match self {
            Self::Quotes => Request::GlobalQuote { symbol: symbol.clone() },
            Self::Intraday => Request::TimeSeriesIntraday {
                symbol: symbol.clone(),
                interval: watched.interval,
                hours: Hours::Regular,
                month: None,
                output: OutputSize::Compact,
            },
        };
        watched.symbols.iter().map(request).collect()
    }
}

/// What an invocation works with, built once.
pub(crate) struct Handler {
    pub(crate) poller: Poller,
    pub(crate) watched: Watched,
}

impl Handler {
    /// Runs the job, unless another run of it is under way.
    pub(crate) async fn handle(&self, event: LambdaEvent<Job>) -> Result<PollOutcome, PollError> {
        let job = event.payload;
        self.poller.run(job.name(), &job.requests(&self.watched), event.context.deadline).await
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
