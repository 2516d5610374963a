//! What is shown of batches, and what a redrive would do, over a batch of every sort of letter.

use dead_letters::{Batch, Content, Discard, Expired, Letter, Listing, Status};
use failure::{Failure, Place, Stage};
use pipeline::{ListedBatches, RedriveOutcome, Shown};
use serde_json::{Value, json};

use super::{
    plan::{Group, Plan},
    *,
};

const NOW: &str = "2026-11-20T15:00:00Z";

fn now() -> Timestamp {
    NOW.parse().unwrap()
}

fn letter(stage: Stage, kind: Kind, place: Place, payload: &[u8]) -> Letter {
    let failure = Failure::new(stage, kind, "GLOBAL_QUOTE MSFT", "it went\nwrong");
    Letter::holding(failure, place, 3, now(), payload.to_vec())
}

fn place(function: &str, sequence_number: Option<&str>) -> Place {
    let stands = |text: &str| sequence_number.map(|_| text.to_owned());
    Place {
        function: function.to_owned(),
        stream: stands("financial"),
        shard: stands("shardId-000000000000"),
        sequence_number: sequence_number.map(str::to_owned),
        partition_key: stands("symbol_MSFT_1"),
    }
}

/// Two records that a mapping gave up, a row of the vendor, a record that never reached its stream, a call, and three
/// records that have expired.
fn shown() -> Shown {
    let consumer = "compute-indicators";
    let record = |number| place(consumer, Some(number));
    let mut unsent = place("poll-equities", None);
    (unsent.stream, unsent.partition_key) = (Some("financial".to_owned()), Some("symbol_MSFT_1".to_owned()));
    let mut expired = letter(Stage::Invoke, Kind::Expired, record("7"), b"");
    expired.content = Content::Expired(Expired { records: 3, last_sequence_number: "9".to_owned() });
    let letters = vec![
        letter(Stage::Invoke, Kind::GivenUp, record("10"), br#"{"id":"ab","symbol":"MSFT"}"#),
        letter(Stage::Invoke, Kind::GivenUp, record("11"), b"\x1b[2J\xff"),
        letter(Stage::Validate, Kind::InvalidRow, place("poll-equities", None), b"row"),
        letter(Stage::Produce, Kind::Unavailable, unsent, br#"{"symbol":"AAPL"}"#),
        letter(Stage::Invoke, Kind::Missed, place("sweep-series", None), b"{}"),
        expired,
    ];
    let id = "0123456789abcdef0123456789abcdef".parse().unwrap();
    let batch = Batch { id, source: "aws/lambda/x".to_owned(), function: consumer.to_owned(), letters };
    let listing = Listing::new(&batch, now(), Some(now()));
    let status = |letter: &Letter| if letter.expired().is_some() { Status::Expired } else { Status::Waiting };
    let letters = batch.letters.into_iter().map(|letter| (letter.clone(), status(&letter))).collect();
    Shown { listing, letters }
}

#[test]
fn a_batch_is_one_line_of_the_table_and_counts_in_the_totals() {
    let mut listed = ListedBatches { batches: vec![shown().listing], ..Default::default() };
    let text = table::batches(&listed);
    let lines: Vec<&str> = text.lines().collect();
    let cells: Vec<&str> = lines[1].split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect();
    assert_eq!(
        cells,
        [
            "0123456789ab",
            "2026-11-20 15:00:00",
            "compute-indicators",
            "given_up 2, invalid_row 1, unavailable 1, missed 1, expired 1",
            "5",
            "6",
            "AAPL,MSFT",
            "waiting",
            "0",
            "2026-11-20 15:00:00",
        ]
    );
    assert_eq!(lines[3], "1 batches, 6 letters: 5 waiting, 0 redriven, 0 discarded; 3 records expired");
    listed.has_more = true;
    listed.unreadable.push(Failure::new(Stage::State, Kind::CorruptState, "ff00", "the listing is damaged"));
    let text = table::batches(&listed);
    assert!(text.contains("cannot be read: ff00 failed") && text.contains("there are more: `--limit`"), "{text}");
    let json: Value = serde_json::from_str(&table::batches_json(&listed)).unwrap();
    assert_eq!((&json["batches"][0]["waiting"], &json["totals"]["waiting"]), (&json!(5), &json!(5)), "{json:#}");
    assert_eq!((&json["batches"][0]["kinds"]["given_up"], &json["has_more"]), (&json!(2), &json!(true)));
    let none = table::batches(&ListedBatches::default());
    assert!(none.contains("\n0 batches, 0 letters: 0 waiting"), "{none}");
}

#[test]
fn when_it_is_tried_next_is_told() {
    let mut listing = shown().listing;
    assert_eq!(table::next(&listing), "2026-11-20 15:00:00");
    listing.next_attempt = None;
    assert_eq!(table::next(&listing), "by hand");
    listing.status = Status::Redriving;
    assert_eq!(table::next(&listing), "now");
    listing.status = Status::Discarded;
    assert_eq!(table::next(&listing), "-");
}

#[test]
fn payloads_are_shown_harmless_and_raw_as_they_are() {
    let mut shown = shown();
    shown.listing.discards.push(Discard {
        at: now(),
        by: "eve\u{7}".to_owned(),
        reason: "a test".to_owned(),
        letters: 2,
    });
    let text = show::text(&shown);
    for words in [
        "batch     0123456789abcdef0123456789abcdef\n",
        "discarded 2 letters by eve  at 2026-11-20 15:00:00: a test\n",
        "waiting  given_up at invoke, retryable, 3 attempts, last 2026-11-20 15:00:00 UTC\n",
        "  financial shardId-000000000000:10, id ab, about MSFT\n",
        "  it went wrong\n",
        "  no stream GLOBAL_QUOTE MSFT, about MSFT\n  it went wrong\n  row\n",
        "  3 records up to 9 are gone: the stream no longer held them\n",
    ] {
        assert!(text.contains(words), "{words}\n{text}");
    }
    assert!(!text.contains('\u{1b}') && !text.contains('\u{7}'));
    let long = "x".repeat(3_000);
    shown.letters[2].0.content = Content::Payload(long.clone().into_bytes());
    assert!(show::text(&shown).contains("x … (`--raw` shows all)\n"));
    let raw = show::raw(&shown);
    let expected = [b"{\"id\":\"ab\",\"symbol\":\"MSFT\"}\n\x1b[2J\xff\n", long.as_bytes(), b"\n"].concat();
    assert!(raw.starts_with(&expected), "{}", String::from_utf8_lossy(&raw));
    let json: Value = serde_json::from_str(&show::json(&shown)).unwrap();
    assert_eq!(json["entries"][0]["payload"], r#"{"id":"ab","symbol":"MSFT"}"#);
    assert_eq!(json["entries"][1]["payload_base64"], "G1sySv8=");
    assert_eq!(
        (&json["entries"][5]["status"], &json["entries"][5]["expired"]["records"]),
        (&json!("expired"), &json!(3))
    );
    assert_eq!(json["discards"][0]["reason"], "a test");
}

#[test]
fn a_plan_says_who_gets_what_and_what_nobody_gets() {
    let mut plan = Plan::default();
    plan.add(&shown(), &Filter::default(), now());
    let groups: Vec<_> =
        plan.groups.iter().map(|(Group { action, to, kind }, count)| (*action, &**to, *kind, *count)).collect();
    assert_eq!(
        groups,
        [
            ("call", "sweep-series", Kind::Missed, 1),
            ("invoke", "compute-indicators", Kind::GivenUp, 2),
            ("nothing", "it is a row that breaks a rule; the next poll takes a corrected one", Kind::InvalidRow, 1),
            ("put", "financial", Kind::Unavailable, 1),
        ]
    );
    assert_eq!((plan.letters, plan.expired, &*plan.expired_ids), (4, 3, &["shardId-000000000000:7".to_owned()][..]));
    let text = plan.text();
    assert!(text.contains("dry run: 4 letters of 1 batches would be redriven; nothing was changed\n"), "{text}");
    let json: Value = serde_json::from_str(&plan.json()).unwrap();
    assert_eq!(
        json["groups"][1],
        json!({"action": "invoke", "to": "compute-indicators", "kind": "given_up", "letters": 2})
    );

    // What is done or claimed is not done again; a filter asks for less.
    let mut done = shown();
    done.listing.redriven.set(0);
    done.listing.discarded.set(1);
    let mut plan = Plan::default();
    plan.add(&done, &Filter { kinds: [Kind::GivenUp].into(), ..Filter::default() }, now());
    assert_eq!((plan.letters, plan.groups.len(), plan.expired), (0, 0, 0));
    done.listing.status = Status::Redriving;
    done.listing.claimed_until = now().checked_add(SignedDuration::from_mins(1)).ok();
    plan.add(&done, &Filter::default(), now());
    assert_eq!((plan.letters, plan.claimed.len()), (0, 1));
    assert!(plan.text().contains("is being redriven, until 2026-11-20 15:01:00 UTC at the latest"));
}

#[test]
fn whatever_is_left_of_a_redrive_is_told() {
    let check = |change: fn(&mut RedriveOutcome), words: &str| {
        let mut outcome = RedriveOutcome { letters: 2, redriven: 2, batches: 1, invocations: 1, ..Default::default() };
        assert!(redrive::is_whole(&outcome));
        change(&mut outcome);
        assert!(!redrive::is_whole(&outcome), "{words}");
        assert!(redrive::text(&outcome).contains(words), "{}", redrive::text(&outcome));
    };
    check(|outcome| outcome.stayed = 1, "stayed      1 were tried and wait again");
    check(|outcome| outcome.untouched = 1, "untouched   1 were not tried");
    check(|outcome| outcome.claimed = 1, "1 batches are being redriven by somebody else");
    check(|outcome| outcome.stopped = Some("interrupted".to_owned()), "stopped: interrupted");
    let expired = |outcome: &mut RedriveOutcome| (outcome.expired, outcome.expired_ids) = (3, vec!["a:7".to_owned()]);
    check(expired, "expired: 3 records: a:7");
    let none = |outcome: &mut RedriveOutcome| {
        outcome.not_redrivable = 1;
        outcome.reasons.insert("it is a row", 1);
    };
    check(none, "not redriven: 1: it is a row");
    let failed = |outcome: &mut RedriveOutcome| {
        outcome.failures.push(Failure::new(Stage::Invoke, Kind::Denied, "compute-indicators", "access denied"));
    };
    check(failed, "problem: compute-indicators failed at invoke (denied): access denied");
}

#[test]
fn the_beginning_of_an_id_names_its_batch() {
    let known: Vec<BatchId> =
        ["aaaa", "aaab"].map(|start| format!("{start}{}", "0".repeat(28)).parse().unwrap()).into();
    assert_eq!(only("aaab", &known).unwrap(), known[1]);
    let twice = [known[0].clone(), known[0].clone()];
    assert_eq!(only("aaaa", &twice).unwrap(), known[0]);
    for (prefix, words) in [("aaa", "several batches, such as `aaaa000"), ("bbbb", "there is no batch `bbbb`")] {
        let ended = only(prefix, &known).unwrap_err();
        assert!(ended.code() == WRONG_USE && ended.to_string().contains(words), "{ended}");
    }
}

#[test]
fn shelves_follow_from_what_is_asked_for() {
    use options::{Became, shelves};
    assert_eq!(shelves(&[Became::Waiting]), [Shelf::Due, Shelf::Waiting]);
    assert_eq!(shelves(&[Became::Redriven, Became::Expired]), [Shelf::Done]);
    assert_eq!(shelves(&[Became::All]), [Shelf::Due, Shelf::Waiting, Shelf::Done]);
    assert!(
        options::is_one_of(&[Became::All], Status::Expired) && !options::is_one_of(&[Became::Waiting], Status::Expired)
    );
}

#[test]
fn trouble_with_access_is_told_from_other_trouble() {
    let call = |kind| Ended::from(CallError { kind, message: "Query `due`".to_owned() });
    assert_eq!((call(Kind::Denied).code(), call(Kind::Unavailable).code()), (NO_ACCESS, 1));
    assert!(call(Kind::Denied).to_string().contains("check the network and your credentials"));
    let id: BatchId = "0123456789abcdef0123456789abcdef".parse().unwrap();
    assert_eq!(Ended::from(LettersError::NoSuchBatch(id)).code(), WRONG_USE);
    assert_eq!(Ended::from(LettersError::NoObject("parked/x".to_owned())).code(), 1);
}
