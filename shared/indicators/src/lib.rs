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

mod age;
mod average;
mod bar;
#[cfg(test)]
mod check;
mod directional;
mod extrema;
mod kernel;
mod lag;
mod layout;
mod list;
mod order;
mod parameter;
mod readings;
mod set;
mod shares;
mod state;
mod window;

mod ad;
mod adosc;
mod adx;
mod adxr;
mod apo;
mod aroon;
mod aroonosc;
mod atr;
mod bbands;
mod bop;
mod cci;
mod cmo;
mod dema;
mod donchian;
mod dx;
mod ema;
mod hma;
mod kama;
mod keltner;
mod macd;
mod mfi;
mod midpoint;
mod midprice;
mod minus_di;
mod mom;
mod natr;
mod obv;
mod plus_di;
mod ppo;
mod rma;
mod roc;
mod rocr;
mod rsi;
mod sar;
mod sma;
mod stoch;
mod stochf;
mod stochrsi;
mod supertrend;
mod tema;
mod trange;
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
pub use adx::Adx;
pub use adxr::Adxr;
pub use apo::Apo;
pub use aroon::Aroon;
pub use aroonosc::Aroonosc;
pub use atr::Atr;
pub use bbands::Bbands;
pub use bop::Bop;
pub use cci::Cci;
pub use cmo::Cmo;
pub use dema::Dema;
pub use donchian::Donchian;
pub use dx::Dx;
pub use ema::Ema;
pub use hma::Hma;
pub use kama::Kama;
pub use keltner::Keltner;
pub use macd::Macd;
pub use mfi::Mfi;
pub use midpoint::Midpoint;
pub use midprice::Midprice;
pub use minus_di::MinusDi;
pub use mom::Mom;
pub use natr::Natr;
pub use obv::Obv;
pub use plus_di::PlusDi;
pub use ppo::Ppo;
pub use rma::Rma;
pub use roc::Roc;
pub use rocr::Rocr;
pub use rsi::Rsi;
pub use sar::Sar;
pub use sma::Sma;
pub use stoch::Stoch;
pub use stochf::Stochf;
pub use stochrsi::Stochrsi;
pub use supertrend::Supertrend;
pub use tema::Tema;
pub use trange::Trange;
pub use trix::Trix;
pub use ultosc::Ultosc;
pub use vwap::Vwap;
pub use vwma::Vwma;
pub use willr::Willr;
pub use wma::Wma;
