//! Runs Lambda functions as processes on one machine, fed by faithful event source mappings.
//!
//! In go functions with their bootstraps, mappings and schedules, made by hand or read from what is deployed to an
//! emulator; out comes a [`Host`] that runs them: it serves the Runtime API to each process, carries out what the state
//! machines of `event-source-mapping` ask for, fires schedules in their zones, and serves Lambda's Invoke API, with the
//! emulator behind it, on one endpoint.
//!
//! Not here: when a batch is retried, split or given up, which the state machines decide; and streams, queues and
//! buckets, which are the emulator's.

mod asynchronous;
mod code;
mod deployed;
mod destination;
mod endpoint;
mod function;
mod guard;
mod host;
mod http;
mod kinesis;
mod link;
mod logs;
mod outcome;
mod pool;
mod process;
mod report;
mod runtime_api;
mod schedules;
mod sqs;
mod stream;
mod template;
mod widen;

pub use deployed::{ReadError, find_stack, read, switch_off};
pub use event_source_mapping::kinesis::Pace;
pub use function::{EventInvoke, Function};
pub use host::{CONCURRENCY, Host, Mapping, Options, Setup, Source, StartError};
pub use http::CallError;
pub use logs::LogSink;
pub use outcome::{Done, Failure, Outcome, PAYLOAD_MAX};
pub use pool::{OnTimeout, ProcessInfo, Request, Throttled};
pub use report::{FunctionReport, MappingReport, Report, ScheduleReport};
pub use schedules::{Clock, Schedule};
pub use stream::{Drained, drain};
pub use template::{Deployed, Foreign, TemplateFailure, deploy};
