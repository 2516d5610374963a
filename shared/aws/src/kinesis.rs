//! Kinesis: PutRecords to one stream.
//!
//! One call here is one request on the wire. The SDK tries nothing again: it would send the whole call once more where
//! the producer sends what was not taken, and behind the back of the producer's waits, limits and counts.

use std::time::Duration;

use aws_config::{SdkConfig, retry::RetryConfig, timeout::TimeoutConfig};
use aws_sdk_kinesis::{Client, config, primitives::Blob, types::PutRecordsRequestEntry};
use pipeline::port::{CallError, PutRecords};
use wire::Entry;

use crate::call_error;

/// One stream.
#[derive(Debug, Clone)]
pub struct Stream {
    client: Client,
    name: String,
}

/// Longest time for a call. Kinesis answers in tens of milliseconds; whoever waits for longer only delays the resending.
const CALL_TIMEOUT: Duration = Duration::from_secs(3);

impl Stream {
    /// The stream of that name. A call may take three seconds.
    pub fn new(config: &SdkConfig, name: &str) -> Self {
        Self::with_timeout(config, name, CALL_TIMEOUT)
    }

    /// The stream of that name, with the longest time that a call may take, from its connection to its answer's last
    /// byte. It must be shorter than the reserve that a producer keeps of its invocation.
    pub fn with_timeout(config: &SdkConfig, name: &str, call: Duration) -> Self {
        let timeouts =
            TimeoutConfig::builder().connect_timeout(call).operation_attempt_timeout(call).operation_timeout(call);
        let config = config::Builder::from(config)
            .retry_config(RetryConfig::disabled())
            .timeout_config(timeouts.build())
            .build();
        Self { client: Client::from_conf(config), name: name.to_owned() }
    }
}

impl PutRecords for Stream {
    async fn put_records(&self, entries: &[Entry]) -> Result<Vec<Option<String>>, CallError> {
        let action = || format!("PutRecords to `{}`", self.name);
        let mut records = Vec::with_capacity(entries.len());
        for entry in entries {
            let record = PutRecordsRequestEntry::builder()
                .data(Blob::new(entry.data.as_slice()))
                .partition_key(entry.partition_key.as_str())
                .build()
                .map_err(|error| CallError {
                    kind: failure::Kind::Denied,
                    message: format!("{}: {error}", action()),
                })?;
            records.push(record);
        }
        let call = self.client.put_records().stream_name(&self.name).set_records(Some(records));
        let output = call.send().await.map_err(|error| call_error(&action(), &error))?;
        let answers = output.records().iter().map(|result| {
            result.error_code().map(|code| format!("{code} {}", result.error_message().unwrap_or_default()))
        });
        Ok(answers.collect())
    }

    fn name(&self) -> Option<&str> {
        Some(&self.name)
    }
}
