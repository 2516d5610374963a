//! One invocation: the job of the schedule becomes requests, the requests an outcome.

use alphavantage::NewsTopic;
use lambda_runtime::LambdaEvent;
use pipeline::{Job, PollOutcome};
use planner::WatchList;
use poller::{PollError, Poller};
use serde::Deserialize;

/// The schedule's input, such as `{"job":"news"}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(tag = "job", rename_all = "lowercase")]
pub(crate) enum Asked {
    /// NEWS_SENTIMENT of each topic.
    News,
    /// TOP_GAINERS_LOSERS.
    Movers,
    /// EARNINGS_CALENDAR.
    Earnings,
    /// MARKET_STATUS.
    Status,
}

impl Asked {
    fn job(self, topics: &WatchList<NewsTopic>) -> Job {
        match self {
            Self::News => Job::news(topics.clone()),
            Self::Movers => Job::movers(),
            Self::Earnings => Job::earnings(),
            Self::Status => Job::status(),
        }
    }
}

/// What an invocation works with, built once.
pub(crate) struct Handler {
    pub(crate) poller: Poller,
    pub(crate) topics: WatchList<NewsTopic>,
}

impl Handler {
    /// Runs the job, unless another run of it is under way.
    pub(crate) async fn handle(&self, event: LambdaEvent<Asked>) -> Result<PollOutcome, PollError> {
        self.poller.run(&event.payload.job(&self.topics), event.context.deadline).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sample_events_are_jobs() {
        let asked = |text: &str| serde_json::from_str::<Asked>(text);
        let topics = "financial_markets,ipo".parse().unwrap();
        for (event, job, entries) in [
            (include_str!("../../../events/poll-events/news.json"), "news", 2),
            (include_str!("../../../events/poll-events/movers.json"), "movers", 1),
            (include_str!("../../../events/poll-events/earnings.json"), "earnings", 1),
            (include_str!("../../../events/poll-events/status.json"), "status", 1),
        ] {
            let asked = asked(event).unwrap().job(&topics);
            assert_eq!((asked.name, asked.entries.len()), (job, entries));
        }
        let error = asked(r#"{"job":"quotes"}"#).unwrap_err().to_string();
        assert!(error.contains("unknown variant `quotes`, expected one of `news`, `movers`"), "{error}");
    }
}
