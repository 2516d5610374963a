//! Prepared replies: which case goes to which request, and in which order.

use std::{fs, path::Path};

use market_simulator::{Function, MarketSimulator, Options, StartError};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::client::{FRIDAY_NOON, Session};

const QUOTE: &str = "function=GLOBAL_QUOTE&symbol=ACME";
const INTRADAY: &str = "function=TIME_SERIES_INTRADAY&symbol=ACME&interval=5min";

/// A folder whose files hold their own names.
fn folder(cases: &[(&str, &str, u16, &str)]) -> TempDir {
    let folder = TempDir::new().unwrap();
    let mut list = Vec::new();
    for (file, function, http_status, expect) in cases {
        fs::write(folder.path().join(file), file).unwrap();
        list.push(
            json!({"file": file, "function": function, "http_status": http_status, "expect": [expect], "more": 1}),
        );
    }
    write_index(folder.path(), &json!({"note": "self-made", "cases": list}));
    folder
}

fn write_index(folder: &Path, index: &Value) {
    fs::write(folder.join("index.json"), index.to_string()).unwrap();
}

async fn session(folder: &TempDir, pairs: &[&str]) -> Session {
    Session::start(FRIDAY_NOON, |options| {
        options.replies = Some(folder.path().to_owned());
        options.symbols = vec!["ACME".parse().unwrap()];
        options.pairs = pairs.iter().map(|pair| pair.parse().unwrap()).collect();
        options.plan = market_simulator::Plan::Free;
    })
    .await
}

#[tokio::test]
async fn each_case_is_served_once_data_first_and_csv_only_to_who_asks_for_it() {
    let folder = folder(&[
        ("limit.json", "any", 200, "limit_day"),
        ("unknown.json", "GLOBAL_QUOTE", 200, "unknown_symbol"),
        ("quote.json", "GLOBAL_QUOTE", 200, "data"),
        ("bars.csv", "TIME_SERIES_INTRADAY", 200, "data"),
        ("bars.json", "TIME_SERIES_INTRADAY", 200, "data"),
        ("news.json", "NEWS_SENTIMENT", 200, "data"),
        ("list.json", "LISTING_STATUS", 200, "data"),
        ("rate.json", "CURRENCY_EXCHANGE_RATE", 200, "data"),
        ("coin.json", "DIGITAL_CURRENCY_DAILY", 200, "data"),
        ("down.html", "any", 503, "transient"),
    ]);
    let session = session(&folder, &["USD/JPY"]).await;
    let replies = || session.running.status()["replies"].clone();
    assert_eq!(
        (&replies()["to_serve"], &replies()["served"], &replies()["done"]),
        (&json!(11), &json!(0), &json!(false))
    );
    assert_eq!(
        replies()["not_in_use"],
        json!([
            {"file": "news.json", "function": "NEWS_SENTIMENT", "why": "it is not among the functions that will be asked for"},
            {"file": "list.json", "function": "LISTING_STATUS", "why": "the simulator does not serve LISTING_STATUS"},
            {"file": "coin.json", "function": "DIGITAL_CURRENCY_DAILY", "why": "no pair of a digital currency is asked for"},
        ])
    );

    let csv = format!("{INTRADAY}&datatype=csv");
    for (query, body, status, content_type) in [
        (QUOTE, "quote.json", 200, "application/json"),
        (QUOTE, "limit.json", 200, "application/json"),
        (INTRADAY, "bars.json", 200, "application/json"),
        (INTRADAY, "limit.json", 200, "application/json"),
        (QUOTE, "unknown.json", 200, "application/json"),
        (QUOTE, "down.html", 503, "text/html; charset=utf-8"),
        (QUOTE, "{}", 200, "application/json"),
        (INTRADAY, "down.html", 503, "text/html; charset=utf-8"),
        (INTRADAY, "{}", 200, "application/json"),
    ] {
        let reply = session.query(query).await;
        assert_eq!((reply.body.as_str(), reply.status, reply.content_type.as_str()), (body, status, content_type));
    }
    assert_eq!(replies()["after_the_last"], 2);
    assert_eq!(replies()["waiting_for_csv"], 1);
    let reply = session.query(&csv).await;
    assert_eq!((reply.body.as_str(), reply.content_type.as_str()), ("bars.csv", "application/x-download"));
    for body in ["rate.json", "limit.json"] {
        let reply = session.query("function=CURRENCY_EXCHANGE_RATE&from_currency=USD&to_currency=JPY").await;
        assert_eq!(reply.body, body);
    }
    assert_eq!((&replies()["served"], &replies()["done"]), (&json!(10), &json!(false)));
    session.query("function=CURRENCY_EXCHANGE_RATE&from_currency=USD&to_currency=JPY").await;
    assert_eq!((&replies()["served"], &replies()["done"]), (&json!(11), &json!(true)));

    // The clock stands still, so the free plan would have refused all calls but one.
    let status = session.running.status();
    assert_eq!(status["calls"]["by_answer"], json!({"after_the_last": 2, "case": 11}));
    assert_eq!(status["limits"]["enforced"], false);
    assert_eq!(session.running.calls()["calls"][0]["file"], "quote.json");
}

