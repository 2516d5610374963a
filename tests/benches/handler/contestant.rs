//! A program that takes events, one at a time: the file of an event goes in, what it took and wrote comes back.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Lines, Write},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::events::Event;

/// What a program says of an event.
#[derive(Deserialize)]
pub(crate) struct Answer {
    pub(crate) cpu_seconds: f64,
    /// Raw lines and new ones.
    pub(crate) archived: usize,
    pub(crate) written: usize,
    /// Nanoseconds by stage, of the limit alone.
    #[serde(default)]
    pub(crate) stages: BTreeMap<String, f64>,
    /// Calls to Firehose and the bytes that it bills, of the handler alone.
    #[serde(default)]
    pub(crate) calls: usize,
    #[serde(default)]
    pub(crate) billed: usize,
    /// The last line of each symbol, where it was asked for.
    pub(crate) last: Option<BTreeMap<String, String>>,
}

/// A running program. Dropping it ends it.
pub(crate) struct Contestant {
    child: Child,
    orders: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
}

impl Drop for Contestant {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Contestant {
    pub(crate) fn start(command: &mut Command) -> Result<Self> {
        for name in ["PYTHONPATH", "PYTHONSTARTUP", "NODE_OPTIONS", "POWERTOOLS_DEV"] {
            command.env_remove(name);
        }
        // Powertools would warn that no service is named, and write bytecode into the checkout.
        command.env("POWERTOOLS_SERVICE_NAME", "bench").env("PYTHONDONTWRITEBYTECODE", "1");
        let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut child = child.with_context(|| format!("cannot run `{}`", command.get_program().display()))?;
        let (orders, answers) = (child.stdin.take(), child.stdout.take());
        Ok(Self {
            child,
            orders: orders.context("no standard input")?,
            answers: BufReader::new(answers.context("no standard output")?).lines(),
        })
    }

    /// Hands it an event, and waits for its answer. What else it prints is a log.
    pub(crate) fn take(&mut self, event: &Event, keep: bool) -> Result<Answer> {
        let keep = if keep { "keep " } else { "" };
        writeln!(self.orders, "{keep}{} {}", event.path.display(), event.now).context("it ended: it says above why")?;
        for line in self.answers.by_ref() {
            let line = line?;
            if line.contains("\"cpu_seconds\"") {
                return serde_json::from_str(&line).with_context(|| format!("no answer: `{line}`"));
            }
        }
        anyhow::bail!("it ended without an answer: it says above why")
    }
}
