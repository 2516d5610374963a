//! Trading days of shares, with and without splits.

use rust_decimal::Decimal;
use serde_json::Value;

use crate::{
    client::{FRIDAY_NOON, Session},
    shapes::{check_bar, keys_in_order, number},
};

const DAILY: &str = "function=TIME_SERIES_DAILY&symbol=msft";
const ADJUSTED: &str = "function=TIME_SERIES_DAILY_ADJUSTED&symbol=msft";
const KEY: &str = "Time Series (Daily)";
const ADJUSTED_NAMES: [&str; 8] = [
    "1. open",
    "2. high",
    "3. low",
    "4. close",
    "5. adjusted close",
    "6. volume",
    "7. dividend amount",
    "8. split coefficient",
];

fn decimal(value: &Value) -> Decimal {
    value.as_str().unwrap().parse().unwrap()
}

#[tokio::test]
async fn days_come_newest_first_and_begin_with_today_so_far() {
    let session = Session::start(FRIDAY_NOON, |_| {}).await;
    for (query, title) in [
        (DAILY, "Daily Prices (open, high, low, close) and Volumes"),
        (ADJUSTED, "Daily Time Series with Splits and Dividend Events"),
    ] {
        let reply = session.query(query).await;
        assert_eq!((reply.status, reply.content_type.as_str()), (200, "application/json"));
        let json = reply.json();
        assert_eq!(
            json["Meta Data"],
            serde_json::json!({
                "1. Information": title, "2. Symbol": "msft", "3. Last Refreshed": "2026-11-20",
                "4. Output Size": "Compact", "5. Time Zone": "US/Eastern",
            })
        );
        let labels = keys_in_order(&reply.body, "20");
        assert_eq!((labels.len(), labels[0].as_str(), labels[1].as_str()), (100, "2026-11-20", "2026-11-19"));
        assert!(labels.is_sorted_by(|newer, older| newer > older));
    }
    let quote = session.query("function=GLOBAL_QUOTE&symbol=MSFT").await.json()["Global Quote"].clone();
    let plain = session.query(DAILY).await.json()[KEY].clone();
    let adjusted = session.query(ADJUSTED).await.json()[KEY].clone();
    let today = check_bar(&plain["2026-11-20"], 4, 0);
    let names = ["02. open", "03. high", "04. low", "05. price", "06. volume"];
    assert_eq!(today, names.map(|name| decimal(&quote[name])));
    assert_eq!(check_bar(&plain["2026-11-19"], 4, 0)[3], decimal(&quote["08. previous close"]));
    for (label, day) in adjusted.as_object().unwrap() {
        assert_eq!(day.as_object().unwrap().keys().collect::<Vec<_>>(), ADJUSTED_NAMES);
        let [open, high, low, close, volume] = check_bar(&plain[label], 4, 0);
        let expected = [open, high, low, close, close, volume, Decimal::ZERO, Decimal::ONE];
        assert_eq!(ADJUSTED_NAMES.map(|name| decimal(&day[name])), expected);
        assert_eq!((&day["7. dividend amount"], &day["8. split coefficient"]), (&"0.0000".into(), &"1.0".into()));
    }
    session.clock.advance(1_000);
    let delayed = session.query(&format!("{DAILY}&entitlement=delayed")).await.json();
    assert!(delayed["Meta Data"]["1. Information"].as_str().unwrap().ends_with(" - DATA DELAYED BY 15 MINUTES"));
}

#[tokio::test]
async fn a_full_reply_reaches_twenty_years_back() {
    let session = Session::start(FRIDAY_NOON, |_| {}).await;
    let reply = session.query(&format!("{DAILY}&outputsize=full")).await;
    assert_eq!(reply.json()["Meta Data"]["4. Output Size"], "Full size");
    let labels = keys_in_order(&reply.body, "20");
    assert!(labels.len() > 20 * 249 && labels[labels.len() - 1].starts_with("2006-11-2"), "{}", labels.len());
    let compact = session.query(DAILY).await.json();
    assert_eq!(reply.json()[KEY][labels[99].as_str()], compact[KEY][labels[99].as_str()]);
}

