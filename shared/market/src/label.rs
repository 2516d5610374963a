//! Labels that every value carries: how fresh it is, on what basis, and where it comes from.

use std::{fmt, str::FromStr};

/// The text is none of the label's words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{label} `{text}` is not known; allowed: {allowed}")]
pub struct UnknownLabel {
    label: &'static str,
    text: String,
    allowed: String,
}

macro_rules! label {
    ($(#[$doc:meta])* $name:ident ($word:literal) { $($(#[$vdoc:meta])* $variant:ident = $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name { $($(#[$vdoc])* $variant,)+ }

        impl $name {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The text by which records and configuration name it.
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
            type Err = UnknownLabel;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::ALL.iter().copied().find(|label| label.as_str() == text).ok_or_else(|| UnknownLabel {
                    label: $word,
                    text: text.chars().take(32).collect(),
                    allowed: Self::ALL.iter().map(|label| label.as_str()).collect::<Vec<_>>().join(", "),
                })
            }
        }
    };
}

label!(
    /// How old the vendor's value is when it is published.
    Freshness ("freshness") {
        /// Published after the end of the trading day.
        Eod = "eod",
        /// Delayed by 15 minutes, by licence.
        Delayed15 = "delayed15",
        /// As it happens.
        Realtime = "realtime",
    }
);

label!(
    /// What a price was corrected for.
    Basis ("basis") {
        /// As traded.
        Raw = "raw",
        /// Divided through later splits.
        SplitAdjusted = "split_adjusted",
        /// Divided through later splits and reduced by later dividends.
        SplitDividendAdjusted = "split_dividend_adjusted",
    }
);

label!(
    /// Who made a bar.
    Origin ("origin") {
        /// The vendor.
        Vendor = "vendor",
        /// We, from readings that were polled.
        Sampled = "sampled",
    }
);
