//! Logs as JSON lines on standard output, where Lambda picks them up.
//!
//! Outcomes are logged whole, as nested JSON, so that CloudWatch Logs Insights and the command line
//! find their fields. Texts that may hold a secret are redacted before they come here.

mod metrics;

use std::{fmt::Display, io::Write, process::ExitCode};

use serde::Serialize;
use tracing_subscriber::{filter::Targets, layer::SubscriberExt, util::SubscriberInitExt};

pub use metrics::{Metric, metrics};

/// How much is logged.
pub use tracing::level_filters::LevelFilter;

/// Sets up logging for the process, once. Libraries below speak from `warn` on: their debug output
/// holds URLs, and a URL of the vendor holds the key.
pub fn init(level: LevelFilter) {
    let libraries = level.min(LevelFilter::WARN);
    let targets = Targets::new().with_default(level).with_targets(
        ["aws", "aws_config", "aws_smithy_runtime", "h2", "hyper", "hyper_util", "reqwest", "rustls"]
            .map(|name| (name, libraries)),
    );
    let lines = tracing_subscriber::fmt::layer().json().flatten_event(true).with_current_span(false).with_target(false);
    // A second call would fail, which only says that logging is set up.
    let _ = tracing_subscriber::registry().with(targets).with(lines).try_init();
}

/// The exit code of a program whose configuration is wrong.
pub const WRONG_CONFIGURATION: u8 = 2;

/// Says on standard error why a program will not start, and gives its exit code.
pub fn refuse(problems: &impl Display) -> ExitCode {
    // Where standard error is closed there is nobody to tell.
    let _ = writeln!(std::io::stderr(), "{problems}");
    ExitCode::from(WRONG_CONFIGURATION)
}

#[derive(Serialize)]
struct Line<'a, T> {
    level: &'a str,
    message: &'a str,
    outcome: &'a T,
}

/// Logs what recovers by itself.
pub fn warn(message: &str) {
    tracing::warn!("{message}");
}

/// Logs what became of a unit of work: one line `{"level":"INFO","message":…,"outcome":{…}}`.
pub fn outcome(message: &str, outcome: &impl Serialize) {
    if let Ok(mut line) = serde_json::to_vec(&Line { level: "INFO", message, outcome }) {
        line.push(b'\n');
        // Where standard output is closed there is nobody to tell.
        let _ = std::io::stdout().lock().write_all(&line);
    }
}
