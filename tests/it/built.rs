//! What cargo builds of the workspace, built once for all tests.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::OnceLock,
};

use serde_json::Value;

/// The checkout's folder.
pub(crate) fn checkout() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// A binary of the workspace.
pub(crate) fn binary(name: &str) -> PathBuf {
    static BINARIES: OnceLock<BTreeMap<String, PathBuf>> = OnceLock::new();
    let binaries = BINARIES.get_or_init(|| {
        let built = Command::new(env!("CARGO"))
            .args(["build", "--workspace", "--bins", "--locked", "--message-format", "json-render-diagnostics"])
            .current_dir(checkout())
            .stderr(Stdio::inherit())
            .output()
            .unwrap();
        assert!(built.status.success(), "the workspace does not build");
        let messages = built.stdout.split(|byte| *byte == b'\n');
        messages
            .filter_map(|line| {
                let message: Value = serde_json::from_slice(line).ok()?;
                let name = message.pointer("/target/name")?.as_str()?.to_owned();
                Some((name, PathBuf::from(message.get("executable")?.as_str()?)))
            })
            .collect()
    });
    binaries.get(name).cloned().unwrap_or_else(|| panic!("there is no binary `{name}`"))
}

/// An example of the workspace. All of it is named, so that nothing is built anew with other features.
pub(crate) fn example(name: &str) -> PathBuf {
    let built = Command::new(env!("CARGO"))
        .args(["build", "--workspace", "--example", name, "--locked"])
        .args(["--message-format", "json-render-diagnostics"])
        .current_dir(checkout())
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    assert!(built.status.success(), "the example `{name}` does not build");
    let messages = built.stdout.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok());
    let mut found = messages.filter_map(|message: Value| {
        let is_it = message["target"]["name"] == name && message["target"]["kind"][0] == "example";
        is_it.then(|| message["executable"].as_str().map(PathBuf::from)).flatten()
    });
    found.next().unwrap_or_else(|| panic!("there is no example `{name}`"))
}
