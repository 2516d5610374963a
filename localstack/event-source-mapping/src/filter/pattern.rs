//! A pattern: objects name fields, arrays hold the rules of a field.

use super::{
    Node,
    node::View,
    rule::{Rule, read_rules},
};

/// The characters that a pattern may have.
const MAXIMUM_LENGTH: usize = 4096;

/// Why a text is no pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{pattern}` is no filter pattern: {reason}")]
pub struct PatternError {
    /// The text, or its beginning.
    pub pattern: String,
    /// What is wrong with it.
    pub reason: String,
}

/// A pattern, ready to match.
#[derive(Debug, Clone, PartialEq)]
pub struct Pattern {
    fields: Fields,
}

/// All fields and all alternatives have to match.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Fields {
    fields: Vec<(String, Part)>,
    /// Each `$or`: one of its patterns has to match.
    alternatives: Vec<Vec<Fields>>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Part {
    Fields(Fields),
    Rules(Vec<Rule>),
}

/// How a pattern treats one of the top-level fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// As an object: names fields in it.
    Fields,
    /// As a value: has rules for it.
    Rules,
}

impl Pattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// Not JSON, not an object, an operator that there is not, or one with a wrong value.
    pub fn new(text: &str) -> Result<Self, PatternError> {
        let error = |reason: String| PatternError { pattern: text.chars().take(200).collect(), reason };
        if text.chars().count() > MAXIMUM_LENGTH {
            return Err(error(format!("it has more than {MAXIMUM_LENGTH} characters")));
        }
        let node = Node::json(text.as_bytes()).ok_or_else(|| error("it is not valid JSON".to_owned()))?;
        let View::Object(fields) = node.view() else { return Err(error("it is not an object".to_owned())) };
        read_fields(fields).map(|fields| Self { fields }).map_err(error)
    }

    /// Whether a value matches.
    pub fn matches(&self, node: &Node<'_>) -> bool {
        self.fields.matches(Some(node))
    }

    /// How the pattern treats a top-level field, wherever in its alternatives. Empty if it does not name it.
    pub fn shapes(&self, name: &str) -> Vec<Shape> {
        self.fields.shapes(name)
    }
}

impl Fields {
    fn matches(&self, node: Option<&Node<'_>>) -> bool {
        let view = node.map(Node::view);
        if let Some(View::Array(items)) = &view {
            // All fields have to match in the same item.
            return items.iter().any(|item| self.matches(Some(item)));
        }
        let values: &[_] = match &view {
            Some(View::Object(values)) => values,
            _ => &[],
        };
        let fields = self.fields.iter().all(|(name, part)| {
            let value = values.iter().rev().find(|(key, _)| key == name).map(|(_, value)| value);
            match part {
                Part::Fields(fields) => fields.matches(value),
                Part::Rules(rules) => value_matches(rules, value),
            }
        });
        fields && self.alternatives.iter().all(|patterns| patterns.iter().any(|fields| fields.matches(node)))
    }

    fn shapes(&self, name: &str) -> Vec<Shape> {
        let own = self.fields.iter().filter(|(key, _)| key == name).map(|(_, part)| match part {
            Part::Fields(_) => Shape::Fields,
            Part::Rules(_) => Shape::Rules,
        });
        own.chain(self.alternatives.iter().flatten().flat_map(|fields| fields.shapes(name))).collect()
    }
}

fn value_matches(rules: &[Rule], value: Option<&Node<'_>>) -> bool {
    match value.map(Node::view) {
        Some(View::Array(items)) if !items.is_empty() => items.iter().any(|item| value_matches(rules, Some(item))),
        view => rules.iter().any(|rule| rule.matches(view.as_ref())),
    }
}