#[tokio::test]
async fn days_as_csv_say_the_same() {
    let session = Session::start(FRIDAY_NOON, |_| {}).await;
    for (query, header) in [
        (DAILY, "timestamp,open,high,low,close,volume"),
        (ADJUSTED, "timestamp,open,high,low,close,adjusted_close,volume,dividend_amount,split_coefficient"),
    ] {
        let json = session.query(query).await.json()[KEY].clone();
        let csv = session.query(&format!("{query}&datatype=csv")).await;
        assert_eq!(csv.content_type, "application/x-download");
        let mut lines = csv.body.split("\r\n");
        assert_eq!(lines.next(), Some(header));
        let first: Vec<&str> = lines.next().unwrap().split(',').collect();
        let values: Vec<&str> =
            json[first[0]].as_object().unwrap().values().map(|value| value.as_str().unwrap()).collect();
        assert_eq!(first[1..], values);
        assert_eq!(lines.count(), 100, "99 more and the end");
    }
}

#[tokio::test]
async fn a_split_shows_in_what_was_traded_and_not_in_what_is_adjusted() {
    let without = Session::start(FRIDAY_NOON, |_| {}).await;
    let with = Session::start(FRIDAY_NOON, |options| options.splits = vec!["MSFT@2026-11-18@4".parse().unwrap()]).await;
    let plain = without.query(DAILY).await.json()[KEY].clone();
    let raw = with.query(DAILY).await.json()[KEY].clone();
    let adjusted = with.query(ADJUSTED).await.json()[KEY].clone();
    let four = Decimal::from(4);
    for (label, day) in plain.as_object().unwrap() {
        let factor = if label.as_str() < "2026-11-18" { four } else { Decimal::ONE };
        let (was, is) = (check_bar(day, 4, 0), check_bar(&raw[label], 4, 0));
        assert_eq!(is[..4], was[..4].iter().map(|price| price * factor).collect::<Vec<_>>(), "{label}");
        assert_eq!(is[4], (was[4] / factor).floor());
        assert_eq!(decimal(&adjusted[label]["4. close"]), is[3]);
        assert_eq!(decimal(&adjusted[label]["5. adjusted close"]), was[3], "{label}");
        let coefficient = if label == "2026-11-18" { "4.0" } else { "1.0" };
        assert_eq!(adjusted[label]["8. split coefficient"], coefficient);
    }
    // Intraday bars are adjusted unless that is declined.
    let intraday = "function=TIME_SERIES_INTRADAY&symbol=MSFT&interval=60min&extended_hours=false&outputsize=full";
    let key = "Time Series (60min)";
    let plain = without.query(intraday).await.json()[key].clone();
    assert_eq!(with.query(intraday).await.json()[key], plain);
    let raw = with.query(&format!("{intraday}&adjusted=false")).await.json()[key].clone();
    assert_eq!(
        number(&raw["2026-11-17 15:30:00"]["4. close"], 4),
        number(&plain["2026-11-17 15:30:00"]["4. close"], 4) * four
    );
    assert_eq!(raw["2026-11-18 09:30:00"], plain["2026-11-18 09:30:00"]);
    // On the day of the split a quote still has the close of the old shares.
    let on_the_day =
        Session::start("2026-11-18T17:00:00Z", |options| options.splits = vec!["MSFT@2026-11-18@4".parse().unwrap()])
            .await;
    let quote = on_the_day.query("function=GLOBAL_QUOTE&symbol=MSFT").await.json()["Global Quote"].clone();
    let (price, previous) = (number(&quote["05. price"], 4), number(&quote["08. previous close"], 4));
    assert!(previous > price * Decimal::from(3), "{quote}");
    assert_eq!(number(&quote["09. change"], 4), price - previous);
}
