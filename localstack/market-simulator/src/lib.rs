//! A stand-in for Alpha Vantage on loopback: HTTP queries enter, replies in the vendor's shapes leave.
//!
//! Prices come from a seeded process and time from a clock that can run faster than the one on the
//! wall, so every run can be repeated. Limits are enforced by that clock, in the vendor's words.
//! It can be told to answer with any refusal or fault, or to serve prepared replies once each. It
//! shares no code with the client that polls it, and it is not a market: no dividends, no splits but
//! those it is told of, news that say nothing, and quotes that are live on every plan unless
//! `entitlement=delayed` is asked for.

mod calls;
mod clock;
mod currencies;
mod data;
mod faults;
mod function;
mod hours;
mod http;
mod limits;
mod negotiation;
mod prices;
mod refusal;
mod render;
mod replies;
mod seeded;
mod service;
mod simulator;
mod splits;

pub use calls::CALLS_KEPT;
pub use clock::RealTime;
pub use faults::{DELAY_MAX, Fault, FaultsError};
pub use function::Function;
pub use limits::{Caps, Plan, UnknownPlan};
pub use replies::RepliesError;
pub use simulator::{MarketSimulator, Options, Running, StartError};
pub use splits::{Split, SplitError};
