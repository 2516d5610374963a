//! The ledger of the vendor's calls, one item of the state table per API key.

use flow::QuotaState;
use pipeline::port::{QuotaError, QuotaLedger, QuotaSaved};
use sha2::{Digest, Sha256};

use crate::table::{StateTable, Written, parts};

/// Hex digits of the key's hash in the item's name.
const HASH_DIGITS: usize = 12;

/// The ledger of one key's calls. It knows the key's hash only.
#[derive(Debug, Clone)]
pub struct Quota {
    table: StateTable,
    pk: String,
}

impl StateTable {
    /// The ledger of the calls of that key.
    pub fn quota(&self, api_key: &str) -> Quota {
        let hash: String = Sha256::digest(api_key.trim()).iter().map(|byte| format!("{byte:02x}")).collect();
        Quota { table: self.clone(), pk: format!("quota#{}", &hash[..HASH_DIGITS]) }
    }
}

impl Quota {
    fn state(version: u64, bytes: &[u8]) -> Result<(QuotaState, u64), QuotaError> {
        let state =
            if version == 0 { QuotaState::default() } else { QuotaState::decode(bytes).map_err(QuotaError::State)? };
        Ok((state, version))
    }
}

impl QuotaLedger for Quota {
    async fn load(&self) -> Result<(QuotaState, u64), QuotaError> {
        let attributes = self.table.read(&self.pk).await.map_err(QuotaError::Call)?;
        let (version, bytes) =
            parts(attributes.as_ref()).ok_or(QuotaError::State(flow::QuotaStateError::Corrupt("attributes")))?;
        Self::state(version, bytes)
    }

    async fn save(&self, version: u64, state: &QuotaState) -> Result<QuotaSaved, QuotaError> {
        let current = match self.table.write(&self.pk, version, state.encode(), None).await.map_err(QuotaError::Call)? {
            Written::Done => return Ok(QuotaSaved::Done),
            Written::Refused(Some(current)) => current,
            // Emulators may leave out the old item.
            Written::Refused(None) => {
                let (state, version) = self.load().await?;
                return Ok(QuotaSaved::Refused(Box::new(state), version));
            }
        };
        let (version, bytes) =
            parts(Some(&current)).ok_or(QuotaError::State(flow::QuotaStateError::Corrupt("attributes")))?;
        let (state, version) = Self::state(version, bytes)?;
        Ok(QuotaSaved::Refused(Box::new(state), version))
    }
}
