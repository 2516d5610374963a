//! DynamoDB: the state table, with the items of the series, the ledgers of what was sent and of calls.
//!
//! An item has `pk` (`series#…`, `sent#…`, `quota#…` or `letter#…`), `version` (rises with every write), `state` (bytes), and,
//! while something is due, `due_bucket` and `due_at`, by which the sparse index `due` finds it.

use std::collections::{HashMap, HashSet};

use aws_config::SdkConfig;
use aws_sdk_dynamodb::{
    Client,
    error::SdkError,
    operation::update_item::{UpdateItemError, UpdateItemOutput},
    primitives::Blob,
    types::{AttributeValue, KeysAndAttributes, ReturnValuesOnConditionCheckFailure},
};
use futures::{StreamExt, stream};
use jiff::Timestamp;
use pipeline::{
    Entry,
    port::{CallError, Cursors, CursorsError, Ledger, LedgerError, Saved, SeriesStore, StoreError, Stored},
};
use planner::{Cursor, WatchList};
use series::{Item, SeriesId, Sets, StateError};
use wire::{Digest128, Sent};

use crate::call_error;

/// The sparse index over what is due.
pub(crate) const DUE_INDEX: &str = "due";
/// Over how many partitions of the index the items are spread.
const DUE_BUCKETS: u8 = 8;
/// How many series one sweep takes at the most; the next one takes the rest.
const DUE_MAX: usize = 2_000;

/// How many items one BatchGetItem reads, by the service's limit of 100; it gives back 16 MB at the most.
const BATCH_GET_MAX: usize = 100;
const BATCHES_IN_FLIGHT: usize = 4;

pub(crate) type Attributes = HashMap<String, AttributeValue>;

/// The state table.
#[derive(Debug, Clone)]
pub struct StateTable {
    pub(crate) client: Client,
    pub(crate) name: String,
    /// The indicators of the series, which their states share.
    sets: Sets,
}

/// The outcome of a conditional write.
pub(crate) enum Written {
    Done,
    Refused(Option<Attributes>),
}

impl StateTable {
    /// The table of that name.
    pub fn new(config: &SdkConfig, name: &str) -> Self {
        Self::with_sets(config, name, Sets::default())
    }

    /// The same with the indicators whose states are in it.
    pub fn with_sets(config: &SdkConfig, name: &str, sets: Sets) -> Self {
        Self { client: Client::new(config), name: name.to_owned(), sets }
    }

    pub(crate) async fn read(&self, pk: &str) -> Result<Option<Attributes>, CallError> {
        let output = self
            .client
            .get_item()
            .table_name(&self.name)
            .key("pk", AttributeValue::S(pk.to_owned()))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| call_error(&format!("GetItem `{pk}` of `{}`", self.name), &error))?;
        Ok(output.item)
    }

    /// Reads items, at most [`BATCH_GET_MAX`] of them, in their order. Those that one call does not give, since
    /// the table is busy or the answer would be too large, are read one by one.
    async fn read_many(&self, names: &[String]) -> Vec<Result<Option<Attributes>, CallError>> {
        let key = |pk: &String| Attributes::from([("pk".to_owned(), AttributeValue::S(pk.clone()))]);
        let asked = KeysAndAttributes::builder().consistent_read(true).set_keys(Some(names.iter().map(key).collect()));
        let action = || format!("BatchGetItem of `{}`", self.name);
        let answer = match asked.build() {
            Ok(asked) => self.client.batch_get_item().request_items(&self.name, asked).send().await,
            Err(error) => return names.iter().map(|_| Err(CallError::unavailable(error.to_string()))).collect(),
        };
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) => {
                let error = call_error(&action(), &error);
                return names.iter().map(|_| Err(error.clone())).collect();
            }
        };
        let pk_of = |item: &Attributes| item.get("pk").and_then(|pk| pk.as_s().ok()).cloned();
        let mut found: HashMap<String, Attributes> = HashMap::new();
        for items in answer.responses.unwrap_or_default().into_values() {
            found.extend(items.into_iter().filter_map(|item| Some((pk_of(&item)?, item))));
        }
        let left = answer.unprocessed_keys.unwrap_or_default().into_values().flat_map(|left| left.keys);
        let left: HashSet<String> = left.filter_map(|key| pk_of(&key)).collect();
        let mut read = Vec::with_capacity(names.len());
        for name in names {
            read.push(if left.contains(name) { self.read(name).await } else { Ok(found.remove(name)) });
        }
        read
    }

    /// Writes bytes as the version after `version`, if that is still the stored one.
    pub(crate) async fn write(
        &self,
        pk: &str,
        version: u64,
        state: Vec<u8>,
        due: Option<Timestamp>,
    ) -> Result<Written, CallError> {
        let mut call = self
            .client
            .update_item()
            .table_name(&self.name)
            .key("pk", AttributeValue::S(pk.to_owned()))
            .expression_attribute_names("#state", "state")
            .expression_attribute_values(":state", AttributeValue::B(Blob::new(state)))
            .expression_attribute_values(":next", AttributeValue::N((version + 1).to_string()))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let mut update = "SET version = :next, #state = :state".to_owned();
        match due {
            Some(due) => {
                update.push_str(", due_bucket = :bucket, due_at = :due");
                call = call
                    .expression_attribute_values(":bucket", AttributeValue::S(due_bucket(bucket_of(pk))))
                    .expression_attribute_values(":due", AttributeValue::N(due.as_millisecond().to_string()));
            }
            None => update.push_str(" REMOVE due_bucket, due_at"),
        }
        call = call.update_expression(update);
        call = if version == 0 {
            call.condition_expression("attribute_not_exists(version)")
        } else {
            call.condition_expression("version = :version")
                .expression_attribute_values(":version", AttributeValue::N(version.to_string()))
        };
        written(&format!("UpdateItem `{pk}` of `{}`", self.name), call.send().await)
    }
}

