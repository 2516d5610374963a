//! Splits of a share, on series whose history is adjusted when one happens.
//!
//! A vendor's bar is adjusted for the splits up to the time when it was fetched. So a split is worked into
//! the engine once, and into every bar that was fetched before it, whenever it is told and in any order.

use bars::Ohlcv;

/// Splits that a series remembers; the oldest is forgotten first, long after its bars.
const SPLITS_MAX: usize = 8;

/// One share became `ratio` shares.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Split {
    /// Which split it is: a day has one at the most, whose begin it is, in milliseconds since 1970.
    pub day: i64,
    /// How many shares one became; positive and finite.
    pub ratio: f64,
}

/// The splits that are known, by day.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Splits(pub(crate) Vec<Split>);

impl Splits {
    /// Takes in a split. Returns whether it is new.
    pub(crate) fn take(&mut self, split: Split) -> bool {
        let Err(at) = self.0.binary_search_by_key(&split.day, |known| known.day) else { return false };
        if at == 0 && self.0.len() >= SPLITS_MAX {
            return false;
        }
        self.0.insert(at, split);
        if self.0.len() > SPLITS_MAX {
            self.0.remove(0);
        }
        true
    }

    /// What prices of that time are in today's shares.
    pub(crate) fn adjust(&self, prices: Ohlcv, as_of: i64) -> Ohlcv {
        let later = self.0.iter().filter(|split| split.day > as_of);
        later.fold(prices, |prices, split| divided(prices, split.ratio))
    }
}

/// Prices after a split by that ratio.
pub(crate) fn divided(prices: Ohlcv, ratio: f64) -> Ohlcv {
    let Ohlcv { open, high, low, close, volume } = prices;
    Ohlcv {
        open: open / ratio,
        high: high / ratio,
        low: low / ratio,
        close: close / ratio,
        volume: volume.map(|volume| volume * ratio),
    }
}
