//! What has become of dead letters: their listings enter; which of them were redriven, and which have expired, leave.

use jiff::Timestamp;
use pipeline::{
    LettersError, list,
    port::{LetterObjects, Listings, Shelf},
    show,
};

use crate::account::{Account, Became, Parked};

/// Reads into the account what failed then or later.
pub(super) async fn read(
    (objects, listings): (&impl LetterObjects, &impl Listings),
    since: Timestamp,
    account: &mut Account,
) -> Result<(), String> {
    let filter = dead_letters::Filter { from: Some(since), ..Default::default() };
    let listed = list(listings, &Shelf::ALL, &filter, usize::MAX).await.map_err(|error| error.message)?;
    if let Some(failure) = listed.unreadable.first() {
        return Err(failure.to_string());
    }
    for listing in &listed.batches {
        let shown = match show((objects, listings), &listing.id).await {
            Ok(shown) => shown,
            // The bucket has let go of it; so it is older than any window that a stream still holds.
            Err(LettersError::NoObject(_)) => continue,
            Err(error) => return Err(error.to_string()),
        };
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
                (None, dead_letters::Status::Redriven) => Became::Redriven,
                (None, _) => Became::Kept,
            };
            account.parked(Parked { function: &place.function, stream, shard, sequence_number, became });
        }
    }
    Ok(())
}
