//! What a process remembers from one invocation to the next: items as it wrote them last.
//!
//! It saves reads, and nothing depends on it: each conditional write proves that an item is still current.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use series::SeriesId;

use crate::port::Stored;

/// How many items a warm process keeps, of up to 10 KB each; beyond that it forgets all of them, and
/// reads again.
const WARM_MAX: usize = 1024;

/// An item of the warm process.
#[derive(Debug)]
pub(crate) struct Kept {
    pub(crate) stored: Stored,
    /// What the sinks acknowledged and the item does not owe any more, while the store does not know of it yet.
    pub(crate) unwritten: Vec<u64>,
}

/// Items that this process wrote last. Each conditional write proves that they are still current.
#[derive(Debug, Default)]
pub struct Warm(Mutex<HashMap<SeriesId, Kept, foldhash::fast::RandomState>>);

impl Warm {
    fn items(&self) -> MutexGuard<'_, HashMap<SeriesId, Kept, foldhash::fast::RandomState>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn take(&self, id: &SeriesId) -> Option<Kept> {
        self.items().remove(id)
    }

    pub(crate) fn keep(&self, id: SeriesId, mut stored: Stored, unwritten: Vec<u64>) {
        // What is still owed may be many times as large as the rest, and others may deliver it first.
        if !stored.item.owed().is_empty() {
            return;
        }
        stored.item.rest();
        let mut items = self.items();
        if items.len() >= WARM_MAX {
            items.retain(|_, kept| !kept.unwritten.is_empty());
        }
        items.insert(id, Kept { stored, unwritten });
    }

    /// Of how many items more it can keep what the store does not know.
    pub(crate) fn room(&self) -> usize {
        WARM_MAX.saturating_sub(self.items().values().filter(|kept| !kept.unwritten.is_empty()).count())
    }

    /// Takes out all of which the store does not know everything.
    pub(crate) fn take_unwritten(&self) -> Vec<(SeriesId, Kept)> {
        self.items().extract_if(|_, kept| !kept.unwritten.is_empty()).collect()
    }
}
