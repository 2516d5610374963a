//! What expressions mean, by tables of cases and by a matcher that looks at every minute.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests; clippy's exception covers only functions marked as tests"
)]

mod cases;
mod every_minute;
