//! Parameters of requests that cannot hold a value which the vendor refuses or silently cuts.

use std::{fmt, str::FromStr};

use jiff::civil::{Date, date};
use market::Symbol;

/// Why a text or number is no parameter.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadParameter {
    /// No month, or one before the vendor's first.
    #[error("month `{0}` is not valid; write YYYY-MM, from 2000-01 on")]
    Month(String),
    /// No size of an output.
    #[error("output size `{0}` is not known; allowed: compact, full")]
    OutputSize(String),
    /// No horizon of a calendar.
    #[error("horizon `{0}` is not known; allowed: 3month, 6month, 12month")]
    Horizon(String),
    /// No order of articles.
    #[error("sort `{0}` is not known; allowed: LATEST, EARLIEST, RELEVANCE")]
    NewsSort(String),
    /// No topic of articles.
    #[error("topic `{0}` is not valid; allowed are 1 to 32 of a-z and _, such as `earnings`")]
    NewsTopic(String),
    /// Too few or too many articles.
    #[error("limit `{0}` is not valid; allowed: 1 to {max}", max = NewsLimit::MAX)]
    NewsLimit(u16),
    /// Too few or too many symbols for one call.
    #[error("{0} symbols in one request; allowed: 1 to {max}, the vendor drops the others silently", max = Symbols::MAX)]
    Symbols(usize),
}

fn excerpt(text: &str) -> String {
    text.chars().take(32).collect()
}

macro_rules! choice {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name { $($(#[$vdoc])* $variant,)+ }

        impl $name {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The text in the URL and in configuration.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl FromStr for $name {
            type Err = BadParameter;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let found = Self::ALL.iter().copied().find(|choice| choice.as_str() == text);
                found.ok_or_else(|| BadParameter::$name(excerpt(text)))
            }
        }
    };
}

choice!(
    /// How much of a series to send.
    OutputSize {
        /// The latest 100 rows.
        Compact = "compact",
        /// 30 days of minutes, a whole month if one is named, or twenty years of days (a premium feature).
        Full = "full",
    }
);

choice!(
    /// How far a calendar looks ahead.
    Horizon {
        /// Three months.
        Month3 = "3month",
        /// Six months.
        Month6 = "6month",
        /// Twelve months.
        Month12 = "12month",
    }
);

choice!(
    /// The order of articles.
    NewsSort {
        /// Newest first.
        Latest = "LATEST",
        /// Oldest first.
        Earliest = "EARLIEST",
        /// What fits best first.
        Relevance = "RELEVANCE",
    }
);

/// A month of the past, from January 2000 on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Month(Date);

impl Month {
    /// The month of a day; `None` before January 2000.
    pub fn of(day: Date) -> Option<Self> {
        (day.year() >= 2000).then(|| Self(day.first_of_month()))
    }

    /// Its first day.
    pub fn first_day(self) -> Date {
        self.0
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.0.year(), self.0.month())
    }
}

impl FromStr for Month {
    type Err = BadParameter;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let read = || {
            let (year, month) = text.split_once('-')?;
            let digits = |text: &str, count| text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit());
            let day = (digits(year, 4) && digits(month, 2))
                .then(|| Date::new(year.parse().ok()?, month.parse().ok()?, 1).ok());
            Self::of(day.flatten()?)
        };
        read().ok_or_else(|| BadParameter::Month(excerpt(text)))
    }
}

/// 1 to 100 distinct symbols, in their order: what one call of REALTIME_BULK_QUOTES takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Symbols(Vec<Symbol>);

impl Symbols {
    /// How many symbols one call takes. The vendor drops what is beyond without a word.
    pub const MAX: usize = 100;

    /// Takes the symbols, each once.
    pub fn new(symbols: impl IntoIterator<Item = Symbol>) -> Result<Self, BadParameter> {
        let distinct = distinct(symbols);
        match distinct.len() {
            1..=Self::MAX => Ok(Self(distinct)),
            count => Err(BadParameter::Symbols(count)),
        }
    }

    /// As few lists as hold all of the symbols, each once, in their order.
    pub fn batches(symbols: impl IntoIterator<Item = Symbol>) -> Vec<Self> {
        distinct(symbols).chunks(Self::MAX).map(|batch| Self(batch.to_vec())).collect()
    }

