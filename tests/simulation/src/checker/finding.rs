//! What the checker finds wrong.

use std::{collections::BTreeMap, fmt};

use super::{Kind, truth::Said};

/// Something that must not be.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "fields are what the messages say")]
pub enum Finding {
    /// A record in the streams that nobody took, kept or gave up.
    Lost { kind: Kind, id: u128, epoch: u32 },
    /// A record that went another way than it had to, or two ways.
    WrongWay { kind: Kind, id: u128, archived: bool, dead: bool, given_up: bool },
    /// Something came out that never went in.
    NeverOffered { line: String },
    /// Something came out that cannot be read.
    Unreadable { what: &'static str, line: String },
    /// A row that a poller was given and no stream took.
    NotPut { subject: String, interval: u8, at: i64 },
    /// A row of which the last content is not the greatest revision in the streams.
    OldPut { subject: String, interval: u8, at: i64 },
    /// One id with two contents.
    IdTwice { what: &'static str, id: u128 },
    /// One revision with two ids.
    RevisionTwice { what: &'static str, key: u128, rev: u32 },
    /// A bar without its reading.
    NoReading { subject: String, interval: u8, at: i64 },
    /// A reading without its bar.
    Unexpected { subject: String, interval: u8, at: i64 },
    /// A last revision that says something else than it has to.
    Differs { subject: String, interval: u8, at: i64, found: Said, expected: Said },
    /// An item that still owes something.
    Owing { series: String, owed: usize },
    /// A series that is due for ever.
    Due { count: usize },
    /// Facts that came too late, counted otherwise than there are.
    Late { counted: u64, expected: u64 },
    /// A process that answered the mapping with something else than an account.
    Miscounted { what: String },
    /// A record that was given to the function before an older one of its key.
    Overtaken { key: String },
    /// A quote that was put before an older revision of it, which must not be overtaken.
    OutOfOrder { key: u128, rev: u32 },
    /// Something left what an item owes without having been taken by its sink.
    Unacknowledged { series: String, number: u64 },
    /// No end in sight.
    Stalled { open: u64, at: String },
}

impl Finding {
    /// In one word.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Lost { .. } => "lost",
            Self::WrongWay { .. } => "wrong way",
            Self::NeverOffered { .. } => "never offered",
            Self::Unreadable { .. } => "unreadable",
            Self::NotPut { .. } => "not put",
            Self::OldPut { .. } => "old revision put",
            Self::IdTwice { .. } => "id twice",
            Self::RevisionTwice { .. } => "revision twice",
            Self::NoReading { .. } => "no reading",
            Self::Unexpected { .. } => "unexpected reading",
            Self::Differs { .. } => "differs",
            Self::Owing { .. } => "owing",
            Self::Due { .. } => "due for ever",
            Self::Late { .. } => "late",
            Self::Miscounted { .. } => "miscounted",
            Self::Overtaken { .. } => "overtaken",
            Self::OutOfOrder { .. } => "out of order",
            Self::Unacknowledged { .. } => "unacknowledged",
            Self::Stalled { .. } => "stalled",
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

/// What was found, some of each sort in full.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Findings {
    /// How many of each sort.
    pub counts: BTreeMap<&'static str, u64>,
    /// The first of each.
    pub first: Vec<Finding>,
}

/// How many of a sort are kept in full.
const KEPT: u64 = 3;

impl Findings {
    /// Adds one.
    pub fn add(&mut self, finding: Finding) {
        let count = self.counts.entry(finding.word()).or_default();
        *count += 1;
        if *count <= KEPT {
            self.first.push(finding);
        }
    }

    /// Whether all is as it has to be.
    pub fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }
}
