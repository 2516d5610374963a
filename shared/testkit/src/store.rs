//! The items of the series, in memory.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Mutex,
};

use jiff::Timestamp;
use pipeline::port::{CallError, Saved, SeriesStore, StoreError, Stored};
use series::{Item, SeriesId, Sets, StateError};

use crate::{
    fault::{Call, Fault, Faults, call},
    interleave::give_way,
    lock,
};

/// What DynamoDB holds in an item at the most.
const ITEM_BYTES_MAX: usize = 400 * 1024;

/// Keeps items as the bytes that a table would hold, with their versions and when they are due.
#[derive(Debug, Default)]
pub struct MemoryStore {
    rows: Mutex<BTreeMap<SeriesId, Row>>,
    down: Mutex<BTreeSet<SeriesId>>,
    sets: Sets,
    /// Faults of reading.
    pub loads: Faults,
    /// Faults of conditional writing.
    pub saves: Faults,
    /// Faults of listing what is due.
    pub lists: Faults,
}

#[derive(Debug, Clone)]
struct Row {
    version: u64,
    bytes: Vec<u8>,
    due: Option<Timestamp>,
}

impl Default for Row {
    fn default() -> Self {
        Self { version: 0, bytes: Item::default().encode(), due: None }
    }
}

impl Row {
    fn stored(&self, sets: &Sets) -> Result<Stored, StateError> {
        Ok(Stored { version: self.version, item: Item::decode(&self.bytes, sets)? })
    }
}

impl MemoryStore {
    /// A store for items with those indicators, as a function's adapter knows them.
    pub fn of(sets: Sets) -> Self {
        Self { sets, ..Self::default() }
    }

    /// What is stored of a series; an empty item of version 0 if there is nothing.
    pub fn stored(&self, id: &SeriesId) -> Stored {
        self.row(id).stored(&self.sets).unwrap()
    }

    /// How many readings all series owe together.
    pub fn owed(&self) -> usize {
        lock(&self.rows).values().map(|row| row.stored(&self.sets).unwrap().item.owed().len()).sum()
    }

    /// Every call about this series fails, until [`mend`](Self::mend).
    pub fn break_down(&self, id: &SeriesId) {
        lock(&self.down).insert(id.clone());
    }

    /// Calls about this series succeed again.
    pub fn mend(&self, id: &SeriesId) {
        lock(&self.down).remove(id);
    }

    /// Another version of the program writes this item, in a format that nobody else knows.
    pub fn spoil(&self, id: &SeriesId) {
        let mut rows = lock(&self.rows);
        let row = rows.entry(id.clone()).or_default();
        row.bytes[0] = 200;
        row.version += 1;
    }

    fn row(&self, id: &SeriesId) -> Row {
        lock(&self.rows).get(id).cloned().unwrap_or_default()
    }

    fn fault(&self, id: &SeriesId, fault: Option<Fault>) -> Option<Fault> {
        if lock(&self.down).contains(id) { Some(Fault::Before) } else { fault }
    }
}

impl SeriesStore for MemoryStore {
    async fn load(&self, id: &SeriesId) -> Result<Stored, StoreError> {
        give_way().await;
        let fault = self.fault(id, self.loads.next(Call::Read));
        let row = call("GetItem", fault, |_| self.row(id));
        give_way().await;
        row.map_err(StoreError::Call)?.stored(&self.sets).map_err(StoreError::State)
    }

    async fn save(&self, id: &SeriesId, stored: &Stored, due: Option<Timestamp>) -> Result<Saved, StoreError> {
        give_way().await;
        let bytes = stored.item.encode();
        assert!(bytes.len() < ITEM_BYTES_MAX, "{id} has {} bytes", bytes.len());
        let mut fault = self.fault(id, self.saves.next(Call::Conditional));
        if fault == Some(Fault::Overtaken) {
            lock(&self.rows).entry(id.clone()).or_default().version += 1;
            fault = None;
        }
        let refused = call("UpdateItem", fault, |_| {
            let mut rows = lock(&self.rows);
            let row = rows.entry(id.clone()).or_default();
            if row.version != stored.version {
                return Some(row.clone());
            }
            *row = Row { version: row.version + 1, bytes, due };
            None
        });
        give_way().await;
        match refused.map_err(StoreError::Call)? {
            None => Ok(Saved::Done),
            Some(current) => current.stored(&self.sets).map(Saved::Refused).map_err(StoreError::State),
        }
    }

    async fn due(&self, now: Timestamp) -> Result<Vec<SeriesId>, CallError> {
        give_way().await;
        let due = call("Query", self.lists.next(Call::Read), |_| {
            let rows = lock(&self.rows);
            rows.iter().filter(|(_, row)| row.due.is_some_and(|due| due <= now)).map(|(id, _)| id.clone()).collect()
        });
        give_way().await;
        due
    }
}
