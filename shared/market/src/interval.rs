//! The length of a bar.

use std::{fmt, str::FromStr};

use jiff::SignedDuration;

/// The text is no interval that bars are built for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("interval `{0}` is not known; allowed: 1min, 5min, 15min, 30min, 60min, 1day")]
pub struct UnknownInterval(pub String);

/// The length of a bar, in the vendor's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Interval {
    /// One minute.
    Min1,
    /// Five minutes.
    Min5,
    /// Fifteen minutes.
    Min15,
    /// Thirty minutes.
    Min30,
    /// One hour.
    Min60,
    /// A trading day for equities, a day in UTC for currencies.
    Day,
}

impl Interval {
    /// All of them, shortest first.
    pub const ALL: [Self; 6] = [Self::Min1, Self::Min5, Self::Min15, Self::Min30, Self::Min60, Self::Day];

    /// Its length; a day counts 24 hours here, whatever its session.
    pub const fn duration(self) -> SignedDuration {
        SignedDuration::from_mins(match self {
            Self::Min1 => 1,
            Self::Min5 => 5,
            Self::Min15 => 15,
            Self::Min30 => 30,
            Self::Min60 => 60,
            Self::Day => 24 * 60,
        })
    }

    /// The text by which records, requests and configuration name it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Min1 => "1min",
            Self::Min5 => "5min",
            Self::Min15 => "15min",
            Self::Min30 => "30min",
            Self::Min60 => "60min",
            Self::Day => "1day",
        }
    }
}

impl fmt::Display for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Interval {
    type Err = UnknownInterval;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|interval| interval.as_str() == text)
            .ok_or_else(|| UnknownInterval(text.chars().take(32).collect()))
    }
}
