//! The machines against a stream that is made up: what AWS documents, case by case, and properties of random runs.

mod conformance;
mod properties;
mod rig;
mod sequence_numbers;
