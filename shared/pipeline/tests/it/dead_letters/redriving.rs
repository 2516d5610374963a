//! Redriving: who is called, with what, how often, and what stays.

use std::{
    collections::BTreeSet,
    future::ready,
    num::NonZeroU32,
    sync::{Arc, Mutex},
};

use dead_letters::{Outlook, Status};
use failure::{DeadLetter, Failure, Kind, Place, Stage, object_key};
use pipeline::{Discarding, discard, port::Invoked, show};
use testkit::{Fault, MemoryFunctions, crash_after};

use super::*;

/// So many letters of one batch that a mapping gave up.
async fn parked(count: usize, function_error: Option<&str>) -> World {
    let world = World::new();
    let payloads: Vec<Vec<u8>> = (0..count).map(|nth| format!("{{\"symbol\":\"S{nth}\"}}").into_bytes()).collect();
    let told = given_up(&payloads, 0, function_error, "2026-11-20T16:00:00Z");
    world.objects.put("aws/lambda/m/s/1", told.to_string().as_bytes());
    world.park(&[("m1", notification(&["aws/lambda/m/s/1"]))]).await;
    world
}

fn done() -> Invoked {
    Invoked::Returned(br#"{"batchItemFailures":[]}"#.to_vec())
}

/// The lowest of these numbers that an event has is reported.
fn reports(event: &[u8], bad: &[usize]) -> Invoked {
    match places(event).into_iter().find(|place| bad.contains(place)) {
        Some(place) => {
            let answer = json!({"batchItemFailures": [{"itemIdentifier": number(place)}]});
            Invoked::Returned(answer.to_string().into_bytes())
        }
        None => done(),
    }
}

fn outlook(world: &World) -> [usize; 3] {
    let Outlook { waiting, redriven, discarded, .. } = world.listing().outlook();
    [waiting, redriven, discarded]
}

#[tokio::test]
async fn the_consumer_that_gave_up_gets_its_records_in_batches_and_nobody_else_does() {
    let world = parked(5, None).await;
    let functions = MemoryFunctions::new(|_, _| ready(done()));
    let settings = RedriveSettings { event_letters: 2, ..settings() };
    let outcome = world.redrive_with(&functions, &world.by_hand(), &Filter::default(), settings).await;
    assert_eq!((outcome.redriven, outcome.invocations, outcome.batches), (5, 3, 1), "{outcome:#?}");
    let invoked = functions.invoked();
    assert!(invoked.iter().all(|(function, _)| function == CONSUMER));
    let sent: Vec<Vec<usize>> = invoked.iter().map(|(_, event)| places(event)).collect();
    assert_eq!(sent, [vec![0, 1], vec![2, 3], vec![4]]);
    assert_eq!((world.listing().status, world.listing().done_at), (Status::Redriven, Some(world.time.now())));
    assert!(world.streams.names().is_empty(), "no stream is touched");

    let again = world.redrive(&functions, &world.by_hand()).await;
    assert_eq!((again.letters, again.invocations, functions.invoked().len()), (0, 0, 3));
}

#[tokio::test]
async fn what_is_asked_for_again_stays_and_holds_nobody_up() {
    let world = parked(10, None).await;
    let functions = MemoryFunctions::new(|_, event: Vec<u8>| ready(reports(&event, &[2, 7])));
    let outcome = world.redrive(&functions, &world.by_hand()).await;
    assert_eq!((outcome.redriven, outcome.stayed, outcome.invocations), (8, 2, 3), "{outcome:#?}");
    let listing = world.listing();
    assert_eq!((listing.status, listing.redrives, listing.outlook().waiting), (Status::Waiting, 1, 2));
    assert!(listing.last_problem.unwrap().contains(&number(7)));
    let shown = show((&world.objects, &world.listings), &listing.id).await.unwrap();
    let waiting: Vec<usize> = (0..10).filter(|&place| shown.letters[place].1 == Status::Waiting).collect();
    assert_eq!(waiting, [2, 7]);
}

#[tokio::test]
async fn a_record_that_crashes_the_consumer_is_found_and_the_others_are_done() {
    let world = parked(64, Some("Unhandled")).await;
    let crashes = |_, event: Vec<u8>| {
        ready(if places(&event).contains(&21) { Invoked::Failed("Unhandled {}".to_owned()) } else { done() })
    };
    let functions = MemoryFunctions::new(crashes);
    let outcome = world.redrive(&functions, &world.by_hand()).await;
    assert_eq!((outcome.redriven, outcome.stayed), (63, 1), "{outcome:#?}");
    // Six halvings, of which each leaves one half that is good.
    assert_eq!(outcome.invocations, 13);
    assert_eq!(world.listing().next_attempt, None, "a person looks at what crashes");
}

#[tokio::test]
async fn an_answer_that_cannot_be_understood_passes_a_verdict_on_nobody() {
    let world = parked(2, None).await;
    let functions = MemoryFunctions::new(|_, _| ready(Invoked::Returned(b"\"ok\"".to_vec())));
    let outcome = world.redrive(&functions, &world.by_hand()).await;
    assert_eq!((outcome.redriven, outcome.stayed, outlook(&world)), (0, 2, [2, 0, 0]), "{outcome:#?}");
}

#[tokio::test]
async fn in_an_outage_a_batch_is_left_alone_soon_and_given_to_a_person_at_last() {
    let world = parked(500, None).await;
    let all: Vec<usize> = (0..500).collect();
    let functions = MemoryFunctions::new(move |_, event: Vec<u8>| ready(reports(&event, &all)));
    assert_eq!(world.redrive(&functions, &Scope::Due).await.batches, 0, "it is not due yet");
    let mut redrives = 0;
    while let Some(next) = world.listing().next_attempt {
        world.time.set(next);
        let outcome = world.redrive(&functions, &Scope::Due).await;
        redrives += 1;
        assert_eq!((outcome.invocations, outcome.stayed, outcome.untouched), (8, 8, 492));
        assert!(redrives < 10);
    }
    assert_eq!((redrives, world.listing().status), (BACKOFF.attempts - 1, Status::Waiting));
    assert_eq!(pipeline::port::Shelf::of(&world.listing()).0, pipeline::port::Shelf::Waiting);
}

#[tokio::test]
async fn a_consumer_that_cannot_be_reached_leaves_all_as_it_was_until_next_time() {
    let world = parked(3, None).await;
    let functions = MemoryFunctions::new(|_, _| ready(done()));
    functions.invocations.script([Some(Fault::Before)]);
    let outcome = world.redrive(&functions, &world.by_hand()).await;
    assert_eq!((outcome.untouched, outcome.redriven, outcome.failures.len()), (3, 0, 1), "{outcome:#?}");
    assert!(world.listing().next_attempt.is_some());
    world.redrive(&functions, &world.by_hand()).await;
    assert_eq!(world.listing().status, Status::Redriven);
}

#[tokio::test]
async fn what_only_a_person_may_redrive_is_left_alone_by_the_clock() {
    let world = parked(3, Some("Unhandled")).await;
    let functions = MemoryFunctions::new(|_, _| ready(done()));
    world.time.advance(SignedDuration::from_hours(1_000));
    assert_eq!(world.redrive(&functions, &Scope::Due).await.batches, 0);
    assert_eq!(world.redrive(&functions, &world.by_hand()).await.redriven, 3);
}

#[tokio::test]
async fn a_dry_run_says_what_would_be_done_and_changes_nothing() {
    let world = parked(7, None).await;
    let functions = MemoryFunctions::new(|_, _| ready(done()));
    let (objects, rows) = (world.objects.all(), world.listings.rows());
    let settings = RedriveSettings { event_letters: 3, dry_run: true, ..settings() };
    let filter = Filter { symbols: ["S1", "S2", "S3", "S6"].map(str::to_owned).into(), ..Default::default() };
    let dry = world.redrive_with(&functions, &world.by_hand(), &filter, settings.clone()).await;
    assert_eq!((world.objects.all(), world.listings.rows(), functions.invoked().len()), (objects, rows, 0));
    let wet = RedriveSettings { dry_run: false, ..settings };
    let real = world.redrive_with(&functions, &world.by_hand(), &filter, wet).await;
    assert_eq!((dry.letters, dry.redriven, dry.invocations), (4, 4, 2));
    assert_eq!(RedriveOutcome { dry_run: false, ..dry }, real);
    assert_eq!(outlook(&world), [3, 4, 0]);
}

#[tokio::test]
async fn no_more_letters_leave_in_a_second_than_are_allowed() {
    let world = parked(100, None).await;
    let functions = MemoryFunctions::new(|_, _| ready(done()));
    let settings = RedriveSettings { per_second: NonZeroU32::new(10), ..settings() };
    world.redrive_with(&functions, &world.by_hand(), &Filter::default(), settings).await;
    assert!(functions.invoked().iter().all(|(_, event)| places(event).len() <= 10));
    let slept: SignedDuration = world.time.sleeps().into_iter().sum();
    assert_eq!(slept, SignedDuration::from_secs(9));
}

#[tokio::test]
async fn a_redrive_whose_time_is_over_goes_on_where_it_stopped() {
    let world = parked(100, None).await;
    let functions = MemoryFunctions::new(|_, _| ready(done()));
    let slow = RedriveSettings { per_second: NonZeroU32::new(10), ..settings() };
    let mut runs = 0;
    while world.listing().status != Status::Redriven {
        world.time.begin_invocation(SignedDuration::from_secs(73));
        let outcome = world.redrive_with(&functions, &Scope::Due, &Filter::default(), slow.clone()).await;
        assert!(outcome.redriven <= 40, "{outcome:#?}");
        world.time.advance(SignedDuration::from_mins(1));
        runs += 1;
        assert!(runs < 10);
    }
    assert!(runs >= 3, "{runs}");
    let sent: Vec<usize> = functions.invoked().iter().flat_map(|(_, event)| places(event)).collect();
    assert_eq!(sent, (0..100).collect::<Vec<_>>(), "each once");
}

#[tokio::test]
async fn two_at_once_do_not_do_the_same_work() {
    let world = parked(50, None).await;
    let functions = MemoryFunctions::new(|_, _| ready(done()));
    let settings = RedriveSettings { event_letters: 5, ..settings() };
    let (scope, filter) = (world.by_hand(), Filter::default());
    let (one, two) = futures::join!(
        world.redrive_with(&functions, &scope, &filter, settings.clone()),
        world.redrive_with(&functions, &scope, &filter, settings)
    );
    assert_eq!((one.redriven + two.redriven, one.claimed + two.claimed), (50, 1), "{one:#?} {two:#?}");
    assert_eq!(functions.invoked().len(), 10);
}

#[tokio::test]
async fn a_redrive_that_dies_anywhere_is_taken_up_by_the_next_one() {
    let mut crashes = 0;
    for polls in 0.. {
        let world = parked(6, None).await;
        let functions = MemoryFunctions::new(|_, _| ready(done()));
        let settings = RedriveSettings { event_letters: 2, ..settings() };
        let (scope, filter) = (world.by_hand(), Filter::default());
        if crash_after(polls, world.redrive_with(&functions, &scope, &filter, settings.clone())).await.is_some() {
            break;
        }
        crashes += 1;
        let before = functions.invoked().len();
        world.time.advance(SignedDuration::from_mins(6));
        world.redrive_with(&functions, &Scope::Due, &filter, settings).await;
        assert_eq!(world.listing().status, Status::Redriven, "after {polls} polls");
        let sent: Vec<usize> = functions.invoked().iter().flat_map(|(_, event)| places(event)).collect();
        assert_eq!(sent.iter().collect::<BTreeSet<_>>().len(), 6, "after {polls} polls");
        assert!(functions.invoked().len() <= 4, "after {polls} polls {before}: one event at the most goes twice");
    }
    assert!(crashes >= 20, "{crashes}");
}

#[tokio::test]
async fn a_claim_on_what_waits_for_a_person_is_given_back_and_not_worked_on_by_itself() {
    let world = parked(6, Some("Unhandled")).await;
    let functions = MemoryFunctions::new(|_, _| ready(done()));
    let scope = world.by_hand();
    let claimed = crash_after(7, world.redrive(&functions, &scope)).await;
    assert_eq!((claimed.is_none(), world.listing().status), (true, Status::Redriving));
    let sent = functions.invoked().len();
    world.time.advance(SignedDuration::from_mins(6));
    world.redrive(&functions, &Scope::Due).await;
    assert_eq!((world.listing().status, functions.invoked().len()), (Status::Waiting, sent));
}

/// A letter that a function stored itself.
fn stored(stage: Stage, kind: Kind, place: Place, payload: &[u8], seen: &str) -> DeadLetter {
    let failure = Failure::new(stage, kind, "GLOBAL_QUOTE MSFT", "why");
    DeadLetter { failure, place, id: None, attempts: 1, seen: seen.parse().unwrap(), payload: payload.to_vec() }
}

fn body(letters: &[DeadLetter]) -> String {
    letters.iter().map(|letter| letter.to_line() + "\n").collect()
}

#[tokio::test]
async fn a_record_that_fails_for_good_again_and_again_stays_one_batch() {
    let world = Arc::new(World::new());
    let place = Place {
        function: CONSUMER.into(),
        stream: Some("stream".into()),
        shard: Some(SHARD.into()),
        sequence_number: Some(number(0)),
        partition_key: Some("key".into()),
    };
    let at = |day: u32| format!("2026-11-{day}T16:00:00Z");
    let letters = |day| [stored(Stage::Decode, Kind::NotJson, place.clone(), b"poison", &at(day))];
    let told = |day: u32| {
        let key = object_key(&letters(day)).unwrap();
        world.objects.put(&key, body(&letters(day)).as_bytes());
        notification(&[&key])
    };
    world.park(&[("m0", told(20))]).await;
    for day in 21..25 {
        // The consumer stores it once more, under the date of that day, and is done with it.
        let functions = MemoryFunctions::new(|_, _| ready(done()));
        assert_eq!(world.redrive(&functions, &world.by_hand()).await.redriven, 1, "day {day}");
        assert_eq!(world.listing().status, Status::Redriven);
        assert_eq!(world.park(&[("m1", told(day))]).await.outcome.reopened, 1);
        assert_eq!(world.park(&[("m2", told(day)), ("m3", told(20))]).await.outcome.repeated, 2, "neither is later");
        let listing = world.listing();
        assert_eq!((listing.status, listing.redrives), (Status::Waiting, day - 20));
        world.time.advance(SignedDuration::from_hours(24));
        assert_eq!(world.redrive(&functions, &Scope::Due).await.batches, 0, "not by itself");
    }
}

#[tokio::test]
async fn the_news_may_come_before_the_redrive_is_written_down() {
    let world = Arc::new(parked(3, Some("Unhandled")).await);
    let payloads: Vec<Vec<u8>> = (0..3).map(|nth| format!("{{\"symbol\":\"S{nth}\"}}").into_bytes()).collect();
    let told = given_up(&payloads, 0, Some("Unhandled"), "2026-11-20T18:00:00Z").to_string();
    let within = Arc::clone(&world);
    let functions = MemoryFunctions::new(move |_, _| {
        let (world, told) = (Arc::clone(&within), told.clone());
        async move {
            world.objects.put("aws/lambda/m/s/2", told.as_bytes());
            world.park(&[("m2", notification(&["aws/lambda/m/s/2"]))]).await;
            done()
        }
    });
    let settings = RedriveSettings { event_letters: 1, ..settings() };
    let outcome = world.redrive_with(&functions, &world.by_hand(), &Filter::default(), settings).await;
    assert_eq!((outcome.claimed, outcome.invocations), (1, 1), "whose batch is taken over stops: {outcome:#?}");
    assert_eq!((world.listing().status, outlook(&world)), (Status::Waiting, [3, 0, 0]));
}

#[tokio::test]
async fn what_never_reached_its_stream_is_put_there_and_what_nobody_can_redrive_says_so() {
    let world = World::new();
    let place = |stream: Option<&str>| Place {
        function: "poll-equities".into(),
        stream: stream.map(str::to_owned),
        partition_key: Some("symbol_MSFT_7".into()),
        ..Default::default()
    };
    let at = "2026-11-20T16:00:00Z";
    let letters = [
        stored(Stage::Produce, Kind::Unavailable, place(Some("financial")), b"{\"n\":1}", at),
        stored(Stage::Produce, Kind::Oversized, place(Some("financial")), b"{\"n\":2}", at),
        stored(Stage::Validate, Kind::InvalidRow, place(None), b"row", at),
        stored(Stage::Produce, Kind::Unavailable, place(Some("events")), b"{\"n\":3}", at),
    ];
    let key = object_key(&letters).unwrap();
    world.objects.put(&key, body(&letters).as_bytes());
    world.park(&[("m1", notification(&[&key]))]).await;
    let functions = MemoryFunctions::new(|_, _| ready(done()));
    world.time.advance(SignedDuration::from_mins(2));
    world.streams.of("events").puts.always(Fault::Before);
    let outcome = world.redrive(&functions, &Scope::Due).await;
    assert_eq!((outcome.put, outcome.stayed, outcome.not_redrivable), (1, 1, 0), "{outcome:#?}");
    assert_eq!(world.streams.of("financial").taken()[0].data, b"{\"n\":1}");
    world.streams.of("events").puts.none();
    let by_hand = world.redrive(&functions, &world.by_hand()).await;
    assert_eq!((by_hand.put, by_hand.not_redrivable, by_hand.reasons.len()), (1, 2, 2), "{by_hand:#?}");
    assert_eq!(world.streams.of("events").taken()[0].partition_key.as_str(), "symbol_MSFT_7");
    assert_eq!(world.streams.of("financial").taken().len(), 1);
    assert!(functions.invoked().is_empty());
    assert_eq!((world.listing().status, outlook(&world)), (Status::Waiting, [2, 2, 0]));

    let id = world.listing().id;
    let how = |dry_run| Discarding { now: world.time.now(), keep_done: KEEP, by: "me", reason: "no use", dry_run };
    let ports = (&world.objects, &world.listings);
    let rows = Filter { kinds: [Kind::InvalidRow].into(), ..Default::default() };
    assert_eq!(discard(ports, &id, &rows, &how(true)).await.unwrap().letters, 1);
    assert_eq!(outlook(&world), [2, 2, 0], "a dry run");
    assert_eq!(discard(ports, &id, &rows, &how(false)).await.unwrap().waiting, 1);
    assert_eq!(discard(ports, &id, &Filter::default(), &how(false)).await.unwrap().letters, 1);
    assert_eq!((world.listing().status, outlook(&world)), (Status::Redriven, [0, 2, 2]));
    assert_eq!(world.listing().discards.iter().map(|trace| trace.letters).collect::<Vec<_>>(), [1, 1]);
}

#[tokio::test]
async fn a_call_is_made_once_more_by_hand_only() {
    let world = World::new();
    let told = json!({
        "requestContext": {"requestId": "r", "functionArn": format!("arn:aws:lambda:us-east-1:1:function:{PREFIX}sweep-series"), "condition": "EventAgeExceeded"},
        "requestPayload": {"job": "sweep"},
    });
    world.park(&[("m1", told.to_string())]).await;
    let seen = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&seen);
    let functions = MemoryFunctions::new(move |function, event| {
        kept.lock().unwrap().push((function, event));
        ready(Invoked::Returned(b"{}".to_vec()))
    });
    world.time.advance(SignedDuration::from_hours(1));
    assert_eq!(world.redrive(&functions, &Scope::Due).await.batches, 0);
    assert_eq!(world.redrive(&functions, &world.by_hand()).await.redriven, 1);
    assert_eq!(*seen.lock().unwrap(), [("sweep-series".to_owned(), br#"{"job":"sweep"}"#.to_vec())]);
    assert_eq!(world.listing().status, Status::Redriven);
}
