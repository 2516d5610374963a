//! One record of an event as `serde` reads it: what is needed, borrowed where no escape stands in it.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer, de::Error as _};
use serde_json::value::RawValue;

#[derive(Deserialize)]
pub(super) struct Row<'a> {
    #[serde(borrow)]
    pub(super) kinesis: Kinesis<'a>,
    #[serde(rename = "eventID", borrow)]
    pub(super) event_id: Option<Text<'a>>,
    #[serde(rename = "eventSourceARN", borrow)]
    pub(super) arn: Option<Text<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Kinesis<'a> {
    #[serde(borrow)]
    pub(super) data: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) sequence_number: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) partition_key: Option<Text<'a>>,
    #[serde(borrow, rename = "approximateArrivalTimestamp")]
    pub(super) arrived: Option<Arrived<'a>>,
}

/// `Option<Cow<str>>` by itself would always own.
#[derive(Deserialize)]
pub(super) struct Text<'a>(#[serde(borrow)] pub(super) Cow<'a, str>);

/// Seconds since 1970, as a number or as text with a number, which `aws_lambda_events` writes.
pub(super) struct Arrived<'a> {
    /// As it stands in the event.
    pub(super) token: &'a str,
    pub(super) millis: i64,
}

impl<'a> Row<'a> {
    /// What stands before the colon of an `eventID`, which is `shard:sequence number`.
    pub(super) fn shard(&self) -> Option<&str> {
        let Text(id) = self.event_id.as_ref()?;
        id.split_once(':').map(|(shard, _)| shard)
    }

    pub(super) fn partition_key(&self) -> Option<&str> {
        self.kinesis.partition_key.as_ref().map(|Text(text)| &**text)
    }

    /// The last part of an ARN such as `arn:aws:kinesis:us-east-1:123456789012:stream/prices`.
    pub(super) fn stream(&self) -> Option<&str> {
        let Text(arn) = self.arn.as_ref()?;
        Some(arn.rsplit_once('/').map_or(arn, |(_, name)| name))
    }

    pub(super) fn arrived_at(&self) -> Option<i64> {
        self.kinesis.arrived.as_ref().map(|arrived| arrived.millis)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Arrived<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let token = <&'a RawValue>::deserialize(deserializer)?.get();
        let seconds = if token.starts_with('"') {
            let text: Option<Text<'_>> = serde_json::from_str(token).ok();
            text.and_then(|Text(text)| text.parse().ok()).filter(|seconds: &f64| seconds.is_finite())
        } else {
            serde_json::from_str(token).ok()
        };
        match seconds {
            Some(seconds) => Ok(Self { token, millis: (seconds * 1000.0).round() as i64 }),
            None => Err(D::Error::custom("`approximateArrivalTimestamp` is no number of seconds since 1970")),
        }
    }
}
