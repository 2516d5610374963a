//! Firehose: PutRecordBatch to one delivery stream.

use aws_config::SdkConfig;
use aws_sdk_firehose::{Client, primitives::Blob, types::Record};
use pipeline::port::{CallError, Deliver};
use wire::Packed;

use crate::call_error;

/// One delivery stream.
#[derive(Debug, Clone)]
pub struct DeliveryStream {
    client: Client,
    name: String,
}

impl DeliveryStream {
    /// The delivery stream of that name.
    pub fn new(config: &SdkConfig, name: &str) -> Self {
        Self { client: Client::new(config), name: name.to_owned() }
    }
}

impl Deliver for DeliveryStream {
    async fn deliver(&self, records: &[Packed]) -> Result<Vec<bool>, CallError> {
        let action = || format!("PutRecordBatch to `{}`", self.name);
        let mut call = self.client.put_record_batch().delivery_stream_name(&self.name);
        for record in records {
            let record = Record::builder().data(Blob::new(&record.data[..])).build().map_err(|error| CallError {
                kind: failure::Kind::Denied,
                message: format!("{}: {error}", action()),
            })?;
            call = call.records(record);
        }
        let output = call.send().await.map_err(|error| call_error(&action(), &error))?;
        Ok(output.request_responses().iter().map(|answer| answer.error_code().is_none()).collect())
    }
}
