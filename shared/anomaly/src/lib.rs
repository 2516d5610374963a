//! What is unusual in accepted facts: spikes, misprints, splits, bursts of volume, prices that stand still.
//!
//! The readings of one series enter a [`Detector`] one by one, [`Anomaly`]s leave. A series is one symbol
//! or pair and one sort of fact: its quotes, its bars of one interval, or its rates. Nothing is dropped
//! or corrected here and no change is too large to be true: a warrant that rose by 17,900 % is flagged,
//! and its record goes its way. The detector knows no clock and no store. Its state is a few hundred
//! bytes, which whoever calls keeps.
//!
//! A reading that is judged, and what it does to the state:
//!
//! - The newest reading is held apart. One with the same time is a revision: it takes the place of the
//!   newest one, and whatever the old content would have done to the state is never done. The same
//!   content again (a delivery that is repeated) is nothing new. An older reading is judged against nothing and changes nothing.
//! - A jump is a suspect until the next reading. If that one is nearer to the suspect than to the price
//!   before (in logarithms), the suspect is confirmed and only now becomes part of the state, its return
//!   and volume with it. Otherwise it was a misprint and leaves no trace at all: state and later
//!   decisions are those of a series without it. A revision of the jump itself that stays confirms it, too.
//!   A misprint right after a true jump takes that jump back; it is found anew with the reading after.
//! - The return of a confirmed jump enters the last 60 like any other: one value hardly moves a median.
//!   The return across a split does not, nor does one over a night, weekend or outage
//!   ([`Kind::longest_interval`]).
//!
//! An observation sorts at most 60 numbers a few times: about five microseconds, and no allocation
//! unless there is something to say.

mod accepted;
mod codec;
mod detector;
mod finding;
mod reading;
mod ring;
mod rule;

#[cfg(test)]
mod check;
#[cfg(test)]
mod naive;
#[cfg(test)]
mod tests;

pub use codec::{STATE_BYTES_MAX, StateError};
pub use detector::Detector;
pub use finding::{Anomaly, AnomalyKind, Severity};
pub use reading::{Kind, Reading};
pub use rule::{FLAT_READINGS, SPIKE_DEVIATIONS, SPLIT_RATIOS, SPLIT_TOLERANCE, VOLUME_FACTOR, WARM_UP, WINDOW};
