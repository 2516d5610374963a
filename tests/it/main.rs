//! Tests over the whole, in one binary: what the workspace promises of itself, the bootstraps as
//! processes, and the pipeline on the emulator, run by the command line as a person runs it.
//!
//! Emulator tests need the network's loopback and the Python environment, which they make; an emulator
//! that does not come up is a failure, not a skip.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on stops there")]

mod bootstraps;
mod built;
mod hosted;
mod killed;
mod layers;
mod manifests;
mod stack;
mod up;
