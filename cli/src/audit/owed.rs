//! What series still owe to their sinks: the state table enters; how much it is leaves.

use aws::StateTable;
use jiff::Timestamp;
use pipeline::port::{SeriesStore, StoreError};
use series::SeriesId;

/// How many items are in memory at a time.
const CHUNK: usize = 200;
/// How many series are named.
const NAMED: usize = 5;

/// What is owed.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub(super) struct Owed {
    /// Series that owe something of the window.
    pub(super) series: u64,
    /// Readings and alerts that they owe.
    pub(super) entries: u64,
    /// Series whose item cannot be read.
    pub(super) unreadable: u64,
    /// The first of both.
    pub(super) named: Vec<String>,
}

/// Counts what was computed before the end of a window and is still owed. What was computed later is none of the window's;
/// what claims to have been computed later than now is by a simulated clock, and counts.
pub(super) async fn owed(table: &StateTable, end: Timestamp, now: Timestamp) -> Result<Owed, String> {
    let ids = table.waiting().await.map_err(|error| error.message)?;
    let mut owed = Owed::default();
    for ids in ids.chunks(CHUNK) {
        let items = table.load_many(&ids.iter().collect::<Vec<&SeriesId>>()).await;
        for (id, item) in ids.iter().zip(items) {
            let entries = match item {
                Ok(stored) => {
                    let later = end.as_millisecond()..=now.as_millisecond();
                    stored.item.owed().iter().filter(|owed| !later.contains(&owed.computed_at)).count() as u64
                }
                Err(StoreError::State(_)) => {
                    owed.unreadable += 1;
                    0
                }
                Err(StoreError::Call(error)) => return Err(error.message),
            };
            owed.entries += entries;
            owed.series += u64::from(entries > 0);
            if entries > 0 && owed.named.len() < NAMED {
                owed.named.push(id.to_string());
            }
        }
    }
    Ok(owed)
}
