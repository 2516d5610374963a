//! What can go wrong with a record: at which stage, of which kind, and whether to try again.
//!
//! Whether a failure is retryable is decided here, in [`Kind::is_retryable`], and nowhere else. What
//! is permanent becomes a [`DeadLetter`], which keeps the payload, so that nothing disappears.

mod dead_letter;

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

pub use dead_letter::{DeadLetter, Place, object_key};

/// A word that names no stage or kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{word}` is not known; allowed: {allowed}")]
pub struct UnknownWord {
    /// The word.
    pub word: String,
    /// All that there are.
    pub allowed: String,
}

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name { $($(#[$vdoc])* $variant,)+ }

        impl $name {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The word in logs, dead letters and metrics.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl FromStr for $name {
            type Err = UnknownWord;

            fn from_str(text: &str) -> Result<Self, UnknownWord> {
                let found = Self::ALL.iter().find(|known| known.as_str() == text);
                found.copied().ok_or_else(|| UnknownWord {
                    word: text.chars().take(64).collect(),
                    allowed: Self::ALL.iter().map(|known| known.as_str()).collect::<Vec<_>>().join(", "),
                })
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
            }
        }
    };
}

words!(
    /// Where on its way a record failed.
    Stage {
        /// Calling the vendor.
        Fetch = "fetch",
        /// Telling a vendor's data from its refusals.
        Classify = "classify",
        /// Checking a row of a vendor's reply.
        Validate = "validate",
        /// Writing to Kinesis.
        Produce = "produce",
        /// Reading a record off Kinesis.
        Decode = "decode",
        /// Applying it to the state of its series.
        State = "state",
        /// Writing to Firehose.
        Deliver = "deliver",
        /// Calling a function.
        Invoke = "invoke",
    }
);

words!(
    /// What went wrong.
    Kind {
        /// No reply came: refused, reset, timed out.
        Transport = "transport",
        /// The vendor's reply has a shape that nobody has seen yet.
        UnknownShape = "unknown_shape",
        /// A row of the vendor's reply breaks a rule of the market.
        InvalidRow = "invalid_row",
        /// The record is larger than the stream takes.
        Oversized = "oversized",
        /// The stream or store said that it is busy, or answered with an error of its own.
        Unavailable = "unavailable",
        /// The caller may not do this, or what it names does not exist.
        Denied = "denied",
        /// The bytes are not UTF-8 or not a JSON object.
        NotJson = "not_json",
        /// The record's schema is not one that this consumer reads.
        UnknownSchema = "unknown_schema",
        /// A field of the record is missing or impossible.
        InvalidRecord = "invalid_record",
        /// The state of the series was written by a version that this one does not know.
        UnknownState = "unknown_state",
        /// The state of the series is damaged.
        CorruptState = "corrupt_state",
        /// Others changed the series again and again before this writer could.
        Contended = "contended",
        /// What the series still owes to its sink fills the room for it.
        Owing = "owing",
        /// The event source mapping gave up, although the function did not fail: retries or age ran out in an outage.
        GivenUp = "given_up",
        /// The function itself failed on it: a panic, too little memory or time.
        Crashed = "crashed",
        /// A scheduled call was not made; the next one has taken its place.
        Missed = "missed",
        /// Only a pointer was kept, and the stream no longer holds what it points to.
        Expired = "expired",
        /// What was stored as a dead letter cannot be read as one.
        Unreadable = "unreadable",
    }
);

impl Kind {
    /// Whether the same record may succeed later without anybody's help.
    pub const fn is_retryable(self) -> bool {
        match self {
            // A missing permission is mended by a person, but the record is good: it waits for that
            // person as long as the mapping lets it, and is then kept with its payload.
            Self::Transport | Self::Unavailable | Self::Denied | Self::Contended | Self::Owing | Self::GivenUp => true,
            Self::UnknownShape
            | Self::InvalidRow
            | Self::Oversized
            | Self::NotJson
            | Self::UnknownSchema
            | Self::InvalidRecord
            | Self::UnknownState
            | Self::CorruptState
            | Self::Crashed
            | Self::Missed
            | Self::Expired
            | Self::Unreadable => false,
        }
    }
}

/// One thing that went wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Failure {
    /// Where.
    pub stage: Stage,
    /// What.
    pub kind: Kind,
    /// What exactly and what to do, in plain words, without secrets.
    pub reason: String,
    /// What it was about: a request, a series or a record's id.
    pub subject: String,
}

impl Failure {
    /// Puts a failure together.
    pub fn new(stage: Stage, kind: Kind, subject: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { stage, kind, reason: reason.into(), subject: subject.into() }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} failed at {} ({}): {}", self.subject, self.stage, self.kind, self.reason)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_a_word_of_its_own() {
        let mut words: Vec<_> = Kind::ALL.iter().map(|kind| kind.as_str()).collect();
        words.sort_unstable();
        words.dedup();
        assert_eq!(words.len(), Kind::ALL.len());
        for kind in Kind::ALL {
            assert_eq!(kind.as_str().parse(), Ok(*kind));
        }
        let unknown = "odd".parse::<Kind>().unwrap_err().to_string();
        assert!(unknown.starts_with("`odd` is not known; allowed: transport, "), "{unknown}");
    }
}
