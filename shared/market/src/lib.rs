//! The words of the market: symbols, currency pairs, prices, intervals, bars, sessions.
//!
//! Text and decimals enter, values leave that cannot be wrong: what holds a [`Price`] need not ask
//! whether it is positive. Nothing here knows a vendor, a record format, a clock or AWS.

mod bar;
mod calendar;
mod event;
mod fact;
mod instrument;
mod interval;
mod label;
mod number;
pub mod session;
mod simulated_time;

pub use bar::{Bar, BarError, Ohlc, ROUNDING_TOLERANCE};
pub use event::{Alert, Article, EarningsDate, Event, MarketStatus, Mover, MoverList, TickerSentiment, Topic};
pub use fact::{Adjustment, ExtendedHours, Fact, Flag, Observation, Quote, Rate, VendorBar, day_start};
pub use instrument::{CURRENCY_MAX, Currency, InstrumentError, Pair, SYMBOL_MAX, Subject, Symbol};
pub use interval::{Interval, UnknownInterval};
pub use label::{Basis, Freshness, Origin, UnknownLabel};
pub use number::{NumberError, Price, Volume};
pub use simulated_time::{BadSimulatedTime, SPEED_MAX, SimulatedTime};

pub use jiff::{Timestamp, civil::Date};
pub use rust_decimal::Decimal;
