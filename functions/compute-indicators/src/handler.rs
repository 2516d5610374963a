//! One invocation: a batch enters, and what came of it becomes the answer to the mapping.

use aws_lambda_events::event::streams::{KinesisBatchItemFailure, KinesisEventResponse};
use clock::Invocation;
use lambda_runtime::{Context, Error};
use market::SimulatedTime;
use pipeline::{
    ProcessOutcome, ProcessSettings, Warm,
    port::{Deliver, KeepDeadLetters, PutRecords, Runtime, SeriesStore},
    process,
};
use wire::{BatchRecord, KinesisBatch};

/// What an invocation works with, built once.
#[derive(Debug)]
pub struct Handler<Store, Dead, Sink, Events> {
    /// Where series live.
    pub store: Store,
    /// Where what cannot be processed is kept.
    pub dead_letters: Dead,
    /// Where raw lines go.
    pub archive: Sink,
    /// Where readings go.
    pub indicators: Sink,
    /// Where alerts go.
    pub events: Events,
    /// The items that this process wrote last.
    pub warm: Warm,
    /// How records are processed.
    pub settings: ProcessSettings,
    /// The simulated market time, if it is not the wall's.
    pub clock: Option<SimulatedTime>,
}

impl<Store: SeriesStore, Dead: KeepDeadLetters, Sink: Deliver, Events: PutRecords> Handler<Store, Dead, Sink, Events> {
    /// Takes the batch through, until the deadline that Lambda set.
    pub async fn handle(&self, batch: KinesisBatch, context: Context) -> Result<KinesisEventResponse, Error> {
        Ok(self.take(batch, &Invocation::new(self.clock, context.deadline)).await)
    }

    /// Takes the batch through, by any clock. The answer names the lowest sequence number that is to come again.
    pub async fn take(&self, batch: KinesisBatch, runtime: &impl Runtime) -> KinesisEventResponse {
        let (response, outcome) = self.answer(batch, runtime).await;
        telemetry::outcome("batch processed", &outcome);
        response
    }

    /// The same without a word in the log: the answer, and what became of the batch.
    pub async fn answer(&self, batch: KinesisBatch, runtime: &impl Runtime) -> (KinesisEventResponse, ProcessOutcome) {
        let records: Vec<BatchRecord<'_>> = batch.records().collect();
        let ports = (&self.store, &self.dead_letters, &self.archive, &self.indicators, &self.events, runtime);
        let processed = process(ports, &self.warm, &records, &self.settings).await;
        let mut response = KinesisEventResponse::default();
        response.batch_item_failures.extend(processed.retry_from.map(|sequence_number| {
            let mut failure = KinesisBatchItemFailure::default();
            failure.item_identifier = Some(sequence_number);
            failure
        }));
        (response, processed.outcome)
    }
}
