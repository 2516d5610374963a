//! What a node becomes when it is evaluated.

use std::fmt;

/// A value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// `null`, or nothing.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number, as it is written.
    Number(String),
    /// A text.
    Text(String),
    /// A text, or a list, that only a deployment knows: its parts in order.
    Symbol(Vec<Part>),
    /// A list.
    List(Vec<Value>),
    /// A map in the order of the template.
    Map(Vec<(String, Value)>),
}

/// A part of a symbolic text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// As it is.
    Text(String),
    /// `Ref` to the resource of that logical id.
    Resource(String),
    /// `Fn::GetAtt`: of the resource of that logical id, that attribute.
    Attribute(String, String),
    /// Another intrinsic function of such values, or of what lies outside of the template, written as in the
    /// template without its tags.
    Other(String),
}

impl Value {
    /// Of a map.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.entries().iter().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    /// Of a map of maps, by the names on the way.
    pub fn at(&self, path: &[&str]) -> Option<&Value> {
        path.iter().try_fold(self, |value, key| value.get(key))
    }

    /// Of a map; none of anything else.
    pub fn entries(&self) -> &[(String, Value)] {
        if let Self::Map(entries) = self { entries } else { &[] }
    }

    /// Of a list; none of anything else.
    pub fn items(&self) -> &[Value] {
        if let Self::List(items) = self { items } else { &[] }
    }

    /// The text that CloudFormation would make of a scalar; `None` for symbols, lists and maps.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) | Self::Number(text) => Some(text),
            Self::Bool(true) => Some("true"),
            Self::Bool(false) => Some("false"),
            _ => None,
        }
    }

    /// Of a number, or of a text of digits.
    pub fn integer(&self) -> Option<i64> {
        self.text()?.parse().ok()
    }

    /// Of a truth value, or of a text that says one.
    pub fn bool(&self) -> Option<bool> {
        match self {
            Self::Bool(value) => Some(*value),
            _ => self.text()?.parse().ok(),
        }
    }

    /// A text if all parts are, a symbol otherwise.
    pub(crate) fn of_parts(parts: Vec<Part>) -> Self {
        let mut merged: Vec<Part> = Vec::new();
        for part in parts {
            match (merged.last_mut(), part) {
                (_, Part::Text(text)) if text.is_empty() => {}
                (Some(Part::Text(before)), Part::Text(text)) => before.push_str(&text),
                (_, part) => merged.push(part),
            }
        }
        match merged.as_slice() {
            [] => Self::Text(String::new()),
            [Part::Text(text)] => Self::Text(text.clone()),
            _ => Self::Symbol(merged),
        }
    }

    /// Of a scalar or a symbol.
    pub(crate) fn parts(&self) -> Option<Vec<Part>> {
        match self {
            Self::Symbol(parts) => Some(parts.clone()),
            _ => Some(vec![Part::Text(self.text()?.to_owned())]),
        }
    }

    pub(crate) fn what(&self) -> String {
        match self {
            Self::Null => "nothing".to_owned(),
            Self::Symbol(_) => format!("`{self}`, which only a deployment knows"),
            Self::List(_) => "a list".to_owned(),
            Self::Map(_) => "a map".to_owned(),
            scalar => format!("`{scalar}`"),
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Bool(value) => value.fmt(f),
            Self::Number(text) | Self::Text(text) => f.write_str(text),
            Self::Symbol(parts) => parts.iter().try_for_each(|part| part.fmt(f)),
            Self::List(items) => {
                f.write_str("[")?;
                for (index, item) in items.iter().enumerate() {
                    write!(f, "{}{item}", if index == 0 { "" } else { ", " })?;
                }
                f.write_str("]")
            }
            Self::Map(entries) => {
                f.write_str("{")?;
                for (index, (name, value)) in entries.iter().enumerate() {
                    write!(f, "{}{name}: {value}", if index == 0 { "" } else { ", " })?;
                }
                f.write_str("}")
            }
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Resource(id) => write!(f, "${{{id}}}"),
            Self::Attribute(id, attribute) => write!(f, "${{{id}.{attribute}}}"),
            Self::Other(text) => f.write_str(text),
        }
    }
}
