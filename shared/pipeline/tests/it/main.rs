//! The pipeline over ports in memory: what the vendor says and what a stream brings enters, and what
//! stands in stream, archive, dead letters and state is compared. Nothing waits and nothing listens.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests; clippy's exception covers only functions marked as tests"
)]

mod alerts;
mod backlog;
mod consumer;
mod convergence;
mod dead_letters;
mod many;
mod poll;
mod poller;
mod process;
mod produce;
mod put;
mod quota;
mod quota_simulation;
mod sweep;
