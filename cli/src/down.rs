//! `kinetick down`: ends what `up --keep` left running, and nothing else.

use std::process::ExitCode;

use anyhow::{Context, Result};

use crate::{checkout::Checkout, up::Kept};

/// Ends it.
pub(crate) async fn run() -> Result<ExitCode> {
    let path = Checkout::find()?.kept();
    if !path.is_file() {
        println!("nothing is running: `{}` is not there", path.display());
        return Ok(ExitCode::SUCCESS);
    }
    let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read `{}`", path.display()))?;
    let kept: Kept = serde_json::from_str(&text)
        .with_context(|| format!("`{}` is damaged: end the processes by hand and remove it", path.display()))?;
    let emulator = kept.emulator.stop().await?;
    println!("emulator at {}: {}", kept.emulator.endpoint, if emulator { "ended" } else { "was not running" });
    if let Some(simulator) = &kept.simulator {
        let ended = simulator.stop().await?;
        println!("market simulator at {}: {}", simulator.url, if ended { "ended" } else { "was not running" });
    }
    std::fs::remove_file(&path)?;
    Ok(ExitCode::SUCCESS)
}
