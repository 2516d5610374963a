//! What a pattern may say of one value.

use std::net::IpAddr;

use super::{Node, node::View};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Comparison {
    Equal,
    Less,
    AtMost,
    More,
    AtLeast,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Rule {
    Null,
    Bool(bool),
    Text(String),
    /// As it is written.
    Number(String),
    Exists(bool),
    Numeric(Vec<(Comparison, f64)>),
    Prefix(String),
    PrefixIgnoringCase(String),
    Suffix(String),
    SuffixIgnoringCase(String),
    EqualIgnoringCase(String),
    /// What stands between the stars.
    Wildcard(Vec<String>),
    Cidr(IpAddr, u8),
    AnythingBut(Vec<Rule>),
}

impl Rule {
    /// Whether a value, or its absence, matches.
    pub(crate) fn matches(&self, value: Option<&View<'_>>) -> bool {
        // Rules are about leaves: an object, or an array without items, is none.
        let leaf = value.filter(|view| !matches!(view, View::Object(_) | View::Array(_)));
        if let Self::Exists(exists) = self {
            return leaf.is_some() == *exists;
        }
        let Some(leaf) = leaf else { return false };
        match (self, leaf) {
            (Self::AnythingBut(rules), leaf) => !rules.iter().any(|rule| rule.matches(Some(leaf))),
            (Self::Null, View::Null) => true,
            (Self::Bool(expected), View::Bool(value)) => expected == value,
            (Self::Number(expected), View::Number(value)) => expected == value,
            (Self::Numeric(bounds), View::Number(value)) => value.parse().is_ok_and(|value: f64| {
                bounds.iter().all(|(comparison, bound)| match comparison {
                    Comparison::Equal => value == *bound,
                    Comparison::Less => value < *bound,
                    Comparison::AtMost => value <= *bound,
                    Comparison::More => value > *bound,
                    Comparison::AtLeast => value >= *bound,
                })
            }),
            (rule, View::Text(value)) => rule.matches_text(value),
            _ => false,
        }
    }

    fn matches_text(&self, value: &str) -> bool {
        match self {
            Self::Text(expected) => expected == value,
            Self::Prefix(prefix) => value.starts_with(prefix),
            Self::Suffix(suffix) => value.ends_with(suffix),
            Self::PrefixIgnoringCase(prefix) => value.to_lowercase().starts_with(prefix),
            Self::SuffixIgnoringCase(suffix) => value.to_lowercase().ends_with(suffix),
            Self::EqualIgnoringCase(expected) => value.to_lowercase() == *expected,
            Self::Wildcard(parts) => matches_wildcard(parts, value),
            Self::Cidr(network, bits) => value.parse().is_ok_and(|address| contains(*network, *bits, address)),
            _ => false,
        }
    }
}

/// Takes the first part from the front, the last from the back, and the others as early as they come.
fn matches_wildcard(parts: &[String], value: &str) -> bool {
    let [first, middle @ .., last] = parts else { return parts.first().is_none_or(|only| only == value) };
    let Some(rest) = value.strip_prefix(first.as_str()) else { return false };
    let Some(mut rest) = rest.strip_suffix(last.as_str()) else { return false };
    for part in middle {
        let Some(at) = rest.find(part.as_str()) else { return false };
        rest = &rest[at + part.len()..];
    }
    true
}

fn contains(network: IpAddr, bits: u8, address: IpAddr) -> bool {
    let shared = |a: u128, b: u128, width: u32| {
        let rest = width - u32::from(bits);
        a.checked_shr(rest).unwrap_or(0) == b.checked_shr(rest).unwrap_or(0)
    };
    match (network, address) {
        (IpAddr::V4(a), IpAddr::V4(b)) => shared(a.to_bits().into(), b.to_bits().into(), 32),
        (IpAddr::V6(a), IpAddr::V6(b)) => shared(a.to_bits(), b.to_bits(), 128),
        _ => false,
    }
}

/// Reads the rules of a field.
pub(crate) fn read_rules(field: &str, rules: &[Node<'_>]) -> Result<Vec<Rule>, String> {
    if rules.is_empty() {
        return Err(format!("`{field}` has no rule"));
    }
    rules.iter().map(|rule| read_rule(rule).map_err(|reason| format!("`{field}`: {reason}"))).collect()
}

fn read_rule(rule: &Node<'_>) -> Result<Rule, String> {
    let operator = match rule.view() {
        View::Object(operator) => operator,
        value => return read_value(&value).ok_or_else(|| "a rule is an array".to_owned()),
    };
    let [(name, value)] = &operator[..] else { return Err("a rule is an object with one operator".to_owned()) };
    let value = value.view();
    let rule = match &**name {
        "exists" => match value {
            View::Bool(exists) => Some(Rule::Exists(exists)),
            _ => None,
        },
        "numeric" => match value {
            View::Array(bounds) => read_bounds(&bounds).map(Rule::Numeric),
            _ => None,
        },
        "anything-but" => read_exceptions(&value).map(Rule::AnythingBut),
        other => read_text_operator(other, &value)?,
    };
    rule.ok_or_else(|| format!("`{name}` has a value that it cannot have"))
}

/// An operator that compares texts. None if its value is wrong.
fn read_text_operator(name: &str, value: &View<'_>) -> Result<Option<Rule>, String> {
    let ignoring_case = match value {
        View::Object(fields) => match &fields[..] {
            [(name, text)] if name == "equals-ignore-case" => match text.view() {
                View::Text(text) => Some(text.to_lowercase()),
                _ => None,
            },
            _ => None,
        },
        _ => None,
    };
    let text = match value {
        View::Text(text) => Some(text.clone().into_owned()),
        _ => None,
    };
    Ok(match name {
        "prefix" => text.map(Rule::Prefix).or(ignoring_case.map(Rule::PrefixIgnoringCase)),
        "suffix" => text.map(Rule::Suffix).or(ignoring_case.map(Rule::SuffixIgnoringCase)),
        "equals-ignore-case" => text.map(|text| Rule::EqualIgnoringCase(text.to_lowercase())),
        "wildcard" => text.map(|text| Rule::Wildcard(read_wildcard(&text))),
        "cidr" => text.and_then(|text| read_cidr(&text)),
        _ => return Err(format!("there is no operator `{name}`")),
    })
}

fn read_value(value: &View<'_>) -> Option<Rule> {
    match value {
        View::Null => Some(Rule::Null),
        View::Bool(value) => Some(Rule::Bool(*value)),
        View::Number(text) => Some(Rule::Number(text.clone().into_owned())),
        View::Text(text) => Some(Rule::Text(text.clone().into_owned())),
        View::Array(_) | View::Object(_) => None,
    }
}

fn read_bounds(bounds: &[Node<'_>]) -> Option<Vec<(Comparison, f64)>> {
    let pairs = bounds.chunks(2).map(|pair| {
        let [comparison, bound] = pair else { return None };
        let (View::Text(comparison), View::Number(bound)) = (comparison.view(), bound.view()) else { return None };
        let comparison = match &*comparison {
            "=" => Comparison::Equal,
            "<" => Comparison::Less,
            "<=" => Comparison::AtMost,
            ">" => Comparison::More,
            ">=" => Comparison::AtLeast,
            _ => return None,
        };
        Some((comparison, bound.parse().ok()?))
    });
    pairs.collect::<Option<Vec<_>>>().filter(|bounds| (1..=2).contains(&bounds.len()))
}

/// What `anything-but` excepts: a value, several, or an operator with one text or several.
fn read_exceptions(value: &View<'_>) -> Option<Vec<Rule>> {
    let rules = match value {
        View::Array(values) => values.iter().map(|value| read_value(&value.view())).collect::<Option<Vec<_>>>()?,
        View::Object(operator) => {
            let [(name, value)] = &operator[..] else { return None };
            let texts = match value.view() {
                View::Array(texts) => texts,
                _ => vec![value.clone()],
            };
            let rules = texts.iter().map(|text| read_text_operator(name, &text.view()).ok().flatten());
            rules.collect::<Option<Vec<_>>>()?
        }
        value => vec![read_value(value)?],
    };
    (!rules.is_empty()).then_some(rules)
}

fn read_wildcard(text: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        let next = match character {
            '*' => {
                parts.push(String::new());
                continue;
            }
            '\\' => characters.next().unwrap_or('\\'),
            other => other,
        };
        if let Some(part) = parts.last_mut() {
            part.push(next);
        }
    }
    parts
}

fn read_cidr(text: &str) -> Option<Rule> {
    let (network, bits) = text.split_once('/')?;
    let (network, bits): (IpAddr, u8) = (network.parse().ok()?, bits.parse().ok()?);
    let width = if network.is_ipv4() { 32 } else { 128 };
    (bits <= width).then_some(Rule::Cidr(network, bits))
}
