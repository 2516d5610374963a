//! Ticks to bars. A bar joins two parts: V, the vendor's bar, and T, sampled from readings; it shows V if present.
//!
//! The join is commutative, associative and idempotent, so that duplicates, retries, reordering and
//! records spread over shards do no harm. Facts enter with their revision and id; open, high, low,
//! close and volume leave. When a bar closes is not decided here: see the crate `series`.

mod sampled;
mod vendor;

pub use sampled::{Edge, READINGS_MAX, Reading, Sampled, View};
pub use vendor::VendorPart;

/// Open, high, low, close and volume of one interval, as indicators take them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ohlcv {
    /// First price.
    pub open: f64,
    /// Highest price.
    pub high: f64,
    /// Lowest price.
    pub low: f64,
    /// Last price.
    pub close: f64,
    /// Units traded; `None` where nobody says.
    pub volume: Option<f64>,
}

/// What is known of one interval.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Bar {
    /// The vendor's bar.
    pub vendor: Option<VendorPart>,
    /// What was sampled.
    pub sampled: Sampled,
}

impl Bar {
    /// Takes in all that the other knows of the same interval.
    pub fn join(&mut self, other: &Self) {
        if let Some(theirs) = &other.vendor {
            self.take_vendor(*theirs);
        }
        self.sampled.join(&other.sampled);
    }

    /// Takes in a version of the vendor's bar: the greater one stays.
    pub fn take_vendor(&mut self, part: VendorPart) {
        if self.vendor.is_none_or(|ours| ours.rank() < part.rank()) {
            self.vendor = Some(part);
        }
    }

    /// What the bar shows: the vendor's prices if there are any, else the sampled ones, else nothing.
    ///
    /// `volume_before` is the last cumulative volume of the session before this bar.
    pub fn show(&self, volume_before: Option<f64>) -> Option<Ohlcv> {
        match &self.vendor {
            Some(part) => Some(part.prices),
            None => self.sampled.view().map(|view| view.ohlcv(volume_before)),
        }
    }
}

#[cfg(test)]
mod tests;
