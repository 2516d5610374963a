//! Replies of every shape enter, verdicts and observations are compared.
//!
//! The fixtures have the vendor's shapes and invented numbers; the words of refusals are the vendor's.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests; clippy's exception covers only functions marked as tests"
)]

mod arbitrary;
mod bars;
mod bulk;
mod days;
mod events;
mod fuzz;
mod pairs;
mod partial;
mod quotes;
mod rates;
mod secrets;
mod shape;
mod verdicts;
