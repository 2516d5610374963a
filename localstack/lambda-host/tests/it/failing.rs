//! Functions that do not do what they should: each is reported as AWS reports it, and the host goes on.

use std::time::Duration;

use lambda_host::{Failure, Function, OnTimeout, Options, Request, Throttled};
use serde_json::{Value, json};

use super::{invoke, obedient, payload, request, runs, start, until};

/// An event, and the failure with its error's type and a part of its message.
async fn check(event: Value, failure: Failure, error_type: &str, message: &str) {
    let folder = tempfile::tempdir().unwrap();
    let function = Function { timeout: Duration::from_millis(1500), memory_mb: 96, ..obedient(folder.path(), "f") };
    let host = start(vec![function], Options::default()).await;
    let before = invoke(&host, "f", json!({})).await;
    // Who wants the log gets it after a time-out, too.
    let wants_log = event["do"] == "wait";
    let done = host.invoke("f", Request { wants_log, ..request(&event) }).await.unwrap().unwrap();
    assert_eq!(String::from_utf8_lossy(&done.log_tail).contains("Status: timeout"), wants_log);
    assert_eq!(done.outcome.failure(), Some(failure), "{event}: {:?}", done.outcome);
    let document = payload(&done.outcome);
    assert_eq!(document["errorType"], error_type, "{event}");
    let said = document["errorMessage"].as_str().unwrap();
    assert!(said.contains(message), "{event}: {said}");
    if failure != Failure::Error && failure != Failure::TooLarge {
        assert!(said.starts_with(&format!("RequestId: {} Error: ", done.request_id)), "{said}");
    }
    let after = invoke(&host, "f", json!({})).await;
    let [before, after] = [before, after].map(|done| payload(&done.outcome)["pid"].as_u64().unwrap());
    let same = matches!(failure, Failure::Error | Failure::TooLarge);
    assert_eq!(before == after, same, "{event}: a process that is well is kept, another one is not");
    assert_eq!(runs(u32::try_from(before).unwrap()), same, "{event}");
    let report = host.stop().await;
    let function = &report.functions["f"];
    assert_eq!((function.invocations, function.errors), (3, 1), "{event}");
    assert_eq!(function.timeouts, u64::from(failure == Failure::Timeout));
    assert_eq!(function.exits, u64::from(matches!(failure, Failure::Exit | Failure::OutOfMemory)));
    assert!(function.max_memory_mb > 0 && function.init_ms > 0.0, "{function:?}");
    if failure == Failure::OutOfMemory {
        assert!(function.max_memory_mb >= 96, "{function:?}");
    }
    assert!(!runs(u32::try_from(after).unwrap()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_kind_of_failure_is_reported_as_aws_reports_it() {
    let exit = |code: i32| json!({"do": "exit", "code": code});
    tokio::join!(
        check(
            json!({"do": "fail"}),
            Failure::Error,
            "&alloc::boxed::Box<dyn core::error::Error + core::marker::Send + core::marker::Sync>",
            "as told"
        ),
        check(
            json!({"do": "panic"}),
            Failure::Error,
            "&alloc::boxed::Box<dyn core::any::Any + core::marker::Send>",
            "as told"
        ),
        check(exit(1), Failure::Exit, "Runtime.ExitError", "Error: Runtime exited with error: exit status 1"),
        check(exit(0), Failure::Exit, "Runtime.ExitError", "Error: Runtime exited without providing a reason"),
        check(json!({"do": "abort"}), Failure::Exit, "Runtime.ExitError", "Runtime exited with error: signal: aborted"),
        check(json!({"do": "hang"}), Failure::Timeout, "Sandbox.Timedout", "Error: Task timed out after 1.50 seconds"),
        check(json!({"do": "wait"}), Failure::Timeout, "Sandbox.Timedout", "Error: Task timed out after 1.50 seconds"),
        check(json!({"do": "leak"}), Failure::OutOfMemory, "Runtime.OutOfMemory", "exited with error: signal: killed"),
        check(json!({"do": "large"}), Failure::TooLarge, "Function.ResponseSizeTooLarge", "exceeded maximum allowed"),
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_begin_is_begun_twice_and_reported() {
    let folder = tempfile::tempdir().unwrap();
    let mut exits = Function { timeout: Duration::from_secs(1), ..obedient(folder.path(), "exits") };
    exits.environment.insert("FAIL_INIT".to_owned(), "1".to_owned());
    let mut none = Function::new("none", folder.path().join("exits/bootstrap"));
    none.bootstrap = super::script(folder.path(), "none", "#!/nowhere/interpreter\n");
    let host = start(vec![exits, none], Options::default()).await;
    let done = invoke(&host, "exits", json!({})).await;
    assert!(payload(&done.outcome)["errorMessage"].as_str().unwrap().ends_with("exit status 3"), "{:?}", done.outcome);
    let done = invoke(&host, "none", json!({})).await;
    assert_eq!(payload(&done.outcome)["errorType"], "Runtime.InvalidEntrypoint");
    let report = host.stop().await;
    assert_eq!((report.functions["exits"].init_failures, report.functions["exits"].inits), (2, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_are_kept_warm_and_more_than_there_may_be_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let reserved = Function { reserved_concurrency: Some(2), ..obedient(folder.path(), "f") };
    let never = Function { reserved_concurrency: Some(0), ..obedient(folder.path(), "never") };
    let host = start(vec![reserved, never], Options::default()).await;
    let wait = || host.invoke("f", request(&json!({"do": "wait", "ms": 300})));
    let (a, b, c) = tokio::join!(wait(), wait(), wait());
    let all = [a.unwrap(), b.unwrap(), c.unwrap()];
    assert_eq!(all.iter().filter(|done| matches!(done, Err(Throttled))).count(), 1);
    assert_eq!(host.processes().len(), 2);
    assert_eq!(host.invoke("never", request(&json!({}))).await.unwrap().unwrap_err(), Throttled);
    for _ in 0..20 {
        invoke(&host, "f", json!({})).await;
    }
    let report = host.stop().await;
    assert_eq!((report.functions["f"].inits, report.functions["f"].throttles), (2, 1));
    assert_eq!((report.functions["f"].invocations, report.functions["never"].throttles), (22, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_is_killed_in_between_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let host = start(vec![obedient(folder.path(), "f")], Options::default()).await;
    for _ in 0..3 {
        let pid = payload(&invoke(&host, "f", json!({})).await.outcome)["pid"].as_u64().unwrap();
        signal(pid, "KILL");
        until("it is gone", || async { !runs(u32::try_from(pid).unwrap()) }).await;
        until("the host knows", || async { host.processes().is_empty() }).await;
    }
    let report = host.stop().await;
    assert_eq!((report.functions["f"].errors, report.functions["f"].inits), (0, 3));
}

fn signal(pid: u64, name: &str) {
    let status = std::process::Command::new("kill").args([&format!("-{name}"), &pid.to_string()]).status().unwrap();
    assert!(status.success());
}

/// Paused past its deadline, succeeded by another one, continued: what it says then is refused.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_is_paused_can_be_abandoned() {
    let folder = tempfile::tempdir().unwrap();
    let function =
        Function { timeout: Duration::from_millis(700), reserved_concurrency: Some(1), ..obedient(folder.path(), "f") };
    let options = Options { on_timeout: OnTimeout::Abandon, ..Options::default() };
    let host = start(vec![function], options).await;
    let pid = payload(&invoke(&host, "f", json!({})).await.outcome)["pid"].as_u64().unwrap();
    let event = json!({"do": "hang", "ms": 200});
    let (done, ()) = tokio::join!(invoke(&host, "f", event), async {
        until("it works", || async { host.processes().iter().any(|process| process.request_id.is_some()) }).await;
        signal(pid, "STOP");
    });
    assert_eq!(done.outcome.failure(), Some(Failure::Timeout));
    let next = payload(&invoke(&host, "f", json!({})).await.outcome)["pid"].as_u64().unwrap();
    assert_ne!(pid, next);
    let abandoned: Vec<_> = host.processes().into_iter().filter(|process| process.is_abandoned).collect();
    assert_eq!(abandoned.iter().map(|process| u64::from(process.pid)).collect::<Vec<_>>(), [pid]);
    signal(pid, "CONT");
    until("it has ended", || async { !runs(u32::try_from(pid).unwrap()) }).await;
    until("its answer was refused", || async { host.report().functions["f"].late_answers == 1 }).await;
    invoke(&host, "f", json!({})).await;
    let report = host.stop().await;
    assert_eq!((report.functions["f"].timeouts, report.functions["f"].inits), (1, 2));
    assert!(!runs(u32::try_from(next).unwrap()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_outlives_a_host_that_is_dropped() {
    let folder = tempfile::tempdir().unwrap();
    let host = start(vec![obedient(folder.path(), "f")], Options::default()).await;
    let pid = payload(&invoke(&host, "f", json!({})).await.outcome)["pid"].as_u64().unwrap();
    drop(host);
    until("it is gone", || async { !runs(u32::try_from(pid).unwrap()) }).await;
}
