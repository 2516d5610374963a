//! What an invocation came to, in Lambda's own words.

use std::{os::unix::process::ExitStatusExt, process::ExitStatus, time::Duration};

use bytes::Bytes;
use serde::Serialize;
use serde_json::json;

/// The largest event and answer of a synchronous invocation, in bytes.
/// <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>
pub const PAYLOAD_MAX: usize = 6 * 1024 * 1024;
/// What Lambda allows on top of [`PAYLOAD_MAX`] for an answer.
pub(crate) const ANSWER_MAX: usize = PAYLOAD_MAX + 100;

/// An invocation that is over.
#[derive(Debug, Clone)]
pub struct Done {
    /// Its id.
    pub request_id: String,
    /// What it came to.
    pub outcome: Outcome,
    /// The last 4 KB of what it logged; empty unless asked for.
    pub log_tail: Vec<u8>,
}

/// What an invocation came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The function returned this. Lambda does not look whether it is JSON.
    Returned(Bytes),
    /// It failed, and this is its error document.
    Failed {
        /// How.
        failure: Failure,
        /// `{"errorType", "errorMessage", …}`
        payload: Bytes,
    },
}

/// How an invocation failed. For Lambda's API all of them are `Unhandled`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Failure {
    /// The function reported an error.
    Error,
    /// It did not become ready.
    Init,
    /// It did not answer in time.
    Timeout,
    /// Its process ended.
    Exit,
    /// Its process took more memory than it has.
    OutOfMemory,
    /// Its answer was too large.
    TooLarge,
}

impl Failure {
    /// `status` of `platform.report`.
    pub(crate) fn status(self) -> &'static str {
        match self {
            Self::Timeout => "timeout",
            Self::Error => "error",
            _ => "failure",
        }
    }
}

impl Outcome {
    /// What the function did not report itself.
    pub(crate) fn failed(failure: Failure, error_type: &str, message: String) -> Self {
        let document = json!({"errorType": error_type, "errorMessage": message});
        Self::Failed { failure, payload: document.to_string().into() }
    }

    pub(crate) fn timed_out(request_id: &str, timeout: Duration) -> Self {
        let message =
            format!("RequestId: {request_id} Error: Task timed out after {:.2} seconds", timeout.as_secs_f64());
        Self::failed(Failure::Timeout, "Sandbox.Timedout", message)
    }

    pub(crate) fn exited(request_id: &str, status: ExitStatus) -> Self {
        let message = format!("RequestId: {request_id} Error: {}", words(status));
        Self::failed(Failure::Exit, "Runtime.ExitError", message)
    }

    pub(crate) fn out_of_memory(request_id: &str) -> Self {
        let message = format!("RequestId: {request_id} Error: Runtime exited with error: signal: killed");
        Self::failed(Failure::OutOfMemory, "Runtime.OutOfMemory", message)
    }

    pub(crate) fn too_large(size: usize) -> Self {
        let message =
            format!("Response payload size ({size} bytes) exceeded maximum allowed payload size ({ANSWER_MAX} bytes).");
        Self::failed(Failure::TooLarge, "Function.ResponseSizeTooLarge", message)
    }

    /// The failure, if it is one.
    pub fn failure(&self) -> Option<Failure> {
        match self {
            Self::Returned(_) => None,
            Self::Failed { failure, .. } => Some(*failure),
        }
    }
}

/// How Lambda, whose supervisor is written in Go, speaks of the end of a process.
fn words(status: ExitStatus) -> String {
    let signal = |number: i32| match number {
        1 => "hangup".to_owned(),
        2 => "interrupt".to_owned(),
        4 => "illegal instruction".to_owned(),
        6 => "aborted".to_owned(),
        7 => "bus error".to_owned(),
        8 => "floating point exception".to_owned(),
        9 => "killed".to_owned(),
        11 => "segmentation fault".to_owned(),
        13 => "broken pipe".to_owned(),
        15 => "terminated".to_owned(),
        other => format!("signal {other}"),
    };
    match (status.code(), status.signal()) {
        (Some(0), _) => "Runtime exited without providing a reason".to_owned(),
        (Some(code), _) => format!("Runtime exited with error: exit status {code}"),
        (None, Some(number)) => {
            let dumped = if status.core_dumped() { " (core dumped)" } else { "" };
            format!("Runtime exited with error: signal: {}{dumped}", signal(number))
        }
        (None, None) => "Runtime exited without providing a reason".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_are_told_as_lambda_tells_them() {
        for (raw, expected) in [
            (0, "Runtime exited without providing a reason"),
            (1 << 8, "Runtime exited with error: exit status 1"),
            (9, "Runtime exited with error: signal: killed"),
            (6 | 0x80, "Runtime exited with error: signal: aborted (core dumped)"),
            (34, "Runtime exited with error: signal: signal 34"),
        ] {
            assert_eq!(words(ExitStatus::from_raw(raw)), expected);
        }
        let Outcome::Failed { payload, .. } = Outcome::timed_out("1", Duration::from_millis(2500)) else { panic!() };
        let expected = r#"{"errorMessage":"RequestId: 1 Error: Task timed out after 2.50 seconds","errorType":"Sandbox.Timedout"}"#;
        assert_eq!(payload, expected);
    }
}
