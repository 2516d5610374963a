//! What is told about a batch that was given up: the pointer for a queue or a topic, and with the event for a bucket.

use serde::Serialize;

use super::{Destination, Letter, Settings};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RequestContext<'a> {
    request_id: String,
    function_arn: &'a str,
    condition: &'a str,
    approximate_invoke_count: u32,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ResponseContext<'a> {
    status_code: u16,
    executed_version: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    function_error: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct BatchInfo<'a> {
    shard_id: &'a str,
    start_sequence_number: &'a str,
    end_sequence_number: &'a str,
    approximate_arrival_of_first_record: String,
    approximate_arrival_of_last_record: String,
    batch_size: usize,
    stream_arn: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    request_context: RequestContext<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_context: Option<ResponseContext<'a>>,
    version: &'a str,
    timestamp: String,
    #[serde(rename = "KinesisBatchInfo", skip_serializing_if = "Option::is_none")]
    batch: Option<BatchInfo<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    payload: Option<String>,
}

impl Letter {
    /// The document that the destination gets: for a bucket with the event as a string under `payload`.
    ///
    /// `requestId` is made from the letter, so that the same letter is the same bytes whenever it is sent.
    pub fn to_json(&self, settings: &Settings) -> Vec<u8> {
        let records = &self.batch.records;
        let batch = records.first().zip(records.last()).map(|(first, last)| BatchInfo {
            shard_id: &self.batch.shard.0,
            start_sequence_number: first.sequence_number.as_str(),
            end_sequence_number: last.sequence_number.as_str(),
            approximate_arrival_of_first_record: format!("{:.3}", first.arrived),
            approximate_arrival_of_last_record: format!("{:.3}", last.arrived),
            batch_size: records.len(),
            stream_arn: settings.stream(),
        });
        let payload = matches!(self.destination, Destination::S3 { .. })
            .then(|| String::from_utf8_lossy(&self.batch.event(settings)).into_owned());
        let document = Document {
            request_context: RequestContext {
                request_id: self.uuid(settings, "request"),
                function_arn: &settings.function_arn,
                condition: self.condition,
                approximate_invoke_count: self.approximate_invoke_count,
            },
            response_context: (self.approximate_invoke_count > 0).then_some(ResponseContext {
                status_code: 200,
                executed_version: "$LATEST",
                function_error: self.function_error.as_deref(),
            }),
            version: "1.0",
            timestamp: format!("{:.3}", self.at),
            batch,
            payload,
        };
        // Texts and numbers only: there is nothing that could fail.
        serde_json::to_vec(&document).unwrap_or_default()
    }

    /// The object's key in a bucket: `aws/lambda/<mapping>/<shard>/YYYY/MM/DD/YYYY-MM-DDTHH.MM.SS-<uuid>`.
    ///
    /// AWS takes a random uuid; here it is made from the letter, so that a letter stored twice is one object.
    pub fn object_key(&self, settings: &Settings) -> String {
        let at = self.at.strftime("%Y/%m/%d/%Y-%m-%dT%H.%M.%S");
        format!("aws/lambda/{}/{}/{at}-{}", settings.uuid, self.batch.shard, self.uuid(settings, "object"))
    }

    fn uuid(&self, settings: &Settings, purpose: &str) -> String {
        let first = self.batch.records.first().map_or("", |record| record.sequence_number.as_str());
        let last = self.batch.records.last().map_or("", |record| record.sequence_number.as_str());
        let at = self.at.to_string();
        let parts = [purpose, &settings.uuid, &self.batch.shard.0, first, last, self.condition, &at];
        // FNV-1a in 128 bits: names that differ are enough, nobody attacks them.
        let mut hash: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
        for byte in parts.iter().flat_map(|part| part.bytes().chain([0])) {
            hash = (hash ^ u128::from(byte)).wrapping_mul(0x0000_0000_0100_0000_0000_0000_0000_013b);
        }
        let digits = format!("{hash:032x}");
        let (a, b, c, d, e) = (&digits[..8], &digits[8..12], &digits[13..16], &digits[17..20], &digits[20..]);
        format!("{a}-{b}-4{c}-8{d}-{e}")
    }
}
