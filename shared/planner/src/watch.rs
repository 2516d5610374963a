//! What is watched: `AAPL!,MSFT,BRK.B` enters, entries with their priority leave. A trailing `!` marks a
//! hot one.

use std::{fmt, str::FromStr};

/// How urgent an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Priority {
    /// Gets 70 % of the calls.
    Hot,
    /// Gets the rest.
    Normal,
}

/// One entry of a watch list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Watched<T> {
    /// The symbol or pair.
    pub what: T,
    /// How urgent it is.
    pub priority: Priority,
}

/// Entries without duplicates, in the order of the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WatchList<T>(Vec<Watched<T>>);

/// Why a text is no watch list.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WatchListError<E> {
    /// No entry, or nothing between two commas.
    #[error("entry {0} of the list is empty: write entries with commas between them, such as `AAPL!,MSFT`")]
    Empty(usize),
    /// The entry is no symbol or pair.
    #[error("entry {at} of the list: {reason}")]
    Entry {
        /// Counted from 1.
        at: usize,
        /// What is wrong with it.
        reason: E,
    },
    /// Twice the same.
    #[error("`{name}` stands twice in the list, as entry {first} and as entry {second}: write it once")]
    Duplicate {
        /// The entry.
        name: String,
        /// Where it stands first, counted from 1.
        first: usize,
        /// Where it stands again.
        second: usize,
    },
}

impl<T> WatchList<T> {
    /// The entries.
    pub fn entries(&self) -> &[Watched<T>] {
        &self.0
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The entry at that place of the list.
    pub fn get(&self, index: usize) -> Option<&Watched<T>> {
        self.0.get(index)
    }

    /// Only those entries, for a job that cannot ask for all of them.
    pub fn filter(mut self, keep: impl Fn(&T) -> bool) -> Self {
        self.0.retain(|entry| keep(&entry.what));
        self
    }

    /// The same list of something else. `with` must keep different entries different.
    pub fn map<U>(self, with: impl Fn(T) -> U) -> WatchList<U> {
        WatchList(
            self.0.into_iter().map(|entry| Watched { what: with(entry.what), priority: entry.priority }).collect(),
        )
    }
}

impl<T> WatchList<T> {
    /// A list of one entry.
    pub fn single(what: T, priority: Priority) -> Self {
        Self(vec![Watched { what, priority }])
    }
}

impl<T: PartialEq + fmt::Display> WatchList<T> {
    /// A list of these entries.
    pub fn new<E>(entries: Vec<Watched<T>>) -> Result<Self, WatchListError<E>> {
        for (second, entry) in entries.iter().enumerate() {
            if let Some(first) = entries[..second].iter().position(|earlier| earlier.what == entry.what) {
                let name = entry.what.to_string();
                return Err(WatchListError::Duplicate { name, first: first + 1, second: second + 1 });
            }
        }
        Ok(Self(entries))
    }
}

impl<T: FromStr + PartialEq + fmt::Display> FromStr for WatchList<T> {
    type Err = WatchListError<T::Err>;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let entry = |(index, item): (usize, &str)| {
            let item = item.trim();
            let (name, priority) = match item.strip_suffix('!') {
                Some(name) => (name, Priority::Hot),
                None => (item, Priority::Normal),
            };
            if name.is_empty() {
                return Err(WatchListError::Empty(index + 1));
            }
            let what = name.parse().map_err(|reason| WatchListError::Entry { at: index + 1, reason })?;
            Ok(Watched { what, priority })
        };
        Self::new(text.split(',').enumerate().map(entry).collect::<Result<_, _>>()?)
    }
}

impl<T: fmt::Display> fmt::Display for WatchList<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, entry) in self.0.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            let mark = if entry.priority == Priority::Hot { "!" } else { "" };
            write!(f, "{comma}{}{mark}", entry.what)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use market::{Pair, Symbol};

    #[test]
    fn a_trailing_mark_is_hot() {
        let list: WatchList<Symbol> = "AAPL!, msft,BRK.B,CELG^!".parse().unwrap();
        assert_eq!(list.to_string(), "AAPL!,MSFT,BRK.B,CELG^!");
        assert_eq!(list.get(0).unwrap().priority, Priority::Hot);
        assert_eq!(list.get(1).unwrap().priority, Priority::Normal);
        let pairs: WatchList<Pair> = "BTC/USD!,EUR/USD".parse().unwrap();
        assert_eq!(pairs.filter(Pair::is_crypto).to_string(), "BTC/USD!");
    }

    #[test]
    fn what_is_no_list_is_refused_with_its_place() {
        let check = |text: &str, expected: &str| {
            let error = text.parse::<WatchList<Symbol>>().unwrap_err().to_string();
            assert!(error.starts_with(expected), "{error}");
        };
        check("", "entry 1 of the list is empty");
        check("AAPL,,MSFT", "entry 2 of the list is empty");
        check("AAPL,!", "entry 2 of the list is empty");
        check("AAPL!,MSFT,aapl", "`AAPL` stands twice in the list, as entry 1 and as entry 3: write it once");
        check("AAPL,A!!", "entry 2 of the list: symbol `A!` is not valid");
    }
}
