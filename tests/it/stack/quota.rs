//! Ten pollers at once that share one key, on clocks up to half a second apart. The market judges by its own
//! clock when a call arrives: too many in a second, in 60 seconds or in a day are refused, and counted here.
//!
//! `SOAK_SECONDS` says for how long each plan is polled; a minute and more shows the limits by the minute
//! and by the day.

use std::{
    process::Stdio,
    time::{Duration, Instant},
};

use aws_sdk_lambda::types::Environment;
use jiff::{SignedDuration, Timestamp};
use market::SimulatedTime;
use market_simulator::{MarketSimulator, Options, Plan, Running};
use serde_json::{Value, json};

use super::deployed::{KEY, Stack};
use crate::built::binary;

/// The jobs of the functions; two more pollers run from the command line.
const JOBS: [(&str, &str); 8] = [
    ("poll-equities", "quotes"),
    ("poll-equities", "intraday"),
    ("poll-crypto", "rates"),
    ("poll-crypto", "daily"),
    ("poll-events", "news"),
    ("poll-events", "movers"),
    ("poll-events", "earnings"),
    ("poll-events", "status"),
];
/// How far the clocks of the functions are ahead of the market's.
const SKEWS: [(&str, i64); 3] = [("poll-equities", -500), ("poll-crypto", 0), ("poll-events", 500)];
const SYMBOLS: &str = "ACME,BRK.B,MSFT,AAPL";

fn lasts() -> Duration {
    let seconds = std::env::var("SOAK_SECONDS").ok().map(|text| text.parse().expect("SOAK_SECONDS is a number"));
    Duration::from_secs(seconds.unwrap_or(4))
}

/// Sets the clock of a function apart from the market's.
async fn set_clock(stack: &Stack, function: &str, market: SimulatedTime, ahead_ms: i64) {
    let lambda = aws_sdk_lambda::Client::new(&stack.sdk);
    let name = stack.function(function);
    let known = lambda.get_function_configuration().function_name(name).send().await.unwrap();
    let mut variables = known.environment.unwrap().variables.unwrap();
    let clock = SimulatedTime { market: market.market + SignedDuration::from_millis(ahead_ms), ..market };
    variables.insert("MARKET_CLOCK".to_owned(), clock.to_string());
    let environment = Environment::builder().set_variables(Some(variables)).build();
    lambda.update_function_configuration().function_name(name).environment(environment).send().await.unwrap();
}

/// Polls from the command line again and again until then.
async fn poll_by_hand(stack: &Stack, market: &Running, job: &str, until: Instant) {
    while Instant::now() < until {
        let mut command = tokio::process::Command::new(binary("kinetick"));
        command.args(["poll", job, "--symbols", SYMBOLS, "--env", "local", "--stack", "kinetick-test"]);
        command.args(["--json", "--limit-time", "15s"]);
        command.arg("--market-clock").arg(market.clock.to_string());
        command.arg("--endpoint-url").arg(stack.sdk.endpoint_url().unwrap());
        command.arg("--vendor-url").arg(format!("{}/query", market.url));
        command.env_remove("ALPHA_VANTAGE_API_KEY").stdin(Stdio::null()).kill_on_drop(true);
        let output = command.output().await.unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(matches!(output.status.code(), Some(0 | 1)), "{said}");
        assert!(!said.contains(KEY) && !String::from_utf8_lossy(&output.stdout).contains(KEY));
    }
}

async fn judge(plan: Plan, secret: Value) -> Value {
    // The market's time is that of the wall, which the command line goes by.
    let start = Some(Timestamp::now());
    let options = Options { plan, speed: 1, start, api_key: Some(KEY.into()), ..Default::default() };
    let market = MarketSimulator::start(options).await.unwrap();
    let own = [("Symbols", SYMBOLS), ("Pairs", "BTC/USD,ETH/USD,USD/JPY")];
    let stack = Stack::start_with_market(&market, &own).await;
    stack.put_secret(&secret.to_string()).await;
    for (function, ahead) in SKEWS {
        set_clock(&stack, function, market.clock, ahead).await;
    }
    let until = Instant::now() + lasts();
    let jobs = JOBS.map(|(function, job)| {
        let stack = &stack;
        async move {
            while Instant::now() < until {
                // A run that finds nothing to do, or the day's calls spent, ends at once.
                stack.answer(function, &json!({ "job": job })).await;
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        }
    });
    let by_hand = ["quotes", "intraday"].map(|job| poll_by_hand(&stack, &market, job, until));
    tokio::join!(futures::future::join_all(jobs), futures::future::join_all(by_hand));
    let status = market.status();
    let calls = market.calls();
    let calls = calls["calls"].as_array().unwrap();
    let least = (lasts().as_secs() / 3).min(20);
    assert!(calls.len() as u64 > least, "{} calls", calls.len());
    let refused: Vec<&Value> = calls
        .iter()
        .filter(|call| call["answer"].as_str().is_some_and(|answer| answer.starts_with("limit_")))
        .collect();
    assert!(refused.is_empty(), "{refused:#?}");
    status["limits"].clone()
}

#[tokio::test]
async fn ten_pollers_stay_within_the_free_plan() {
    let limits = judge(Plan::Free, json!({"apikey": KEY, "plan": "free"})).await;
    eprintln!("free plan, ten pollers: {limits}");
    assert!(limits["per_second"]["max_seen"].as_u64().unwrap() <= 1, "{limits:#}");
    assert!(limits["per_day"]["max_seen"].as_u64().unwrap() <= 25, "{limits:#}");
    assert!(limits["per_day_in_new_york"]["max_seen"].as_u64().unwrap() <= 25, "{limits:#}");
}

#[tokio::test]
async fn ten_pollers_stay_within_a_plan_by_the_minute() {
    let limits = judge(Plan::P75, json!({"apikey": KEY, "plan": "p75", "entitlement": "realtime"})).await;
    eprintln!("75 a minute, ten pollers: {limits}");
    assert!(limits["per_second"]["max_seen"].as_u64().unwrap() <= 5, "{limits:#}");
    assert!(limits["per_60_seconds"]["max_seen"].as_u64().unwrap() <= 75, "{limits:#}");
}
