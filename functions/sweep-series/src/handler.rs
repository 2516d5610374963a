//! One invocation: every series that is due is brought up to date.

use aws::{DeliveryStream, StateTable, Stream};
use clock::Invocation;
use lambda_runtime::{Error, LambdaEvent};
use market::SimulatedTime;
use pipeline::{SweepOutcome, sweep};
use serde::de::IgnoredAny;
use series::Settings;

/// What an invocation works with, built once.
pub(crate) struct Handler {
    pub(crate) store: StateTable,
    pub(crate) indicators: DeliveryStream,
    pub(crate) events: Stream,
    pub(crate) settings: Settings,
    pub(crate) clock: Option<SimulatedTime>,
}

impl Handler {
    /// Sweeps. The schedule's input is not looked at.
    pub(crate) async fn handle(&self, event: LambdaEvent<IgnoredAny>) -> Result<SweepOutcome, Error> {
        let runtime = Invocation::new(self.clock, event.context.deadline);
        let outcome = sweep((&self.store, &self.indicators, &self.events, &runtime), &self.settings).await;
        telemetry::outcome("sweep finished", &outcome);
        Ok(outcome)
    }
}
