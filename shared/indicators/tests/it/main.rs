//! Indicators through their public interface: against TA-Lib, across saved states, splits, with bad bars.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "clippy.toml allows them in tests, but takes the functions that tests share for something else"
)]

mod allocation;
mod drift;
mod misprint;
mod refusal;
mod series;
mod split;
mod state;
mod talib;
mod version;
