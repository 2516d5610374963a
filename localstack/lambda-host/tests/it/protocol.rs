//! The Runtime API as a runtime sees it: a bootstrap in Python calls it right and wrong, and tells what it was told.

use std::time::Duration;

use lambda_host::{Failure, Function, Options, Outcome};
use serde_json::{Value, json};

use super::{invoke, payload, script, start};

const BOOTSTRAP: &str = include_str!("../fixtures/protocol.py");

async fn told(mode: &str) -> Vec<lambda_host::Done> {
    let folder = tempfile::tempdir().unwrap();
    let mut function = Function::new("p", script(folder.path(), "p", BOOTSTRAP));
    function.timeout = Duration::from_secs(5);
    function.environment.insert("MODE".to_owned(), mode.to_owned());
    let host = start(vec![function], Options::default()).await;
    let mut all = Vec::new();
    for n in 0..2 {
        all.push(invoke(&host, "p", json!({"n": n})).await);
    }
    host.stop().await;
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_calls_are_refused_and_right_ones_taken() {
    let all = told("wrong").await;
    let said = payload(&all[0].outcome);
    let expected = json!({
        "ping": 200, "nowhere": 404, "next_while_working": 403, "wrong_id": 400, "init_error_late": 403,
        "wrong_id_type": "InvalidRequestID",
    });
    for (name, status) in expected.as_object().unwrap() {
        assert_eq!(&said[name], status, "{name}: {said}");
    }
    // The second invocation tells what came of answering the first one again.
    assert_eq!(payload(&all[1].outcome)["answer_again"], 403);
    assert_eq!(payload(&all[1].outcome)["answer"], 202);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_comes_with_an_event_is_complete() {
    let all = told("echo").await;
    let said = payload(&all[1].outcome);
    assert_eq!(said["event"], json!({"n": 1}));
    assert_eq!(said["headers"]["Lambda-Runtime-Aws-Request-Id"], json!(all[1].request_id));
    assert_eq!(
        said["headers"]["Lambda-Runtime-Invoked-Function-Arn"],
        "arn:aws:lambda:us-east-1:000000000000:function:p"
    );
    let trace = said["headers"]["Lambda-Runtime-Trace-Id"].as_str().unwrap();
    assert!(trace.starts_with("Root=1-") && trace.contains(";Parent="), "{trace}");
    let left = said["left_ms"].as_f64().unwrap();
    assert!((3000.0..=5000.0).contains(&left), "{left}");
    let variable = |name: &str| said["variables"][name].clone();
    assert_eq!(variable("AWS_LAMBDA_FUNCTION_NAME"), "p");
    assert_eq!(variable("AWS_LAMBDA_INITIALIZATION_TYPE"), "on-demand");
    assert_eq!(variable("USER"), Value::Null, "nothing of ours");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn odd_answers_are_what_lambda_makes_of_them() {
    let (garbage, failing, init, streamed, large, vanishing) = tokio::join!(
        told("garbage"),
        told("error"),
        told("init_error"),
        told("streamed_error"),
        told("large"),
        told("answer_and_exit")
    );
    // Lambda does not look at what a custom runtime returns.
    assert_eq!(garbage[1].outcome, Outcome::Returned("<no json".into()));
    assert_eq!(payload(&failing[1].outcome), json!({"errorType": "Told", "errorMessage": "as told"}));
    assert_eq!(init[1].outcome.failure(), Some(Failure::Init));
    assert_eq!(payload(&init[1].outcome)["errorType"], "Runtime.Told");
    assert_eq!(streamed[1].outcome.failure(), Some(Failure::Error));
    assert_eq!(payload(&streamed[1].outcome)["errorMessage"], "on the way");
    assert_eq!(large[0].outcome.failure(), Some(Failure::TooLarge));
    assert_eq!(payload(&large[1].outcome)["status"], 413);
    assert!(vanishing.iter().all(|done| done.outcome == Outcome::Returned("{}".into())), "{vanishing:?}");
}
