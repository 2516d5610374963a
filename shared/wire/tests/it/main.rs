//! Records as their readers see them: fixed texts, what the documentation says, arbitrary contents;
//! and the ledger of what was sent in the hands of pollers that die.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests; clippy's exception covers only functions marked as tests"
)]

mod events;
mod golden;
mod ledger;
mod records;
mod sample;
