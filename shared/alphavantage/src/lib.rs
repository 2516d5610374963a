//! Alpha Vantage's protocol, without a network: what to ask, and what an answer says.
//!
//! A [`Request`] becomes the parameters of a URL. The bytes of a [`Reply`], with what is [`Expected`] of it,
//! become a [`Reading`]: a [`Verdict`], and if that is `data` the observations and what had to be rejected.
//!
//! The vendor answers 200 for nearly everything, so the status says little: a reply is data only if
//! the key that its function answers with is there, and wording merely picks the class of a refusal.
//! The vendor also echoes the API key: every text that leaves goes through a [`Redactor`] first.
//!
//! Nothing here knows a clock, the network, a quota or AWS. The present is an argument.

mod body;
mod crypto_daily;
mod csv;
mod daily;
mod earnings;
mod events;
mod expected;
mod field;
mod function;
mod intraday;
mod json;
mod markets;
mod movers;
mod naming;
mod news;
mod number;
mod pair_intraday;
mod parameter;
mod plan;
mod quote;
mod rate;
mod reading;
mod reason;
mod redact;
mod refusal;
mod request;
mod series;
mod shape;
mod time;
mod verdict;

pub use expected::Expected;
pub use function::{Function, UnknownFunction};
pub use number::LARGEST;
pub use parameter::{BadParameter, FIRST_MONTH, Horizon, Month, NewsLimit, NewsSort, NewsTopic, OutputSize, Symbols};
pub use plan::{Entitlement, Plan, UnknownEntitlement, UnknownPlan, freshness};
pub use quote::{CHANGE_TOLERANCE, PERCENT_TOLERANCE};
pub use rate::STALE_RATE;
pub use reading::{Context, Reading, Rejected, Reply, UNKNOWN_FIELDS_MAX, read};
pub use reason::Reason;
pub use redact::Redactor;
pub use request::Request;
pub use time::{CLOCK_SKEW, EARLIEST, SETTLE_BAR};
pub use verdict::{Advice, Verdict};
