//! Replies in the vendor's shapes, and that they agree with each other.

use jiff::{Timestamp, civil::DateTime};
use market::session::{self, Hours};
use rust_decimal::Decimal;
use serde_json::Value;

use crate::client::{FRIDAY_NOON, Session};

/// A number in a string, with exactly so many decimals.
pub(crate) fn number(value: &Value, decimals: u32) -> Decimal {
    let text = value.as_str().unwrap_or_else(|| panic!("not a string: {value}"));
    let number: Decimal = text.parse().unwrap();
    assert_eq!(number.scale(), decimals, "{text}");
    number
}

/// The keys of an object in the order of the text, which `Value` does not keep.
pub(crate) fn keys_in_order(body: &str, prefix: &str) -> Vec<String> {
    body.lines()
        .filter_map(|line| line.trim().strip_prefix('"')?.split_once("\": "))
        .map(|(key, _)| key.to_owned())
        .filter(|key| key.starts_with(prefix))
        .collect()
}

pub(crate) fn check_bar(bar: &Value, prices: u32, volumes: u32) -> [Decimal; 5] {
    let names = ["1. open", "2. high", "3. low", "4. close", "5. volume"];
    assert_eq!(bar.as_object().unwrap().keys().collect::<Vec<_>>(), names);
    let [open, high, low, close] = [0, 1, 2, 3].map(|index: usize| number(&bar[names[index]], prices));
    assert!(Decimal::ZERO < low && low <= open.min(close) && open.max(close) <= high, "{bar}");
    [open, high, low, close, number(&bar["5. volume"], volumes)]
}

#[tokio::test]
async fn a_quote_agrees_with_the_bars_of_its_day() {
    for start in [FRIDAY_NOON, "2026-11-20T14:30:00Z", "2026-11-21T04:00:00Z", "2026-11-23T12:00:00Z"] {
        let session = Session::start(start, |_| {}).await;
        let reply = session.query("function=GLOBAL_QUOTE&symbol=msft").await;
        assert_eq!((reply.status, reply.content_type.as_str()), (200, "application/json"));
        let json = reply.json();
        assert_eq!(json.as_object().unwrap().len(), 1);
        let quote = &json["Global Quote"];
        assert_eq!(quote.as_object().unwrap().len(), 10);
        assert_eq!(quote["01. symbol"], "msft", "the case that was sent");
        assert_eq!(quote["07. latest trading day"], "2026-11-20");

        let reply = session
            .query("function=TIME_SERIES_INTRADAY&symbol=MSFT&interval=1min&extended_hours=false&outputsize=full")
            .await;
        let json = reply.json();
        let series = json["Time Series (1min)"].as_object().unwrap();
        let of = |day: &str| -> Vec<[Decimal; 5]> {
            series.iter().filter(|(label, _)| label.starts_with(day)).map(|(_, bar)| check_bar(bar, 4, 0)).collect()
        };
        let (today, yesterday) = (of("2026-11-20"), of("2026-11-19"));
        assert_eq!(yesterday.len(), 390);
        let (price, previous) = (number(&quote["05. price"], 4), number(&quote["08. previous close"], 4));
        assert_eq!(number(&quote["02. open"], 4), today[0][0]);
        assert_eq!(number(&quote["03. high"], 4), today.iter().map(|bar| bar[1]).max().unwrap());
        assert_eq!(number(&quote["04. low"], 4), today.iter().map(|bar| bar[2]).min().unwrap());
        assert_eq!(price, today[today.len() - 1][3]);
        assert_eq!(number(&quote["06. volume"], 0), today.iter().map(|bar| bar[4]).sum::<Decimal>());
        assert_eq!(previous, yesterday[389][3]);
        assert_eq!(number(&quote["09. change"], 4), price - previous);
        let percent = quote["10. change percent"].as_str().unwrap().strip_suffix('%').unwrap();
        let percent: Decimal = percent.parse().unwrap();
        assert_eq!(percent.scale(), 4);
        let exact = (price - previous) * Decimal::ONE_HUNDRED / previous;
        assert!((percent - exact).abs() <= Decimal::new(5, 5), "{percent} {exact}");
    }
}

