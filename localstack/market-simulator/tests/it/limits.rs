//! Limits by the market clock, in the vendor's words.

use market_simulator::Plan;
use serde_json::json;

use crate::client::{FRIDAY_NOON, Session};

const QUOTE: &str = "function=GLOBAL_QUOTE&symbol=MSFT";

async fn answers(session: &Session, calls: usize) -> Vec<String> {
    let mut bodies = Vec::new();
    for _ in 0..calls {
        bodies.push(session.query(QUOTE).await.body);
    }
    bodies
}

fn is_data(body: &str) -> bool {
    body.contains("05. price")
}

#[tokio::test]
async fn the_free_plan_allows_one_call_a_second_and_25_a_day() {
    let session = Session::start(FRIDAY_NOON, |options| options.plan = Plan::Free).await;
    let bodies = answers(&session, 2).await;
    assert!(is_data(&bodies[0]));
    for words in ["Please consider spreading out", "1 request per second", "25 requests per day", "premium endpoints"] {
        assert!(bodies[1].contains(words), "{}", bodies[1]);
    }
    session.clock.advance(999);
    assert!(!is_data(&answers(&session, 1).await[0]));
    for _ in 1..25 {
        session.clock.advance(1_000);
        assert!(is_data(&answers(&session, 1).await[0]));
    }
    session.clock.advance(3_600_000);
    let body = &answers(&session, 1).await[0];
    assert!(body.contains("We have detected your API key as K and our standard API rate limit is 25 requests per day"));
    // Midnight in UTC.
    session.clock.advance(6 * 3_600_000);
    assert!(is_data(&answers(&session, 1).await[0]));
    let limits = &session.running.status()["limits"];
    assert_eq!(limits["plan"], "free");
    assert_eq!(limits["per_second"], json!({"limit": 1, "max_seen": 3}));
    assert_eq!(limits["per_60_seconds"], json!({"limit": null, "max_seen": 27}));
    assert_eq!(limits["per_day"], json!({"limit": 25, "max_seen": 28}));
    assert_eq!(limits["per_day_in_new_york"], json!({"limit": null, "max_seen": 29}));
    assert_eq!(session.running.status()["calls"]["by_answer"], json!({"data": 26, "limit_day": 1, "limit_second": 2}));
}

#[tokio::test]
async fn a_paid_plan_allows_so_many_calls_in_any_60_seconds() {
    let session = Session::start(FRIDAY_NOON, |_| {}).await;
    let bodies = answers(&session, 6).await;
    assert!(bodies[..5].iter().all(|body| is_data(body)));
    assert!(bodies[5].contains("Burst pattern detected") && bodies[5].contains("no more than 5 requests per second"));
    for _ in 0..14 {
        session.clock.advance(1_000);
        assert!(answers(&session, 5).await.iter().all(|body| is_data(body)));
    }
    session.clock.advance(45_999);
    assert!(answers(&session, 1).await[0].contains("Minute-level rate limit"));
    session.clock.advance(1);
    let bodies = answers(&session, 6).await;
    assert_eq!(
        bodies.iter().filter(|body| is_data(body)).count(),
        5,
        "the five of the first second have left the window"
    );
    assert!(bodies[5].contains("Minute-level rate limit"));
}

#[tokio::test]
async fn limits_follow_market_time_not_the_wall() {
    let session = Session::start(FRIDAY_NOON, |options| options.speed = 60).await;
    for _ in 0..100 {
        // 17 ms on the wall are 1.02 s of the market.
        session.clock.advance(17);
        assert!(is_data(&answers(&session, 1).await[0]));
    }
    assert_eq!(session.running.status()["limits"]["per_60_seconds"]["max_seen"], 59);
}
