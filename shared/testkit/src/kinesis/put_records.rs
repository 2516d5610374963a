//! The PutRecords operation: the JSON of a call enters, the JSON of its answer leaves.

use std::{borrow::Cow, fmt::Write as _};

use base64::{Engine, prelude::BASE64_STANDARD};
use serde::Deserialize;
use serde_json::{Value, json};
use wire::limits::{KINESIS_RECORD_BYTES, PARTITION_KEY_CHARS, PUT_RECORDS_BYTES, PUT_RECORDS_COUNT};

use super::{Taken, http::Answer};

/// Error codes of single records.
pub(super) const BUSY: &str = "ProvisionedThroughputExceededException";
pub(super) const FAILED: &str = "InternalFailure";

/// A call. Texts are borrowed where nothing in them is escaped.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct PutRecords<'a> {
    #[serde(borrow)]
    pub(super) records: Vec<Record<'a>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Record<'a> {
    /// In base64.
    #[serde(borrow)]
    data: Cow<'a, str>,
    #[serde(borrow)]
    partition_key: Cow<'a, str>,
}

impl Record<'_> {
    pub(super) fn taken(&self) -> Taken {
        let data = BASE64_STANDARD.decode(self.data.as_bytes()).unwrap();
        Taken { partition_key: self.partition_key.clone().into_owned(), data }
    }

    /// Bytes of data and partition key.
    fn size(&self) -> usize {
        let padding = self.data.bytes().rev().take_while(|&byte| byte == b'=').count();
        self.data.len() / 4 * 3 - padding.min(self.data.len()) + self.partition_key.len()
    }
}

impl<'a> PutRecords<'a> {
    /// `None` if that is no call.
    pub(super) fn read(body: &'a [u8]) -> Option<Self> {
        serde_json::from_slice(body).ok()
    }

    /// What Kinesis says to a call beyond its limits.
    pub(super) fn invalid(&self) -> Option<Answer> {
        let count = self.records.len();
        if !(1..=PUT_RECORDS_COUNT).contains(&count) {
            return Some(error(400, "ValidationException", &format!("{count} records in a call")));
        }
        if self.records.iter().any(|record| !(1..=PARTITION_KEY_CHARS).contains(&record.partition_key.chars().count()))
        {
            return Some(error(400, "ValidationException", "a partition key is empty or too long"));
        }
        let sizes = self.records.iter().map(Record::size);
        let (largest, total) = sizes.fold((0, 0), |(largest, total), size| (size.max(largest), total + size));
        let is_too_large = largest > KINESIS_RECORD_BYTES || total > PUT_RECORDS_BYTES;
        is_too_large.then(|| error(400, "InvalidArgumentException", &format!("{total} bytes, {largest} in a record")))
    }
}

fn json(status: u16, body: String) -> Answer {
    let headers = [("content-type", "application/x-amz-json-1.1"), ("x-amzn-requestid", "fake")];
    let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    Answer { status, headers, body: body.into_bytes() }
}

/// A call that is refused as a whole.
pub(super) fn error(status: u16, code: &str, message: &str) -> Answer {
    json(status, json!({"__type": code, "message": message}).to_string())
}

/// The answer of a stream with one shard: for each record its error code, or `None` where it was taken.
pub(super) fn answer(refused: &[Option<&str>], first_sequence: u64) -> Answer {
    let failed = refused.iter().flatten().count();
    let mut text = format!(r#"{{"EncryptionType":"KMS","FailedRecordCount":{failed},"Records":["#);
    for (at, code) in refused.iter().enumerate() {
        let comma = if at == 0 { "" } else { "," };
        let sequence = first_sequence + at as u64;
        let _ = match code {
            Some(code) => write!(text, r#"{comma}{{"ErrorCode":"{code}","ErrorMessage":"injected"}}"#),
            None => write!(
                text,
                r#"{comma}{{"SequenceNumber":"4959033827149025660855969253836157{sequence:022}","ShardId":"shardId-000000000000"}}"#
            ),
        };
    }
    text.push_str("]}");
    json(200, text)
}

/// The call without what is refused.
pub(super) fn without(body: &[u8], refused: &[Option<&str>]) -> Vec<u8> {
    let mut call: Value = serde_json::from_slice(body).unwrap();
    let mut refused = refused.iter();
    if let Some(records) = call["Records"].as_array_mut() {
        records.retain(|_| refused.next().is_some_and(|code| code.is_none()));
    }
    call.to_string().into_bytes()
}

/// Another server's answer to a call without what was refused, with the refusals in their places.
pub(super) fn merge(mut answer: Answer, refused: &[Option<&str>]) -> Answer {
    let Ok(mut body) = serde_json::from_slice::<Value>(&answer.body) else { return answer };
    let Some(records) = body["Records"].as_array_mut() else { return answer };
    let mut taken = std::mem::take(records).into_iter();
    for code in refused {
        match code {
            Some(code) => records.push(json!({"ErrorCode": code, "ErrorMessage": "injected"})),
            None => records.extend(taken.next()),
        }
    }
    let failed = records.iter().filter(|record| record.get("ErrorCode").is_some_and(|code| !code.is_null())).count();
    body["FailedRecordCount"] = failed.into();
    answer.body = body.to_string().into_bytes();
    answer
}
