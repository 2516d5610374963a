//! Streaming technical indicators by TA-Lib's conventions.
//!
//! Bars enter one by one, oldest first; readings leave, one per output of an [`IndicatorSet`]. A set
//! starts at its first bar without any history, and its state can be written to bytes after every
//! bar and continues from them bit for bit, in another process and on another architecture.
//!
//! One file per indicator says its formula, its seed, the index of its first value and its edge
//! rules. To add one: write its file, and its line in the table of `kernel.rs`.
//!
//! Deliberately not here: which bars there are, what they are called, whether they are final or
//! will be revised, time of any kind. Nothing is fused (`mul_add`), or x86 and ARM would differ.

mod atr;
mod average;
mod bar;
mod bbands;
#[cfg(test)]
mod check;
mod ema;
mod kernel;
mod macd;
mod parameter;
mod readings;
mod rsi;
mod set;
mod sma;
mod state;
mod window;

pub use atr::Atr;
pub use bar::{BadBar, Bar, MAGNITUDE_MAX};
pub use bbands::{Bbands, DEVIATIONS_MAX};
pub use ema::Ema;
pub use kernel::Indicator;
pub use macd::Macd;
pub use parameter::{BadParameter, PERIOD_MAX, PERIOD_MIN};
pub use readings::{OUTPUTS_MAX, Readings};
pub use rsi::Rsi;
pub use set::{IndicatorSet, TooManyOutputs};
pub use sma::Sma;
pub use state::{STATE_VERSION, StateError};
