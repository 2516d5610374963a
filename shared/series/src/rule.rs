//! Rules for alerts: from text to what fires after a bar.
//!
//! ```text
//! RSI(14) > 70; 5min: close crosses above SMA(20); MACD.hist crosses 0
//! ```
//!
//! A rule compares two operands after each closed bar, and fires when the comparison begins to hold: at
//! the edge, not for as long as it lasts. A rule whose operands had no value at the bar before cannot know
//! of an edge, and waits.

use std::{cmp::Ordering, str::FromStr};

use bars::Ohlcv;
use indicators::Indicators;
use market::Interval;
use wire::Digest128;

use crate::sets::Sets;

/// Most rules for bars of one length: if all of them fire at all bars that are news, they still fit into an item.
pub const RULES_MAX: usize = 16;

/// Why a text is no rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadRule {
    /// No comparison in it.
    #[error("rule `{rule}` compares nothing; write OPERAND > OPERAND with one of {TRIGGERS}")]
    NoComparison {
        /// The rule.
        rule: String,
    },
    /// An operand that is neither a number, a price nor an output.
    #[error("rule `{rule}`: `{operand}` is not known; allowed: a number, open, high, low, close, volume, {outputs}")]
    Operand {
        /// The rule.
        rule: String,
        /// The operand.
        operand: String,
        /// The outputs that there are.
        outputs: String,
    },
    /// An operand that could be several.
    #[error("rule `{rule}`: `{operand}` can be {candidates}; write its parameters")]
    Ambiguous {
        /// The rule.
        rule: String,
        /// The operand.
        operand: String,
        /// What it can be.
        candidates: String,
    },
    /// Two numbers.
    #[error("rule `{rule}` compares two numbers; one operand must be a price or an indicator")]
    Constant {
        /// The rule.
        rule: String,
    },
    /// The part in front of the colon is no interval.
    #[error("rule `{rule}`: interval `{interval}` is not known; allowed: 1min, 5min, 15min, 30min, 60min, 1day")]
    Interval {
        /// The rule.
        rule: String,
        /// What stands for the interval.
        interval: String,
    },
    /// Nothing is computed there, so that nothing fires.
    #[error("rule `{rule}`: nothing is computed for bars of {intervals}; name indicators for them")]
    NoSet {
        /// The rule.
        rule: String,
        /// Of which length.
        intervals: String,
    },
    /// More than are allowed.
    #[error("there are `{count}` rules for {interval}; allowed are {RULES_MAX}")]
    TooMany {
        /// How many.
        count: usize,
        /// For bars of that length.
        interval: Interval,
    },
}

const TRIGGERS: &str = "`>`, `>=`, `<`, `<=`, `crosses above`, `crosses below`, `crosses`";

/// When a rule fires.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trigger {
    Above,
    AtLeast,
    Below,
    AtMost,
    Crosses,
}

