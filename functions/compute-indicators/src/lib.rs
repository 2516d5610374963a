//! `compute-indicators`: a batch of a stream enters; lines of the archive, readings, dead letters and
//! the sequence number to retry from leave.
//!
//! Knows ports only. The clients of AWS behind them are put together in `main.rs`, and nothing here reads a clock
//! but for [`handle`](handler::Handler::handle).

pub mod config;
pub mod handler;
#[cfg(test)]
mod tests;
