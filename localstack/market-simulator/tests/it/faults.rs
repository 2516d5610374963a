//! Faults over HTTP: what a client sees, and how wrong input is answered.

use std::time::{Duration, Instant};

use jiff::civil::Weekday;
use market::Date;
use rust_decimal::Decimal;
use serde_json::{Value, json};

use crate::client::{FRIDAY_NOON, Reply, Session};

const QUOTE: &str = "function=GLOBAL_QUOTE&symbol=MSFT";
const INTRADAY: &str = "function=TIME_SERIES_INTRADAY&symbol=MSFT&interval=5min";
const FX: &str = "function=CURRENCY_EXCHANGE_RATE&from_currency=USD&to_currency=JPY";
const CRYPTO: &str = "function=CURRENCY_EXCHANGE_RATE&from_currency=BTC&to_currency=USD";
const DAILY: &str = "function=DIGITAL_CURRENCY_DAILY&symbol=BTC&market=USD";

async fn with(session: &Session, answer: &str, query: &str) -> Reply {
    let set = session.send("POST", "/control/faults", &json!([{"answer": answer, "times": 1}]).to_string()).await;
    assert_eq!((set.status, &set.json()[0]["answer"]), (200, &json!(answer)));
    session.clock.advance(1_000);
    session.query(query).await
}

fn number(value: &Value) -> Decimal {
    value.as_str().unwrap().parse().unwrap()
}

