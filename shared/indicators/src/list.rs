//! From the text of a set, `SMA(20), RSI(14), MACD(12,26,9)`, to what is needed to run it.

use std::{fmt, ops::Range, str::FromStr, sync::Arc};

use crate::{
    kernel::{Fault, Indicator, Step, catalogue},
    layout::Layout,
};

/// Most outputs that one set can have.
pub const OUTPUTS_MAX: usize = 128;

/// Why a text is no indicator or no set of them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadIndicator {
    /// Nothing in it.
    #[error("the set names no indicator; write one as SMA(20), RSI(14), MACD(12,26,9)")]
    Empty,
    /// A bracket without its other half, or something behind it.
    #[error("`{part}` is not an indicator; write NAME or NAME(parameter,...), such as SMA(20) or OBV")]
    Syntax {
        /// The part of the text.
        part: String,
    },
    /// No such indicator.
    #[error("`{part}`: there is no indicator `{name}`; known: {known}", known = catalogue().join(", "))]
    Unknown {
        /// The part of the text.
        part: String,
        /// The name in it.
        name: String,
    },
    /// More parameters than it has.
    #[error("`{part}`: too many parameters; allowed: {allowed}")]
    TooManyParameters {
        /// The part of the text.
        part: String,
        /// How many there can be.
        allowed: usize,
    },
    /// A parameter out of its bounds.
    #[error("`{part}`: parameter `{name}` is `{value}`; allowed: {allowed}")]
    Parameter {
        /// The part of the text.
        part: String,
        /// The parameter's name.
        name: &'static str,
        /// What it is.
        value: String,
        /// What it may be.
        allowed: String,
    },
    /// Parameters that do not go together.
    #[error("`{part}`: {problem}")]
    Conflict {
        /// The part of the text.
        part: String,
        /// What is wrong, and what to do.
        problem: String,
    },
    /// The same indicator twice.
    #[error("`{part}` stands in the set twice; leave one out")]
    Duplicate {
        /// The part of the text, with its defaults written out.
        part: String,
    },
    /// More outputs than a set can have.
    #[error("the set has `{outputs}` outputs; allowed are {OUTPUTS_MAX}: split it")]
    TooManyOutputs {
        /// How many there would be.
        outputs: usize,
    },
}

impl FromStr for Indicator {
    type Err = BadIndicator;

    /// Reads `NAME` or `NAME(parameter,...)`, in any case and spacing. Parameters that are left out have their defaults.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        let part: String = text.chars().take(64).collect();
        let (name, parameters) = match text.split_once('(') {
            None => (text, Vec::new()),
            Some((name, rest)) => {
                let inner = rest.strip_suffix(')').filter(|inner| !inner.contains(['(', ')']));
                let inner = inner.ok_or_else(|| BadIndicator::Syntax { part: part.clone() })?;
                (name.trim_end(), inner.split(',').map(str::trim).collect())
            }
        };
        let named = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if !named || parameters.iter().any(|parameter| parameter.is_empty()) {
            return Err(BadIndicator::Syntax { part });
        }
        Self::of(name, &parameters).map_err(|fault| match fault {
            Fault::Unknown => BadIndicator::Unknown { part, name: name.chars().take(64).collect() },
            Fault::TooMany { allowed } => BadIndicator::TooManyParameters { part, allowed },
            Fault::Parameter { value, name, allowed } => BadIndicator::Parameter { part, name, value, allowed },
            Fault::Conflict(problem) => BadIndicator::Conflict { part, problem },
        })
    }
}

impl fmt::Display for Indicator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

/// A list of indicators that read the same bars, and where each finds its state: what the sets of many
/// series share. Cloning it is cheap.
#[derive(Debug, Clone)]
pub struct Indicators(pub(crate) Arc<Plan>);

/// Equal lists have equal texts, and most often they are the same list.
impl PartialEq for Indicators {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.0.text == other.0.text
    }
}

#[derive(Debug, Default)]
pub(crate) struct Plan {
    pub(crate) entries: Vec<Entry>,
    /// The same for who runs it.
    pub(crate) steps: Vec<Step>,
    /// The indicators' texts, joined by `,`.
    pub(crate) text: String,
    pub(crate) names: Vec<String>,
    /// Which entry an output belongs to.
    pub(crate) entry_of: Vec<usize>,
    /// The states of all, one behind the other.
    pub(crate) layout: Layout,
}

/// One indicator and its part of the state.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) indicator: Indicator,
    pub(crate) numbers: Range<usize>,
    /// The first is the number of bars seen.
    pub(crate) counts: Range<usize>,
    pub(crate) warm_up: u32,
}

impl Indicators {
    /// A list of these, in their order.
    pub fn new(indicators: Vec<Indicator>) -> Result<Self, BadIndicator> {
        if indicators.is_empty() {
            return Err(BadIndicator::Empty);
        }
        Self::of(indicators)
    }

    /// A list of nothing, for who counts bars only.
    pub fn none() -> Self {
        Self(Arc::default())
    }

