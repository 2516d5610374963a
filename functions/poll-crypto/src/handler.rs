//! One invocation: the job of the schedule becomes requests, the requests an outcome.

use lambda_runtime::LambdaEvent;
use market::Pair;
use pipeline::{Job, PollOutcome};
use planner::WatchList;
use poller::{PollError, Poller};
use serde::Deserialize;

/// The schedule's input: `{"job":"rates"}` or `{"job":"daily"}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(tag = "job", rename_all = "lowercase")]
pub(crate) enum Asked {
    /// CURRENCY_EXCHANGE_RATE of each pair.
    Rates,
    /// DIGITAL_CURRENCY_DAILY of each pair whose base is a digital currency.
    Daily,
}

impl Asked {
    fn job(self, pairs: &WatchList<Pair>) -> Job {
        match self {
            Self::Rates => Job::rates(pairs.clone()),
            Self::Daily => Job::daily(pairs.clone()),
        }
    }
}

/// What an invocation works with, built once.
pub(crate) struct Handler {
    pub(crate) poller: Poller,
    pub(crate) watched: WatchList<Pair>,
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
        assert_eq!(asked(include_str!("../../../events/poll-crypto/rates.json")).unwrap(), Asked::Rates);
        assert_eq!(asked(include_str!("../../../events/poll-crypto/daily.json")).unwrap(), Asked::Daily);
        let error = asked(r#"{"job":"quotes"}"#).unwrap_err().to_string();
        assert!(error.contains("unknown variant `quotes`, expected `rates` or `daily`"), "{error}");
        let job = Asked::Daily.job(&"BTC/USD,USD/JPY".parse().unwrap());
        assert_eq!(job.entries.to_string(), "BTC/USD", "no days of physical currencies");
    }
}
