//! What a detector says: which sort of anomaly, how sure, by how much, when.

use std::fmt;

use jiff::Timestamp;

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name { $($(#[$vdoc])* $variant,)+ }

        impl $name {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The text by which records and metrics name it.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

words!(
    /// The sort of anomaly, which also says what `value` and `threshold` are.
    AnomalyKind {
        /// The price jumped. Value: the logarithm of price over last accepted price, with its sign.
        /// Threshold: how large it may be either way.
        PriceSpike = "price_spike",
        /// A jump that was reported fell back: a misprint. Value, threshold and time are those of the jump.
        RevertedSpike = "reverted_spike",
        /// Much more was traded than usual. Value: the volume. Threshold: the largest volume that is not reported.
        VolumeSpike = "volume_spike",
        /// The price stands still during the session. Value: for how many readings. Threshold: from how many on it counts.
        FlatLine = "flat_line",
        /// A split, by the vendor's coefficient. Value: price over last accepted price. Threshold: that ratio by the coefficient.
        Split = "split",
        /// A jump as of a split, of which the vendor says nothing. Value: price over last accepted price.
        /// Threshold: the ratio of a usual split that it is near to.
        SplitSuspected = "split_suspected",
    }
);

words!(
    /// How sure it is.
    Severity {
        /// Seen once.
        Low = "low",
        /// The next reading stayed on the new level.
        High = "high",
    }
);

/// Something unusual in a series.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Anomaly {
    /// What.
    pub kind: AnomalyKind,
    /// How sure.
    pub severity: Severity,
    /// How much; [`AnomalyKind`] says of what.
    pub value: f64,
    /// Compared to what; [`AnomalyKind`] says in which unit.
    pub threshold: f64,
    /// The time of the reading that is unusual, in milliseconds. A jump that is confirmed or falls back
    /// keeps the time of the jump, so that both reports can be joined.
    pub at: Timestamp,
}
