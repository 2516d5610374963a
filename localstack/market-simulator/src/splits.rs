//! Splits of shares: what they make of the prices before them.

use std::str::FromStr;

use market::{Date, Symbol};

/// The largest split: so many new shares for an old one.
const NEW_SHARES_MAX: i64 = 100;

/// From a day on, an old share is so many new ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Split {
    /// Whose shares.
    pub symbol: Symbol,
    /// The first trading day of the new shares.
    pub day: Date,
    /// New shares for an old one, 2 to 100.
    pub new_shares: i64,
}

/// The text is no split.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("split `{0}` is not valid; write it as SYMBOL@YYYY-MM-DD@N, N new shares for an old one, 2 to 100")]
pub struct SplitError(String);

impl FromStr for Split {
    type Err = SplitError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let read = || {
            let mut parts = text.split('@');
            let (symbol, day, new_shares) = (parts.next()?, parts.next()?, parts.next()?);
            let split =
                Self { symbol: symbol.parse().ok()?, day: day.parse().ok()?, new_shares: new_shares.parse().ok()? };
            (parts.next().is_none() && (2..=NEW_SHARES_MAX).contains(&split.new_shares)).then_some(split)
        };
        read().ok_or_else(|| SplitError(text.chars().take(48).collect()))
    }
}

/// How many of the newest shares one share of a day became: a price of that day, as it was traded,
/// is so many times the one of the process.
pub(crate) fn factor(splits: &[Split], ticker: &str, day: Date) -> i64 {
    product(splits, ticker, |split| split.day > day)
}

/// The coefficient of the splits of a day, 1 if there is none.
pub(crate) fn coefficient(splits: &[Split], ticker: &str, day: Date) -> i64 {
    product(splits, ticker, |split| split.day == day)
}

fn product(splits: &[Split], ticker: &str, counts: impl Fn(&Split) -> bool) -> i64 {
    splits
        .iter()
        .filter(|split| split.symbol.as_str() == ticker && counts(split))
        .fold(1, |product: i64, split| product.saturating_mul(split.new_shares))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_split_counts_for_the_days_before_it() {
        let splits: Vec<Split> = ["MSFT@2026-11-20@2", "MSFT@2026-11-10@3", "IBM@2026-11-20@7"]
            .iter()
            .map(|text| text.parse().unwrap())
            .collect();
        for (day, before, on) in [
            ("2026-11-09", 6, 1),
            ("2026-11-10", 2, 3),
            ("2026-11-19", 2, 1),
            ("2026-11-20", 1, 2),
            ("2026-11-21", 1, 1),
        ] {
            let day = day.parse().unwrap();
            assert_eq!((factor(&splits, "MSFT", day), coefficient(&splits, "MSFT", day)), (before, on), "{day}");
        }
    }

    #[test]
    fn what_is_no_split_is_refused() {
        for text in [
            "",
            "MSFT",
            "MSFT@2026-11-20",
            "MSFT@2026-11-31@2",
            "MSFT@2026-11-20@1",
            "*@2026-11-20@2",
            "A@2026-11-20@2@2",
        ] {
            assert!(text.parse::<Split>().unwrap_err().to_string().contains("SYMBOL@YYYY-MM-DD@N"), "{text}");
        }
    }
}
