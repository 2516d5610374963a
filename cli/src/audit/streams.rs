//! The records of a stream that arrived in a window: its name enters; records leave, those of a shard in order.
//!
//! Takes no lease and keeps no checkpoint. It reads slowly, since a shard gives five answers a second to all of its
//! readers together.

use std::time::Duration;

use aws_sdk_kinesis::{
    Client,
    error::ProvideErrorMetadata,
    operation::get_records::GetRecordsOutput,
    primitives::DateTime,
    types::{Record, ShardIteratorType},
};
use futures::{Stream, StreamExt, stream};
use jiff::{SignedDuration, Timestamp};

use super::options::Window;
use crate::{account::Account, place::in_words};

/// Shards that are read at the same time.
const IN_FLIGHT: usize = 8;
/// Between two calls for one shard: half of the rate that it allows.
/// <https://docs.aws.amazon.com/streams/latest/dev/service-sizes-and-limits.html>
const PAUSE: Duration = Duration::from_millis(400);
/// How often a shard that is busy is asked again, and how long after.
const TRIES: u32 = 30;
const BUSY: Duration = Duration::from_secs(1);

/// Why a stream cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read the stream `{stream}`: {reason}")]
pub(super) struct StreamError {
    stream: String,
    reason: String,
}

/// What was read of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct StreamRead {
    pub(super) stream: String,
    /// All shards, those included that were split or merged.
    pub(super) shards: usize,
    /// When the newest record of the window arrived.
    pub(super) newest: Option<Timestamp>,
    /// The stream may have lost what arrived before; absent if it still holds all that it ever got.
    pub(super) holds_from: Option<Timestamp>,
}

/// Reads it into the account.
pub(super) async fn read(
    client: &Client,
    name: &str,
    window: Window,
    account: &mut Account,
) -> Result<StreamRead, StreamError> {
    let reader = Reader { client, stream: name, window };
    let shards = reader.shards().await?;
    let count = shards.len();
    let mut newest = None;
    let mut pages = stream::iter(shards).map(|shard| Box::pin(reader.pages(shard))).flatten_unordered(IN_FLIGHT);
    while let Some(page) = pages.next().await {
        let (shard, records) = page?;
        for record in records {
            let arrived = arrival(&record);
            if arrived.is_some_and(|at| at < window.from || at >= window.to) {
                continue;
            }
            newest = newest.max(arrived);
            account.record(name, &shard, &record.sequence_number, record.data.as_ref());
        }
    }
    // Asked when all was read: what went away in the meantime counts as gone.
    let holds_from = reader.holds_from(Timestamp::now()).await?;
    Ok(StreamRead { stream: name.to_owned(), shards: count, newest, holds_from })
}

fn arrival(record: &Record) -> Option<Timestamp> {
    let at = record.approximate_arrival_timestamp?;
    Timestamp::from_millisecond(at.to_millis().ok()?).ok()
}

struct Reader<'a> {
    client: &'a Client,
    stream: &'a str,
    window: Window,
}

/// How far a shard was read.
struct At {
    shard: String,
    iterator: Option<String>,
    last: Option<String>,
}

impl Reader<'_> {
    fn failed(&self, error: &(impl ProvideErrorMetadata + std::error::Error + 'static)) -> StreamError {
        StreamError { stream: self.stream.to_owned(), reason: in_words(error) }
    }

    async fn shards(&self) -> Result<Vec<String>, StreamError> {
        let mut shards = Vec::new();
        let mut token = None;
        loop {
            let request = self.client.list_shards();
            // The service refuses a name beside a token.
            let request = match token {
                None => request.stream_name(self.stream),
                Some(token) => request.next_token(token),
            };
            let page = request.send().await.map_err(|error| self.failed(&error))?;
            shards.extend(page.shards.into_iter().flatten().map(|shard| shard.shard_id));
            token = page.next_token;
            if token.is_none() {
                return Ok(shards);
            }
        }
    }

    /// From when on the stream holds everything; `None` if it was made later than anything could have gone.
    async fn holds_from(&self, now: Timestamp) -> Result<Option<Timestamp>, StreamError> {
        let described = self.client.describe_stream_summary().stream_name(self.stream).send().await;
        let summary = described.map_err(|error| self.failed(&error))?.stream_description_summary;
        let Some(summary) = summary else { return Ok(Some(now)) };
        let kept = SignedDuration::from_hours(summary.retention_period_hours.into());
        let horizon = now.checked_sub(kept).unwrap_or(Timestamp::MIN);
        let made = summary.stream_creation_timestamp.to_millis().ok();
        let made = made.and_then(|at| Timestamp::from_millisecond(at).ok()).unwrap_or(Timestamp::MIN);
        Ok((made < horizon).then_some(horizon))
    }

    /// The records of a shard, page by page, up to the end of the window or to the last record that there is.
    fn pages(&self, shard: String) -> impl Stream<Item = Result<(String, Vec<Record>), StreamError>> + '_ {
        let begin = Some(At { shard, iterator: None, last: None });
        stream::try_unfold(begin, move |at| async move {
            let Some(mut at) = at else { return Ok(None) };
            let page = self.page(&mut at).await?;
            let is_over = page.records.last().and_then(arrival).is_some_and(|arrived| arrived >= self.window.to);
            // A page can be empty although there is more.
            let caught_up = page.millis_behind_latest.map_or(page.records.is_empty(), |behind| behind == 0);
            if let Some(last) = page.records.last() {
                at.last = Some(last.sequence_number.clone());
            }
            at.iterator = page.next_shard_iterator;
            let shard = at.shard.clone();
            let next = (!is_over && !caught_up && at.iterator.is_some()).then_some(at);
            if next.is_some() {
                tokio::time::sleep(PAUSE).await;
            }
            Ok(Some(((shard, page.records), next)))
        })
    }

    async fn page(&self, at: &mut At) -> Result<GetRecordsOutput, StreamError> {
        let mut tries = 0;
        loop {
            let iterator = match at.iterator.take() {
                Some(iterator) => iterator,
                None => self.iterator(at).await?,
            };
            let error = match self.client.get_records().shard_iterator(&iterator).send().await {
                Ok(page) => return Ok(page),
                Err(error) => error,
            };
            let code = error.code().unwrap_or_default();
            let is_busy = code.contains("Throughput") || code.contains("Throttl") || code.contains("LimitExceeded");
            tries += 1;
            if tries >= TRIES || !(is_busy || code == "ExpiredIteratorException") {
                return Err(self.failed(&error));
            }
            if is_busy {
                at.iterator = Some(iterator);
                tokio::time::sleep(BUSY).await;
            }
        }
    }

    async fn iterator(&self, at: &At) -> Result<String, StreamError> {
        let request = self.client.get_shard_iterator().stream_name(self.stream).shard_id(&at.shard);
        let request = match &at.last {
            Some(last) => {
                request.shard_iterator_type(ShardIteratorType::AfterSequenceNumber).starting_sequence_number(last)
            }
            None => request
                .shard_iterator_type(ShardIteratorType::AtTimestamp)
                .timestamp(DateTime::from_millis(self.window.from.as_millisecond())),
        };
        let reply = request.send().await.map_err(|error| self.failed(&error))?;
        reply.shard_iterator.ok_or_else(|| StreamError {
            stream: self.stream.to_owned(),
            reason: format!("shard `{}` gave no iterator", at.shard),
        })
    }
}