#[tokio::test]
async fn intraday_bars_are_labelled_by_their_begin_and_come_newest_first() {
    let session = Session::start(FRIDAY_NOON, |_| {}).await;
    for (interval, newest) in
        [("1min", "12:00"), ("5min", "12:00"), ("15min", "12:00"), ("30min", "12:00"), ("60min", "11:30")]
    {
        for (size, expected) in [("compact", "Compact"), ("full", "Full size")] {
            session.clock.advance(1_000);
            let query = format!(
                "function=TIME_SERIES_INTRADAY&symbol=AAPL&interval={interval}&extended_hours=false&outputsize={size}"
            );
            let reply = session.query(&query).await;
            let json = reply.json();
            let meta = &json["Meta Data"];
            assert_eq!(meta.as_object().unwrap().len(), 6);
            assert_eq!(
                meta["1. Information"],
                format!("Intraday ({interval}) open, high, low, close prices and volume")
            );
            assert_eq!(meta["2. Symbol"], "AAPL");
            assert_eq!(meta["3. Last Refreshed"], format!("2026-11-20 {newest}:00"));
            assert_eq!(meta["4. Interval"], interval);
            assert_eq!(meta["5. Output Size"], expected);
            assert_eq!(meta["6. Time Zone"], "US/Eastern");
            let labels = keys_in_order(&reply.body, "20");
            assert_eq!(labels[0], format!("2026-11-20 {newest}:00"));
            assert!(labels.is_sorted_by(|newer, older| newer > older));
            let enough = if size == "compact" { labels.len() == 100 } else { labels.len() > 100 };
            assert!(enough, "{}", labels.len());
            let zone = session::zone("US/Eastern").unwrap();
            for label in &labels {
                check_bar(&json[format!("Time Series ({interval})")][label], 4, 0);
                let start = session::instant(label.parse::<DateTime>().unwrap(), &zone).unwrap();
                assert!(session::is_open(start, Hours::Regular), "{label}");
            }
        }
    }
    // Extended hours are the default.
    let reply = session.query("function=TIME_SERIES_INTRADAY&symbol=AAPL&interval=60min").await;
    let labels = keys_in_order(&reply.body, "20");
    assert_eq!(&labels[..2], ["2026-11-20 12:00:00", "2026-11-20 11:00:00"]);
    assert!(labels.contains(&"2026-11-19 19:00:00".to_owned()) && labels.contains(&"2026-11-19 04:00:00".to_owned()));
}

#[tokio::test]
async fn a_month_and_delayed_data_can_be_asked_for() {
    let session = Session::start(FRIDAY_NOON, |_| {}).await;
    let month = "function=TIME_SERIES_INTRADAY&symbol=AAPL&interval=30min&month=2026-10&outputsize=full";
    let labels = keys_in_order(&session.query(month).await.body, "20");
    assert_eq!(labels.len(), 22 * 32);
    assert_eq!((labels[0].as_str(), labels[703].as_str()), ("2026-10-30 19:30:00", "2026-10-01 04:00:00"));

    let quote = session.query("function=GLOBAL_QUOTE&symbol=AAPL&entitlement=delayed").await;
    let key = "Global Quote - DATA DELAYED BY 15 MINUTES";
    assert!(quote.json()[key].is_object());
    session.clock.advance(-15 * 60_000);
    let earlier = session.query("function=GLOBAL_QUOTE&symbol=AAPL").await;
    assert_eq!(quote.json()[key], earlier.json()["Global Quote"]);
    let series = session.query("function=TIME_SERIES_INTRADAY&symbol=AAPL&interval=5min&entitlement=delayed").await;
    assert_eq!(series.json()["Meta Data"]["3. Last Refreshed"], "2026-11-20 11:30:00");
    assert!(series.json()["Meta Data"]["1. Information"].as_str().unwrap().ends_with(" - DATA DELAYED BY 15 MINUTES"));
}

