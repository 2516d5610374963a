//! Streaming technical indicators by TA-Lib's conventions.
//!
//! Bars enter one by one, oldest first; readings leave, one per output of an [`IndicatorSet`]. A set
//! starts at its first bar without any history, and its state can be written to bytes after every
//! bar and continues from them bit for bit, in another process and on another architecture.
//!
//! ```
//! use indicators::{Bar, Indicators};
//!
//! let indicators: Indicators = "SMA(3), RSI(14)".parse()?;
//! let mut set = indicators.start();
//! for close in [10.0, 11.0, 12.0] {
//!     set.update(&Bar { open: close, high: close, low: close, close, volume: None, session: 0 })?;
//! }
//! assert_eq!(set.readings().value(0), Some(11.0));
//!
//! let mut state = Vec::new();
//! set.encode(&mut state);
//! assert_eq!(indicators.resume(&state)?, set);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! One file per indicator says its formula, its seed, the index of its first value and its edge
//! rules. To add one: write its file, and its line in the table of `kernel.rs`.
//!
//! Deliberately not here: which bars there are, what they are called, whether they are final or
//! will be revised, time of any kind. Nothing is fused (`mul_add`), or x86 and ARM would differ.

mod average;
mod bar;
#[cfg(test)]
mod check;
mod extrema;
mod kernel;
mod lag;
mod layout;
mod list;
mod parameter;
mod readings;
mod set;
mod shares;
mod state;
mod window;

mod ad;
mod adosc;
mod apo;
mod atr;
mod bbands;
mod bop;
mod cmo;
mod dema;
mod ema;
mod hma;
mod kama;
mod macd;
mod mfi;
mod mom;
mod obv;
mod ppo;
mod rma;
mod roc;
mod rocr;
mod rsi;
mod sma;
mod stoch;
mod stochf;
mod stochrsi;
mod tema;
mod trix;
mod ultosc;
mod vwap;
mod vwma;
mod willr;
mod wma;

pub use bar::{BadBar, Bar, MAGNITUDE_MAX};
pub use kernel::{Indicator, catalogue};
pub use list::{BadIndicator, Indicators, OUTPUTS_MAX};
pub use parameter::PERIOD_MAX;
pub use readings::{Reading, Readings};
pub use set::IndicatorSet;
pub use state::{STATE_VERSION, StateError};

pub use ad::Ad;
pub use adosc::Adosc;
pub use apo::Apo;
pub use atr::Atr;
pub use bbands::Bbands;
pub use bop::Bop;
pub use cmo::Cmo;
pub use dema::Dema;
pub use ema::Ema;
pub use hma::Hma;
pub use kama::Kama;
pub use macd::Macd;
pub use mfi::Mfi;
pub use mom::Mom;
pub use obv::Obv;
pub use ppo::Ppo;
pub use rma::Rma;
pub use roc::Roc;
pub use rocr::Rocr;
pub use rsi::Rsi;
pub use sma::Sma;
pub use stoch::Stoch;
pub use stochf::Stochf;
pub use stochrsi::Stochrsi;
pub use tema::Tema;
pub use trix::Trix;
pub use ultosc::Ultosc;
pub use vwap::Vwap;
pub use vwma::Vwma;
pub use willr::Willr;
pub use wma::Wma;
