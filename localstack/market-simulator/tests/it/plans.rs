//! What a plan has not, and that faults reach every function.

use market_simulator::{Function, Plan};
use serde_json::{Value, json};

use crate::client::{FRIDAY_NOON, Session};

const BULK: &str = "function=REALTIME_BULK_QUOTES&symbol=TSLA";
/// A good request of each function, and words of its reply.
const REQUESTS: [(&str, &str); 13] = [
    ("function=GLOBAL_QUOTE&symbol=MSFT", "Global Quote"),
    (BULK, "success"),
    ("function=TIME_SERIES_INTRADAY&symbol=MSFT&interval=5min", "Time Series (5min)"),
    ("function=TIME_SERIES_DAILY&symbol=MSFT", "Time Series (Daily)"),
    ("function=TIME_SERIES_DAILY_ADJUSTED&symbol=MSFT", "8. split coefficient"),
    ("function=CURRENCY_EXCHANGE_RATE&from_currency=USD&to_currency=JPY", "5. Exchange Rate"),
    ("function=CRYPTO_INTRADAY&symbol=ETH&market=USD&interval=1min", "Time Series Crypto (1min)"),
    ("function=FX_INTRADAY&from_symbol=EUR&to_symbol=USD&interval=1min", "Time Series FX (1min)"),
    ("function=DIGITAL_CURRENCY_DAILY&symbol=BTC&market=EUR", "Time Series (Digital Currency Daily)"),
    ("function=NEWS_SENTIMENT&tickers=AAPL", "ticker_sentiment"),
    ("function=MARKET_STATUS", "current_status"),
    ("function=TOP_GAINERS_LOSERS", "top_gainers"),
    ("function=EARNINGS_CALENDAR", "timeOfTheDay"),
];

/// What only paying keys get.
fn is_premium(query: &str) -> bool {
    ["DAILY_ADJUSTED", "CRYPTO_INTRADAY", "FX_INTRADAY"].iter().any(|name| query.contains(name))
}

#[tokio::test]
async fn premium_functions_are_refused_on_the_free_plan_only() {
    let free = Session::start(FRIDAY_NOON, |options| options.plan = Plan::Free).await;
    for (query, words) in REQUESTS.iter().filter(|(query, _)| *query != BULK) {
        let words = if is_premium(query) { "This is a premium endpoint" } else { words };
        free.clock.advance(1_000);
        let reply = free.query(query).await;
        assert!(reply.body.contains(words), "{query}: {}", reply.body);
    }
    let full = "function=TIME_SERIES_DAILY&symbol=MSFT&outputsize=full";
    for (query, words) in [
        (full, "The outputsize=full parameter value is a premium feature for the TIME_SERIES_DAILY endpoint."),
        (REQUESTS[4].0, "This is a premium endpoint"),
    ] {
        free.clock.advance(1_000);
        let reply = free.query(&format!("{query}&datatype=csv")).await;
        assert_eq!(reply.content_type, "application/json", "refusals have no CSV");
        assert!(reply.json()["Information"].as_str().unwrap().contains(words));
    }
    assert_eq!(free.running.status()["calls"]["by_answer"]["premium"], 5);

    let paid = Session::start(FRIDAY_NOON, |options| options.plan = Plan::P75).await;
    for (query, words) in REQUESTS.iter().filter(|(query, _)| is_premium(query)) {
        assert!(paid.query(query).await.body.contains(words), "{query}");
    }
}

#[tokio::test]
async fn bulk_quotes_are_made_up_unless_the_plan_has_them() {
    for (plan, bulk, is_real) in [
        (Plan::Free, false, false),
        (Plan::P75, false, false),
        (Plan::P300, false, false),
        (Plan::P600, false, true),
        (Plan::P1200, false, true),
        (Plan::P75, true, true),
    ] {
        let session = Session::start(FRIDAY_NOON, |options| (options.plan, options.bulk) = (plan, bulk)).await;
        for query in [BULK.to_owned(), format!("{BULK}&datatype=csv")] {
            session.clock.advance(1_000);
            let reply = session.query(&query).await;
            if is_real {
                assert!(!reply.body.contains("ARTIFICIAL") && reply.body.contains("TSLA"), "{plan}");
                continue;
            }
            let json = reply.json();
            assert_eq!(json["endpoint"], "Realtime Bulk Quotes");
            assert!(json["message"].as_str().unwrap().contains("***THE SAMPLE DATA SCHEMA BELOW IS ARTIFICIAL"));
            let symbols: Vec<&Value> = json["data"].as_array().unwrap().iter().map(|quote| &quote["symbol"]).collect();
            assert_eq!(symbols, ["MSFT", "AAPL", "IBM"], "whatever was asked for");
            for quote in json["data"].as_array().unwrap() {
                assert_eq!(quote.as_object().unwrap().len(), 13);
                assert!(quote["timestamp"].as_str().unwrap().starts_with("2024-10-18 19:59:"));
            }
        }
        assert_eq!(
            session.running.status()["calls"]["by_answer"]["artificial"],
            if is_real { Value::Null } else { json!(2) }
        );
    }
}

#[tokio::test]
async fn faults_strike_every_function_and_only_the_one_that_they_name() {
    let session = Session::start(FRIDAY_NOON, |options| options.plan = Plan::P1200).await;
    assert_eq!(REQUESTS.len(), Function::ALL.len());
    for ((query, words), function) in REQUESTS.iter().zip(Function::ALL) {
        assert!(query.contains(&format!("function={}", function.as_str())));
        session.clock.advance(1_000);
        let good = session.query(query).await;
        assert!(good.body.contains(words), "{query}: {}", good.body);
        let other = if function == Function::MarketStatus { REQUESTS[0] } else { REQUESTS[10] };
        for answer in
            ["limit_day", "http_503", "broken_json", "cut", "negative_price", "out_of_session", "wrong_symbol"]
        {
            let faults = json!([{"function": function.as_str(), "answer": answer}]).to_string();
            assert_eq!(session.send("POST", "/control/faults", &faults).await.status, 200);
            assert!(session.query(other.0).await.body.contains(other.1), "{answer} struck another function");
            let struck = session.query(query).await;
            let has_prices = !["NEWS", "STATUS", "CALENDAR"].iter().any(|name| query.contains(name));
            let has_subject = !["MARKET_STATUS", "TOP_GAINERS", "EARNINGS"].iter().any(|name| query.contains(name));
            let differs = match answer {
                "negative_price" => has_prices,
                "wrong_symbol" => has_subject,
                _ => true,
            };
            assert!(struck.body != good.body || !differs, "{query}: `{answer}` changed nothing");
            session.send("POST", "/control/faults", "[]").await;
            if answer == "negative_price" && has_prices {
                assert!(struck.body.contains("\"-"), "{}", struck.body);
            }
        }
        assert_eq!(session.running.calls()["calls"].as_array().unwrap().last().unwrap()["function"], function.as_str());
    }
}

#[tokio::test]
async fn a_fault_of_one_symbol_strikes_the_lists_that_it_is_in() {
    let session = Session::start(FRIDAY_NOON, |options| options.bulk = true).await;
    session.send("POST", "/control/faults", r#"[{"symbol":"msft","answer":"empty"}]"#).await;
    assert_eq!(session.query("function=REALTIME_BULK_QUOTES&symbol=IBM,MSFT").await.body, "{}");
    assert!(session.query("function=REALTIME_BULK_QUOTES&symbol=IBM,TSLA").await.body.contains("success"));
    assert_eq!(session.query("function=NEWS_SENTIMENT&tickers=MSFT").await.body, "{}");
}
