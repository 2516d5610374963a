//! Which indicators are computed for bars of which length, from text.
//!
//! ```text
//! SMA(20), RSI(14); 5min: SMA(20); 15min|60min: EMA(9), MACD; 1day: SMA(50), SMA(200); 30min: none
//! ```
//!
//! What stands without an interval is for bars of any length that arrive, and is the default set if
//! nothing does. An interval that is named is computed even where no bars of that length arrive: they are
//! then built from shorter ones.

use std::str::FromStr;

use indicators::{BadIndicator, Indicators};
use market::Interval;

use crate::{CLOSED_BARS_MAX, OPEN_BARS_MAX, OWED_BYTES_MAX, REVISABLE_BARS, codec::owed_bytes};

/// Why a text says nothing of sets.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadSets {
    /// The part in front of the colon is no interval.
    #[error("`{part}`: interval `{interval}` is not known; allowed: 1min, 5min, 15min, 30min, 60min, 1day")]
    Interval {
        /// The part of the text.
        part: String,
        /// What stands for the interval.
        interval: String,
    },
    /// A set that cannot be read.
    #[error("in `{part}`: {error}")]
    Set {
        /// The part of the text.
        part: String,
        /// Why.
        error: BadIndicator,
    },
    /// Two sets for the same bars.
    #[error("`{part}`: there is another set for {interval} already; write all of its indicators in one")]
    Twice {
        /// The part of the text.
        part: String,
        /// For which bars.
        interval: String,
    },
    /// More outputs than an item has room for.
    #[error(
        "a set has `{outputs}` outputs; allowed are {allowed} with `{built}` intervals to be built: leave some out"
    )]
    TooLarge {
        /// How many it has.
        outputs: usize,
        /// How many it may have.
        allowed: usize,
        /// How many intervals are named.
        built: usize,
    },
    /// A state that would not fit into an item.
    #[error("`{part}`: the state of the set has `{bytes}` bytes; allowed are {STATE_MAX}: shorten its periods")]
    TooLong {
        /// The part of the text.
        part: String,
        /// How many it has.
        bytes: usize,
    },
}

/// Most outputs of one set. With many intervals to be built it is fewer: the readings of all bars that may be
/// revised or are open must fit into what an item owes.
pub const OUTPUTS_MAX: usize = 40;
/// How many bars of each length there must be room for.
const BARS_ROOM: usize = REVISABLE_BARS + OPEN_BARS_MAX + 4;
/// Longest state of one set, in bytes: those of all intervals stay far below what an item may have.
pub const STATE_MAX: usize = 32 * 1024;

/// The indicators for each interval.
#[derive(Debug, Clone, PartialEq)]
pub struct Sets {
    /// For bars that arrive and have no set of their own.
    any: Option<Indicators>,
    /// By interval: whether it is named, and its set if it is to be computed.
    named: [Option<Option<Indicators>>; Interval::ALL.len()],
}

impl Default for Sets {
    /// The default set for whatever arrives.
    fn default() -> Self {
        Self { any: Some(Indicators::default()), named: Default::default() }
    }
}

impl Sets {
    /// The indicators for bars of that length; `None` if there are to be none.
    pub fn of(&self, interval: Interval) -> Option<&Indicators> {
        self.named[interval as usize].as_ref().map_or(self.any.as_ref(), Option::as_ref)
    }

    /// How many outputs the largest set has.
    fn outputs(&self) -> usize {
        self.all().map(|set| set.names().len()).max().unwrap_or(1)
    }

    /// How many readings an item may owe.
    pub(crate) fn owed_max(&self) -> usize {
        OWED_BYTES_MAX / owed_bytes(self.outputs())
    }

    /// How many closed bars each of so many lanes keeps at the most: all of them may have to be read anew in one step.
    pub(crate) fn closed_max(&self, lanes: usize) -> usize {
        // What is left takes the bars that come in.
        (self.owed_max() * 3 / 4 / lanes.max(1)).clamp(REVISABLE_BARS + 1, CLOSED_BARS_MAX)
    }

    /// What a lane of that interval computes: nothing, where its bars are only there to build longer ones of.
    /// `None` if they serve nothing.
    pub(crate) fn lane(&self, interval: Interval) -> Option<Indicators> {
        let built = || self.built().any(|longer| longer > interval).then(Indicators::none);
        self.of(interval).cloned().or_else(built)
    }

    /// The intervals within a day that are computed whatever arrives.
    pub(crate) fn built(&self) -> impl Iterator<Item = Interval> + '_ {
        let named = |interval: &Interval| matches!(self.named[*interval as usize], Some(Some(_)));
        Interval::ALL.into_iter().filter(|interval| *interval != Interval::Day).filter(named)
    }

    /// All of them, with the intervals that each is for.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Indicators> {
        self.any.iter().chain(self.named.iter().flatten().flatten())
    }
}

