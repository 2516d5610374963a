//! The tree of a template as it is written, each node with its line.

/// What is wrong with a template, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {what}")]
pub struct TemplateError {
    /// Counted from 1.
    pub line: usize,
    /// What, and what to do.
    pub what: String,
}

impl TemplateError {
    pub(crate) fn new(line: usize, what: impl Into<String>) -> Self {
        Self { line, what: what.into() }
    }
}

/// A node with its line, counted from 1.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) line: usize,
    pub(crate) kind: Kind,
}

/// Tags do not occur: `!Ref x` is read as `{Ref: x}`.
#[derive(Debug, Clone)]
pub(crate) enum Kind {
    /// As it is written; `plain` without quotes, so that it may be a number or a truth value.
    Scalar {
        text: String,
        plain: bool,
    },
    List(Vec<Node>),
    Map(Vec<(String, Node)>),
}

impl Node {
    pub(crate) fn error(&self, what: impl Into<String>) -> TemplateError {
        TemplateError::new(self.line, what)
    }

    pub(crate) fn get(&self, key: &str) -> Option<&Node> {
        self.entries().iter().find(|(name, _)| name == key).map(|(_, node)| node)
    }

    /// Of a map; none of anything else.
    pub(crate) fn entries(&self) -> &[(String, Node)] {
        if let Kind::Map(entries) = &self.kind { entries } else { &[] }
    }

    /// Of a scalar.
    pub(crate) fn text(&self) -> Option<&str> {
        if let Kind::Scalar { text, .. } = &self.kind { Some(text) } else { None }
    }

    /// Of a list.
    pub(crate) fn items(&self) -> Option<&[Node]> {
        if let Kind::List(items) = &self.kind { Some(items) } else { None }
    }

    /// The intrinsic function that a map of one entry stands for, and its argument.
    pub(crate) fn intrinsic(&self) -> Option<(&str, &Node)> {
        match self.entries() {
            [(name, argument)] if name == "Ref" || name.starts_with("Fn::") => Some((name, argument)),
            // A map may have an entry of that name, as resources do; alone and with a text it is none.
            [(name, argument)] if name == "Condition" && argument.text().is_some() => Some((name, argument)),
            _ => None,
        }
    }

    pub(crate) fn what(&self) -> &'static str {
        match self.kind {
            Kind::Scalar { .. } => "a scalar",
            Kind::List(_) => "a list",
            Kind::Map(_) => "a map",
        }
    }
}
