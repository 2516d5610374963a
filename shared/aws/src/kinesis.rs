//! Kinesis: PutRecords to one stream.

use aws_config::SdkConfig;
use aws_sdk_kinesis::{Client, primitives::Blob, types::PutRecordsRequestEntry};
use pipeline::port::{CallError, PutRecords};
use wire::Entry;

use crate::call_error;

/// One stream.
#[derive(Debug, Clone)]
pub struct Stream {
    client: Client,
    name: String,
}

impl Stream {
    /// The stream of that name.
    pub fn new(config: &SdkConfig, name: &str) -> Self {
        Self { client: Client::new(config), name: name.to_owned() }
    }
}

impl PutRecords for Stream {
    async fn put_records(&self, entries: &[Entry]) -> Result<Vec<Option<String>>, CallError> {
        let action = || format!("PutRecords to `{}`", self.name);
        let mut call = self.client.put_records().stream_name(&self.name);
        for entry in entries {
            let record = PutRecordsRequestEntry::builder()
                .data(Blob::new(entry.data.as_slice()))
                .partition_key(entry.partition_key.as_str())
                .build()
                .map_err(|error| CallError {
                    kind: failure::Kind::Denied,
                    message: format!("{}: {error}", action()),
                })?;
            call = call.records(record);
        }
        let output = call.send().await.map_err(|error| call_error(&action(), &error))?;
        let answers = output.records().iter().map(|result| {
            result.error_code().map(|code| format!("{code} {}", result.error_message().unwrap_or_default()))
        });
        Ok(answers.collect())
    }
}
