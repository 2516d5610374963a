//! The ledger of what was sent, in memory.

use std::{collections::BTreeMap, sync::Mutex};

use pipeline::{
    Entry,
    port::{CallError, Cursors, CursorsError, Ledger, LedgerError},
};
use planner::{Cursor, WatchList};
use wire::Sent;

use crate::{
    fault::{Call, Fault, Faults, call},
    interleave::give_way,
    lock,
};

/// Keeps ledgers as the bytes that a table would hold, with their versions.
#[derive(Debug, Default)]
pub struct MemoryLedger {
    rows: Mutex<BTreeMap<String, (Vec<u8>, u64)>>,
    cursors: Mutex<BTreeMap<String, (Vec<u8>, u64)>>,
    /// Faults of reading the cursor of a job.
    pub cursor_loads: Faults,
    /// Faults of writing the cursor of a job, conditionally.
    pub cursor_saves: Faults,
    /// Faults of reading.
    pub loads: Faults,
    /// Faults of conditional writing.
    pub saves: Faults,
}

impl MemoryLedger {
    /// What stands under a name.
    pub fn sent(&self, name: &str) -> Option<Sent> {
        lock(&self.rows).get(name).map(|(bytes, _)| Sent::decode(bytes).unwrap())
    }

    /// The cursor of a job of this list, if one was written.
    pub fn cursor(&self, name: &str, list: &WatchList<Entry>) -> Option<Cursor> {
        lock(&self.cursors).get(name).map(|(bytes, _)| Cursor::decode(bytes, list).unwrap())
    }

    /// Turns an item into one of a format that nobody knows.
    pub fn spoil(&self, name: &str) {
        let mut rows = lock(&self.rows);
        let (bytes, version) = rows.entry(name.to_owned()).or_default();
        *bytes = vec![200];
        *version += 1;
    }
}

impl Cursors for MemoryLedger {
    async fn load_cursor(&self, name: &str, list: &WatchList<Entry>) -> Result<(Cursor, u64), CursorsError> {
        give_way().await;
        let loaded = call("reading the cursor", self.cursor_loads.next(Call::Read), |_| {
            lock(&self.cursors).get(name).map(|(bytes, version)| Ok((Cursor::decode(bytes, list)?, *version)))
        });
        give_way().await;
        let loaded = loaded.map_err(CursorsError::Call)?;
        loaded.unwrap_or_else(|| Ok((Cursor::new(list), 0))).map_err(CursorsError::State)
    }

    async fn save_cursor(&self, name: &str, version: u64, cursor: &Cursor) -> Result<bool, CallError> {
        give_way().await;
        let fault = match self.cursor_saves.next(Call::Conditional) {
            Some(Fault::Overtaken) => {
                if let Some((_, version)) = lock(&self.cursors).get_mut(name) {
                    *version += 1;
                }
                None
            }
            fault => fault,
        };
        let saved = call("writing the cursor", fault, |_| {
            let mut cursors = lock(&self.cursors);
            let current = cursors.get(name).map_or(0, |(_, version)| *version);
            if current == version {
                cursors.insert(name.to_owned(), (cursor.encode(), version + 1));
            }
            current == version
        });
        give_way().await;
        saved
    }
}

impl Ledger for MemoryLedger {
    async fn load(&self, name: &str) -> Result<(Sent, u64), LedgerError> {
        give_way().await;
        let loaded = call("reading the ledger", self.loads.next(Call::Read), |_| {
            lock(&self.rows).get(name).map(|(bytes, version)| Ok((Sent::decode(bytes)?, *version)))
        });
        give_way().await;
        loaded.map_err(LedgerError::Call)?.unwrap_or_else(|| Ok((Sent::default(), 0))).map_err(LedgerError::State)
    }

    async fn save(&self, name: &str, version: u64, sent: &Sent) -> Result<bool, LedgerError> {
        give_way().await;
        let fault = match self.saves.next(Call::Conditional) {
            Some(Fault::Overtaken) => {
                let mut rows = lock(&self.rows);
                rows.entry(name.to_owned()).or_insert_with(|| (Sent::default().encode(), 0)).1 += 1;
                None
            }
            fault => fault,
        };
        let saved = call("writing the ledger", fault, |_| {
            let mut rows = lock(&self.rows);
            let current = rows.get(name).map_or(0, |(_, version)| *version);
            if current == version {
                rows.insert(name.to_owned(), (sent.encode(), version + 1));
            }
            current == version
        });
        give_way().await;
        saved.map_err(LedgerError::Call)
    }
}
