//! The pollers against a simulated market: one run of a job at a time, and a key that nobody sees.

use std::collections::BTreeSet;

use market_simulator::Fault;
use serde_json::{Value, json};

use super::{
    deployed::{FUNCTIONS, KEY, Stack, market, until},
    events::adds_up,
};

fn faults(list: &Value) -> Vec<Fault> {
    Fault::parse_list(list.to_string().as_bytes()).unwrap()
}

#[tokio::test]
async fn two_runs_of_one_job_at_once_are_one_run() {
    let market = market().await;
    let stack = Stack::start_with_market(&market, &[("Symbols", "ACME,BRK.B")]).await;
    let job = json!({"job": "intraday"});
    // Both requests together take longer than the other run needs to start, each one less than the
    // poller waits for a reply.
    let held_up = json!([{"function": "TIME_SERIES_INTRADAY", "times": 2, "answer": "delay_ms:5000"}]);
    market.set_faults(faults(&held_up));
    let held = stack.answer("poll-equities", &job);
    let other = async {
        until("the request of the first run", async || {
            let calls = market.calls();
            if calls["calls"].as_array().unwrap().is_empty() { Err(calls.to_string()) } else { Ok(()) }
        })
        .await;
        stack.answer("poll-equities", &job).await
    };
    let (held, other) = tokio::join!(held, other);
    assert_eq!(other["stopped"], "another run of this job is under way", "{other:#}");
    assert_eq!((&other["calls"], &other["not_asked"], &other["records"]), (&0.into(), &2.into(), &0.into()));
    assert_eq!((&held["stopped"], &held["accepted"]), (&Value::Null, &2.into()), "{held:#}");

    let ids = async || -> Vec<String> {
        let records = stack.records("FinancialStreamName").await;
        let id = |data: &[u8]| serde_json::from_slice::<Value>(data).unwrap()["id"].as_str().unwrap().to_owned();
        records.iter().map(|record| id(&record.data)).collect()
    };
    assert_eq!(ids().await.len() as u64, held["put"].as_u64().unwrap());
    // Its turn is over, so the next run goes ahead, and sends only what is news by then.
    let next = stack.answer("poll-equities", &job).await;
    assert_eq!((&next["stopped"], &next["accepted"]), (&Value::Null, &2.into()), "{next:#}");
    let (all, distinct) = (ids().await, ids().await.into_iter().collect::<BTreeSet<_>>());
    assert_eq!(all.len() as u64, held["put"].as_u64().unwrap() + next["put"].as_u64().unwrap());
    assert_eq!(all.len(), distinct.len(), "a record is in the stream twice");
    stack.shows_no_key().await;
}

#[tokio::test]
async fn a_secret_without_a_key_says_what_to_do_and_a_key_that_comes_is_used_at_once() {
    let market = market().await;
    let stack = Stack::start_with_market(&market, &[("Symbols", "ACME"), ("Pairs", "BTC/USD")]).await;
    let good = json!({"apikey": KEY, "plan": "p75"}).to_string();
    for (function, job) in [("poll-equities", "quotes"), ("poll-crypto", "rates")] {
        for (secret, advice) in [
            // As the template creates it.
            (
                json!({"apikey": "", "plan": "free", "entitlement": null}).to_string(),
                "put your Alpha Vantage key into it",
            ),
            (KEY.to_owned(), "the secret is not JSON like {\"apikey\":"),
            (json!({"apikey": KEY, "plan": "gold"}).to_string(), "plan `gold` is not known; allowed: free"),
        ] {
            stack.put_secret(&secret).await;
            let failed = stack.invoke(function, &json!({"job": job})).await;
            let message = failed.payload["errorMessage"].as_str().unwrap_or_else(|| panic!("{failed:?}"));
            assert!(failed.function_error.is_some() && message.contains(advice), "{message}");
            assert!(!format!("{failed:?}").contains(KEY), "{failed:?}");
        }
        stack.put_secret(&good).await;
        let polled = stack.answer(function, &json!({"job": job})).await;
        assert_eq!(polled["accepted"], 1, "{polled:#}");
    }
    stack.shows_no_key().await;
}

