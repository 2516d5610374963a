//! Polling: verdicts, pauses, stops, secrets.

use std::collections::BTreeSet;

use alphavantage::{Request, Verdict};
use failure::{Kind, Stage};
use flow::Limits;
use jiff::SignedDuration;
use pipeline::{
    Cooldowns,
    port::{CallError, Fetched},
};
use testkit::{Fault, crash_after, for_each_seed, reply};

use crate::poller::{KEY, Poller, bars, bars_of, job, quote, quote_of};

const LIMIT_SECOND: &str =
    "Please consider spreading out your free API requests more sparingly (1 request per second).";
const LIMIT_DAY: &str =
    "We have detected your API key as QX7Z1K4M9P2R8S3T and our standard API rate limit is 25 requests per day.";
const BAD_KEY: &str = "the parameter apikey is invalid or missing.";

/// A reply for each verdict that is not data, and how often it is asked for in a run.
fn refusals() -> Vec<(Verdict, u64, Fetched)> {
    vec![
        (Verdict::Empty, 1, bars("ACME", &[])),
        (Verdict::UnknownSymbol, 1, reply::json("{}")),
        (Verdict::LimitSecond, 3, reply::refusal(LIMIT_SECOND)),
        (Verdict::LimitMinute, 2, reply::refusal("Our standard API call frequency is 5 calls per minute.")),
        (Verdict::LimitDay, 1, reply::refusal(LIMIT_DAY)),
        (Verdict::Premium, 1, reply::refusal("This is a premium endpoint.")),
        (Verdict::BadKey, 1, reply::refusal(BAD_KEY)),
        (Verdict::DemoKey, 1, reply::refusal("The **demo** API key is for demo purposes only.")),
        (Verdict::Artificial, 1, reply::refusal("***THE SAMPLE DATA SCHEMA BELOW IS ARTIFICIAL***")),
        (Verdict::BadRequest, 1, reply::refusal("Invalid API call.")),
        (Verdict::Transient, 3, reply::html(503)),
        (Verdict::UnknownShape, 1, reply::json(r#"{"Time Series (1min)": "#)),
    ]
}

fn seconds(seconds: i64) -> SignedDuration {
    SignedDuration::from_secs(seconds)
}

#[tokio::test]
async fn every_refusal_is_counted_under_its_name_and_none_becomes_a_record() {
    let mut seen = BTreeSet::from([Verdict::Data]);
    for (verdict, asked, fetched) in refusals() {
        let poller = Poller::new();
        let request = bars_of("ACME");
        poller.answers(&request, [Ok(fetched)]);
        let outcome = poller.poll(&[request]).await;
        assert_eq!(outcome.refused.into_iter().collect::<Vec<_>>(), [(verdict.as_str(), asked)]);
        assert_eq!((outcome.calls, outcome.accepted, outcome.records), (asked, 0, 0), "{verdict}");
        assert!(poller.stream.offered().is_empty(), "{verdict}");
        assert_eq!(outcome.refusals.len() as u64, asked);
        assert_eq!(outcome.refusals[0].what_to_do, verdict.what_to_do());
        assert!(!outcome.refusals[0].message.is_empty(), "{verdict}");
        seen.insert(verdict);
    }
    assert_eq!(seen, Verdict::ALL.iter().copied().collect(), "a verdict without a case");
}

#[tokio::test]
async fn a_limit_per_second_pauses_for_two_seconds_and_asks_again() {
    let poller = Poller::new();
    let request = quote_of("ACME");
    poller.answers(&request, [Ok(reply::refusal(LIMIT_SECOND)), Ok(quote("ACME"))]);
    let outcome = poller.poll(&[request]).await;
    assert_eq!((outcome.calls, outcome.accepted, outcome.put), (2, 1, 1));
    assert_eq!(outcome.refused["limit_second"], 1);
    assert!(
        poller.time.sleeps().iter().any(|wait| *wait > seconds(1) && *wait <= seconds(2)),
        "{:?}",
        poller.time.sleeps()
    );
    assert_eq!((outcome.stopped, outcome.not_asked), (None, 0));
}

#[tokio::test]
async fn limits_and_bad_keys_end_the_run_and_say_how_many_were_not_asked() {
    for (verdict, _, fetched) in refusals() {
        use Verdict::*;
        let stops = [LimitSecond, LimitMinute, LimitDay, Premium, BadKey, DemoKey, Artificial].contains(&verdict);
        let poller = Poller::new();
        let requests = ["ONE", "ACME", "TWO", "SIX"].map(bars_of);
        for symbol in ["ONE", "TWO", "SIX"] {
            poller.answers(&bars_of(symbol), [Ok(bars(symbol, &["10"]))]);
        }
        poller.answers(&requests[1], [Ok(fetched)]);
        let outcome = poller.poll(&requests).await;
        // What is paused for goes on with the others meanwhile.
        if ![LimitSecond, LimitMinute].contains(&verdict) {
            assert_eq!(outcome.not_asked, if stops { 2 } else { 0 }, "{verdict}");
            assert_eq!(outcome.put, if stops { 1 } else { 3 }, "{verdict}");
        }
        match outcome.stopped {
            Some(reason) => {
                assert!(stops && reason.contains("TIME_SERIES_INTRADAY ACME"), "{reason}");
                assert!(reason.contains(verdict.what_to_do()), "{reason}");
            }
            None => assert!(!stops, "{verdict}"),
        }
    }
}

#[tokio::test]
async fn the_reason_of_a_stop_is_that_of_the_last_refusal_however_many_there_were() {
    let poller = Poller::new();
    let mut requests: Vec<_> = (0..30).map(|nth| quote_of(&format!("NO{nth}"))).collect();
    requests.iter().for_each(|request| poller.answers(request, [Ok(reply::json("{}"))]));
    requests.push(quote_of("ACME"));
    poller.answers(&requests[30], [Ok(reply::refusal(BAD_KEY))]);
    let outcome = poller.poll(&requests).await;
    assert_eq!(outcome.refused["unknown_symbol"], 30);
    let reason = outcome.stopped.unwrap();
    assert!(reason.contains("bad_key") && reason.contains(Verdict::BadKey.what_to_do()), "{reason}");
}

#[tokio::test]
async fn trouble_on_the_way_is_tried_again_within_bounds() {
    let cut = || Err(CallError::unavailable(format!("GET /query?apikey={KEY}: connection reset")));
    let poller = Poller::new();
    let [first, second, third] = ["ONE", "TWO", "SIX"].map(quote_of);
    poller.answers(&first, [Ok(reply::html(503)), cut(), Ok(quote("ONE"))]);
    poller.answers(&second, [cut()]);
    poller.answers(&third, [Ok(quote("SIX"))]);
    let outcome = poller.poll(&[first, second, third]).await;
    assert_eq!((outcome.calls, outcome.accepted, outcome.failed, outcome.put), (7, 2, 4, 2));
    assert_eq!(outcome.refused["transient"], 1);
    assert_eq!((outcome.stopped, outcome.not_asked), (None, 0));
    assert!(outcome.failures.iter().all(|failure| failure.kind == Kind::Transport && failure.stage == Stage::Fetch));
    assert!(poller.time.sleeps().iter().all(|wait| *wait <= seconds(2)));
}

#[tokio::test]
async fn recorded_cooldowns_are_noted_and_not_waited_for() {
    let mut poller = Poller::new();
    poller.settings.cooldowns = Cooldowns::Record;
    let mut requests = Vec::new();
    for (nth, (verdict, _, fetched)) in refusals().into_iter().enumerate() {
        if verdict != Verdict::Empty {
            requests.push(quote_of(&format!("SYM{nth}")));
            poller.answers(requests.last().unwrap(), [Ok(fetched)]);
        }
    }
    requests.push(quote_of("ACME"));
    poller.answers(requests.last().unwrap(), [Ok(quote("ACME"))]);
    let outcome = poller.poll(&requests).await;
    assert_eq!((outcome.calls, outcome.accepted, outcome.put), (requests.len() as u64, 1, 1));
    assert!(outcome.refused.values().all(|&times| times == 1));
    assert_eq!((outcome.stopped, outcome.not_asked), (None, 0));
    // What is left is the even spacing of calls.
    assert!(poller.time.sleeps().iter().all(|wait| *wait <= SignedDuration::from_millis(300)));
}

#[tokio::test]
async fn near_the_deadline_no_further_request_is_begun() {
    let mut poller = Poller::new();
    poller.settings.limits = Limits::of_plan(1, None, None);
    poller.time.begin_invocation(seconds(15));
    let requests = ["ONE", "TWO", "SIX", "TEN", "ACME"].map(quote_of);
    for (request, symbol) in requests.iter().zip(["ONE", "TWO", "SIX", "TEN", "ACME"]) {
        poller.answers(request, [Ok(quote(symbol))]);
    }
    let outcome = poller.poll(&requests).await;
    // One call each 1.5 s: after three of them the next would come with less than ten seconds left.
    assert_eq!((outcome.calls, outcome.put, outcome.not_asked), (3, 3, 2));
    assert!(outcome.stopped.unwrap().contains("time is nearly over"));
    // What was not asked comes first the next time.
    poller.time.begin_invocation(seconds(900));
    poller.poll(&requests).await;
    assert_eq!(poller.vendor.asked()[3..5], ["GLOBAL_QUOTE TEN", "GLOBAL_QUOTE ACME"]);

    // Nor is a request tried again.
    poller.time.begin_invocation(seconds(12));
    poller.answers(&requests[0], [Ok(reply::html(503))]);
    let outcome = poller.poll(&requests[..1]).await;
    assert_eq!((outcome.calls, outcome.refused["transient"]), (1, 1));
}

#[tokio::test]
async fn one_unknown_symbol_does_not_concern_the_others() {
    let poller = Poller::new();
    let requests = ["ONE", "NONE", "TWO"].map(quote_of);
    poller.answers(&requests[0], [Ok(quote("ONE"))]);
    poller.answers(&requests[1], [Ok(reply::json(r#"{"Global Quote": {}}"#))]);
    poller.answers(&requests[2], [Ok(quote("TWO"))]);
    let outcome = poller.poll(&requests).await;
    assert_eq!((outcome.accepted, outcome.put, outcome.refused["unknown_symbol"]), (2, 2, 1));
    assert_eq!(outcome.refusals[0].request, "GLOBAL_QUOTE NONE");
}

#[tokio::test]
async fn an_unknown_shape_is_kept_with_its_body_and_without_the_key() {
    let poller = Poller::new();
    let request = quote_of("ACME");
    poller.answers(&request, [Ok(reply::json(format!(r#"{{"Weather": "sunny", "url": "?apikey={KEY}&x={KEY}"}}"#)))]);
    let outcome = poller.poll(std::slice::from_ref(&request)).await;
    assert_eq!((outcome.quarantined, outcome.refused["unknown_shape"], outcome.records), (1, 1, 0));
    let letter = &poller.dead_letters.letters()[0];
    assert_eq!(letter.payload, br#"{"Weather": "sunny", "url": "?apikey=***&x=***"}"#);
    assert_eq!((letter.failure.stage, letter.failure.kind), (Stage::Classify, Kind::UnknownShape));
    assert!(letter.failure.reason.contains(Verdict::UnknownShape.what_to_do()));

    poller.dead_letters.keeps.always(Fault::Before);
    let outcome = poller.poll(&[request]).await;
    assert_eq!((outcome.quarantined, outcome.failures.len()), (0, 1));
}

#[tokio::test]
async fn the_api_key_leaves_by_no_door() {
    let poller = Poller::new();
    let [day, cut, rows] = [quote_of("ONE"), quote_of("TWO"), bars_of("ACME")];
    poller.answers(&cut, [Err(CallError::unavailable(format!("https://vendor/query?apikey={KEY}: timed out")))]);
    poller.answers(&rows, [Ok(bars("ACME", &["10", KEY, "11"]))]);
    poller.answers(&day, [Ok(reply::refusal(LIMIT_DAY))]);
    // The poller looks for the key after every poll; here only that it had something to look at.
    let outcome = poller.poll(&[cut, rows, day]).await;
    assert_eq!((outcome.failed, outcome.put, outcome.dead_lettered, outcome.refused["limit_day"]), (3, 2, 1, 1));
    assert!(outcome.stopped.unwrap().contains("API key as ***"));
    let letter = &poller.dead_letters.letters()[0];
    assert!(String::from_utf8_lossy(&letter.payload).contains(r#""1. open": "***""#));
    assert!(letter.failure.reason.contains("***"), "{}", letter.failure.reason);
}

#[test]
fn the_account_balances_whatever_fails() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    for_each_seed(300, |seed| {
        let mut rng = fastrand::Rng::with_seed(seed);
        let mut poller = Poller::new();
        poller.time.begin_invocation(seconds(rng.i64(5..120)));
        if rng.bool() {
            poller.settings.cooldowns = Cooldowns::Record;
        }
        let share = rng.f64() * 0.7;
        for (nth, faults) in
            [&poller.stream.puts, &poller.ledger.loads, &poller.ledger.saves, &poller.dead_letters.keeps]
                .into_iter()
                .enumerate()
        {
            faults.random(seed ^ nth as u64, share);
        }
        let requests: Vec<_> = (0..rng.usize(0..8)).map(|nth| bars_of(&format!("SYM{nth}"))).collect();
        for _ in 0..3 {
            for (nth, request) in requests.iter().enumerate() {
                let symbol = format!("SYM{nth}");
                let answers = (0..4).map(|_| match rng.u8(0..6) {
                    0 => Err(CallError::unavailable("reset")),
                    1 => Ok(rng.choice(refusals()).unwrap().2),
                    2 => Ok(bars(&symbol, &["10", "-1", KEY, "12"])),
                    _ => Ok(bars(&symbol, &["10", "11", rng.choice(["12", "13", "14"]).unwrap()])),
                });
                poller.vendor.answers(request, answers.collect::<Vec<_>>());
            }
            let outcome = runtime.block_on(poller.poll(&requests));
            let asked = poller.vendor.asked().iter().collect::<BTreeSet<_>>().len() as u64;
            assert!(asked + outcome.not_asked >= requests.len() as u64);
        }
    });
}

#[tokio::test]
async fn a_refused_key_is_renewed_once_and_the_request_asked_again() {
    let poller = Poller::new();
    poller.vendor.keys(&[KEY, "QX7Z1K4M9P2R8S3U"]);
    let requests = ["ONE", "TWO"].map(quote_of);
    poller.answers(&requests[0], [Ok(reply::refusal(BAD_KEY)), Ok(quote("ONE"))]);
    poller.answers(&requests[1], [Ok(quote("TWO"))]);
    let outcome = poller.poll(&requests).await;
    assert_eq!((poller.vendor.renewals(), outcome.refused["bad_key"], outcome.put), (1, 1, 2));
    assert_eq!((outcome.stopped, outcome.not_asked), (None, 0));

    // A key that is as bad ends the run: there is no third one.
    let poller = Poller::new();
    poller.vendor.keys(&[KEY, "QX7Z1K4M9P2R8S3U"]);
    poller.answers(&requests[0], [Ok(reply::refusal(BAD_KEY))]);
    poller.answers(&requests[1], [Ok(quote("TWO"))]);
    let outcome = poller.poll(&requests).await;
    assert_eq!((poller.vendor.renewals(), outcome.refused["bad_key"]), (1, 2));
    assert!(outcome.stopped.unwrap().contains("bad_key"));
}

#[tokio::test]
async fn a_server_that_never_answers_ends_the_run_in_time_with_its_cursor_saved() {
    let poller = Poller::new();
    let requests: Vec<_> = (0..12).map(|nth| quote_of(&format!("SYM{nth}"))).collect();
    requests
        .iter()
        .for_each(|request| poller.answers(request, [Err(CallError::unavailable("no whole reply came in time"))]));
    let outcome = poller.poll(&requests).await;
    assert!(outcome.stopped.unwrap().contains("5 calls in a row were not answered"));
    assert!(outcome.not_asked > 0 && outcome.calls <= 12, "{}", outcome.calls);
    let cursor = poller.ledger.cursor("poll-equities|quotes", &job(&requests).entries).unwrap();
    let attempted = (0..12).filter(|index| cursor.attempted_at(*index).is_some()).count() as u64;
    assert!(attempted > 0 && attempted + outcome.not_asked >= 12, "{attempted}");
    assert!((0..12).all(|index| cursor.succeeded_at(index).is_none()));
}

#[tokio::test]
async fn a_poller_that_is_killed_anywhere_skips_and_never_repeats() {
    let requests: Vec<_> = (0..4).map(|nth| quote_of(&format!("SYM{nth}"))).collect();
    for polls in 0.. {
        let poller = Poller::new();
        for (nth, request) in requests.iter().enumerate() {
            poller.answers(request, [Ok(quote(&format!("SYM{nth}")))]);
        }
        let ended = crash_after(polls, poller.poll(&requests)).await.is_some();
        let first = poller.vendor.asked().len();
        let cursor = poller.ledger.cursor("poll-equities|quotes", &job(&requests).entries);
        let noted =
            (0..4).filter(|index| cursor.as_ref().is_some_and(|cursor| cursor.attempted_at(*index).is_some())).count();
        assert!(first <= noted, "asked before it was noted; killed at {polls}");
        if ended {
            assert!(polls > 20, "{polls} moments are too few");
            return;
        }
    }
}

#[tokio::test]
async fn what_the_old_key_is_told_does_not_close_the_new_one() {
    let poller = Poller::new();
    poller.vendor.keys(&[KEY, "QX7Z1K4M9P2R8S3U"]);
    let requests = ["ONE", "TWO", "SIX"].map(quote_of);
    for (request, symbol) in requests.iter().zip(["ONE", "TWO", "SIX"]) {
        // All three are refused for the key that was sent with them; the first to be settled renews it.
        poller.answers(request, [Ok(reply::refusal(BAD_KEY)), Ok(quote(symbol))]);
    }
    poller.vendor.answer_together(3);
    let outcome = poller.poll(&requests).await;
    assert_eq!((outcome.refused["bad_key"], outcome.put, outcome.stopped), (3, 3, None));
    assert_eq!(poller.vendor.renewals(), 1);
}

#[tokio::test]
async fn a_key_in_the_words_of_an_article_goes_no_further() {
    let poller = Poller::new();
    let request = Request::NewsSentiment {
        tickers: vec![],
        topics: vec!["ipo".parse().unwrap()],
        from: None,
        to: None,
        sort: None,
        limit: alphavantage::NewsLimit::DEFAULT,
    };
    let article = format!(
        r#"{{"items":"1","feed":[{{"title":"T {KEY}","url":"https://news.example/?apikey={KEY}&x=1","time_published":"20261120T110100",
        "authors":[],"summary":"the key is {KEY}\".","banner_image":null,"source":"S","topics":[],"ticker_sentiment":[],
        "overall_sentiment_score":0.1,"overall_sentiment_label":"Neutral"}}]}}"#
    );
    poller.answers(&request, [Ok(reply::json(article))]);
    // The poller looks for the key in every record.
    let outcome = poller.poll(&[request]).await;
    assert_eq!((outcome.put, outcome.dead_lettered), (1, 0), "{outcome:#?}");
    let text = String::from_utf8(poller.stream.taken()[0].data.clone()).unwrap();
    assert!(text.contains("https://news.example/?apikey=***&x=1"), "{text}");
}
