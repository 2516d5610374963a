//! The ports of a poll that sends nothing: records are printed, and nothing outlives the process.

use std::sync::{Mutex, PoisonError};

use alphavantage::Redactor;
use failure::DeadLetter;
use flow::QuotaState;
use pipeline::{
    Entry,
    port::{
        CallError, Cursors, CursorsError, KeepDeadLetters, Ledger, LedgerError, PutRecords, QuotaError, QuotaLedger,
        QuotaSaved,
    },
};
use planner::{Cursor, WatchList};
use wire::Sent;

use super::show::Show;
use crate::redacted;

/// A stream whose records are printed.
pub(crate) struct Printed<'a> {
    pub(crate) show: &'a Show,
    pub(crate) redactor: &'a Redactor,
}

impl PutRecords for Printed<'_> {
    async fn put_records(&self, entries: &[wire::Entry]) -> Result<Vec<Option<String>>, CallError> {
        for entry in entries {
            self.show.print(&redacted::line(self.redactor, &String::from_utf8_lossy(&entry.data)));
        }
        Ok(vec![None; entries.len()])
    }
}

/// Remembers nothing: every fact is news, and every entry was never asked for.
pub(crate) struct Forgetful;

impl Ledger for Forgetful {
    async fn load(&self, _name: &str) -> Result<(Sent, u64), LedgerError> {
        Ok((Sent::default(), 0))
    }

    async fn save(&self, _name: &str, _version: u64, _sent: &Sent) -> Result<bool, LedgerError> {
        Ok(true)
    }
}

impl Cursors for Forgetful {
    async fn load_cursor(&self, _name: &str, list: &WatchList<Entry>) -> Result<(Cursor, u64), CursorsError> {
        Ok((Cursor::new(list), 0))
    }

    async fn save_cursor(&self, _name: &str, _version: u64, _cursor: &Cursor) -> Result<bool, CallError> {
        Ok(true)
    }
}

/// The outcome tells why each of them is one; nothing keeps them.
impl KeepDeadLetters for Forgetful {
    async fn keep(&self, _letters: &[DeadLetter]) -> Result<(), CallError> {
        Ok(())
    }
}

/// The ledger of the calls of this process.
#[derive(Default)]
pub(crate) struct OwnQuota(Mutex<(QuotaState, u64)>);

impl QuotaLedger for OwnQuota {
    async fn load(&self) -> Result<(QuotaState, u64), QuotaError> {
        Ok(self.0.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }

    async fn save(&self, version: u64, state: &QuotaState) -> Result<QuotaSaved, QuotaError> {
        let stored = &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if stored.1 != version {
            return Ok(QuotaSaved::Refused(Box::new(stored.0.clone()), stored.1));
        }
        *stored = (state.clone(), version + 1);
        Ok(QuotaSaved::Done)
    }
}
