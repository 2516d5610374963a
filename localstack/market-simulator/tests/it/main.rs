//! The simulator over HTTP, driven by a clock that tests move by hand.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "clippy exempts test functions only, and the client here is not one"
)]

mod bulk;
mod client;
mod currencies;
mod days;
mod faults;
mod limits;
mod news;
mod plans;
mod program;
mod replies;
mod shapes;
mod whole_market;
mod wire;