#[tokio::test]
async fn finished_bars_never_change_and_open_ones_grow() {
    let session = Session::start("2026-11-20T16:58:00Z", |options| options.plan = market_simulator::Plan::P1200).await;
    let query = "function=TIME_SERIES_INTRADAY&symbol=NVDA&interval=5min&outputsize=compact";
    let mut before: Option<Value> = None;
    for _ in 0..60 {
        session.clock.advance(7_000);
        let now = session.query(query).await.json()["Time Series (5min)"].clone();
        if let Some(before) = before {
            let open = before.as_object().unwrap().keys().next_back().unwrap().clone();
            for (label, bar) in before.as_object().unwrap() {
                let (was, is) = (check_bar(bar, 4, 0), now.get(label).map(|bar| check_bar(bar, 4, 0)));
                match is {
                    // The oldest one leaves when a new one comes.
                    None => assert_eq!(now.as_object().unwrap().len(), 100),
                    Some(is) if *label == open => {
                        assert!(is[0] == was[0] && is[1] >= was[1] && is[2] <= was[2] && is[4] >= was[4]);
                    }
                    Some(is) => assert_eq!(was, is, "{label}"),
                }
            }
        }
        before = Some(now);
    }
    // Another simulator with the same seed, at another time, says the same; with another seed it does not.
    let before = before.unwrap();
    for (seed, same) in [(42, true), (43, false)] {
        let other = Session::start("2026-11-23T18:00:00Z", |options| options.seed = seed).await;
        let full = other.query(&query.replace("compact", "full")).await.json()["Time Series (5min)"].clone();
        assert_eq!(full["2026-11-20 11:50:00"] == before["2026-11-20 11:50:00"], same);
    }
}

#[tokio::test]
async fn rates_have_their_own_refresh_and_lie_between_bid_and_ask() {
    let session = Session::start("2026-11-20T21:59:50.500Z", |_| {}).await;
    for (pair, names, minutes, refreshed) in [
        ("USD/JPY", ["United States Dollar", "Japanese Yen"], 0, "2026-11-20 21:59:50"),
        ("btc/eur", ["Bitcoin", "Euro"], 0, "2026-11-20 21:59:50"),
        ("USD/JPY", ["United States Dollar", "Japanese Yen"], 600, "2026-11-20 21:59:59"),
        ("BTC/EUR", ["Bitcoin", "Euro"], 0, "2026-11-21 07:59:50"),
    ] {
        session.clock.advance(minutes * 60_000);
        let (base, quote) = pair.split_once('/').unwrap();
        let query = format!("function=CURRENCY_EXCHANGE_RATE&from_currency={base}&to_currency={quote}&datatype=csv");
        let reply = session.query(&query).await;
        assert_eq!(reply.content_type, "application/json", "rates have no CSV");
        let json = reply.json();
        let rate = &json["Realtime Currency Exchange Rate"];
        assert_eq!(rate.as_object().unwrap().len(), 9);
        assert_eq!(rate["1. From_Currency Code"], base.to_ascii_uppercase());
        assert_eq!(rate["2. From_Currency Name"], names[0]);
        assert_eq!(rate["3. To_Currency Code"], quote.to_ascii_uppercase());
        assert_eq!(rate["4. To_Currency Name"], names[1]);
        assert_eq!(rate["6. Last Refreshed"], refreshed);
        assert_eq!(rate["7. Time Zone"], "UTC");
        let [rate, bid, ask] = ["5. Exchange Rate", "8. Bid Price", "9. Ask Price"].map(|key| number(&rate[key], 8));
        assert!(Decimal::ZERO < bid && bid <= rate && rate <= ask);
    }
}