    fn of(indicators: Vec<Indicator>) -> Result<Self, BadIndicator> {
        let outputs = indicators.iter().map(Indicator::outputs).sum();
        if outputs > OUTPUTS_MAX {
            return Err(BadIndicator::TooManyOutputs { outputs });
        }
        let twice = indicators.iter().enumerate().find(|(at, one)| indicators[..*at].contains(one));
        if let Some((_, twice)) = twice {
            return Err(BadIndicator::Duplicate { part: twice.text().to_owned() });
        }
        let texts: Vec<&str> = indicators.iter().map(Indicator::text).collect();
        let (text, names) = (texts.join(","), indicators.iter().flat_map(Indicator::names).collect());
        let (mut layout, mut entries, mut steps, mut entry_of) =
            (Layout::default(), Vec::new(), Vec::new(), Vec::new());
        for (at, indicator) in indicators.into_iter().enumerate() {
            let before = (layout.degrees.len(), layout.counts.len());
            indicator.layout(&mut layout);
            entry_of.extend(std::iter::repeat_n(at, indicator.outputs()));
            let (numbers, counts) = (before.0..layout.degrees.len(), before.1..layout.counts.len());
            steps.push(indicator.step(numbers.len(), counts.len()));
            entries.push(Entry { numbers, counts, warm_up: indicator.warm_up(), indicator });
        }
        Ok(Self(Arc::new(Plan { entries, steps, text, names, entry_of, layout })))
    }

    /// The text of the list, with all defaults written out and without spaces.
    pub fn text(&self) -> &str {
        &self.0.text
    }

    /// The indicators.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Indicator> {
        self.0.entries.iter().map(|entry| &entry.indicator)
    }

    /// The names of the outputs, in their order.
    pub fn names(&self) -> &[String] {
        &self.0.names
    }

    /// The list of that text, as a state names it.
    pub(crate) fn saved(text: &str) -> Result<Self, BadIndicator> {
        if text.is_empty() { Ok(Self::none()) } else { text.parse() }
    }

    /// How many bars come before the first value of each output, in the order of [`names`](Self::names).
    pub fn lookbacks(&self) -> impl ExactSizeIterator<Item = u32> {
        self.0.entry_of.iter().map(|entry| self.0.entries[*entry].indicator.lookback())
    }
}

impl FromStr for Indicators {
    type Err = BadIndicator;

    /// Reads indicators with commas between them.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.trim().is_empty() {
            return Err(BadIndicator::Empty);
        }
        // Commas within brackets part parameters.
        let mut depth = 0_i32;
        let parts = text.split(|letter| {
            depth += match letter {
                '(' => 1,
                ')' => -1,
                _ => 0,
            };
            letter == ',' && depth <= 0
        });
        let parts: Vec<&str> = parts.collect();
        Self::new(parts.into_iter().map(str::parse).collect::<Result<_, _>>()?)
    }
}

impl fmt::Display for Indicators {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

impl Default for Indicators {
    /// SMA(20), EMA(20), RSI(14), MACD(12,26,9), BBANDS(20,2), ATR(14), ADX(14), STOCH(14,3,3), OBV, VWAP: 15 outputs.
    fn default() -> Self {
        #[allow(clippy::expect_used, reason = "a constant that a test reads")]
        DEFAULT.parse().expect("the default set is a set")
    }
}

/// The set that is used where none is configured.
const DEFAULT: &str = "SMA(20),EMA(20),RSI(14),MACD(12,26,9),BBANDS(20,2),ATR(14),ADX(14),STOCH(14,3,3),OBV,VWAP";

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Result<&str, &str>) {
        let read = text.parse::<Indicators>();
        let error = read.as_ref().err().map(ToString::to_string).unwrap_or_default();
        let read = read.as_ref().map(Indicators::text).map_err(|_| error.split("; known").next().unwrap_or_default());
        assert_eq!(read, expected, "{text}");
    }

    #[test]
    fn sets_are_read_in_any_spacing_and_written_in_one() {
        check("SMA(20), RSI(14), MACD(12,26,9)", Ok("SMA(20),RSI(14),MACD(12,26,9)"));
        check(" sma ( 20 ) ,rsi,bbands(20, 2.50)", Ok("SMA(20),RSI(14),BBANDS(20,2.5)"));
        check("MACD(5)", Ok("MACD(5,26,9)"));
        check(DEFAULT, Ok(DEFAULT));
    }

    #[test]
    fn wrong_texts_say_which_part_and_what_is_allowed() {
        check("  ", Err("the set names no indicator; write one as SMA(20), RSI(14), MACD(12,26,9)"));
        let syntax =
            |part| format!("`{part}` is not an indicator; write NAME or NAME(parameter,...), such as SMA(20) or OBV");
        check("SMA(20),", Err(&syntax("")));
        check("SMA(20", Err(&syntax("SMA(20")));
        check("SMA(20)x", Err(&syntax("SMA(20)x")));
        check("SMA((20))", Err(&syntax("SMA((20))")));
        check("SMA(20,)", Err(&syntax("SMA(20,)")));
        check("RSI(14),FOO(3)", Err("`FOO(3)`: there is no indicator `FOO`"));
        check("SMA(20,3)", Err("`SMA(20,3)`: too many parameters; allowed: 1"));
        check("SMA(1)", Err("`SMA(1)`: parameter `period` is `1`; allowed: a whole number from 2 to 1000"));
        check("SMA(1e99)", Err("`SMA(1e99)`: parameter `period` is `1e99`; allowed: a whole number from 2 to 1000"));
        check(
            "MACD(26,12,9)",
            Err("`MACD(26,12,9)`: the fast period `26` is not shorter than the slow period `12`; swap them"),
        );
        check("RSI,RSI(14)", Err("`RSI(14)` stands in the set twice; leave one out"));
    }
}
