//! Where the market data comes from: the simulator as a process of its own, or the real vendor.

use std::{collections::BTreeMap, path::Path, process::Stdio, time::Duration};

use anyhow::{Context, Result, bail};
use market::SimulatedTime;
use serde::{Deserialize, Serialize};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
    time::timeout,
};

use super::Options;

/// How long the simulator may take to listen.
const START: Duration = Duration::from_secs(20);

/// The simulator's first line.
#[derive(Debug, Deserialize)]
struct FirstLine {
    listening: String,
    clock: String,
}

/// A running market simulator.
#[derive(Debug)]
pub(crate) struct Simulator {
    child: Child,
    /// `http://127.0.0.1:PORT`
    pub(crate) url: String,
    /// The market time that it follows.
    pub(crate) clock: SimulatedTime,
}

/// A simulator that was left running.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct KeptSimulator {
    pub(crate) url: String,
    pid: u32,
}

/// How far the prepared replies are served.
#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct Replies {
    /// How many still wait for a poller, by the vendor's function.
    pub(crate) waiting: BTreeMap<String, u64>,
    pub(crate) served: u64,
    /// Cases that only a request for CSV gets.
    pub(crate) waiting_for_csv: u64,
    /// Requests that came when nothing was left for them.
    pub(crate) after_the_last: u64,
    pub(crate) not_in_use: Vec<serde_json::Value>,
}

impl Replies {
    /// Whether every case was served that a poller can ask for.
    pub(crate) fn done(&self) -> bool {
        self.waiting.values().all(|waiting| *waiting == 0)
    }
}

#[derive(Debug, Deserialize)]
struct Status {
    replies: Option<Replies>,
}

impl Simulator {
    /// Starts it on a free port of 127.0.0.1.
    pub(crate) async fn start(binary: &Path, options: &Options, key: &str, log: &Path) -> Result<Self> {
        let file = std::fs::File::create(log).with_context(|| format!("cannot write `{}`", log.display()))?;
        let mut command = Command::new(binary);
        command.args(["--listen", "127.0.0.1:0"]);
        // The pollers keep to 75 a minute. A market that runs faster than the wall brings their calls closer
        // together than they were sent, which is not to count against them.
        command.args(["--plan", "p1200"]);
        command.arg("--seed").arg(options.seed.to_string()).arg("--speed").arg(options.speed.to_string());
        command.arg("--symbols").arg(options.symbols_text()).arg("--pairs").arg(options.pairs_text());
        command.arg("--api-key").arg(key);
        if let Some(replies) = &options.replies {
            command.arg("--replies").arg(replies).arg("--functions").arg(super::polls::functions(options).join(","));
        }
        if let Some(faults) = &options.faults {
            command.arg("--faults").arg(faults);
        }
        if !options.keep {
            command.arg("--until-stdin-closes").stdin(Stdio::piped());
        } else {
            command.stdin(Stdio::null());
        }
        // Ctrl-C is for us: the simulator has to answer until the pollers are done.
        command.process_group(0).kill_on_drop(true).stdout(Stdio::piped()).stderr(file);
        let mut child = command.spawn().context("cannot start the market simulator")?;
        let mut lines = BufReader::new(child.stdout.take().context("the simulator has no output")?).lines();
        let line = timeout(START, lines.next_line()).await.ok().and_then(Result::ok).flatten();
        let Some(line) = line else {
            let status = child.wait().await?;
            let said = std::fs::read_to_string(log).unwrap_or_default();
            bail!("the market simulator did not start ({status}):\n{}", said.trim_end());
        };
        let first: FirstLine = serde_json::from_str(&line).context("the simulator's first line is not as expected")?;
        // What it prints later goes nowhere; it logs to standard error.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Ok(Self { child, url: first.listening, clock: first.clock.parse()? })
    }

    /// How far the prepared replies are served.
    pub(crate) async fn replies(&self, http: &reqwest::Client) -> Result<Replies> {
        let text = http.get(format!("{}/control/status", self.url)).send().await?.text().await?;
        serde_json::from_str::<Status>(&text)?.replies.context("the simulator serves no prepared replies")
    }

    /// What another process needs to end it.
    pub(crate) fn kept(&self) -> Option<KeptSimulator> {
        Some(KeptSimulator { url: self.url.clone(), pid: self.child.id()? })
    }

    /// Leaves it running.
    pub(crate) fn leave(self) {
        // Dropping the handle would end the process.
        std::mem::forget(self.child);
    }

    /// Ends it.
    pub(crate) async fn stop(mut self) -> Result<()> {
        drop(self.child.stdin.take());
        if timeout(Duration::from_secs(5), self.child.wait()).await.is_err() {
            self.child.kill().await?;
        }
        Ok(())
    }
}

impl KeptSimulator {
    /// Ends it, if the process of that number is still the simulator. Returns whether it was.
    pub(crate) async fn stop(&self) -> Result<bool> {
        let pid = self.pid.to_string();
        let name = Command::new("ps").args(["-o", "comm=", "-p", &pid]).output().await?;
        // Kernels cut names to 15 characters.
        if !String::from_utf8_lossy(&name.stdout).contains("market-simulat") {
            return Ok(false);
        }
        let killed = Command::new("kill").args(["-TERM", &pid]).status().await?;
        Ok(killed.success())
    }
}
