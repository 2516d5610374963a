//! HTTP around the replies: headers, what a client accepts, connections that hang, the order of the log.

use std::{io::Read, time::Duration};

use flate2::read::GzDecoder;
use jiff::Timestamp;
use market_simulator::Plan;
use serde_json::{Value, json};
use tokio::{io::AsyncReadExt, time::timeout};

use crate::client::{FRIDAY_NOON, Session, exchange_bytes, header, open};

const QUOTE: &str = "/query?apikey=K&function=GLOBAL_QUOTE&symbol=MSFT";
const CSV: &str = "/query?apikey=K&function=GLOBAL_QUOTE&symbol=MSFT&datatype=csv";
const CALENDAR: &str = "/query?apikey=K&function=EARNINGS_CALENDAR&symbol=IBM";

async fn get(session: &Session, path: &str, headers: &str) -> (String, Vec<u8>) {
    session.clock.advance(1_000);
    exchange_bytes(&session.running.url, "GET", path, headers, "").await
}

#[tokio::test]
async fn replies_are_compressed_for_those_who_accept_it() {
    let session = Session::start(FRIDAY_NOON, |options| options.plan = Plan::P1200).await;
    for path in [QUOTE, CSV, CALENDAR, "/query?apikey=K&function=GLOBAL_QUOTE"] {
        session.clock.advance(60_000);
        let (plain_head, plain) = exchange_bytes(&session.running.url, "GET", path, "", "").await;
        let (head, packed) =
            exchange_bytes(&session.running.url, "GET", path, "accept-encoding: br, gzip\r\n", "").await;
        assert_eq!((header(&plain_head, "content-encoding"), header(&head, "content-encoding")), ("", "gzip"));
        assert_eq!(header(&head, "content-type"), header(&plain_head, "content-type"));
        let mut unpacked = Vec::new();
        GzDecoder::new(&packed[..]).read_to_end(&mut unpacked).unwrap();
        assert_eq!(unpacked, plain);
        for head in [plain_head, head] {
            assert_eq!((header(&head, "via"), header(&head, "vary")), ("1.1 vegur", "Cookie, Origin"));
            assert_eq!(header(&head, "cf-cache-status"), "DYNAMIC");
            let lower = head.to_ascii_lowercase();
            assert!(
                !lower.contains("retry-after") && !lower.contains("ratelimit") && !lower.contains("etag"),
                "{head}"
            );
        }
    }
}

#[tokio::test]
async fn no_refusal_says_when_to_come_back() {
    let session = Session::start(FRIDAY_NOON, |options| options.plan = Plan::Free).await;
    for number in 0..2 {
        let reply = session.query("function=GLOBAL_QUOTE&symbol=MSFT").await;
        assert_eq!((reply.status, reply.header("retry-after")), (200, ""));
        assert_eq!(reply.body.contains("1 request per second"), number == 1);
    }
}

#[tokio::test]
async fn a_narrow_accept_is_refused() {
    let session = Session::start(FRIDAY_NOON, |_| {}).await;
    for (path, accept, is_good) in [
        (QUOTE, "", true),
        (QUOTE, "accept: */*\r\n", true),
        (QUOTE, "accept: text/html, application/json;q=0.9\r\n", true),
        (QUOTE, "accept: text/csv\r\n", false),
        (QUOTE, "accept: text/html\r\n", false),
        (CSV, "accept: text/csv\r\n", true),
        (CSV, "accept: application/json\r\n", false),
        (CALENDAR, "accept: text/csv\r\n", true),
        (CALENDAR, "accept: application/json\r\n", false),
    ] {
        let (head, body) = get(&session, path, accept).await;
        let refused = r#"{"detail":"Could not satisfy the request Accept header."}"#;
        assert_eq!(
            (head.contains(" 406 "), body == refused.as_bytes()),
            (!is_good, !is_good),
            "{path} {accept}: {head}"
        );
        assert!(is_good || header(&head, "content-type") == "application/json");
    }
    let status = session.running.status();
    assert_eq!(status["calls"]["by_answer"], json!({"data": 5, "not_acceptable": 4}));
    assert_eq!(status["limits"]["per_day"]["max_seen"], 5, "what is not accepted reaches no limit");
}

#[tokio::test]
async fn a_call_that_hangs_is_never_answered_and_keeps_nobody_from_stopping() {
    let session = Session::start(FRIDAY_NOON, |_| {}).await;
    session.send("POST", "/control/faults", r#"[{"function":"NEWS_SENTIMENT","answer":"hang"}]"#).await;
    let url = session.running.url.clone();
    let hang = async || open(&url, "GET", "/query?apikey=K&function=NEWS_SENTIMENT", "", "").await;
    let (gone, mut waiting) = (hang().await, hang().await);
    let mut byte = [0];
    assert!(timeout(Duration::from_millis(150), waiting.read(&mut byte)).await.is_err(), "it hangs");
    // The others are served, and a client that has hung up is forgotten.
    drop(gone);
    assert_eq!(session.query("function=GLOBAL_QUOTE&symbol=MSFT").await.status, 200);
    assert_eq!(session.running.status()["calls"]["by_answer"], json!({"data": 1, "hang": 2}));
    timeout(Duration::from_secs(10), session.running.stop()).await.unwrap();
}

#[tokio::test]
async fn calls_are_logged_in_the_order_in_which_they_came() {
    let session = Session::start(FRIDAY_NOON, |options| (options.plan, options.speed) = (Plan::P1200, 1_000)).await;
    let url = session.running.url.clone();
    // Long replies and short ones at once, while the clock runs.
    let mut open_calls = Vec::new();
    for number in 0..40 {
        let function = if number % 4 == 0 { "TOP_GAINERS_LOSERS" } else { "GLOBAL_QUOTE" };
        let (url, path) = (url.clone(), format!("/query?apikey=K&function={function}&symbol=S{number}"));
        open_calls.push(tokio::spawn(async move { exchange_bytes(&url, "GET", &path, "", "").await }));
        session.clock.advance(3);
    }
    for call in open_calls {
        call.await.unwrap();
    }
    let log = session.running.calls();
    let calls = log["calls"].as_array().unwrap();
    assert_eq!((calls.len(), &log["dropped"]), (40, &json!(0)));
    assert!(calls.is_sorted_by_key(|call| call["at_ms"].as_i64().unwrap()));
    for call in calls {
        let at: Timestamp = call["at"].as_str().unwrap().parse().unwrap();
        assert_eq!(at.as_millisecond(), call["at_ms"].as_i64().unwrap());
        assert!(call["answer"].is_string() && call["function"].is_string() && call["subject"].is_string());
        assert_ne!(call["answer"], Value::Null);
    }
}
