//! The release bootstraps: a checkout comes in, the four binaries leave, built as they are shipped.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail};
use serde_json::Value;

/// The functions, by folder, package and binary, which have the same name.
pub(crate) const FUNCTIONS: [&str; 6] =
    ["poll-equities", "poll-crypto", "poll-events", "compute-indicators", "sweep-series", "handle-dead-letters"];

/// Builds them, in minutes the first time, and says where they are.
pub(crate) fn bootstraps(checkout: &Path) -> Result<BTreeMap<&'static str, PathBuf>> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(&cargo)
        .args(["build", "--release", "--locked", "--message-format", "json-render-diagnostics"])
        .args(FUNCTIONS.iter().flat_map(|name| ["--package", name]))
        .current_dir(checkout)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("cannot run `{}`", cargo.display()))?;
    if !output.status.success() {
        bail!("the bootstraps cannot be built: cargo says above why");
    }
    let mut found = BTreeMap::new();
    for line in output.stdout.split(|&byte| byte == b'\n') {
        let Ok(message) = serde_json::from_slice::<Value>(line) else { continue };
        let text = |pointer: &str| message.pointer(pointer).and_then(Value::as_str);
        if let (Some(name), Some(executable)) = (text("/target/name"), text("/executable"))
            && let Some(name) = FUNCTIONS.into_iter().find(|function| *function == name)
        {
            found.insert(name, PathBuf::from(executable));
        }
    }
    if found.len() < FUNCTIONS.len() {
        bail!("cargo built {:?} of {FUNCTIONS:?}", found.keys());
    }
    Ok(found)
}
