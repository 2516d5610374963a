//! What others give up, in the shapes that AWS documents and in those that it does not, and what becomes of it.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests; clippy's exception covers only functions marked as tests"
)]

mod events;
mod lines;
mod listings;
mod messages;
mod objects;
