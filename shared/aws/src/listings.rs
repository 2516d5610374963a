//! DynamoDB: the listings of parked dead letters, items of the state table.
//!
//! An item is `letter#ID`, with the listing as JSON in `state`. The sparse index finds it under the shelf that it stands
//! on; one that is done has `expires_at`, by which the table forgets it.

use aws_sdk_dynamodb::{primitives::Blob, types::AttributeValue};
use dead_letters::{BatchId, Listing, ListingError};
use jiff::Timestamp;
use pipeline::port::{CallError, Listings, ListingsError, Shelf, StoredListing};

use crate::{
    call_error,
    table::{DUE_INDEX, StateTable, Written, parts, written},
};

const PREFIX: &str = "letter#";

/// The partition of the index. It begins like the items, so that a policy can name both.
fn partition(shelf: Shelf) -> AttributeValue {
    let name = match shelf {
        Shelf::Due => "due",
        Shelf::Waiting => "waiting",
        Shelf::Done => "done",
    };
    AttributeValue::S(format!("{PREFIX}{name}"))
}

impl Listings for StateTable {
    async fn load(&self, id: &BatchId) -> Result<Option<StoredListing>, ListingsError> {
        let attributes = self.read(&format!("{PREFIX}{id}")).await.map_err(ListingsError::Call)?;
        let corrupt = || ListingsError::State(ListingError::Corrupt("attributes".to_owned()));
        match parts(attributes.as_ref()).ok_or_else(corrupt)? {
            (0, _) => Ok(None),
            (version, state) => {
                let listing = Listing::decode(state).map_err(ListingsError::State)?;
                Ok(Some(StoredListing { version, listing }))
            }
        }
    }

    async fn save(&self, stored: &StoredListing, expires: Option<Timestamp>) -> Result<bool, CallError> {
        let pk = format!("{PREFIX}{}", stored.listing.id);
        let (shelf, at) = Shelf::of(&stored.listing);
        let number = |number: i128| AttributeValue::N(number.to_string());
        let mut update = "SET version = :next, #state = :state, due_bucket = :bucket, due_at = :due".to_owned();
        update.push_str(if expires.is_some() { ", expires_at = :expires" } else { " REMOVE expires_at" });
        let mut call = self
            .client
            .update_item()
            .table_name(&self.name)
            .key("pk", AttributeValue::S(pk.clone()))
            .update_expression(update)
            .expression_attribute_names("#state", "state")
            .expression_attribute_values(":state", AttributeValue::B(Blob::new(stored.listing.encode())))
            .expression_attribute_values(":next", number(i128::from(stored.version) + 1))
            .expression_attribute_values(":bucket", partition(shelf))
            .expression_attribute_values(":due", number(at.as_millisecond().into()));
        if let Some(expires) = expires {
            call = call.expression_attribute_values(":expires", number(expires.as_second().into()));
        }
        call = if stored.version == 0 {
            call.condition_expression("attribute_not_exists(version)")
        } else {
            call.condition_expression("version = :version")
                .expression_attribute_values(":version", number(stored.version.into()))
        };
        let answer = written(&format!("UpdateItem `{pk}` of `{}`", self.name), call.send().await)?;
        Ok(matches!(answer, Written::Done))
    }

    async fn shelf(&self, shelf: Shelf, until: Timestamp, limit: usize) -> Result<Vec<BatchId>, CallError> {
        let mut pages = self
            .client
            .query()
            .table_name(&self.name)
            .index_name(DUE_INDEX)
            .key_condition_expression("due_bucket = :bucket AND due_at <= :until")
            .expression_attribute_values(":bucket", partition(shelf))
            .expression_attribute_values(":until", AttributeValue::N(until.as_millisecond().to_string()))
            .into_paginator()
            .items()
            .send();
        let mut found = Vec::new();
        while let Some(item) = pages.next().await {
            let item = item.map_err(|error| call_error(&format!("Query `{DUE_INDEX}` of `{}`", self.name), &error))?;
            let id = item.get("pk").and_then(|pk| pk.as_s().ok()).and_then(|pk| pk.strip_prefix(PREFIX));
            found.extend(id.and_then(|id| id.parse().ok()));
            if found.len() >= limit {
                found.truncate(limit);
                break;
            }
        }
        Ok(found)
    }
}