    /// The symbols.
    pub fn as_slice(&self) -> &[Symbol] {
        &self.0
    }
}

fn distinct(symbols: impl IntoIterator<Item = Symbol>) -> Vec<Symbol> {
    let mut seen = std::collections::HashSet::new();
    symbols.into_iter().filter(|symbol| seen.insert(symbol.clone())).collect()
}

impl fmt::Display for Symbols {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&joined(&self.0))
    }
}

/// A list as the vendor takes it in a URL.
pub(crate) fn joined(list: &[impl fmt::Display]) -> String {
    list.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}

/// The vendor's name of what articles are about, such as `earnings` or `financial_markets`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NewsTopic(String);

impl FromStr for NewsTopic {
    type Err = BadParameter;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let good = (1..=32).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
        if good { Ok(Self(text.to_owned())) } else { Err(BadParameter::NewsTopic(excerpt(text))) }
    }
}

impl fmt::Display for NewsTopic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How many articles to send at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NewsLimit(u16);

impl NewsLimit {
    /// What the vendor sends if it is not told otherwise.
    pub const DEFAULT: Self = Self(50);
    /// The most that it sends.
    pub const MAX: u16 = 1_000;

    /// Takes a number from 1 to [`NewsLimit::MAX`].
    pub fn new(limit: u16) -> Result<Self, BadParameter> {
        if (1..=Self::MAX).contains(&limit) { Ok(Self(limit)) } else { Err(BadParameter::NewsLimit(limit)) }
    }

    /// The number.
    pub fn get(self) -> u16 {
        self.0
    }
}

impl Default for NewsLimit {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// The first month that the vendor knows.
pub const FIRST_MONTH: Month = Month(date(2000, 1, 1));

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_are_written_in_one_way() {
        for text in ["2000-01", "2023-12", "2026-11"] {
            assert_eq!(text.parse::<Month>().unwrap().to_string(), text);
        }
        assert_eq!("2000-01".parse(), Ok(FIRST_MONTH));
        assert_eq!("2024-02".parse::<Month>().unwrap().first_day(), date(2024, 2, 1));
        for text in ["", "2023", "1999-12", "2023-13", "2023-00", "2023-1", "23-01", "2023-01-01", "+023-01", "2023/01"]
        {
            assert!(text.parse::<Month>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn no_more_symbols_than_the_vendor_takes() {
        let symbols = |count: usize| (0..count).map(|n| format!("S{n}").parse::<Symbol>().unwrap());
        assert_eq!(Symbols::new(symbols(0)), Err(BadParameter::Symbols(0)));
        assert_eq!(Symbols::new(symbols(100)).unwrap().as_slice().len(), 100);
        assert_eq!(Symbols::new(symbols(101)), Err(BadParameter::Symbols(101)));
        // Twice the same is once.
        assert_eq!(Symbols::new(symbols(100).chain(symbols(100))).unwrap().as_slice().len(), 100);
        for (count, sizes) in
            [(0, vec![]), (1, vec![1]), (100, vec![100]), (101, vec![100, 1]), (250, vec![100, 100, 50])]
        {
            let batches = Symbols::batches(symbols(count));
            assert_eq!(batches.iter().map(|batch| batch.as_slice().len()).collect::<Vec<_>>(), sizes);
            assert_eq!(
                batches.iter().flat_map(|batch| batch.as_slice()).cloned().collect::<Vec<_>>(),
                symbols(count).collect::<Vec<_>>()
            );
        }
    }

    #[test]
    fn choices_survive_text() {
        assert_eq!("full".parse(), Ok(OutputSize::Full));
        assert_eq!("12month".parse(), Ok(Horizon::Month12));
        assert_eq!("LATEST".parse(), Ok(NewsSort::Latest));
        assert!("FULL".parse::<OutputSize>().unwrap_err().to_string().contains("allowed: compact, full"));
        assert!("1month".parse::<Horizon>().is_err());
        assert_eq!("real_estate".parse::<NewsTopic>().unwrap().to_string(), "real_estate");
        assert!("real estate".parse::<NewsTopic>().is_err());
        assert!(NewsLimit::new(0).is_err() && NewsLimit::new(1001).is_err());
        assert_eq!(NewsLimit::new(1000).unwrap().get(), 1000);
    }
}
