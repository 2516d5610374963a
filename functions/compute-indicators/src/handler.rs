//! One invocation: the event becomes a batch, and what came of it becomes the answer to the mapping.

use aws_lambda_events::event::{
    kinesis::{KinesisEvent, KinesisEventRecord},
    streams::{KinesisBatchItemFailure, KinesisEventResponse},
};
use clock::Invocation;
use failure::Place;
use lambda_runtime::{Error, LambdaEvent};
use market::SimulatedTime;
use pipeline::{
    Arrived, ProcessSettings, Warm,
    port::{Deliver, KeepDeadLetters, SeriesStore},
    process,
};

/// What an invocation works with, built once.
pub(crate) struct Handler<Store, Dead, Sink> {
    pub(crate) store: Store,
    pub(crate) dead_letters: Dead,
    pub(crate) archive: Sink,
    pub(crate) indicators: Sink,
    pub(crate) warm: Warm,
    pub(crate) settings: ProcessSettings,
    pub(crate) clock: Option<SimulatedTime>,
}

impl<Store: SeriesStore, Dead: KeepDeadLetters, Sink: Deliver> Handler<Store, Dead, Sink> {
    /// Takes the batch through. The answer names the lowest sequence number that is to come again.
    pub(crate) async fn handle(&self, event: LambdaEvent<KinesisEvent>) -> Result<KinesisEventResponse, Error> {
        let runtime = Invocation::new(self.clock, event.context.deadline);
        let batch = event.payload.records.into_iter().map(arrived).collect();
        let ports = (&self.store, &self.dead_letters, &self.archive, &self.indicators, &runtime);
        let processed = process(ports, &self.warm, batch, &self.settings).await;
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

fn arrived(record: KinesisEventRecord) -> Arrived {
    let stream = record.event_source_arn.as_deref().and_then(|arn| arn.rsplit('/').next()).map(str::to_owned);
    let shard = record.event_id.as_deref().and_then(|id| id.split_once(':')).map(|(shard, _)| shard.to_owned());
    let sequence_number = record.kinesis.sequence_number;
    Arrived {
        place: Place {
            function: env!("CARGO_PKG_NAME").to_owned(),
            stream,
            shard,
            sequence_number: Some(sequence_number.clone()),
            partition_key: Some(record.kinesis.partition_key),
        },
        sequence_number,
        data: record.kinesis.data.0,
    }
}
