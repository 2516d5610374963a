//! The machines against a stream that is made up: what AWS documents, case by case, and properties of random runs.

#![allow(clippy::panic, clippy::print_stdout, clippy::unwrap_used, reason = "a test that cannot go on stops there")]

mod conformance;
mod properties;
mod queue_runs;
mod rig;
mod sequence_numbers;