impl Trigger {
    /// The words of each; those that begin like others come first.
    const WORDS: [(&'static str, Self); 7] = [
        ("crosses above", Self::Above),
        ("crosses below", Self::Below),
        ("crosses", Self::Crosses),
        (">=", Self::AtLeast),
        ("<=", Self::AtMost),
        (">", Self::Above),
        ("<", Self::Below),
    ];

    /// Whether it fires when the left operand was there and is here now.
    fn fires(self, before: Ordering, now: Ordering) -> bool {
        let begins = |holds: fn(Ordering) -> bool| holds(now) && !holds(before);
        match self {
            Self::Above => begins(Ordering::is_gt),
            Self::AtLeast => begins(Ordering::is_ge),
            Self::Below => begins(Ordering::is_lt),
            Self::AtMost => begins(Ordering::is_le),
            Self::Crosses => begins(Ordering::is_gt) || begins(Ordering::is_lt),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Operand {
    Number(f64),
    Open,
    High,
    Low,
    Close,
    Volume,
    Output(usize),
}

impl Operand {
    fn value(self, prices: &Ohlcv, output: impl Fn(usize) -> Option<f64>) -> Option<f64> {
        match self {
            Self::Number(number) => Some(number),
            Self::Open => Some(prices.open),
            Self::High => Some(prices.high),
            Self::Low => Some(prices.low),
            Self::Close => Some(prices.close),
            Self::Volume => prices.volume,
            Self::Output(at) => output(at),
        }
    }
}

/// A rule for bars of one length.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Rule {
    /// The first bits of a hash of its text, by which a state knows it again.
    pub(crate) id: u64,
    /// Its text in one spacing, with the outputs' full names.
    pub(crate) text: String,
    left: Operand,
    right: Operand,
    trigger: Trigger,
}

/// The operands' values at a bar.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Compared {
    pub(crate) left: f64,
    pub(crate) right: f64,
}

impl Compared {
    /// How the left one lies to the right one. Both are finite.
    pub(crate) fn ordering(self) -> Ordering {
        self.left.partial_cmp(&self.right).unwrap_or(Ordering::Equal)
    }
}

impl Rule {
    /// The operands at a bar; `None` if one has no value.
    pub(crate) fn compare(&self, prices: &Ohlcv, output: impl Fn(usize) -> Option<f64>) -> Option<Compared> {
        Some(Compared { left: self.left.value(prices, &output)?, right: self.right.value(prices, &output)? })
    }

    /// Whether it fires.
    pub(crate) fn fires(&self, before: Option<Ordering>, now: Option<Ordering>) -> bool {
        before.zip(now).is_some_and(|(before, now)| self.trigger.fires(before, now))
    }
}

/// The rules for bars of each length.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Rules([Vec<Rule>; Interval::ALL.len()]);

impl Rules {
    pub(crate) fn of(&self, interval: Interval) -> &[Rule] {
        &self.0[interval as usize]
    }

    /// Reads rules, with `;` between them, about the outputs of those sets. A rule without an interval is for
    /// bars of every length whose set has its operands, and there must be one.
    pub fn parse(text: &str, sets: &Sets) -> Result<Self, BadRule> {
        let mut rules = Self::default();
        for part in text.split(';').map(str::trim).filter(|part| !part.is_empty()) {
            let short: String = part.chars().take(96).collect();
            let (intervals, body) = match part.split_once(':') {
                Some((intervals, body)) => (Some(intervals), body.trim()),
                None => (None, part),
            };
            match intervals {
                Some(intervals) => {
                    for word in intervals.split('|').map(str::trim) {
                        let interval = Interval::from_str(word).map_err(|_| BadRule::Interval {
                            rule: short.clone(),
                            interval: word.chars().take(32).collect(),
                        })?;
                        let no_set = || BadRule::NoSet { rule: short.clone(), intervals: interval.to_string() };
                        let set = sets.of(interval).ok_or_else(no_set)?;
                        rules.add(interval, rule(&short, body, set)?);
                    }
                }
                None => {
                    let read = |interval| Some((interval, rule(&short, body, sets.of(interval)?)));
                    let (good, bad): (Vec<_>, Vec<_>) =
                        Interval::ALL.into_iter().filter_map(read).partition(|(_, rule)| rule.is_ok());
                    // What could be several somewhere is not guessed elsewhere.
                    let ambiguous = |error: &BadRule| matches!(error, BadRule::Ambiguous { .. });
                    let mut errors = bad.into_iter().filter_map(|(_, rule)| rule.err());
                    if let Some(error) = errors.find(|error| good.is_empty() || ambiguous(error)) {
                        return Err(error);
                    }
                    if good.is_empty() {
                        return Err(BadRule::NoSet { rule: short, intervals: "any length".to_owned() });
                    }
                    good.into_iter()
                        .for_each(|(interval, rule)| rule.into_iter().for_each(|rule| rules.add(interval, rule)));
                }
            }
        }
        let many = Interval::ALL.into_iter().map(|interval| (rules.of(interval).len(), interval)).max();
        match many {
            Some((count, interval)) if count > RULES_MAX => Err(BadRule::TooMany { count, interval }),
            _ => Ok(rules),
        }
    }

    fn add(&mut self, interval: Interval, rule: Rule) {
        let rules = &mut self.0[interval as usize];
        if rules.iter().all(|other| other.id != rule.id) {
            rules.push(rule);
        }
    }
}

fn rule(short: &str, body: &str, set: &Indicators) -> Result<Rule, BadRule> {
    let found = Trigger::WORDS.iter().find_map(|(words, trigger)| Some((body.split_once(words)?, words, *trigger)));
    let ((left, right), words, trigger) = found.ok_or_else(|| BadRule::NoComparison { rule: short.to_owned() })?;
    let names = set.names();
    let (left, right) = (operand(short, left.trim(), names)?, operand(short, right.trim(), names)?);
    if let (Operand::Number(_), Operand::Number(_)) = (left.0, right.0) {
        return Err(BadRule::Constant { rule: short.to_owned() });
    }
    let text = format!("{} {words} {}", left.1, right.1);
    let digest = Digest128::of_text(&text).0;
    let id = digest.first_chunk().copied().map_or(0, u64::from_le_bytes);
    Ok(Rule { id, text, left: left.0, right: right.0, trigger })
}

/// The operand, and its text in full.
fn operand(rule: &str, text: &str, names: &[String]) -> Result<(Operand, String), BadRule> {
    let words = [
        ("open", Operand::Open),
        ("high", Operand::High),
        ("low", Operand::Low),
        ("close", Operand::Close),
        ("volume", Operand::Volume),
    ];
    if let Some((word, operand)) = words.into_iter().find(|(word, _)| text.eq_ignore_ascii_case(word)) {
        return Ok((operand, word.to_owned()));
    }
    if let Some(number) = text.parse::<f64>().ok().filter(|number| number.is_finite()) {
        return Ok((Operand::Number(number), number.to_string()));
    }
    let wanted: String = text.chars().filter(|letter| !letter.is_whitespace()).collect();
    let is = |name: &str| name.eq_ignore_ascii_case(&wanted) || bare(name).eq_ignore_ascii_case(&wanted);
    let fitting: Vec<usize> = (0..names.len()).filter(|at| is(&names[*at])).collect();
    match fitting[..] {
        [at] => Ok((Operand::Output(at), names[at].clone())),
        [] => Err(BadRule::Operand {
            rule: rule.to_owned(),
            operand: text.chars().take(48).collect(),
            outputs: names.join(", "),
        }),
        _ => Err(BadRule::Ambiguous {
            rule: rule.to_owned(),
            operand: text.chars().take(48).collect(),
            candidates: fitting.into_iter().map(|at| names[at].as_str()).collect::<Vec<_>>().join(" or "),
        }),
    }
}

/// The name of an output without parameters: `MACD.hist` for `MACD(12,26,9).hist`.
fn bare(name: &str) -> String {
    match (name.split_once('('), name.rsplit_once(')')) {
        (Some((head, _)), Some((_, tail))) => format!("{head}{tail}"),
        _ => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sets() -> Sets {
        "SMA(20),SMA(50),RSI(14),MACD(12,26,9); 5min: SMA(20)".parse().unwrap()
    }

    #[test]
    fn rules_are_read_for_the_bars_whose_set_has_their_operands() {
        let rules =
            Rules::parse("rsi > 70; close CROSSES above SMA(20)".replace("CROSSES", "crosses").as_str(), &sets())
                .unwrap();
        let texts = |interval| rules.of(interval).iter().map(|rule| rule.text.as_str()).collect::<Vec<_>>();
        assert_eq!(texts(Interval::Min1), ["RSI(14) > 70", "close crosses above SMA(20)"]);
        assert_eq!(texts(Interval::Min5), ["close crosses above SMA(20)"]);
        let rules = Rules::parse("1day|1min: MACD.hist crosses 0;;", &sets()).unwrap();
        assert_eq!(rules.of(Interval::Day)[0].text, "MACD(12,26,9).hist crosses 0");
        assert!(rules.of(Interval::Min15).is_empty());
        assert_eq!(Rules::parse(" ", &sets()).unwrap(), Rules::default());
    }

    #[test]
    fn wrong_rules_say_which_and_what_is_allowed() {
        let check = |text: &str, expected: &str| {
            let error = Rules::parse(text, &sets()).unwrap_err().to_string();
            assert!(error.starts_with(expected), "{error}");
        };
        check("RSI(14) 70", "rule `RSI(14) 70` compares nothing; write OPERAND > OPERAND with one of");
        check(
            "RSI(9) > 70",
            "rule `RSI(9) > 70`: `RSI(9)` is not known; allowed: a number, open, high, low, close, volume, SMA(20)",
        );
        check("5min: RSI(14) > 70", "rule `5min: RSI(14) > 70`: `RSI(14)` is not known");
        check("SMA > close", "rule `SMA > close`: `SMA` can be SMA(20) or SMA(50); write its parameters");
        check("1 < 2", "rule `1 < 2` compares two numbers");
        check("2min: close > 1", "rule `2min: close > 1`: interval `2min` is not known");
        let none: Sets = "SMA(20); 30min: none".parse().unwrap();
        let error = |text: &str, sets: &Sets| Rules::parse(text, sets).unwrap_err().to_string();
        assert_eq!(
            error("30min: close > 1", &none),
            "rule `30min: close > 1`: nothing is computed for bars of 30min; name indicators for them"
        );
        assert!(error("close > 1", &"none".parse().unwrap()).contains("nothing is computed for bars of any length"));
        assert!(Rules::parse("close > 1", &none).unwrap().of(Interval::Min30).is_empty());
        check("close > nan", "rule `close > nan`: `nan` is not known");
        let many: Vec<String> = (0..40).map(|level| format!("1day: close > {level}")).collect();
        check(&many.join(";"), "there are `40` rules for 1day; allowed are 16");
    }

    #[test]
    fn a_rule_fires_where_its_comparison_begins_to_hold() {
        use Ordering::{Equal, Greater, Less};
        let check = |words: &str, fires: [[bool; 3]; 3]| {
            let rules = Rules::parse(&format!("1min: close {words} 5"), &sets()).unwrap();
            for (before, row) in [Less, Equal, Greater].into_iter().zip(fires) {
                for (now, expected) in [Less, Equal, Greater].into_iter().zip(row) {
                    assert_eq!(
                        rules.of(Interval::Min1)[0].fires(Some(before), Some(now)),
                        expected,
                        "{words} {before:?} {now:?}"
                    );
                }
            }
            for unknown in [(None, Some(Greater)), (Some(Less), None), (None, None)] {
                assert!(!rules.of(Interval::Min1)[0].fires(unknown.0, unknown.1));
            }
        };
        let (up, down) = (
            [[false, false, true], [false, false, true], [false; 3]],
            [[false; 3], [true, false, false], [true, false, false]],
        );
        check(">", up);
        check("crosses above", up);
        check(">=", [[false, true, true], [false; 3], [false; 3]]);
        check("<", down);
        check("crosses below", down);
        check("<=", [[false; 3], [false; 3], [true, true, false]]);
        check("crosses", [[false, false, true], [true, false, true], [true, false, false]]);
    }
}
