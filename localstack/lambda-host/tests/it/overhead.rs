//! What the host adds to an invocation of a warm function.

use std::time::{Duration, Instant};

use lambda_host::Options;
use serde_json::json;

use super::{obedient, request, start};

/// The bound is that of the whole round, the function included.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_warm_invocation_of_one_record_takes_less_than_a_millisecond() {
    let folder = tempfile::tempdir().unwrap();
    let host = start(vec![obedient(folder.path(), "f")], Options::default()).await;
    let event = request(&json!({"Records": [{"kinesis": {"data": "aGVsbG8=", "partitionKey": "k"}}]}));
    let mut took = Vec::new();
    for round in 0..600 {
        let begun = Instant::now();
        host.invoke("f", event.clone()).await.unwrap().unwrap();
        if round >= 100 {
            took.push(begun.elapsed());
        }
    }
    took.sort();
    println!("warm invocation: median {:?}, 90th {:?}", took[took.len() / 2], took[took.len() * 9 / 10]);
    // Other tests run beside this one: the tenth of the invocations that they disturb least is what is bounded.
    assert!(took[took.len() / 10] < Duration::from_millis(1), "{:?}", took[took.len() / 10]);
    host.stop().await;
}