#[tokio::test]
async fn days_of_digital_currencies_end_with_today_so_far() {
    let session = Session::start("2026-11-21T07:59:50Z", |_| {}).await;
    let query = "function=DIGITAL_CURRENCY_DAILY&symbol=ETH&market=USD";
    let reply = session.query(query).await;
    let json = reply.json();
    let meta = &json["Meta Data"];
    for (key, value) in [
        ("1. Information", "Daily Prices and Volumes for Digital Currency"),
        ("2. Digital Currency Code", "ETH"),
        ("3. Digital Currency Name", "Ethereum"),
        ("4. Market Code", "USD"),
        ("5. Market Name", "United States Dollar"),
        ("6. Last Refreshed", "2026-11-21 00:00:00"),
        ("7. Time Zone", "UTC"),
    ] {
        assert_eq!(meta[key], value);
    }
    let labels = keys_in_order(&reply.body, "20");
    assert_eq!((labels.len(), labels[0].as_str(), labels[1].as_str()), (100, "2026-11-21", "2026-11-20"));
    let today = check_bar(&json["Time Series (Digital Currency Daily)"]["2026-11-21"], 8, 8);
    let rate = session.query("function=CURRENCY_EXCHANGE_RATE&from_currency=ETH&to_currency=USD").await.json();
    assert_eq!(number(&rate["Realtime Currency Exchange Rate"]["5. Exchange Rate"], 8), today[3]);

    let csv = session.query(&format!("{query}&datatype=csv")).await;
    assert_eq!(csv.content_type, "application/x-download");
    assert!(csv.body.starts_with("timestamp,open,high,low,close,volume\r\n2026-11-21,"));
}

#[tokio::test]
async fn csv_says_the_same_as_json_and_errors_stay_json() {
    let session = Session::start(FRIDAY_NOON, |options| options.unknown = vec!["gone".to_owned()]).await;
    let query = "function=TIME_SERIES_INTRADAY&symbol=BRK.B&interval=15min";
    let json = session.query(query).await.json();
    let csv = session.query(&format!("{query}&datatype=csv")).await;
    assert_eq!(csv.content_type, "application/x-download");
    let mut lines = csv.body.split("\r\n");
    assert_eq!(lines.next(), Some("timestamp,open,high,low,close,volume"));
    let first: Vec<&str> = lines.next().unwrap().split(',').collect();
    let bar = &json["Time Series (15min)"][first[0]];
    assert_eq!(
        first[1..],
        ["1. open", "2. high", "3. low", "4. close", "5. volume"].map(|key| bar[key].as_str().unwrap())
    );
    assert_eq!(lines.count(), 100, "99 more and the end");

    let quote = session.query("function=GLOBAL_QUOTE&symbol=BRK.B").await.json();
    let csv = session.query("function=GLOBAL_QUOTE&symbol=BRK.B&datatype=csv").await;
    let values: Vec<&str> =
        quote["Global Quote"].as_object().unwrap().values().map(|value| value.as_str().unwrap()).collect();
    let header = "symbol,open,high,low,price,volume,latestDay,previousClose,change,changePercent";
    assert_eq!(csv.body, format!("{header}\r\n{}\r\n", values.join(",")));

    session.clock.advance(1_000);
    let error = session.query("function=TIME_SERIES_INTRADAY&symbol=GONE&interval=15min&datatype=csv").await;
    assert_eq!(error.content_type, "application/json");
    assert!(error.json()["Error Message"].as_str().unwrap().contains("Invalid API call"));
}

