//! The command line as a process: what it says and its exit codes.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on stops there")]

mod host;
mod plan;