#[tokio::test]
async fn a_csv_request_takes_csv_first_and_then_what_is_there() {
    let folder = folder(&[
        ("bars.json", "TIME_SERIES_INTRADAY", 200, "data"),
        ("bars.csv", "TIME_SERIES_INTRADAY", 200, "data"),
        ("limit.json", "any", 200, "limit_day"),
    ]);
    let session = session(&folder, &[]).await;
    for body in ["bars.csv", "bars.json", "limit.json", "{}"] {
        assert_eq!(session.query(&format!("{INTRADAY}&datatype=csv")).await.body, body);
    }
}

#[tokio::test]
async fn functions_that_will_be_asked_for_can_be_named() {
    let folder = folder(&[
        ("news.json", "NEWS_SENTIMENT", 200, "data"),
        ("calendar.csv", "EARNINGS_CALENDAR", 200, "data"),
        ("limit.json", "any", 200, "limit_day"),
        ("quote.json", "GLOBAL_QUOTE", 200, "data"),
    ]);
    let session = Session::start(FRIDAY_NOON, |options| {
        options.replies = Some(folder.path().to_owned());
        options.functions = vec![Function::NewsSentiment, Function::EarningsCalendar];
    })
    .await;
    // The calendar has nothing but CSV, so nobody has to ask for it.
    for (query, bodies) in [
        ("function=NEWS_SENTIMENT", ["news.json", "limit.json", "{}"]),
        ("function=EARNINGS_CALENDAR", ["calendar.csv", "limit.json", "{}"]),
    ] {
        for body in bodies {
            assert_eq!(session.query(query).await.body, body);
        }
    }
    let replies = session.running.status()["replies"].clone();
    assert_eq!((&replies["done"], &replies["not_in_use"][0]["file"]), (&json!(true), &json!("quote.json")));
}

#[tokio::test]
async fn a_refused_key_or_a_fault_uses_up_no_case() {
    let folder = folder(&[("quote.json", "GLOBAL_QUOTE", 200, "data")]);
    let session = session(&folder, &["BTC/USD"]).await;
    session.send("GET", &format!("/query?apikey=demo&{QUOTE}"), "").await;
    session.send("POST", "/control/faults", r#"[{"answer":"http_503","times":1}]"#).await;
    assert_eq!(session.query(QUOTE).await.status, 503);
    assert_eq!(session.running.status()["replies"]["served"], 0);
    assert_eq!(session.query(QUOTE).await.body, "quote.json");
    assert_eq!(session.running.status()["replies"]["done"], true);
}

#[tokio::test]
async fn a_folder_that_is_not_in_order_is_refused_at_the_start() {
    let check = async |prepare: &dyn Fn(&Path), words: &str| {
        let folder = folder(&[("quote.json", "GLOBAL_QUOTE", 200, "data")]);
        prepare(folder.path());
        let options = Options {
            replies: Some(folder.path().to_owned()),
            symbols: vec!["ACME".parse().unwrap()],
            ..Options::default()
        };
        let error = MarketSimulator::start(options).await.err().unwrap();
        assert!(matches!(error, StartError::Replies(_)));
        assert!(error.to_string().contains(words), "{error}");
    };
    let case = |file: &str, status: u16| json!({"cases": [{"file": file, "function": "any", "http_status": status, "expect": []}]});
    check(&|folder| fs::remove_file(folder.join("index.json")).unwrap(), "index.json` cannot be read").await;
    check(&|folder| fs::remove_file(folder.join("quote.json")).unwrap(), "quote.json` cannot be read").await;
    check(&|folder| write_index(folder, &json!({"cases": 1})), "is not a list of replies").await;
    check(&|folder| write_index(folder, &json!({"cases": [{"file": "quote.json"}]})), "missing field `function`").await;
    check(&|folder| write_index(folder, &case("../quote.json", 200)), "case 1 of").await;
    check(&|folder| write_index(folder, &case("quote.txt", 200)), "allowed: .json, .csv, .html").await;
    check(&|folder| write_index(folder, &case("quote.json", 99)), "http_status `99`").await;

    let folder = folder(&[]);
    let error = MarketSimulator::start(Options { replies: Some(folder.path().to_owned()), ..Options::default() }).await;
    assert!(error.err().unwrap().to_string().contains("name the symbols or pairs, or the functions"));
}
