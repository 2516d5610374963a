//! The ledgers of what pollers sent, with their versions.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use pipeline::port::{Ledger, LedgerError};
use wire::Sent;

use crate::{
    process::Process,
    trouble::{Call, Fault, Site},
    world::lock,
};

/// The table of the ledgers.
#[derive(Debug, Default)]
pub(crate) struct Ledgers(Mutex<BTreeMap<String, (Sent, u64)>>);

/// The table as a process calls it.
#[derive(Debug)]
pub(crate) struct LedgerPort {
    /// The table.
    pub(crate) ledgers: Arc<Ledgers>,
    /// Who calls.
    pub(crate) process: Arc<Process>,
}

impl Ledger for LedgerPort {
    async fn load(&self, name: &str) -> Result<(Sent, u64), LedgerError> {
        let fault = self.process.begin(Site::LedgerLoad, Call::Read).await.map_err(LedgerError::Call)?;
        let loaded = lock(&self.ledgers.0).get(name).cloned().unwrap_or_default();
        self.process.end(Site::LedgerLoad, fault).await.map_err(LedgerError::Call)?;
        Ok(loaded)
    }

    async fn save(&self, name: &str, version: u64, sent: &Sent) -> Result<bool, LedgerError> {
        let fault = self.process.begin(Site::LedgerSave, Call::Conditional).await.map_err(LedgerError::Call)?;
        let saved = {
            let mut ledgers = lock(&self.ledgers.0);
            let current = ledgers.entry(name.to_owned()).or_default();
            if fault == Some(Fault::Overtaken) {
                current.1 += 1;
            }
            let is_current = current.1 == version;
            if is_current {
                *current = (sent.clone(), version + 1);
            }
            is_current
        };
        self.process.end(Site::LedgerSave, fault).await.map_err(LedgerError::Call)?;
        Ok(saved)
    }
}
