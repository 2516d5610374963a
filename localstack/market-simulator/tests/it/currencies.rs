//! Intraday bars of currencies, digital and physical.

use serde_json::{Value, json};

use crate::{
    client::{FRIDAY_NOON, Session},
    shapes::{keys_in_order, number},
};

const CRYPTO: &str = "function=CRYPTO_INTRADAY&symbol=eth&market=usd&interval=5min";
const FX: &str = "function=FX_INTRADAY&from_symbol=EUR&to_symbol=USD&interval=5min";

fn check_prices(bar: &Value) {
    let [open, high, low, close] = ["1. open", "2. high", "3. low", "4. close"].map(|name| number(&bar[name], 5));
    assert!(low <= open.min(close) && open.max(close) <= high, "{bar}");
}

#[tokio::test]
async fn digital_currencies_have_whole_volumes_that_are_numbers() {
    let session = Session::start(FRIDAY_NOON, |_| {}).await;
    let reply = session.query(CRYPTO).await;
    let json = reply.json();
    assert_eq!(
        json["Meta Data"],
        json!({
            "1. Information": "Crypto Intraday (5min) Time Series", "2. Digital Currency Code": "ETH",
            "3. Digital Currency Name": "Ethereum", "4. Market Code": "USD", "5. Market Name": "United States Dollar",
            "6. Last Refreshed": "2026-11-20 17:00:00", "7. Interval": "5min", "8. Output Size": "Compact",
            "9. Time Zone": "UTC",
        })
    );
    let bars = json["Time Series Crypto (5min)"].as_object().unwrap();
    assert_eq!(bars.len(), 100);
    for bar in bars.values() {
        check_prices(bar);
        assert_eq!(bar.as_object().unwrap().len(), 5);
        assert!(bar["5. volume"].is_i64() && bar["5. volume"].as_i64() >= Some(0), "{bar}");
    }
    assert!(bars.values().any(|bar| bar["5. volume"].as_i64() > Some(10)));
    let labels = keys_in_order(&reply.body, "20");
    assert!(labels.is_sorted_by(|newer, older| newer > older));
    // The newest bar closes at the rate of now, with fewer decimals.
    let rate = session.query("function=CURRENCY_EXCHANGE_RATE&from_currency=ETH&to_currency=USD").await.json();
    let rate = number(&rate["Realtime Currency Exchange Rate"]["5. Exchange Rate"], 8);
    assert_eq!(number(&bars[&labels[0]]["4. close"], 5), rate.round_dp(5));

    let csv = session.query(&format!("{CRYPTO}&datatype=csv")).await;
    assert_eq!(csv.content_type, "application/x-download");
    let bar = &bars[&labels[0]];
    let values = ["1. open", "2. high", "3. low", "4. close"].map(|name| bar[name].as_str().unwrap()).join(",");
    let first = format!("{},{values},{}", labels[0], bar["5. volume"]);
    assert!(
        csv.body.starts_with(&format!("timestamp,open,high,low,close,volume\r\n{first}\r\n")),
        "{}",
        &csv.body[..200]
    );
    // A month of minutes, on weekends too.
    session.clock.advance(1_000);
    let full = session.query("function=CRYPTO_INTRADAY&symbol=BTC&market=EUR&interval=60min&outputsize=full").await;
    assert_eq!(keys_in_order(&full.body, "20").len(), 30 * 24);
    assert_eq!(full.json()["Meta Data"]["8. Output Size"], "Full size");
}

#[tokio::test]
async fn physical_currencies_have_no_volume_and_rest_on_weekends() {
    let session = Session::start("2026-11-21T12:00:00Z", |_| {}).await;
    let reply = session.query(FX).await;
    let json = reply.json();
    assert_eq!(
        json["Meta Data"],
        json!({
            "1. Information": "FX Intraday (5min) Time Series", "2. From Symbol": "EUR", "3. To Symbol": "USD",
            "4. Last Refreshed": "2026-11-20 21:55:00", "5. Interval": "5min", "6. Output Size": "Compact",
            "7. Time Zone": "UTC",
        })
    );
    let bars = json["Time Series FX (5min)"].as_object().unwrap();
    assert_eq!(bars.len(), 100);
    for bar in bars.values() {
        check_prices(bar);
        assert_eq!(bar.as_object().unwrap().len(), 4);
    }
    let csv = session.query(&format!("{FX}&datatype=csv")).await;
    assert!(csv.body.starts_with("timestamp,open,high,low,close\r\n2026-11-20 21:55:00,"), "{}", &csv.body[..80]);
    assert_eq!(csv.body.lines().nth(1).unwrap().split(',').count(), 5);
    // Monday: behind the first bar of the week stands the last one of Friday.
    session.clock.advance(36 * 3_600_000);
    let labels = keys_in_order(&session.query(&FX.replace("5min", "30min")).await.body, "20");
    let sunday = labels.iter().position(|label| label == "2026-11-22 22:00:00").unwrap();
    assert_eq!(labels[sunday + 1], "2026-11-20 21:30:00");
}

#[tokio::test]
async fn low_rates_keep_their_digits_and_wrong_pairs_are_refused() {
    let session = Session::start(FRIDAY_NOON, |options| options.unknown = vec!["EUR/GBP".to_owned()]).await;
    let low = session.query("function=FX_INTRADAY&from_symbol=VND&to_symbol=USD&interval=1min").await.json();
    let bars = low["Time Series FX (1min)"].as_object().unwrap();
    assert!(bars.values().all(|bar| number(&bar["3. low"], 8) > rust_decimal::Decimal::ZERO));
    for query in [
        "function=FX_INTRADAY&from_symbol=BTC&to_symbol=USD&interval=1min",
        "function=FX_INTRADAY&from_symbol=EUR&to_symbol=GBP&interval=1min",
        "function=FX_INTRADAY&from_symbol=EUR&to_symbol=USD",
        "function=CRYPTO_INTRADAY&symbol=EUR&market=USD&interval=5min",
        "function=CRYPTO_INTRADAY&symbol=BTC&market=USD&interval=2min",
        "function=CRYPTO_INTRADAY&symbol=BTC&market=USD&interval=5min&outputsize=all",
    ] {
        session.clock.advance(1_000);
        let reply = session.query(query).await;
        assert!(reply.body.contains("Invalid API call"), "{query}: {}", reply.body);
    }
}
