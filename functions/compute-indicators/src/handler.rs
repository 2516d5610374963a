//! One invocation: the event becomes a batch, and what came of it becomes the answer to the mapping.

use aws_lambda_events::event::streams::{KinesisBatchItemFailure, KinesisEventResponse};
use clock::Invocation;
use lambda_runtime::{Error, LambdaEvent};
use market::SimulatedTime;
use pipeline::{
    ProcessSettings, Warm,
    port::{Deliver, KeepDeadLetters, PutRecords, SeriesStore},
    process,
};
use wire::{BatchRecord, KinesisBatch};

/// What an invocation works with, built once.
pub(crate) struct Handler<Store, Dead, Sink, Events> {
    pub(crate) store: Store,
    pub(crate) dead_letters: Dead,
    pub(crate) archive: Sink,
    pub(crate) indicators: Sink,
    pub(crate) events: Events,
    pub(crate) warm: Warm,
    pub(crate) settings: ProcessSettings,
    pub(crate) clock: Option<SimulatedTime>,
}

impl<Store: SeriesStore, Dead: KeepDeadLetters, Sink: Deliver, Events: PutRecords> Handler<Store, Dead, Sink, Events> {
    /// Takes the batch through. The answer names the lowest sequence number that is to come again.
    pub(crate) async fn handle(&self, event: LambdaEvent<KinesisBatch>) -> Result<KinesisEventResponse, Error> {
        let runtime = Invocation::new(self.clock, event.context.deadline);
        let batch: Vec<BatchRecord<'_>> = event.payload.records().collect();
        let ports = (&self.store, &self.dead_letters, &self.archive, &self.indicators, &self.events, &runtime);
        let processed = process(ports, &self.warm, &batch, &self.settings).await;
        telemetry::outcome("batch processed", &processed.outcome);
        let mut response = KinesisEventResponse::default();
        response.batch_item_failures.extend(processed.retry_from.map(|sequence_number| {
            let mut failure = KinesisBatchItemFailure::default();
            failure.item_identifier = Some(sequence_number);
            failure
        }));
        Ok(response)
    }
}
