//! `FilterCriteria`: the event pattern language of EventBridge, as event source mappings use it.
//!
//! Patterns come in as JSON texts; a record goes in as a tree of [`Node`]s that is looked at only where a pattern
//! does. Numbers keep their text, since "300, 300.0, and 3.0e2 are not considered equal".

mod node;
mod pattern;
mod rule;

pub use node::Node;
pub use pattern::{Pattern, PatternError, Shape};
