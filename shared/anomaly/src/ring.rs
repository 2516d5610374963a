//! The last values of a series, oldest first.

use crate::rule::WINDOW;

/// At most [`WINDOW`] values.
///
/// They are rounded to 24 bits, which moves a threshold by less than 1 in 10 million and halves the state.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Ring {
    /// Zero beyond `len`, so that equal content is equal.
    values: [f32; WINDOW],
    len: usize,
}

impl Default for Ring {
    fn default() -> Self {
        Self { values: [0.0; WINDOW], len: 0 }
    }
}

impl Ring {
    /// Adds a value, and forgets the oldest if there is no room.
    pub(crate) fn push(&mut self, value: f64) {
        // No decimal is beyond f32, but an f64 may be; it then still is the largest.
        let value = value.clamp(f64::from(f32::MIN), f64::from(f32::MAX)) as f32;
        if self.len < WINDOW {
            self.values[self.len] = value;
            self.len += 1;
        } else {
            // 240 bytes to move are cheaper than a position that can be wrong.
            self.values.copy_within(1.., 0);
            self.values[WINDOW - 1] = value;
        }
    }

    /// The values, oldest first.
    pub(crate) fn values(&self) -> &[f32] {
        &self.values[..self.len]
    }
}