/// What the sparse index knows.
impl StateTable {
    /// Which series have something due, whenever that is: all that owe something are among them. The index may be
    /// behind the table by moments.
    pub async fn waiting(&self) -> Result<Vec<SeriesId>, CallError> {
        self.due_until(i64::MAX, usize::MAX).await
    }

    async fn due_until(&self, until_ms: i64, most: usize) -> Result<Vec<SeriesId>, CallError> {
        let mut due = Vec::new();
        for bucket in 0..DUE_BUCKETS {
            let mut pages = self
                .client
                .query()
                .table_name(&self.name)
                .index_name(DUE_INDEX)
                .key_condition_expression("due_bucket = :bucket AND due_at <= :until")
                .expression_attribute_values(":bucket", AttributeValue::S(due_bucket(bucket)))
                .expression_attribute_values(":until", AttributeValue::N(until_ms.to_string()))
                .into_paginator()
                .items()
                .send();
            while let Some(item) = pages.next().await {
                let item =
                    item.map_err(|error| call_error(&format!("Query `{DUE_INDEX}` of `{}`", self.name), &error))?;
                let id = item.get("pk").and_then(|pk| pk.as_s().ok()).and_then(|pk| pk.strip_prefix("series#"));
                due.extend(id.and_then(|id| id.parse().ok()));
                if due.len() >= most {
                    return Ok(due);
                }
            }
        }
        Ok(due)
    }
}

/// Turns: a run of a job that is under way keeps out another one, which would spend the vendor's calls
/// twice. It saves calls and duplicates; nothing's correctness hangs on it or on its clocks.
impl StateTable {
    /// Takes the turn of a job until then, in milliseconds since 1970 on the wall. Returns whether it was free.
    pub async fn take_turn(&self, job: &str, until_ms: u64) -> Result<bool, CallError> {
        let now = Timestamp::now().as_millisecond().to_string();
        self.set_turn(job, until_ms, "attribute_not_exists(turn_until) OR turn_until <= :by", now).await
    }

    /// Gives the turn back before its time.
    pub async fn end_turn(&self, job: &str, until_ms: u64) -> Result<(), CallError> {
        self.set_turn(job, 0, "turn_until = :by", until_ms.to_string()).await.map(drop)
    }

    async fn set_turn(&self, job: &str, until_ms: u64, condition: &str, by: String) -> Result<bool, CallError> {
        let call = self
            .client
            .update_item()
            .table_name(&self.name)
            .key("pk", AttributeValue::S(format!("sent#turn|{job}")))
            .update_expression("SET turn_until = :until")
            .condition_expression(condition)
            .expression_attribute_values(":until", AttributeValue::N(until_ms.to_string()))
            .expression_attribute_values(":by", AttributeValue::N(by));
        let written = written(&format!("UpdateItem `turn {job}` of `{}`", self.name), call.send().await)?;
        Ok(matches!(written, Written::Done))
    }
}

/// A refused condition is an answer, not an error.
pub(crate) fn written(
    action: &str,
    result: Result<UpdateItemOutput, SdkError<UpdateItemError>>,
) -> Result<Written, CallError> {
    match result {
        Ok(_) => Ok(Written::Done),
        Err(SdkError::ServiceError(error)) if error.err().is_conditional_check_failed_exception() => {
            match error.into_err() {
                UpdateItemError::ConditionalCheckFailedException(failed) => Ok(Written::Refused(failed.item)),
                _ => Ok(Written::Refused(None)),
            }
        }
        Err(error) => Err(call_error(action, &error)),
    }
}

