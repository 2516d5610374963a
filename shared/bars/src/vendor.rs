//! V: the vendor's own bar.

use crate::Ohlcv;

/// One version of the vendor's bar.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct VendorPart {
    /// Its revision under its key.
    pub rev: u32,
    /// Its id.
    pub id: [u8; 16],
    /// Whether the interval was over when it was fetched.
    pub is_final: bool,
    /// How old it was when published, as a label that this crate passes on and does not read.
    pub freshness: u8,
    /// When it was fetched, in milliseconds since 1970, where its prices depend on that: those that are
    /// adjusted for splits are so up to then. Else 0.
    pub as_of: i64,
    /// Its prices and volume.
    pub prices: Ohlcv,
}

impl VendorPart {
    /// The order among versions: a final one over a partial one, then the higher revision, then the id.
    /// The same version that was fetched twice is the later one.
    ///
    /// Finality comes first since a bar may be stated under two keys, a quote of the day and a daily
    /// bar, whose revisions count apart: a partial quote that moved 300 times must not hide the final bar.
    pub fn rank(&self) -> (bool, u32, [u8; 16], i64) {
        (self.is_final, self.rev, self.id, self.as_of)
    }
}
