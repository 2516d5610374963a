//! Lines of `dead_letter.v1`: those that functions write, and those that are parked.

use dead_letters::{Letter, Reading, Way, read_object};
use failure::{DeadLetter, Failure, Kind, Place, Stage, object_key};
use proptest::prelude::*;

use crate::objects::now;

fn stored(stage: Stage, kind: Kind, place: Place, payload: &[u8]) -> DeadLetter {
    DeadLetter {
        failure: Failure::new(stage, kind, "GLOBAL_QUOTE MSFT", "why"),
        place,
        id: None,
        attempts: 4,
        seen: "2026-11-20T15:00:00.123Z".parse().unwrap(),
        payload: payload.to_vec(),
    }
}

fn place(stream: bool, number: bool) -> Place {
    Place {
        function: "poll-equities".into(),
        stream: stream.then(|| "stream".into()),
        shard: number.then(|| "shardId-0".into()),
        sequence_number: number.then(|| "495".into()),
        partition_key: Some("key".into()),
    }
}

#[test]
fn how_a_letter_can_be_tried_again_follows_from_where_it_stood() {
    let check = |stage, kind, place, expected: Option<Way>| {
        let letter = Letter::read_line(stored(stage, kind, place, b"{}").to_line().as_bytes(), "f", now());
        match expected {
            Some(way) => assert_eq!(letter.way(), way, "{stage} {kind}"),
            None => assert!(matches!(letter.way(), Way::None(_)), "{stage} {kind}: {:?}", letter.way()),
        }
    };
    check(Stage::Decode, Kind::NotJson, place(true, true), Some(Way::Consumer));
    check(Stage::State, Kind::CorruptState, place(true, true), Some(Way::Consumer));
    check(Stage::Decode, Kind::NotJson, place(true, false), None);
    check(Stage::Produce, Kind::Unavailable, place(true, false), Some(Way::Stream));
    check(Stage::Produce, Kind::Denied, place(true, false), Some(Way::Stream));
    check(Stage::Produce, Kind::Unavailable, place(false, false), None);
    check(Stage::Produce, Kind::Oversized, place(true, false), None);
    check(Stage::Validate, Kind::InvalidRow, place(false, false), None);
    check(Stage::Classify, Kind::UnknownShape, place(false, false), None);
    check(Stage::Invoke, Kind::Crashed, place(true, true), Some(Way::Consumer));
    check(Stage::Invoke, Kind::Missed, place(false, false), Some(Way::Call));
}

#[test]
fn a_batch_has_the_name_of_its_object_wherever_that_lies() {
    let mut letters = [stored(Stage::Validate, Kind::InvalidRow, place(false, false), b"x")];
    let read = |letters: &[DeadLetter]| {
        let key = object_key(letters).unwrap();
        match read_object(&key, letters[0].to_line().as_bytes(), now(), "") {
            Reading::Batch(batch) => (key, batch),
            other => panic!("{other:?}"),
        }
    };
    let (key, batch) = read(&letters);
    letters[0].seen = "2026-12-24T15:00:00Z".parse().unwrap();
    let (later_key, later) = read(&letters);
    assert_ne!(key, later_key);
    assert_eq!(batch.id, later.id);
    assert_eq!((batch.function.as_str(), batch.letters[0].attempts), ("poll-equities", 4));
    assert_eq!(batch.letters[0].about(), Some("MSFT"), "the request says it");
}

proptest! {
    #[test]
    fn a_letter_reads_back_as_it_was_written(payload: Vec<u8>, seconds in 0..4_000_000_000_i64, attempts: u32) {
        let mut letter = stored(Stage::Decode, Kind::NotJson, place(true, true), &payload);
        letter.seen = jiff::Timestamp::from_second(seconds).unwrap();
        letter.attempts = attempts;
        let read = Letter::read_line(letter.to_line().as_bytes(), "f", now());
        prop_assert_eq!(read.payload(), Some(&payload[..]));
        prop_assert_eq!((read.last_seen, read.attempts), (letter.seen, attempts));
        prop_assert_eq!(Letter::read_line(read.to_line().as_bytes(), "f", now()), read);
    }
}