#[tokio::test]
async fn what_cannot_be_answered_is_refused_in_the_vendors_words() {
    let session = Session::start(FRIDAY_NOON, |options| {
        options.symbols = vec!["MSFT".parse().unwrap()];
        options.pairs = vec!["BTC/USD".parse().unwrap(), "USD/JPY".parse().unwrap()];
        options.unknown = vec!["usd/jpy".to_owned()];
        options.api_key = Some("K".to_owned().into());
    })
    .await;
    let invalid = "Invalid API call. Please retry or visit the documentation";
    for (path, words) in [
        ("/query?function=GLOBAL_QUOTE&symbol=MSFT", "apikey is invalid or missing"),
        ("/query?function=GLOBAL_QUOTE&symbol=MSFT&apikey=", "apikey is invalid or missing"),
        ("/query?function=GLOBAL_QUOTE&symbol=MSFT&apikey=other", "apikey is invalid or missing"),
        ("/query?function=GLOBAL_QUOTE&symbol=MSFT&apikey=demo", "**demo** API key"),
        ("/query?%%%", "apikey is invalid or missing"),
        ("/query?function=GLOBAL_QUOTE&symbol=AAPL&apikey=K", r#"{"Global Quote":{}}"#),
        ("/query?function=GLOBAL_QUOTE&apikey=K", invalid),
        ("/query?function=TIME_SERIES_INTRADAY&symbol=AAPL&interval=1min&apikey=K", "for TIME_SERIES_INTRADAY."),
        ("/query?function=TIME_SERIES_INTRADAY&symbol=MSFT&interval=7min&apikey=K", invalid),
        ("/query?function=TIME_SERIES_INTRADAY&symbol=MSFT&interval=1day&apikey=K", invalid),
        ("/query?function=TIME_SERIES_INTRADAY&symbol=MSFT&interval=1min&outputsize=big&apikey=K", invalid),
        ("/query?function=TIME_SERIES_INTRADAY&symbol=MSFT&interval=1min&extended_hours=no&apikey=K", invalid),
        ("/query?function=TIME_SERIES_INTRADAY&symbol=MSFT&interval=1min&month=1999-12&apikey=K", invalid),
        ("/query?function=TIME_SERIES_INTRADAY&symbol=MSFT&interval=1min&month=2027-01&apikey=K", invalid),
        ("/query?function=CURRENCY_EXCHANGE_RATE&from_currency=ETH&to_currency=USD&apikey=K", invalid),
        ("/query?function=CURRENCY_EXCHANGE_RATE&from_currency=USD&to_currency=JPY&apikey=K", invalid),
        ("/query?function=CURRENCY_EXCHANGE_RATE&from_currency=USD&apikey=K", invalid),
        ("/query?function=DIGITAL_CURRENCY_DAILY&symbol=USD&market=JPY&apikey=K", invalid),
        ("/query?function=NEWS&apikey=K", "This API function (NEWS) does not exist."),
        ("/query?apikey=K", "This API function () does not exist."),
    ] {
        session.clock.advance(1_000);
        let reply = session.send("GET", path, "").await;
        assert_eq!((reply.status, reply.content_type.as_str()), (200, "application/json"), "{path}");
        assert!(reply.body.contains(words), "{path}: {}", reply.body);
        reply.json();
    }
    assert!(session.query("function=GLOBAL_QUOTE&symbol=MSFT").await.body.contains("05. price"));
}

#[tokio::test]
async fn status_shows_the_clock_and_the_calls_but_no_key() {
    let session = Session::start(FRIDAY_NOON, |options| options.speed = 60).await;
    session.clock.advance(2_000);
    for query in ["function=GLOBAL_QUOTE&symbol=msft", "function=NEWS", "function=GLOBAL_QUOTE&symbol=%2A"] {
        session.send("GET", &format!("/query?apikey=SECRET9&{query}"), "").await;
    }
    let reply = session.send("GET", "/control/status", "").await;
    let status = reply.json();
    assert_eq!(status, session.running.status());
    assert_eq!(status["clock"]["speed"], 60);
    assert_eq!(status["clock"]["market"], "2026-11-20T17:02:20Z");
    let text: market::SimulatedTime = status["clock"]["text"].as_str().unwrap().parse().unwrap();
    assert_eq!(text, session.running.clock);
    assert_eq!(
        text.at(status["clock"]["real"].as_str().unwrap().parse().unwrap()),
        "2026-11-20T17:02:20Z".parse::<Timestamp>().unwrap()
    );
    assert_eq!(status["calls"]["total"], 3);
    assert_eq!(status["calls"]["by_function"], serde_json::json!({"GLOBAL_QUOTE": 2, "other": 1}));
    assert_eq!(status["calls"]["by_answer"], serde_json::json!({"bad_request": 1, "data": 1, "unknown_symbol": 1}));
    assert_eq!(status["replies"], Value::Null);
    let calls = session.send("GET", "/control/calls", "").await;
    assert_eq!(
        calls.json()["calls"][0],
        serde_json::json!({
            "at": "2026-11-20T17:02:20Z", "at_ms": 1_795_194_140_000_i64, "function": "GLOBAL_QUOTE", "subject": "MSFT",
            "answer": "data",
        })
    );
    assert!(!calls.body.contains("SECRET9") && !reply.body.contains("SECRET9"));
    assert_eq!(session.send("GET", "/", "").await.status, 404);
}
