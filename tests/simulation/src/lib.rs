//! The pipeline in a simulated world: the mapping's state machine, the handlers as they are deployed, everything else in
//! memory, a virtual time, and trouble from a seed.
//!
//! A seed enters [`simulate`]; a [`Report`] leaves with what the [`checker`] found wrong: nothing, or there is a bug.
//! The same seed is the same run. What is simulated and what a run without findings says stands in `README.md`.

pub mod checker;
mod consumer;
mod order;
mod poller;
mod ports;
mod process;
mod run;
mod trouble;
mod workload;
mod world;

pub use run::{Report, simulate};
pub use trouble::{POINTS, Point};
pub use workload::Shape;
