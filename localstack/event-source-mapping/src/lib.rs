//! Lambda's event source mappings as pure state machines: what a service would read, invoke, retry, split and give up.
//!
//! In go the time and what came of the last actions; out come the next actions. Nothing here reads a stream, calls a
//! function or knows a clock, so that the same machine runs behind real processes and in a simulated time.
//! [`kinesis`] is the mapping of a Kinesis stream, [`sqs`] that of a queue, [`filter`] the pattern language of
//! `FilterCriteria`.

pub mod filter;
pub mod kinesis;
mod response;
pub mod sqs;

/// The example of the README compiles.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
