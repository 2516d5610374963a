//! Bulk quotes: their shape, their order, and that they agree with single quotes.

use market_simulator::Plan;
use rust_decimal::Decimal;
use serde_json::Value;

use crate::client::{FRIDAY_NOON, Reply, Session};

const NAMES: [&str; 13] = [
    "symbol",
    "timestamp",
    "open",
    "high",
    "low",
    "close",
    "volume",
    "previous_close",
    "change",
    "change_percent",
    "extended_hours_quote",
    "extended_hours_change",
    "extended_hours_change_percent",
];

async fn session(start: &str) -> Session {
    Session::start(start, |options| options.plan = Plan::P600).await
}

/// A number as Python writes it, in a string.
fn float(value: &Value) -> Decimal {
    let text = value.as_str().unwrap();
    let (_, decimals) = text.split_once('.').unwrap_or_else(|| panic!("no decimals in {text}"));
    assert!(decimals == "0" || !decimals.ends_with('0'), "{text}");
    text.parse().unwrap()
}

fn data(reply: &Reply) -> Vec<Value> {
    let json = reply.json();
    assert_eq!(json.as_object().unwrap().len(), 3);
    assert_eq!((json["endpoint"].as_str(), json["message"].as_str()), (Some("Realtime Bulk Quotes"), Some("success")));
    json["data"].as_array().unwrap().clone()
}

#[tokio::test]
async fn bulk_quotes_agree_with_single_ones_in_every_session() {
    // Before, in and after the regular session, and on a weekend.
    for (start, newest) in [
        ("2026-11-20T14:00:00.500Z", "2026-11-20 09:00:00"),
        (FRIDAY_NOON, "2026-11-20 12:00:1"),
        ("2026-11-20T23:00:14.999Z", "2026-11-20 18:00:"),
        ("2026-11-22T12:00:00Z", "2026-11-20 19:59:"),
    ] {
        let session = session(start).await;
        let reply = session.query("function=REALTIME_BULK_QUOTES&symbol=MSFT,brk.b,%20IBM").await;
        assert_eq!((reply.status, reply.content_type.as_str()), (200, "application/json"));
        let quotes = data(&reply);
        assert_eq!(
            quotes.iter().map(|quote| quote["symbol"].as_str().unwrap()).collect::<Vec<_>>(),
            ["MSFT", "brk.b", "IBM"]
        );
        let body = reply.body.clone();
        let order: Vec<usize> = NAMES.iter().map(|name| body.find(&format!("\"{name}\"")).unwrap()).collect();
        assert!(order.is_sorted(), "{body}");
        for quote in quotes.iter().take(2) {
            assert_eq!(quote.as_object().unwrap().len(), NAMES.len());
            let stamp = quote["timestamp"].as_str().unwrap();
            assert!(stamp.starts_with(newest) && stamp.len() == 23, "{stamp}");
            let symbol = quote["symbol"].as_str().unwrap();
            let single = session.query(&format!("function=GLOBAL_QUOTE&symbol={symbol}")).await.json();
            let single = &single["Global Quote"];
            for (bulk, name) in [
                ("open", "02. open"),
                ("high", "03. high"),
                ("low", "04. low"),
                ("close", "05. price"),
                ("previous_close", "08. previous close"),
                ("change", "09. change"),
            ] {
                assert_eq!(float(&quote[bulk]), single[name].as_str().unwrap().parse::<Decimal>().unwrap(), "{name}");
            }
            assert_eq!(quote["volume"], single["06. volume"]);
            let percent = single["10. change percent"].as_str().unwrap().strip_suffix('%').unwrap();
            assert_eq!(float(&quote["change_percent"]), percent.parse::<Decimal>().unwrap());
            let extended = float(&quote["extended_hours_quote"]);
            let change = float(&quote["extended_hours_change"]);
            assert_eq!(extended - float(&quote["close"]), change);
            let exact = change * Decimal::ONE_HUNDRED / float(&quote["close"]);
            assert!((float(&quote["extended_hours_change_percent"]) - exact).abs() <= Decimal::new(5, 6));
            // What was paid last outside of the session is the close of an extended bar.
            let bars = session.query(&format!("function=TIME_SERIES_INTRADAY&symbol={symbol}&interval=30min")).await;
            let json = bars.json();
            let series = json["Time Series (30min)"].as_object().unwrap();
            let outside = |label: &&String| !("09:30:00".."16:00:00").contains(&&label[11..]);
            let last = series.keys().filter(outside).max().unwrap();
            assert_eq!(series[last]["4. close"].as_str().unwrap().parse::<Decimal>().unwrap(), extended, "{last}");
        }
    }
}

#[tokio::test]
async fn the_101st_symbol_is_dropped_without_a_word_and_unknown_ones_are_left_out() {
    let session = Session::start(FRIDAY_NOON, |options| {
        options.bulk = true;
        options.unknown = vec!["S7".to_owned()];
    })
    .await;
    let symbols: Vec<String> = (0..130).map(|number| format!("S{number}")).collect();
    let reply = session.query(&format!("function=REALTIME_BULK_QUOTES&symbol={}", symbols.join(","))).await;
    let quotes = data(&reply);
    assert_eq!(quotes.len(), 99);
    assert_eq!(
        (&quotes[6]["symbol"], &quotes[7]["symbol"], &quotes[98]["symbol"]),
        (&"S6".into(), &"S8".into(), &"S99".into())
    );
    assert!(data(&session.query("function=REALTIME_BULK_QUOTES&symbol=S7,*").await).is_empty());
    assert!(session.query("function=REALTIME_BULK_QUOTES").await.body.contains("Invalid API call"));
    // The log keeps a full list.
    let calls = session.running.calls();
    assert_eq!(calls["calls"][0]["subject"], symbols.join(",").as_str());
}

#[tokio::test]
async fn a_trade_has_a_time_that_never_runs_ahead_or_back() {
    let session = session("2026-11-20T17:00:00Z").await;
    let mut before = String::new();
    let mut changes = 0;
    for _ in 0..60 {
        session.clock.advance(1_500);
        let quote = data(&session.query("function=REALTIME_BULK_QUOTES&symbol=MSFT").await)[0].clone();
        let stamp = quote["timestamp"].as_str().unwrap().to_owned();
        let status = session.running.status();
        let now: jiff::Timestamp = status["clock"]["market"].as_str().unwrap().parse().unwrap();
        let now = now.to_zoned(market::session::new_york()).strftime("%Y-%m-%d %H:%M:%S%.3f").to_string();
        assert!(before <= stamp && stamp <= now, "{before} {stamp} {now}");
        changes += usize::from(before != stamp);
        before = stamp;
    }
    // 90 seconds are six ticks, each with its begin and its moment.
    assert!((6..=13).contains(&changes), "{changes}");
}

#[tokio::test]
async fn bulk_csv_has_the_same_names_and_values() {
    let session = session(FRIDAY_NOON).await;
    let query = "function=REALTIME_BULK_QUOTES&symbol=MSFT,AAPL";
    let quotes = data(&session.query(query).await);
    let csv = session.query(&format!("{query}&datatype=csv")).await;
    assert_eq!(csv.content_type, "application/x-download");
    let mut expected = format!("{}\r\n", NAMES.join(","));
    for quote in quotes {
        expected.push_str(&format!("{}\r\n", NAMES.map(|name| quote[name].as_str().unwrap().to_owned()).join(",")));
    }
    assert_eq!(csv.body, expected);
}
