//! Which series: subject, origin, basis, and whether its bars are days or parts of one.

use std::{
    fmt,
    hash::{Hash, Hasher},
    str::FromStr,
};

use market::{Basis, Interval, Origin, Subject};

/// Bars within a day share an item; days have their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Span {
    /// One minute to one hour.
    Intraday,
    /// Days.
    Daily,
}

impl Span {
    /// Where bars of that length belong.
    pub fn of(interval: Interval) -> Self {
        if interval == Interval::Day { Self::Daily } else { Self::Intraday }
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::Intraday => "intraday",
            Self::Daily => "daily",
        }
    }
}

/// The name of a series, written `symbol|MSFT|vendor|raw|intraday` or `pair|BTC/USD|sampled|raw|intraday`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SeriesId {
    /// Whose bars.
    pub subject: Subject,
    /// Who makes them.
    pub origin: Origin,
    /// What their prices were corrected for.
    pub basis: Basis,
    /// How long they are.
    pub span: Span,
}

impl SeriesId {
    /// Whether its bars are days.
    pub(crate) fn is_daily(&self) -> bool {
        self.span == Span::Daily
    }
}

/// Each record of a batch is looked up once, so the parts are hashed as one text and one number.
impl Hash for SeriesId {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let quote = match &self.subject {
            Subject::Equity(symbol) => {
                state.write(symbol.as_str().as_bytes());
                false
            }
            Subject::Pair(pair) => {
                state.write(pair.base.as_str().as_bytes());
                state.write(pair.quote.as_str().as_bytes());
                true
            }
        };
        state.write_u32(u32::from_le_bytes([u8::from(quote), self.origin as u8, self.basis as u8, self.span as u8]));
    }
}

/// The text names no series.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no series; one reads symbol|MSFT|vendor|raw|intraday or pair|BTC/USD|sampled|raw|daily")]
pub struct BadSeriesId(String);

impl fmt::Display for SeriesId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.subject {
            Subject::Equity(_) => "symbol",
            Subject::Pair(_) => "pair",
        };
        write!(f, "{kind}|{}|{}|{}|{}", self.subject, self.origin, self.basis, self.span.as_str())
    }
}

impl FromStr for SeriesId {
    type Err = BadSeriesId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let read = (|| {
            // No symbol and no code holds a bar.
            let [kind, subject, origin, basis, span] = text.split('|').collect::<Vec<_>>().try_into().ok()?;
            let subject = match kind {
                "symbol" => Subject::Equity(subject.parse().ok()?),
                "pair" => Subject::Pair(subject.parse().ok()?),
                _ => return None,
            };
            let span = [Span::Intraday, Span::Daily].into_iter().find(|one| one.as_str() == span)?;
            Some(Self { subject, origin: origin.parse().ok()?, basis: basis.parse().ok()?, span })
        })();
        read.ok_or_else(|| BadSeriesId(text.chars().take(96).collect()))
    }
}
