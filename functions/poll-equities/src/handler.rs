//! One invocation: the job of the schedule becomes requests, the requests an outcome.

use lambda_runtime::LambdaEvent;
use pipeline::{Job, PollOutcome};
use poller::{PollError, Poller};
use serde::Deserialize;

use crate::config::Watched;

/// The schedule's input: `{"job":"quotes"}` or `{"job":"intraday"}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(tag = "job", rename_all = "lowercase")]
pub(crate) enum Asked {
    /// GLOBAL_QUOTE of each symbol.
    Quotes,
    /// TIME_SERIES_INTRADAY of each symbol.
    Intraday,
}

impl Asked {
    fn job(self, watched: &Watched) -> Job {
        match self {
            Self::Quotes => Job::quotes(watched.symbols.clone()),
            Self::Intraday => Job::intraday(watched.symbols.clone(), watched.interval),
        }
    }
}

/// What an invocation works with, built once.
pub(crate) struct Handler {
    pub(crate) poller: Poller,
    pub(crate) watched: Watched,
}

impl Handler {
    /// Runs the job, unless another run of it is under way.
    pub(crate) async fn handle(&self, event: LambdaEvent<Asked>) -> Result<PollOutcome, PollError> {
        self.poller.run(&event.payload.job(&self.watched), event.context.deadline).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sample_events_are_jobs() {
        let asked = |text: &str| serde_json::from_str::<Asked>(text);
        assert_eq!(asked(include_str!("../../../events/poll-equities/quotes.json")).unwrap(), Asked::Quotes);
        assert_eq!(asked(include_str!("../../../events/poll-equities/intraday.json")).unwrap(), Asked::Intraday);
        let error = asked(r#"{"job":"daily"}"#).unwrap_err().to_string();
        assert!(error.contains("unknown variant `daily`, expected `quotes` or `intraday`"), "{error}");
    }
}
