//! The host with real processes: functions that behave and that do not, its endpoint, and its end.
//!
//! This program is the bootstrap, too: a script in a folder of its own runs it with the name of one ignored test.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, clippy::print_stderr, reason = "all of it is tests")]

mod bootstrap;
mod emulated;
mod endpoint;
mod failing;
mod overhead;
mod protocol;

use std::{
    fs,
    future::Future,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use lambda_host::{Done, Function, Host, Options, Outcome, Request, Setup};
use serde_json::{Value, json};

const DEADLINE: Duration = Duration::from_secs(30);

/// Writes a bootstrap into a folder of its own.
fn script(folder: &Path, name: &str, text: &str) -> PathBuf {
    let folder = folder.join(name);
    fs::create_dir_all(&folder).unwrap();
    let path = folder.join("bootstrap");
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

/// A function that does what its events say; see `bootstrap`.
fn obedient(folder: &Path, name: &str) -> Function {
    let program = std::env::current_exe().unwrap();
    let text = format!(
        "#!/bin/sh\nexec '{}' --exact bootstrap::serves --ignored --nocapture --test-threads 1\n",
        program.display()
    );
    Function { timeout: Duration::from_secs(10), memory_mb: 512, ..Function::new(name, script(folder, name, &text)) }
}

async fn start(functions: Vec<Function>, options: Options) -> Host {
    Host::start(Setup { functions, ..Setup::default() }, options).await.unwrap()
}

fn request(event: &Value) -> Request {
    Request { event: event.to_string().into(), ..Request::default() }
}

async fn invoke(host: &Host, function: &str, event: Value) -> Done {
    host.invoke(function, request(&event)).await.unwrap().unwrap()
}

/// What an invocation returned, or its error document.
fn payload(outcome: &Outcome) -> Value {
    let (Outcome::Returned(payload) | Outcome::Failed { payload, .. }) = outcome;
    serde_json::from_slice(payload).unwrap_or_else(|_| json!(String::from_utf8_lossy(payload)))
}

/// Looks again and again until something is so.
async fn until<F: Future<Output = bool>>(what: &str, mut is_so: impl FnMut() -> F) {
    let begun = Instant::now();
    while !is_so().await {
        assert!(begun.elapsed() < DEADLINE, "still not: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn runs(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(')').next().is_some_and(|rest| !rest.trim().is_empty() && !rest.trim().starts_with('Z'))
}
