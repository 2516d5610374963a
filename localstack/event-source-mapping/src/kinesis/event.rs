//! What the function gets: a batch becomes the JSON of an event, byte for byte in AWS's order of keys.
//!
//! The length of an event is known before it is rendered, so that a batch ends at the payload bound without
//! rendering anything twice.

use jiff::Timestamp;

use super::{Batch, Record, Settings, ShardId};

/// The most bytes that an event may have: Lambda's bound of a synchronous invocation, 6 MB.
pub const MAXIMUM_EVENT_BYTES: usize = 6 * 1024 * 1024;

/// The most bytes that the state of a tumbling window may have, 1 MB.
pub const MAXIMUM_STATE_BYTES: usize = 1024 * 1024;

const OPEN: &str = r#"{"Records":["#;
const CLOSE: &str = "]}";
const PARTITION_KEY: &str = r#"{"kinesis":{"kinesisSchemaVersion":"1.0","partitionKey":"#;
const SEQUENCE_NUMBER: &str = r#","sequenceNumber":""#;
const DATA: &str = r#"","data":""#;
const ARRIVED: &str = r#"","approximateArrivalTimestamp":"#;
const EVENT_ID: &str = r#"},"eventSource":"aws:kinesis","eventVersion":"1.0","eventID":""#;

/// What ends each record of an event, behind its id.
fn record_end(settings: &Settings) -> String {
    let role = quoted(&settings.role_arn);
    let region = quoted(settings.region());
    let source = quoted(&settings.stream_arn);
    format!(
        r#"","eventName":"aws:kinesis:record","invokeIdentityArn":{role},"awsRegion":{region},"eventSourceARN":{source}}}"#
    )
}

/// A text as a JSON string.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// The length of a text as a JSON string.
fn quoted_length(text: &str) -> usize {
    let escapes = text.bytes().map(|byte| match byte {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' | 0x08 | 0x0c => 1,
        0..0x20 => 5,
        _ => 0,
    });
    text.len() + 2 + escapes.sum::<usize>()
}

/// Seconds with three digits behind the point, as AWS writes arrival times.
pub(crate) fn seconds(moment: Timestamp) -> String {
    let milliseconds = moment.as_millisecond();
    let sign = if milliseconds < 0 { "-" } else { "" };
    let milliseconds = milliseconds.unsigned_abs();
    format!("{sign}{}.{:03}", milliseconds / 1000, milliseconds % 1000)
}

fn seconds_length(moment: Timestamp) -> usize {
    let milliseconds = moment.as_millisecond();
    let digits = (milliseconds.unsigned_abs() / 1000).checked_ilog10().unwrap_or(0) as usize + 1;
    digits + 4 + usize::from(milliseconds < 0)
}

/// What an event's bytes consist of besides the records' own, for one shard.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lengths {
    per_record: usize,
    bound: usize,
}

impl Lengths {
    pub(crate) fn new(settings: &Settings, shard: &ShardId) -> Self {
        let keys =
            [PARTITION_KEY, SEQUENCE_NUMBER, DATA, ARRIVED, EVENT_ID].iter().map(|text| text.len()).sum::<usize>();
        let per_record = keys + shard.0.len() + ":".len() + record_end(settings).len() + ",".len();
        // A window's state comes along, and may have grown when the same records are given again.
        let window = settings.tumbling_window.map_or(0, |_| {
            let names = 400 + shard.0.len() + quoted(&settings.stream_arn).len();
            names + MAXIMUM_STATE_BYTES
        });
        Self { per_record, bound: MAXIMUM_EVENT_BYTES.saturating_sub(OPEN.len() + CLOSE.len() + window) }
    }

    /// The bytes that a record takes in an event, a comma included.
    pub(crate) fn of(&self, record: &Record) -> usize {
        let data = record.data.len().div_ceil(3) * 4;
        let digits = 2 * record.sequence_number.as_str().len();
        self.per_record + quoted_length(&record.partition_key) + digits + data + seconds_length(record.arrived)
    }

    /// The bytes that the records of an event may take together.
    pub(crate) fn bound(&self) -> usize {
        self.bound
    }
}

impl Batch {
    /// The event: compact JSON with AWS's keys in AWS's order.
    pub fn event(&self, settings: &Settings) -> Vec<u8> {
        let lengths = Lengths::new(settings, &self.shard);
        let records: usize = self.records.iter().map(|record| lengths.of(record)).sum();
        let mut out = Vec::with_capacity(records + 64);
        let end = record_end(settings);
        out.extend_from_slice(OPEN.as_bytes());
        for (index, record) in self.records.iter().enumerate() {
            if index > 0 {
                out.push(b',');
            }
            let number = record.sequence_number.as_str().as_bytes();
            out.extend_from_slice(PARTITION_KEY.as_bytes());
            out.extend_from_slice(quoted(&record.partition_key).as_bytes());
            out.extend_from_slice(SEQUENCE_NUMBER.as_bytes());
            out.extend_from_slice(number);
            out.extend_from_slice(DATA.as_bytes());
            base64_simd::STANDARD.encode_append(&record.data, &mut out);
            out.extend_from_slice(ARRIVED.as_bytes());
            out.extend_from_slice(seconds(record.arrived).as_bytes());
            out.extend_from_slice(EVENT_ID.as_bytes());
            out.extend_from_slice(self.shard.0.as_bytes());
            out.push(b':');
            out.extend_from_slice(number);
            out.extend_from_slice(end.as_bytes());
        }
        let Some(window) = &self.window else {
            out.extend_from_slice(CLOSE.as_bytes());
            return out;
        };
        let (shard, source) = (quoted(&self.shard.0), quoted(&settings.stream_arn));
        let tail = format!(
            r#"],"window":{{"start":"{}","end":"{}"}},"state":{},"shardId":{shard},"eventSourceARN":{source},"isFinalInvokeForWindow":{},"isWindowTerminatedEarly":{}}}"#,
            window.start, window.end, window.state, window.is_final, window.is_terminated_early,
        );
        out.extend_from_slice(tail.as_bytes());
        out
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bytes::Bytes;
    use proptest::prelude::*;

    use super::*;
    use crate::kinesis::settings::tests::settings;

    proptest! {
        #[test]
        fn the_length_is_known_before_rendering(
            keys in proptest::collection::vec(any::<String>(), 0..5),
            data in proptest::collection::vec(any::<u8>(), 0..50),
            milliseconds in -9_999_999_999_999_i64..9_999_999_999_999,
        ) {
            let shard = ShardId("shardId-000000000006".into());
            let record = |key: &String| Record {
                sequence_number: "4959033827149025660".parse().unwrap(),
                partition_key: key.as_str().into(),
                data: Bytes::from(data.clone()),
                arrived: Timestamp::from_millisecond(milliseconds).unwrap(),
            };
            let records: Vec<_> = keys.iter().map(record).map(Arc::new).collect();
            let lengths = Lengths::new(&settings(), &shard);
            let expected = records.iter().map(|record| lengths.of(record)).sum::<usize>()
                + OPEN.len() + CLOSE.len() - usize::from(!records.is_empty());
            let event = Batch { shard, records, window: None, attempts: 0 }.event(&settings());
            prop_assert_eq!(event.len(), expected);
            let read: serde_json::Value = serde_json::from_slice(&event).unwrap();
            prop_assert_eq!(read["Records"].as_array().unwrap().len(), keys.len());
            for (record, key) in read["Records"].as_array().unwrap().iter().zip(&keys) {
                prop_assert_eq!(record["kinesis"]["partitionKey"].as_str().unwrap(), key);
            }
        }
    }
}