impl FromStr for Sets {
    type Err = BadSets;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut sets = Self { any: None, named: Default::default() };
        let mut any_named = false;
        for part in text.split(';').map(str::trim).filter(|part| !part.is_empty()) {
            let short: String = part.chars().take(64).collect();
            let (intervals, list) = match part.split_once(':') {
                Some((intervals, list)) => (Some(intervals), list.trim()),
                None => (None, part),
            };
            let set = if list.eq_ignore_ascii_case("none") { None } else { Some(read(&short, list)?) };
            let Some(intervals) = intervals else {
                if any_named {
                    return Err(BadSets::Twice { part: short, interval: "bars without a set of their own".to_owned() });
                }
                (any_named, sets.any) = (true, set);
                continue;
            };
            for word in intervals.split('|').map(str::trim) {
                let interval: Interval = word.parse().map_err(|_| BadSets::Interval {
                    part: short.clone(),
                    interval: word.chars().take(32).collect(),
                })?;
                let place = &mut sets.named[interval as usize];
                if place.is_some() {
                    return Err(BadSets::Twice { part: short, interval: interval.to_string() });
                }
                *place = Some(set.clone());
            }
        }
        if !any_named {
            sets.any = Some(Indicators::default());
        }
        let (outputs, built) = (sets.outputs(), sets.built().count());
        let fits = |outputs: &usize| OWED_BYTES_MAX / owed_bytes(*outputs) >= BARS_ROOM * (1 + built);
        let allowed = (1..=OUTPUTS_MAX).rev().find(fits).unwrap_or(1);
        if outputs > allowed { Err(BadSets::TooLarge { outputs, allowed, built }) } else { Ok(sets) }
    }
}

fn read(part: &str, list: &str) -> Result<Indicators, BadSets> {
    let part = || part.to_owned();
    let set: Indicators = list.parse().map_err(|error| BadSets::Set { part: part(), error })?;
    let mut state = Vec::new();
    set.start().encode(&mut state);
    if state.len() > STATE_MAX {
        return Err(BadSets::TooLong { part: part(), bytes: state.len() });
    }
    Ok(set)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_are_read_by_interval() {
        let sets: Sets = "SMA(20), RSI(14); 5min: SMA(5); 15min | 60min: EMA(9);30min:none;".parse().unwrap();
        let text = |interval| sets.of(interval).map(Indicators::text);
        assert_eq!(text(Interval::Min1), Some("SMA(20),RSI(14)"));
        assert_eq!(text(Interval::Min5), Some("SMA(5)"));
        assert_eq!((text(Interval::Min15), text(Interval::Min60)), (Some("EMA(9)"), Some("EMA(9)")));
        assert_eq!((text(Interval::Min30), text(Interval::Day)), (None, Some("SMA(20),RSI(14)")));
        assert_eq!(sets.built().collect::<Vec<_>>(), [Interval::Min5, Interval::Min15, Interval::Min60]);
        assert_eq!("".parse::<Sets>().unwrap(), Sets::default());
        assert_eq!("none".parse::<Sets>().unwrap().of(Interval::Day), None);
    }

    #[test]
    fn wrong_texts_say_which_part_and_what_is_allowed() {
        let check = |text: &str, expected: &str| {
            let error = text.parse::<Sets>().unwrap_err().to_string();
            assert!(error.starts_with(expected), "{error}");
        };
        check("SMA(20); 7min: SMA(20)", "`7min: SMA(20)`: interval `7min` is not known; allowed: 1min, 5min");
        check("5min: SMA(1)", "in `5min: SMA(1)`: `SMA(1)`: parameter `period` is `1`; allowed");
        check("5min: SMA(5); 5min: EMA(5)", "`5min: EMA(5)`: there is another set for 5min already");
        check("SMA(5); EMA(5)", "`EMA(5)`: there is another set for bars without a set of their own already");
        check("5min:", "in `5min:`: the set names no indicator");
        let many: Vec<String> = (2..45).map(|period| format!("SMA({period})")).collect();
        assert!(matches!(
            many.join(",").parse::<Sets>(),
            Err(BadSets::TooLarge { outputs: 43, allowed: 40, built: 0 })
        ));
        let many = format!("5min|15min|30min|60min: {}", many[..25].join(","));
        assert!(matches!(many.parse::<Sets>(), Err(BadSets::TooLarge { outputs: 25, built: 4, .. })));
        let long: Vec<String> = (990..1000).map(|period| format!("SMA({period})")).collect();
        assert!(matches!(long.join(",").parse::<Sets>(), Err(BadSets::TooLong { .. })));
    }
}
