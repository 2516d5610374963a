//! One invocation: the job of the schedule becomes requests, the requests an outcome.

use alphavantage::Request;
use lambda_runtime::LambdaEvent;
use market::Pair;
use pipeline::PollOutcome;
use poller::{PollError, Poller};
use serde::Deserialize;

/// The schedule's input: `{"job":"rates"}` or `{"job":"daily"}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(tag = "job", rename_all = "lowercase")]
pub(crate) enum Job {
    /// CURRENCY_EXCHANGE_RATE of each pair.
    Rates,
    /// DIGITAL_CURRENCY_DAILY of each pair whose base is a digital currency.
    Daily,
}

impl Job {
    fn name(self) -> &'static str {
        match self {
            Self::Rates => "rates",
            Self::Daily => "daily",
        }
    }

    fn requests(self, pairs: &[Pair]) -> Vec<Request> {
        let request = |pair: &Pair| match self {
            Self::Rates => Some(Request::CurrencyExchangeRate { pair: pair.clone() }),
            Self::Daily => pair.is_crypto().then(|| Request::DigitalCurrencyDaily { pair: pair.clone() }),
        };
        pairs.iter().filter_map(request).collect()
    }
}

/// What an invocation works with, built once.
pub(crate) struct Handler {
    pub(crate) poller: Poller,
    pub(crate) watched: Vec<Pair>,
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
        assert_eq!(job(include_str!("../../../events/poll-crypto/rates.json")).unwrap(), Job::Rates);
        assert_eq!(job(include_str!("../../../events/poll-crypto/daily.json")).unwrap(), Job::Daily);
        let error = job(r#"{"job":"quotes"}"#).unwrap_err().to_string();
        assert!(error.contains("unknown variant `quotes`, expected `rates` or `daily`"), "{error}");
    }

    #[test]
    fn only_digital_currencies_have_days() {
        let pairs: Vec<Pair> = ["USD/JPY", "BTC/USD"].map(|pair| pair.parse().unwrap()).into();
        assert_eq!(Job::Rates.requests(&pairs).len(), 2);
        assert_eq!(Job::Daily.requests(&pairs), [Request::DigitalCurrencyDaily { pair: pairs[1].clone() }]);
    }
}
