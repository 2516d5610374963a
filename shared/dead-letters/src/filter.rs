//! Which dead letters somebody asks for.

use std::collections::BTreeSet;

use failure::{Kind, Stage};
use jiff::Timestamp;

use crate::{Letter, Listing};

/// Which letters: an empty list or `None` asks for all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Of these kinds.
    pub kinds: BTreeSet<Kind>,
    /// Of these stages.
    pub stages: BTreeSet<Stage>,
    /// About these symbols, as [`Letter::about`] names them.
    pub symbols: BTreeSet<String>,
    /// Given up by these functions, without their environment.
    pub functions: BTreeSet<String>,
    /// That failed last at this moment or later.
    pub from: Option<Timestamp>,
    /// That failed last before this moment.
    pub to: Option<Timestamp>,
}

impl Filter {
    /// Whether it asks for this letter.
    pub fn takes(&self, letter: &Letter) -> bool {
        let one_of = |wanted: &BTreeSet<String>, word: &str| wanted.is_empty() || wanted.contains(word);
        let about = self.symbols.is_empty() || letter.about().is_some_and(|symbol| self.symbols.contains(symbol));
        (self.kinds.is_empty() || self.kinds.contains(&letter.failure.kind))
            && (self.stages.is_empty() || self.stages.contains(&letter.failure.stage))
            && one_of(&self.functions, &letter.place.function)
            && about
            && self.from.is_none_or(|from| from <= letter.last_seen)
            && self.to.is_none_or(|to| letter.last_seen < to)
    }

    /// Whether it may ask for a letter of this batch. A listing knows only some of its symbols, so the letters
    /// themselves decide.
    pub fn may_take(&self, listing: &Listing) -> bool {
        let known = listing.symbols.iter().any(|symbol| self.symbols.contains(symbol));
        (self.kinds.is_empty() || listing.kinds.keys().any(|kind| self.kinds.contains(kind)))
            && (self.functions.is_empty() || self.functions.contains(&listing.function))
            && (self.symbols.is_empty() || known || listing.has_more_symbols)
            && self.from.is_none_or(|from| from <= listing.last_seen)
            && self.to.is_none_or(|to| listing.first_seen < to)
    }
}
