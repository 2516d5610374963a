//! One bootstrap as Lambda runs it: a binary and its environment come in, times, answers and memory leave.

use std::{
    path::Path,
    process::Stdio,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use axum::body::Bytes;
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStdout, Command},
    time::timeout,
};

use crate::runtime_api::{INVOCATION, RuntimeApi};

/// Longest time from the start to the first `/next` that is waited for.
const START: Duration = Duration::from_secs(20);

/// Name and value of each variable.
pub(crate) type Environment = Vec<(String, String)>;

/// A bootstrap that has asked for its first event. Dropping it kills it.
pub(crate) struct Bootstrap {
    pub(crate) child: Child,
    log: Lines<BufReader<ChildStdout>>,
    pub(crate) api: RuntimeApi,
    /// From before the spawn to the first `/next`.
    pub(crate) started_in: Duration,
}

/// What a function did with an event.
pub(crate) struct Invoked {
    /// From the event's first byte to the answer's last one.
    pub(crate) took: Duration,
    pub(crate) answer: Value,
    /// The outcome that it logged.
    pub(crate) outcome: Value,
}

impl Bootstrap {
    /// Starts it with these arguments and this environment, what Lambda itself sets, and nothing else.
    pub(crate) async fn start(binary: &Path, arguments: &[&str], environment: &Environment) -> Result<Self> {
        let mut api = RuntimeApi::start().await?;
        let mut command = Command::new(binary);
        command
            .args(arguments)
            .env_clear()
            .envs(environment.iter().cloned())
            .env("AWS_LAMBDA_RUNTIME_API", api.address.to_string())
            .env("AWS_LAMBDA_FUNCTION_NAME", "bench")
            .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128")
            .env("AWS_LAMBDA_LOG_GROUP_NAME", "bench")
            .env("AWS_LAMBDA_LOG_STREAM_NAME", "bench")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true);
        let begun = Instant::now();
        let mut child = command.spawn().with_context(|| format!("cannot run `{}`", binary.display()))?;
        let first = tokio::select! {
            first = timeout(START, api.polls.recv()) => first.context("it asked for no event in time")?,
            ended = child.wait() => bail!("`{}` ended at once: {}", binary.display(), ended?),
        };
        let started_in = first.context("the runtime API ended")?.duration_since(begun);
        let log = BufReader::new(child.stdout.take().context("the bootstrap has no output")?).lines();
        Ok(Self { child, log, api, started_in })
    }

    /// Hands it an event, and waits for the outcome in its log and for its answer.
    pub(crate) async fn invoke(&mut self, event: Bytes) -> Result<Invoked> {
        let begun = Instant::now();
        self.api.events.send(event).ok().context("the runtime API ended")?;
        let outcome = timeout(INVOCATION, self.outcome()).await.context("the function logged no outcome in time")??;
        let answer = timeout(INVOCATION, self.api.answers.recv()).await.context("the function did not answer")?;
        let answer = answer.context("the runtime API ended")?;
        if answer.kind != "response" {
            bail!("the function failed: {}", String::from_utf8_lossy(&answer.body));
        }
        let took = answer.at.duration_since(begun);
        Ok(Invoked { took, answer: serde_json::from_slice(&answer.body)?, outcome })
    }

    async fn outcome(&mut self) -> Result<Value> {
        while let Some(line) = self.log.next_line().await? {
            let Ok(mut line) = serde_json::from_str::<Value>(&line) else { bail!("the function logged `{line}`") };
            match line.get_mut("outcome") {
                Some(outcome) => return Ok(outcome.take()),
                None => eprintln!("{line}"),
            }
        }
        bail!("the function ended: {}", self.child.wait().await?)
    }

    /// The most memory that it ever had resident, in bytes; `None` where there is no `/proc`.
    pub(crate) fn peak_memory(&self) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()?)).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
        Some(line.trim().strip_suffix(" kB")?.parse::<u64>().ok()? * 1024)
    }

    /// Kills it, and waits until it is gone.
    pub(crate) async fn stop(mut self) -> Result<()> {
        Ok(self.child.kill().await?)
    }
}
