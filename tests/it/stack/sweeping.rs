//! What the clock closes: sampled bars that no further record of their pair comes to close.

use std::time::Duration;

use market::{SimulatedTime, Timestamp};
use serde_json::{Value, json};
use testkit::record::rate;

use super::deployed::{Payload, Stack, payload};

/// As many bars as a series keeps open; the readings begin with the 15th.
const MINUTES: u32 = 16;

/// Sets the clock of `sweep-series` alone, so that no test has to wait for time to pass.
async fn set_clock(stack: &Stack, clock: &SimulatedTime) {
    let client = aws_sdk_lambda::Client::new(&stack.sdk);
    let function = stack.function("sweep-series");
    let known = client.get_function_configuration().function_name(function).send().await.unwrap();
    let mut variables = known.environment.unwrap().variables.unwrap();
    variables.insert("MARKET_CLOCK".to_owned(), clock.to_string()).unwrap();
    let environment = aws_sdk_lambda::types::Environment::builder().set_variables(Some(variables)).build();
    client.update_function_configuration().function_name(function).environment(environment).send().await.unwrap();
}

#[tokio::test]
async fn a_sweep_closes_sampled_bars_by_the_clock_and_passes_over_what_it_cannot_read() {
    let noon: Timestamp = "2026-01-15T17:00:00Z".parse().unwrap();
    let mut clock = SimulatedTime { real: Timestamp::now(), market: noon, speed: 1 };
    let stack = Stack::start(&[("MarketClock", &clock.to_string()), ("CloseAfterSeconds", "125")]).await;
    // Bars from noon on, two rates in each. Until 125 seconds after their end they are open, which is
    // far longer than a test runs.
    let rates: Vec<Payload> = (0..MINUTES * 2)
        .map(|half| {
            let at = noon + Duration::from_secs(3_600) + Duration::from_secs(30) * half;
            payload(rate("FOX/USD", at, 10_000 + i64::from(half * 13 % 17)))
        })
        .collect();
    stack.put("CryptoStreamName", &rates).await;
    stack.processed(rates.len() as u64).await;
    assert_eq!(stack.archive().await.len(), rates.len());
    let sweep = async || stack.answer("sweep-series", &json!({})).await;
    assert_eq!((sweep().await["due"].clone(), stack.readings().await), (0.into(), Vec::new()), "all bars are open");

    // An item of another version is due, too.
    let unknown = "series#symbol|GOLF|vendor|raw|intraday";
    stack.put_item(unknown, 1, &[200], true).await;
    clock.market = noon + Duration::from_secs(2 * 3_600);
    set_clock(&stack, &clock).await;
    let swept = sweep().await;
    let counts =
        |swept: &Value| ["due", "swept", "bars", "indicators", "indicators_delivered"].map(|name| swept[name].clone());
    assert_eq!(counts(&swept), [2, 1, 16, 2, 2].map(Value::from), "{swept:#}");
    let failure = swept["failures"][0].as_str().unwrap();
    assert!(failure.starts_with("symbol|GOLF|vendor|raw|intraday failed at state (unknown_state)"), "{failure}");
    assert!(failure.contains("deploy the version that wrote it"), "{failure}");
    let left = stack.item(unknown).await.unwrap();
    assert_eq!(left["state"].as_b().unwrap().as_ref(), [200], "nobody overwrites what he cannot read");

    let readings = stack.readings().await;
    let last = readings.last().unwrap();
    assert_eq!(readings.len(), 2, "{readings:#?}");
    assert_eq!((&last["symbol"], &last["origin"]), (&"FOX/USD".into(), &"sampled".into()));
    assert_eq!((&last["timestamp"], &last["bars"]), (&"2026-01-15T18:15:00.000Z".into(), &16.into()));
    // The bar of the last two rates: 10,000 + 30 · 13 mod 17 and 10,000 + 31 · 13 mod 17 cents.
    assert_eq!(
        ["open", "high", "low", "close"].map(|name| last[name].as_f64().unwrap()),
        [100.16, 100.16, 100.12, 100.12]
    );

    let again = sweep().await;
    assert_eq!(counts(&again), [1, 0, 0, 0, 0].map(Value::from), "{again:#}");
    assert_eq!(stack.readings().await, readings);
    assert_eq!(stack.dead_letters().await, Vec::<Value>::new(), "a sweep has no record to give up");
}
