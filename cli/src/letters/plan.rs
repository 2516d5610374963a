//! What a redrive would do: batches with their letters enter; who would get how many of which kind, and what can only be
//! shown or discarded, leave. Changes nothing.

use std::collections::BTreeMap;

use dead_letters::{Filter, Way};
use failure::Kind;
use jiff::Timestamp;
use pipeline::Shown;
use serde::Serialize;

use super::table::{columns, line, moment, plain};

/// How many are named of what has expired.
const NAMED: usize = 10;

/// Letters that would go the same way.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(super) struct Group {
    /// `invoke`, `call`, `put`, or `nothing` for those that can only be shown or discarded.
    pub(super) action: &'static str,
    /// The function or stream; of `nothing` the reason.
    pub(super) to: String,
    pub(super) kind: Kind,
}

/// What would be done.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Plan {
    pub(super) batches: u64,
    /// Letters that would be redriven.
    pub(super) letters: u64,
    pub(super) groups: BTreeMap<Group, u64>,
    /// Records that have expired, and the first of them.
    pub(super) expired: u64,
    pub(super) expired_ids: Vec<String>,
    /// Batches that somebody else is at, and until when at the latest.
    pub(super) claimed: Vec<(String, Timestamp)>,
}

impl Plan {
    /// Adds a batch.
    pub(super) fn add(&mut self, shown: &Shown, filter: &Filter, now: Timestamp) {
        let listing = &shown.listing;
        self.batches += 1;
        if let (true, Some(until)) = (listing.is_claimed(now), listing.claimed_until) {
            self.claimed.push((listing.id.to_string(), until));
            return;
        }
        for (place, (letter, _)) in shown.letters.iter().enumerate().filter(|(_, (letter, _))| filter.takes(letter)) {
            if let Some(expired) = letter.expired() {
                self.expired += expired.records;
                if self.expired_ids.len() < NAMED {
                    self.expired_ids.push(letter.name());
                }
                continue;
            }
            if !listing.waits(place, letter) {
                continue;
            }
            let function = || letter.place.function.clone();
            let (action, to) = match letter.way() {
                Way::Consumer => ("invoke", function()),
                Way::Call => ("call", function()),
                Way::Stream => ("put", letter.place.stream.clone().unwrap_or_default()),
                Way::None(reason) => ("nothing", reason.to_owned()),
            };
            self.letters += u64::from(action != "nothing");
            *self.groups.entry(Group { action, to, kind: letter.failure.kind }).or_default() += 1;
        }
    }

    /// For people.
    pub(super) fn text(&self) -> String {
        let mut rows = vec![["action", "to, or why not", "kind", "letters"].map(str::to_owned)];
        rows.extend(self.groups.iter().map(|(Group { action, to, kind }, count)| {
            [(*action).to_owned(), plain(to), kind.to_string(), count.to_string()]
        }));
        let mut out = if self.groups.is_empty() { String::new() } else { columns(&rows, &[3]) };
        for (id, until) in &self.claimed {
            out.push_str(&format!("{id} is being redriven, until {} UTC at the latest\n", moment(*until)));
        }
        if self.expired > 0 {
            let named = plain(&self.expired_ids.join(", "));
            out.push_str(&format!("{} records have expired and cannot be redriven: {named}\n", self.expired));
        }
        out.push_str(&format!(
            "dry run: {} letters of {} batches would be redriven; nothing was changed\n",
            self.letters, self.batches
        ));
        out
    }

    /// For programs.
    pub(super) fn json(&self) -> String {
        #[derive(Serialize)]
        struct Counted<'a> {
            #[serde(flatten)]
            group: &'a Group,
            letters: u64,
        }
        #[derive(Serialize)]
        struct Claimed<'a> {
            id: &'a str,
            until: String,
        }
        #[derive(Serialize)]
        struct Json<'a> {
            dry_run: bool,
            batches: u64,
            letters: u64,
            groups: Vec<Counted<'a>>,
            expired: u64,
            expired_ids: &'a [String],
            claimed: Vec<Claimed<'a>>,
        }
        line(&Json {
            dry_run: true,
            batches: self.batches,
            letters: self.letters,
            groups: self.groups.iter().map(|(group, count)| Counted { group, letters: *count }).collect(),
            expired: self.expired,
            expired_ids: &self.expired_ids,
            claimed: self.claimed.iter().map(|(id, until)| Claimed { id, until: format!("{until:.3}") }).collect(),
        })
    }
}
