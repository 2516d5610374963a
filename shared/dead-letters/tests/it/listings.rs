//! Listings: what becomes of a batch.

use dead_letters::{Batch, Filter, Letter, Listing, ListingError, Marks, Outlook, SYMBOLS_MAX, Status};
use failure::{Failure, Kind, Place, Stage};
use proptest::prelude::*;

use crate::objects::{now, number};

fn letter(kind: Kind, nth: usize) -> Letter {
    let place = Place {
        function: "compute-indicators".into(),
        stream: Some("stream".into()),
        shard: Some("shardId-0".into()),
        sequence_number: Some(number(nth)),
        partition_key: Some("key".into()),
    };
    let payload = format!("{{\"symbol\":\"S{nth}\"}}").into_bytes();
    Letter::holding(Failure::new(Stage::Invoke, kind, "batch", "why"), place, 1, now(), payload)
}

fn batch(kind: Kind, letters: usize) -> Batch {
    Batch {
        id: "00112233445566778899aabbccddeeff".parse().unwrap(),
        source: "object".into(),
        function: "compute-indicators".into(),
        letters: (0..letters).map(|nth| letter(kind, nth)).collect(),
    }
}

#[test]
fn a_batch_waits_until_each_letter_is_done() {
    let next = now() + jiff::SignedDuration::from_mins(1);
    let mut listing = Listing::new(&batch(Kind::GivenUp, 3), now(), Some(next));
    assert_eq!((listing.status, listing.next_attempt), (Status::Waiting, Some(next)));
    assert_eq!(Listing::new(&batch(Kind::Crashed, 3), now(), Some(next)).next_attempt, None, "it waits for a person");
    listing.redriven.set(0);
    listing.redriven.set(2);
    listing.settle(now());
    assert_eq!(listing.outlook(), Outlook { waiting: 1, redriven: 2, discarded: 0, expired: 0 });
    listing.discarded.set(1);
    listing.settle(now());
    assert_eq!((listing.status, listing.next_attempt, listing.done_at), (Status::Redriven, None, Some(now())));
    assert_eq!(Listing::decode(&listing.encode()).as_ref(), Ok(&listing));

    let later = now() + jiff::SignedDuration::from_hours(1);
    listing.reopen(later);
    assert_eq!((listing.status, listing.redrives, listing.outlook().waiting), (Status::Waiting, 1, 3));
    assert_eq!((listing.next_attempt, listing.last_seen), (None, later), "by itself it would come back for ever");
}

#[test]
fn a_listing_of_another_version_is_refused_and_so_is_a_damaged_one() {
    let listing = Listing::new(&batch(Kind::GivenUp, 1), now(), None);
    let text = String::from_utf8(listing.encode()).unwrap();
    let newer = text.replace("\"format\":1", "\"format\":2");
    assert_eq!(Listing::decode(newer.as_bytes()), Err(ListingError::UnknownFormat(2)));
    assert!(matches!(Listing::decode(b"{}"), Err(ListingError::Corrupt(_))));
}

#[test]
fn a_listing_of_ten_thousand_letters_stays_small_and_names_some_symbols() {
    let mut listing = Listing::new(&batch(Kind::GivenUp, 10_000), now(), None);
    (0..10_000).for_each(|place| listing.redriven.set(place));
    assert_eq!((listing.symbols.len(), listing.has_more_symbols), (SYMBOLS_MAX, true));
    assert!(listing.encode().len() < 4_096, "{}", listing.encode().len());
}

#[test]
fn a_filter_takes_a_batch_if_it_may_take_one_of_its_letters() {
    let batch = batch(Kind::GivenUp, 40);
    let listing = Listing::new(&batch, now(), None);
    let check = |filter: Filter, letters: usize, may: bool| {
        assert_eq!(batch.letters.iter().filter(|letter| filter.takes(letter)).count(), letters, "{filter:?}");
        assert_eq!(filter.may_take(&listing), may, "{filter:?}");
    };
    let set = |text: &str| [text.to_owned()].into();
    check(Filter::default(), 40, true);
    check(Filter { kinds: [Kind::GivenUp].into(), ..Default::default() }, 40, true);
    check(Filter { kinds: [Kind::Crashed].into(), ..Default::default() }, 0, false);
    check(Filter { stages: [Stage::Produce].into(), ..Default::default() }, 0, true);
    check(Filter { symbols: set("S7"), ..Default::default() }, 1, true);
    check(Filter { symbols: set("S39"), ..Default::default() }, 1, true);
    check(Filter { functions: set("poll-crypto"), ..Default::default() }, 0, false);
    check(Filter { from: Some(now()), ..Default::default() }, 40, true);
    check(Filter { to: Some(now()), ..Default::default() }, 0, false);
}

proptest! {
    #[test]
    fn marks_are_a_set_of_places(places: std::collections::BTreeSet<u16>) {
        let mut marks = Marks::default();
        places.iter().for_each(|place| marks.set(usize::from(*place)));
        prop_assert_eq!(marks.count(), places.len());
        let again: Marks = serde_json::from_str(&serde_json::to_string(&marks).unwrap()).unwrap();
        for place in 0..=u16::MAX {
            prop_assert_eq!(again.has(usize::from(place)), places.contains(&place));
        }
    }
}
