//! The command line as a process: arguments and files enter; exit codes and what it prints are looked at.
//!
//! The replies are made up here, in the vendor's shapes. Nothing beyond loopback is asked.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on stops there")]

mod audit;
mod dead_letters;
mod indicators;
mod parse;
mod poll;
mod send;

use std::{
    io::Write,
    process::{Command, Output, Stdio},
};

use serde_json::Value;

/// The command, without anything of the environment that it would look at.
fn kinetick(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kinetick"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("AWS_") || name.starts_with("ALPHA_")) {
        command.env_remove(name);
    }
    command.args(arguments).env("AWS_EC2_METADATA_DISABLED", "true");
    command.env("AWS_CONFIG_FILE", "/dev/null").env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null");
    command
}

fn run(mut command: Command, input: &[u8]) -> Output {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // A command that does not read its input closes it.
    let _ = child.stdin.take().unwrap().write_all(input);
    child.wait_with_output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

fn lines(bytes: &[u8]) -> Vec<Value> {
    text(bytes).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// That these arguments are refused before anything is done, in words that hold these.
fn refused(arguments: &[&str], words: &[&str]) {
    let output = run(kinetick(arguments), b"");
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {said}");
    assert!(output.stdout.is_empty());
    for word in words {
        assert!(said.contains(word), "{arguments:?}: {said}");
    }
}