#[tokio::test]
async fn every_refusal_can_be_asked_for() {
    let session = Session::start(FRIDAY_NOON, |_| {}).await;
    for (answer, words) in [
        ("limit_second", "1 request per second"),
        ("limit_minute", "Minute-level rate limit"),
        ("limit_day", "We have detected your API key as K and"),
        ("premium", "This is a premium endpoint"),
        ("bad_key", "apikey is invalid or missing"),
        ("demo_key", "**demo** API key"),
        ("artificial", "ARTIFICIAL"),
        ("bad_request", "Invalid API call"),
        ("unknown_symbol", "Invalid API call"),
        ("no_articles", "No articles found"),
        ("empty", "{}"),
        ("unknown_shape", "outlook"),
    ] {
        let reply = with(&session, answer, INTRADAY).await;
        assert_eq!((reply.status, reply.content_type.as_str()), (200, "application/json"));
        assert!(reply.body.contains(words), "{answer}: {}", reply.body);
        assert!(reply.json().get("Meta Data").is_none());
        assert_eq!(session.running.status()["calls"]["by_answer"][answer], 1);
        assert!(session.query(INTRADAY).await.json()["Meta Data"].is_object(), "worn out");
    }
    assert_eq!(with(&session, "unknown_symbol", QUOTE).await.body, r#"{"Global Quote":{}}"#);
    let down = with(&session, "http_503", QUOTE).await;
    assert_eq!((down.status, down.content_type.as_str()), (503, "text/html; charset=utf-8"));
    assert!(down.body.contains("Application Error"));
}

#[tokio::test]
async fn broken_and_cut_replies_end_in_the_middle() {
    let session = Session::start(FRIDAY_NOON, |_| {}).await;
    for query in [QUOTE, INTRADAY] {
        let whole = session.query(query).await;
        let broken = with(&session, "broken_json", query).await;
        assert_eq!(broken.content_length, broken.body.len(), "HTTP is in order");
        assert!(serde_json::from_str::<Value>(&broken.body).is_err());
        let cut = with(&session, "cut", query).await;
        assert_eq!((cut.status, cut.content_length), (200, whole.content_length));
        assert_eq!(cut.body.len(), whole.body.len() / 2);
    }
}

#[tokio::test]
async fn a_bad_value_is_one_in_a_reply_that_is_otherwise_good() {
    let session = Session::start(FRIDAY_NOON, |_| {}).await;
    let quote = with(&session, "negative_price", QUOTE).await.json();
    assert!(number(&quote["Global Quote"]["05. price"]) < Decimal::ZERO);
    for (query, key) in [(INTRADAY, "Time Series (5min)"), (DAILY, "Time Series (Digital Currency Daily)")] {
        let json = with(&session, "negative_price", query).await.json();
        let bars = json[key].as_object().unwrap();
        assert_eq!(bars.len(), 100);
        assert_eq!(bars.values().filter(|bar| number(&bar["3. low"]) < Decimal::ZERO).count(), 1);
    }
    let rate = with(&session, "negative_price", FX).await.json();
    assert!(number(&rate["Realtime Currency Exchange Rate"]["5. Exchange Rate"]) < Decimal::ZERO);

    let quote = with(&session, "out_of_session", QUOTE).await.json();
    let day: Date = quote["Global Quote"]["07. latest trading day"].as_str().unwrap().parse().unwrap();
    assert_eq!(day.weekday(), Weekday::Sunday);
    let json = with(&session, "out_of_session", INTRADAY).await.json();
    let labels: Vec<&String> = json["Time Series (5min)"].as_object().unwrap().keys().collect();
    assert_eq!((labels.len(), labels.iter().filter(|label| &label[11..] < "04:00:00").count()), (100, 1));
    let rate = with(&session, "out_of_session", FX).await.json();
    assert_eq!(rate["Realtime Currency Exchange Rate"]["6. Last Refreshed"], "2026-11-14 17:00:00");
    let rate = with(&session, "out_of_session", CRYPTO).await.json();
    assert!(
        rate["Realtime Currency Exchange Rate"]["6. Last Refreshed"].as_str().unwrap().starts_with("2026-11-21 17:")
    );
    let daily = with(&session, "out_of_session", DAILY).await.json();
    assert!(daily["Time Series (Digital Currency Daily)"]["2026-11-21"].is_object());
}

#[tokio::test]
async fn a_wrong_symbol_is_another_one_even_if_only_one_exists() {
    let session = Session::start(FRIDAY_NOON, |options| {
        options.symbols = vec!["MSFT".parse().unwrap()];
        options.pairs = vec!["BTC/USD".parse().unwrap(), "USD/JPY".parse().unwrap()];
    })
    .await;
    assert_eq!(with(&session, "wrong_symbol", QUOTE).await.json()["Global Quote"]["01. symbol"], "IBM");
    assert_eq!(with(&session, "wrong_symbol", INTRADAY).await.json()["Meta Data"]["2. Symbol"], "IBM");
    for (query, code) in [(FX, "EUR"), (CRYPTO, "ETH")] {
        let rate = with(&session, "wrong_symbol", query).await.json();
        assert_eq!(rate["Realtime Currency Exchange Rate"]["1. From_Currency Code"], code);
    }
    let daily = with(&session, "wrong_symbol", DAILY).await.json();
    assert_eq!(daily["Meta Data"]["2. Digital Currency Code"], "ETH");
}

#[tokio::test]
async fn a_delay_holds_back_the_usual_reply() {
    let session = Session::start(FRIDAY_NOON, |_| {}).await;
    let begun = Instant::now();
    let reply = with(&session, "delay_ms:80", QUOTE).await;
    assert!(begun.elapsed() >= Duration::from_millis(80));
    assert!(reply.body.contains("05. price"));
}

#[tokio::test]
async fn faults_are_replaced_shown_and_cleared() {
    let session = Session::start(FRIDAY_NOON, |_| {}).await;
    let both = r#"[{"function":"GLOBAL_QUOTE","symbol":"MSFT","times":2,"answer":"empty"},{"symbol":"BTC/USD","answer":"cut"}]"#;
    session.send("POST", "/control/faults", both).await;
    assert_eq!(session.query(QUOTE).await.body, "{}");
    assert!(session.query(INTRADAY).await.body.contains("Meta Data"));
    assert_eq!(
        session.send("GET", "/control/faults", "").await.json(),
        json!([
            {"function": "GLOBAL_QUOTE", "symbol": "MSFT", "times": 1, "answer": "empty"},
            {"function": null, "symbol": "BTC/USD", "times": null, "answer": "cut"},
        ])
    );
    let wrong = session.send("POST", "/control/faults", r#"[{"answer":"melt"}]"#).await;
    assert_eq!(wrong.status, 400);
    for words in ["fault 1: answer `melt` is not known", "allowed is", "out_of_session", "TIME_SERIES_INTRADAY"] {
        assert!(wrong.body.contains(words), "{}", wrong.body);
    }
    assert_eq!(session.query(QUOTE).await.body, "{}", "wrong input changes nothing");
    assert_eq!(session.send("POST", "/control/faults", "[]").await.json(), json!([]));
    assert!(session.query(CRYPTO).await.body.contains("5. Exchange Rate"));
}