fn bucket_of(pk: &str) -> u8 {
    Digest128::of_text(pk).0[0] % DUE_BUCKETS
}

fn due_bucket(bucket: u8) -> String {
    format!("due#{bucket}")
}

/// Version and bytes of an item; version 0 and no bytes for one that was never written.
pub(crate) fn parts(attributes: Option<&Attributes>) -> Option<(u64, &[u8])> {
    let Some(attributes) = attributes else { return Some((0, &[])) };
    let version = attributes.get("version")?.as_n().ok()?.parse().ok()?;
    let state = attributes.get("state")?.as_b().ok()?;
    Some((version, state.as_ref()))
}

fn series_pk(id: &SeriesId) -> String {
    format!("series#{id}")
}

fn stored(attributes: Option<&Attributes>, sets: &Sets) -> Result<Stored, StoreError> {
    let (version, state) = parts(attributes).ok_or(StoreError::State(StateError::Corrupt("attributes")))?;
    let item = if version == 0 { Item::default() } else { Item::decode(state, sets).map_err(StoreError::State)? };
    Ok(Stored { version, item })
}

impl SeriesStore for StateTable {
    async fn load(&self, id: &SeriesId) -> Result<Stored, StoreError> {
        let attributes = self.read(&series_pk(id)).await.map_err(StoreError::Call)?;
        stored(attributes.as_ref(), &self.sets)
    }

    async fn load_many(&self, ids: &[&SeriesId]) -> Vec<Result<Stored, StoreError>> {
        let names: Vec<String> = ids.iter().map(|id| series_pk(id)).collect();
        let mut reads = Vec::new();
        for names in names.chunks(BATCH_GET_MAX) {
            reads.push(self.read_many(names));
        }
        let found: Vec<_> = stream::iter(reads).buffered(BATCHES_IN_FLIGHT).collect().await;
        let mut found = found.into_iter().flatten();
        let read = names.iter().map(|_| {
            let attributes = found.next().unwrap_or(Ok(None)).map_err(StoreError::Call)?;
            stored(attributes.as_ref(), &self.sets)
        });
        read.collect()
    }

    async fn save(&self, id: &SeriesId, item: &Stored, due: Option<Timestamp>) -> Result<Saved, StoreError> {
        let pk = series_pk(id);
        match self.write(&pk, item.version, item.item.encode(), due).await.map_err(StoreError::Call)? {
            Written::Done => Ok(Saved::Done),
            Written::Refused(Some(current)) => stored(Some(&current), &self.sets).map(Saved::Refused),
            // Emulators may leave out the old item.
            Written::Refused(None) => SeriesStore::load(self, id).await.map(Saved::Refused),
        }
    }

    async fn due(&self, now: Timestamp) -> Result<Vec<SeriesId>, CallError> {
        self.due_until(now.as_millisecond(), DUE_MAX).await
    }
}

impl Cursors for StateTable {
    async fn load_cursor(&self, name: &str, list: &WatchList<Entry>) -> Result<(Cursor, u64), CursorsError> {
        let attributes = self.read(&format!("sent#cursor|{name}")).await.map_err(CursorsError::Call)?;
        let (version, bytes) =
            parts(attributes.as_ref()).ok_or(CursorsError::State(planner::CursorError::Damaged(0)))?;
        let cursor =
            if version == 0 { Cursor::new(list) } else { Cursor::decode(bytes, list).map_err(CursorsError::State)? };
        Ok((cursor, version))
    }

    async fn save_cursor(&self, name: &str, version: u64, cursor: &Cursor) -> Result<bool, CallError> {
        let written = self.write(&format!("sent#cursor|{name}"), version, cursor.encode(), None).await?;
        Ok(matches!(written, Written::Done))
    }
}

impl Ledger for StateTable {
    async fn load(&self, name: &str) -> Result<(Sent, u64), LedgerError> {
        let attributes = self.read(&format!("sent#{name}")).await.map_err(LedgerError::Call)?;
        let (version, state) = parts(attributes.as_ref()).ok_or(LedgerError::State(wire::SentError::Corrupt))?;
        let sent = if version == 0 { Sent::default() } else { Sent::decode(state).map_err(LedgerError::State)? };
        Ok((sent, version))
    }

    async fn save(&self, name: &str, version: u64, sent: &Sent) -> Result<bool, LedgerError> {
        match self.write(&format!("sent#{name}"), version, sent.encode(), None).await {
            Ok(Written::Done) => Ok(true),
            Ok(Written::Refused(_)) => Ok(false),
            Err(error) => Err(LedgerError::Call(error)),
        }
    }
}
