//! What has become of dead letters: their listings enter; which of them are kept, redriven or expired leaves.

use std::collections::HashSet;

use dead_letters::{Filter, Status};
use jiff::Timestamp;
use pipeline::{
    LettersError, list,
    port::{LetterObjects, Listings, Shelf},
    show,
};

use crate::account::{Account, Became, Parked};

/// Reads into the account what failed then or later, and what was parked from these objects. Gives what it was parked from.
pub(super) async fn read(
    (objects, listings): (&impl LetterObjects, &impl Listings),
    since: Timestamp,
    sources: &HashSet<&String>,
    account: &mut Account,
) -> Result<HashSet<String>, String> {
    let listed = list(listings, &Shelf::ALL, &Filter::default(), usize::MAX).await.map_err(|error| error.message)?;
    if let Some(failure) = listed.unreadable.first() {
        return Err(failure.to_string());
    }
    let mut read = HashSet::new();
    let of_window = listed.batches.iter().filter(|it| it.last_seen >= since || sources.contains(&it.source));
    for listing in of_window {
        let shown = match show((objects, listings), &listing.id).await {
            Ok(shown) => shown,
            // The bucket has let go of it.
            Err(LettersError::NoObject(_)) => continue,
            Err(error) => return Err(error.to_string()),
        };
        read.insert(shown.listing.source);
        for (letter, status) in &shown.letters {
            let place = &letter.place;
            let (Some(stream), Some(shard), Some(sequence_number)) =
                (&place.stream, &place.shard, &place.sequence_number)
            else {
                continue;
            };
            let became = match (letter.expired(), status) {
                (Some(expired), _) => Became::Expired {
                    records: expired.records,
                    last: &expired.last_sequence_number,
                    arrived: letter.arrived_at,
                },
                (None, Status::Redriven) => Became::Redriven,
                (None, _) => Became::Kept,
            };
            account.parked(Parked { function: &place.function, stream, shard, sequence_number, became });
        }
    }
    Ok(read)
}
