//! Builds the functions for this machine with plain cargo, and finds what it built.

use std::{collections::BTreeMap, path::PathBuf, process::Stdio};

use anyhow::{Context, Result, bail};
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::Command,
};

use crate::checkout::Checkout;

/// The binaries of the workspace by name. `told` gets a line now and then while it takes long.
pub(crate) async fn binaries(checkout: &Checkout, told: impl Fn(&str)) -> Result<BTreeMap<String, PathBuf>> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut child = Command::new(&cargo)
        // The whole workspace, so that features come out as in every other build and nothing is built twice.
        .args(["build", "--workspace", "--bins", "--locked", "--message-format", "json-render-diagnostics"])
        .current_dir(checkout.root())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .with_context(|| format!("cannot run `{}`: install Rust by rustup", cargo.display()))?;
    let stdout = child.stdout.take().context("cargo has no output")?;
    let stderr = child.stderr.take().context("cargo has no error output")?;
    let complaints = tokio::spawn(async move {
        let (mut lines, mut text) = (BufReader::new(stderr).lines(), String::new());
        while let Ok(Some(line)) = lines.next_line().await {
            text.push_str(&line);
            text.push('\n');
        }
        text
    });
    let mut found = BTreeMap::new();
    let mut lines = BufReader::new(stdout).lines();
    while let Some(line) = lines.next_line().await? {
        let Ok(message) = serde_json::from_str::<Value>(&line) else { continue };
        let text = |pointer: &str| message.pointer(pointer).and_then(Value::as_str);
        if message.get("fresh") == Some(&Value::Bool(false)) {
            told(text("/target/name").unwrap_or_default());
        }
        if let (Some(name), Some(executable)) = (text("/target/name"), text("/executable")) {
            found.insert(name.to_owned(), PathBuf::from(executable));
        }
    }
    if !child.wait().await?.success() {
        bail!("the functions cannot be built:\n{}", complaints.await.unwrap_or_default().trim_end());
    }
    Ok(found)
}