#[tokio::test]
async fn no_log_line_holds_the_key_even_if_the_vendor_echoes_it() {
    let market = market().await;
    let own = [("Symbols", "ACME,BRK.B"), ("Pairs", "BTC/USD"), ("LogLevel", "trace")];
    let stack = Stack::start_with_market(&market, &own).await;
    let jobs = [
        ("poll-equities", "quotes", "GLOBAL_QUOTE"),
        ("poll-equities", "intraday", "TIME_SERIES_INTRADAY"),
        ("poll-crypto", "rates", "CURRENCY_EXCHANGE_RATE"),
        ("poll-crypto", "daily", "DIGITAL_CURRENCY_DAILY"),
        ("poll-events", "news", "NEWS_SENTIMENT"),
    ];
    for (function, job, asks) in jobs {
        for (answer, class) in [
            ("limit_day", "limit_day"),
            ("bad_key", "bad_key"),
            ("unknown_shape", "unknown_shape"),
            ("broken_json", "unknown_shape"),
        ] {
            market.set_faults(faults(&json!([{"function": asks, "times": 1, "answer": answer}])));
            let outcome = stack.answer(function, &json!({"job": job})).await;
            adds_up(&outcome);
            assert_eq!(outcome["refused"], json!({class: 1}), "{job}: {outcome:#}");
            assert!(!outcome.to_string().contains(KEY), "{job} answers with the key");
            stack.reopen_quota().await;
            if answer == "limit_day" {
                let echo = outcome["refusals"][0]["message"].as_str().unwrap();
                assert!(echo.starts_with("We have detected your API key as *** and our standard"), "{echo}");
                assert!(outcome["stopped"].as_str().unwrap().contains("API key as ***"), "{outcome:#}");
            }
        }
        // A connection that breaks has the URL in its error.
        market.set_faults(faults(&json!([{"function": asks, "times": 1, "answer": "cut"}])));
        let outcome = stack.answer(function, &json!({"job": job})).await;
        adds_up(&outcome);
        assert_eq!(outcome["failed"], 1, "{outcome:#}");
    }
    let mut put = 0;
    for stream in ["FinancialStreamName", "CryptoStreamName", "EventsStreamName"] {
        put += stack.records(stream).await.len();
    }
    assert!(put > 0);
    stack.processed(put as u64).await;
    stack.answer("sweep-series", &json!({})).await;

    let logs = stack.logs().await;
    for function in FUNCTIONS {
        let lines = &logs[&format!("/aws/lambda/{}", stack.function(function))];
        assert!(lines.iter().any(|line| line.contains("\"outcome\"")), "{function} logged nothing: {lines:?}");
    }
    assert!(!stack.dead_letters().await.is_empty(), "replies of unknown shape are kept");
    stack.shows_no_key().await;
}

#[tokio::test]
async fn what_one_poller_is_told_of_a_limit_all_of_them_know() {
    let market = market().await;
    let stack = Stack::start_with_market(&market, &[("Symbols", "ACME,BRK.B"), ("Pairs", "BTC/USD")]).await;
    market.set_faults(faults(&json!([{"function": "GLOBAL_QUOTE", "times": 1, "answer": "limit_day"}])));
    let told = stack.answer("poll-equities", &json!({"job": "quotes"})).await;
    assert_eq!((&told["refused"], &told["not_asked"]), (&json!({"limit_day": 1}), &1.into()), "{told:#}");
    let made = market.calls()["calls"].as_array().unwrap().len();
    for (function, job) in [("poll-equities", "intraday"), ("poll-crypto", "rates"), ("poll-events", "movers")] {
        let other = stack.answer(function, &json!({"job": job})).await;
        assert_eq!(other["calls"], 0, "{other:#}");
        let reason = other["stopped"].as_str().unwrap();
        assert!(reason.contains("the vendor refused a call, class `day`; until "), "{reason}");
    }
    assert_eq!(market.calls()["calls"].as_array().unwrap().len(), made, "nobody asked again");
}

#[tokio::test]
async fn a_symbol_that_is_hot_is_asked_first_and_what_is_closed_not_at_all() {
    // A Saturday: equities rest and were never fetched, so that they are caught up once; currencies rest.
    let clock = "2026-11-21T12:00:00Z";
    let options = market_simulator::Options {
        api_key: Some(KEY.into()),
        start: Some(clock.parse().unwrap()),
        ..Default::default()
    };
    let market = market_simulator::MarketSimulator::start(options).await.unwrap();
    let own = [("Symbols", "ACME,BRK.B!,MSFT"), ("Pairs", "USD/JPY,BTC/USD")];
    let stack = Stack::start_with_market(&market, &own).await;
    let first = stack.answer("poll-equities", &json!({"job": "quotes"})).await;
    assert_eq!((&first["accepted"], &first["not_due"]), (&3.into(), &0.into()), "{first:#}");
    assert_eq!(market.calls()["calls"][0]["subject"], "BRK.B");
    let second = stack.answer("poll-equities", &json!({"job": "quotes"})).await;
    assert_eq!((&second["calls"], &second["not_due"]), (&0.into(), &3.into()), "{second:#}");
    let rates = stack.answer("poll-crypto", &json!({"job": "rates"})).await;
    assert_eq!((&rates["calls"], &rates["not_due"]), (&1.into(), &1.into()), "{rates:#}");
}