pub(crate) fn read_fields(fields: Vec<(std::borrow::Cow<'_, str>, Node<'_>)>) -> Result<Fields, String> {
    if fields.is_empty() {
        return Err("it has an object without fields".to_owned());
    }
    let mut read = Fields::default();
    for (name, node) in fields {
        match node.view() {
            View::Array(patterns) if name == "$or" => {
                let patterns = patterns.iter().map(|pattern| match pattern.view() {
                    View::Object(fields) => read_fields(fields),
                    _ => Err("`$or` holds something that is not an object".to_owned()),
                });
                let patterns = patterns.collect::<Result<Vec<_>, _>>()?;
                if patterns.len() < 2 {
                    return Err("`$or` has fewer than two patterns".to_owned());
                }
                read.alternatives.push(patterns);
            }
            View::Array(rules) => {
                read.fields.push((name.clone().into_owned(), Part::Rules(read_rules(&name, &rules)?)))
            }
            View::Object(fields) => read.fields.push((name.into_owned(), Part::Fields(read_fields(fields)?))),
            _ => return Err(format!("`{name}` is neither an object nor an array of rules")),
        }
    }
    Ok(read)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pattern: &str, value: &str, expected: bool) {
        let matches = Pattern::new(pattern).unwrap().matches(&Node::json(value.as_bytes()).unwrap());
        assert_eq!(matches, expected, "{pattern} on {value}");
    }

    #[test]
    fn patterns_match_as_eventbridge_describes() {
        let cases = [
            (r#"{"a":["x"]}"#, r#"{"a":"x","b":1}"#, true),
            (r#"{"a":["x"]}"#, r#"{"a":"X"}"#, false),
            (r#"{"a":["x"]}"#, r#"{"b":"x"}"#, false),
            (r#"{"a":["x","y"]}"#, r#"{"a":"y"}"#, true),
            (r#"{"a":["x"],"b":["y"]}"#, r#"{"a":"x","b":"z"}"#, false),
            (r#"{"a":["x"]}"#, r#"{"a":["z","x"]}"#, true),
            (r#"{"a":{"b":{"c":[1]}}}"#, r#"{"a":{"b":{"c":1}}}"#, true),
            (r#"{"a":{"b":[1],"c":[2]}}"#, r#"{"a":[{"b":1,"c":3},{"b":4,"c":2}]}"#, false),
            (r#"{"a":{"b":[1],"c":[2]}}"#, r#"{"a":[{"b":1,"c":3},{"b":1,"c":2}]}"#, true),
            (r#"{"a":[null]}"#, r#"{"a":null}"#, true),
            (r#"{"a":[null]}"#, "{}", false),
            (r#"{"a":[""]}"#, r#"{"a":""}"#, true),
            (r#"{"a":[""]}"#, r#"{"a":null}"#, false),
            (r#"{"a":[true]}"#, r#"{"a":true}"#, true),
            (r#"{"a":[true]}"#, r#"{"a":"true"}"#, false),
            (r#"{"a":[300]}"#, r#"{"a":300}"#, true),
            (r#"{"a":[300]}"#, r#"{"a":300.0}"#, false),
            (r#"{"a":[300.0]}"#, r#"{"a":3.0e2}"#, false),
            (r#"{"a":[{"numeric":["=",300]}]}"#, r#"{"a":3.0e2}"#, true),
            (r#"{"a":[{"numeric":[">",10,"<=",20]}]}"#, r#"{"a":20}"#, true),
            (r#"{"a":[{"numeric":[">",10,"<=",20]}]}"#, r#"{"a":10}"#, false),
            (r#"{"a":[{"numeric":[">",10,"<=",20]}]}"#, r#"{"a":"15"}"#, false),
            (r#"{"a":[{"exists":true}]}"#, r#"{"a":null}"#, true),
            (r#"{"a":[{"exists":true}]}"#, r#"{"b":1}"#, false),
            (r#"{"a":[{"exists":true}]}"#, r#"{"a":{"b":1}}"#, false),
            (r#"{"a":[{"exists":false}]}"#, r#"{"b":1}"#, true),
            (r#"{"a":{"b":[{"exists":false}]}}"#, r#"{"c":1}"#, true),
            (r#"{"a":[{"exists":false}, "x"]}"#, r#"{"a":"x"}"#, true),
            (r#"{"a":[{"prefix":"us-"}]}"#, r#"{"a":"us-east-1"}"#, true),
            (r#"{"a":[{"prefix":"us-"}]}"#, r#"{"a":"US-east-1"}"#, false),
            (r#"{"a":[{"prefix":{"equals-ignore-case":"us-"}}]}"#, r#"{"a":"US-east-1"}"#, true),
            (r#"{"a":[{"suffix":".png"}]}"#, r#"{"a":"b.png"}"#, true),
            (r#"{"a":[{"suffix":{"equals-ignore-case":".png"}}]}"#, r#"{"a":"b.PNG"}"#, true),
            (r#"{"a":[{"equals-ignore-case":"alice"}]}"#, r#"{"a":"ALICE"}"#, true),
            (r#"{"a":[{"anything-but":"x"}]}"#, r#"{"a":"y"}"#, true),
            (r#"{"a":[{"anything-but":"x"}]}"#, r#"{"a":"x"}"#, false),
            (r#"{"a":[{"anything-but":"x"}]}"#, "{}", false),
            (r#"{"a":[{"anything-but":["x","y"]}]}"#, r#"{"a":"y"}"#, false),
            (r#"{"a":[{"anything-but":[1,2]}]}"#, r#"{"a":3}"#, true),
            (r#"{"a":[{"anything-but":{"prefix":"us-"}}]}"#, r#"{"a":"eu-west-1"}"#, true),
            (r#"{"a":[{"anything-but":{"prefix":"us-"}}]}"#, r#"{"a":"us-west-1"}"#, false),
            (r#"{"a":[{"anything-but":{"suffix":".png"}}]}"#, r#"{"a":"b.png"}"#, false),
            (r#"{"a":[{"anything-but":{"equals-ignore-case":["x","y"]}}]}"#, r#"{"a":"Y"}"#, false),
            (r#"{"a":[{"anything-but":{"wildcard":"*/lib/*"}}]}"#, r#"{"a":"/usr/lib/x"}"#, false),
            (r#"{"a":[{"wildcard":"a*c*e"}]}"#, r#"{"a":"abcde"}"#, true),
            (r#"{"a":[{"wildcard":"a*c"}]}"#, r#"{"a":"abcd"}"#, false),
            (r#"{"a":[{"wildcard":"a\\*"}]}"#, r#"{"a":"a*"}"#, true),
            (r#"{"a":[{"wildcard":"a\\*"}]}"#, r#"{"a":"ab"}"#, false),
            (r#"{"a":[{"cidr":"10.0.0.0/24"}]}"#, r#"{"a":"10.0.0.255"}"#, true),
            (r#"{"a":[{"cidr":"10.0.0.0/24"}]}"#, r#"{"a":"10.0.1.0"}"#, false),
            (r#"{"a":[{"cidr":"2001:db8::/32"}]}"#, r#"{"a":"2001:db8::1"}"#, true),
            (r#"{"$or":[{"a":["x"]},{"b":["y"]}]}"#, r#"{"b":"y"}"#, true),
            (r#"{"$or":[{"a":["x"]},{"b":["y"]}]}"#, r#"{"b":"z"}"#, false),
            (r#"{"c":["z"],"$or":[{"a":["x"]},{"b":["y"]}]}"#, r#"{"b":"y"}"#, false),
            (r#"{"c":{"$or":[{"a":["x"]},{"b":["y"]}]}}"#, r#"{"c":{"a":"x"}}"#, true),
            (r#"{"a":["\u0041"]}"#, r#"{"\u0061":"A"}"#, true),
        ];
        for (pattern, value, expected) in cases {
            check(pattern, value, expected);
        }
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        let cases = [
            "",
            "[]",
            "{}",
            r#"{"a":"x"}"#,
            r#"{"a":{}}"#,
            r#"{"a":[]}"#,
            r#"{"a":[[1]]}"#,
            r#"{"a":[{"like":"x"}]}"#,
            r#"{"a":[{"prefix":1}]}"#,
            r#"{"a":[{"numeric":["=","1"]}]}"#,
            r#"{"a":[{"numeric":["<"]}]}"#,
            r#"{"a":[{"numeric":[]}]}"#,
            r#"{"a":[{"exists":1}]}"#,
            r#"{"a":[{"cidr":"10.0.0.0/33"}]}"#,
            r#"{"a":[{"prefix":"a","suffix":"b"}]}"#,
            r#"{"$or":[{"a":[1]}]}"#,
            r#"{"a":[{"anything-but":[]}]}"#,
        ];
        for pattern in cases {
            assert!(Pattern::new(pattern).is_err(), "{pattern}");
        }
        assert!(Pattern::new(&format!(r#"{{"a":["{}"]}}"#, "x".repeat(4096))).is_err());
    }
}
