//! The ledger of calls, in memory.

use std::sync::Mutex;

use flow::QuotaState;
use pipeline::port::{QuotaError, QuotaLedger, QuotaSaved};

use crate::{
    fault::{Call, Fault, Faults, call},
    interleave::give_way,
    lock,
};

/// Keeps the ledger of calls as the bytes that a table would hold, with its version.
#[derive(Debug, Default)]
pub struct MemoryQuota {
    row: Mutex<Row>,
    /// Faults of reading.
    pub loads: Faults,
    /// Faults of conditional writing.
    pub saves: Faults,
}

#[derive(Debug, Clone, Default)]
struct Row {
    version: u64,
    bytes: Vec<u8>,
}

impl Row {
    fn read(&self) -> Result<(QuotaState, u64), QuotaError> {
        let state = if self.version == 0 { Ok(QuotaState::default()) } else { QuotaState::decode(&self.bytes) };
        Ok((state.map_err(QuotaError::State)?, self.version))
    }

    fn write(&mut self, bytes: Vec<u8>) {
        *self = Self { version: self.version + 1, bytes };
    }
}

impl MemoryQuota {
    /// What is stored, with its version.
    pub fn stored(&self) -> (QuotaState, u64) {
        lock(&self.row).read().unwrap()
    }

    /// Somebody else writes this.
    pub fn put(&self, state: &QuotaState) {
        lock(&self.row).write(state.encode());
    }

    /// Another version of the program writes the ledger, in a format that nobody else knows.
    pub fn spoil(&self) {
        lock(&self.row).write(vec![200]);
    }
}

impl QuotaLedger for MemoryQuota {
    async fn load(&self) -> Result<(QuotaState, u64), QuotaError> {
        give_way().await;
        let row = call("reading the ledger of calls", self.loads.next(Call::Read), |_| lock(&self.row).clone());
        give_way().await;
        row.map_err(QuotaError::Call)?.read()
    }

    async fn save(&self, version: u64, state: &QuotaState) -> Result<QuotaSaved, QuotaError> {
        give_way().await;
        let mut fault = self.saves.next(Call::Conditional);
        if fault == Some(Fault::Overtaken) {
            let mut row = lock(&self.row);
            let bytes = row.read()?.0.encode();
            row.write(bytes);
            fault = None;
        }
        let current = call("writing the ledger of calls", fault, |_| {
            let mut row = lock(&self.row);
            if row.version != version {
                return Some(row.clone());
            }
            row.write(state.encode());
            None
        });
        give_way().await;
        match current.map_err(QuotaError::Call)? {
            None => Ok(QuotaSaved::Done),
            Some(current) => current.read().map(|(state, version)| QuotaSaved::Refused(Box::new(state), version)),
        }
    }
}
