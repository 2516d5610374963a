//! What a template refers to on this disk: its text comes in, the text with other references leaves.
//!
//! The text is parsed to find where the values stand, and only those bytes are replaced: tags,
//! comments and everything else stay as they were written. A value with a tag (`!Sub …`) or that
//! is an address already is none of ours. Nothing is read or uploaded here.

use std::ops::Range;

use saphyr_parser::{Event, Parser, ScalarStyle, Span};

/// What a reference leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// The code of a function.
    Code,
    /// The template of a nested stack.
    Template,
}

/// One value of a template that is a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// What it leads to.
    pub kind: Kind,
    /// The logical id of the resource that has it.
    pub resource: String,
    /// The path as it is written.
    pub path: String,
    /// Where the value stands, in bytes, with its quotes.
    range: Range<usize>,
}

/// The text is no template.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// No YAML.
    #[error("line {line}: {reason}")]
    Syntax {
        /// Counted from 1.
        line: usize,
        /// What the parser says.
        reason: String,
    },
    /// A path over several lines.
    #[error("line {line}: write the path of `{resource}` on one line")]
    Block {
        /// Counted from 1.
        line: usize,
        /// The logical id.
        resource: String,
    },
}

/// A node of the document, as far as it matters here.
enum Node {
    Scalar { text: String, span: Span, plain: bool, block: bool },
    Map(Vec<(Node, Node)>),
    Other,
}

impl Node {
    fn get(&self, key: &str) -> Option<&Node> {
        let Node::Map(entries) = self else { return None };
        entries.iter().find(|(name, _)| name.text() == Some(key)).map(|(_, value)| value)
    }

    /// The text of a scalar without a tag.
    fn text(&self) -> Option<&str> {
        match self {
            Node::Scalar { text, plain: true, .. } => Some(text),
            _ => None,
        }
    }

    fn entries(&self) -> impl Iterator<Item = (&str, &Node)> {
        let entries = if let Node::Map(entries) = self { &entries[..] } else { &[] };
        entries.iter().filter_map(|(name, value)| Some((name.text()?, value)))
    }
}

/// The local paths in a template, in the order of the text.
pub fn references(whole: &str) -> Result<Vec<Reference>, TemplateError> {
    let root = parse(whole)?;
    // Positions come in characters.
    let bytes: Vec<_> = whole.char_indices().map(|(at, _)| at).chain([whole.len()]).collect();
    let mut found = Vec::new();
    let mut note = |kind, resource: &str, value: Option<&Node>| {
        let Some(Node::Scalar { text, span, plain: true, block }) = value else { return Ok(()) };
        if text.contains("://") {
            return Ok(());
        }
        let range = bytes[span.start.index()]..bytes[span.end.index()];
        let range = without_what_follows(whole, range);
        if *block || whole[range.clone()].contains('\n') {
            return Err(TemplateError::Block { line: span.start.line(), resource: resource.to_owned() });
        }
        found.push(Reference { kind, resource: resource.to_owned(), path: text.clone(), range });
        Ok(())
    };
    let global = root.get("Globals").and_then(|globals| globals.get("Function"));
    note(Kind::Code, "Globals", global.and_then(|function| function.get("CodeUri")))?;
    if let Some(resources) = root.get("Resources") {
        for (name, resource) in resources.entries() {
            let (kind, property) = match resource.get("Type").and_then(Node::text) {
                Some("AWS::Serverless::Function") => (Kind::Code, "CodeUri"),
                Some("AWS::Serverless::Application") => (Kind::Template, "Location"),
                Some("AWS::CloudFormation::Stack") => (Kind::Template, "TemplateURL"),
                _ => continue,
            };
            note(kind, name, resource.get("Properties").and_then(|properties| properties.get(property)))?;
        }
    }
    found.sort_by_key(|reference| reference.range.start);
    Ok(found)
}

/// A value without the blanks and the comment behind it, which the parser counts in after a quote.
fn without_what_follows(text: &str, range: Range<usize>) -> Range<usize> {
    let value = &text[range.clone()];
    let mut rest = value.char_indices().skip(1).peekable();
    let end = match value.chars().next() {
        Some('\'') => loop {
            match rest.next() {
                // Twice is one inside.
                Some((_, '\'')) if rest.next_if(|&(_, next)| next == '\'').is_some() => {}
                Some((at, '\'')) => break at + 1,
                Some(_) => {}
                None => break value.len(),
            }
        },
        Some('"') => loop {
            match rest.next() {
                Some((_, '\\')) => drop(rest.next()),
                Some((at, '"')) => break at + 1,
                Some(_) => {}
                None => break value.len(),
            }
        },
        _ => value.trim_end().len(),
    };
    range.start..range.start + end
}

/// The names of the parameters that a template has.
pub fn parameters(text: &str) -> Result<Vec<String>, TemplateError> {
    let root = parse(text)?;
    let parameters = root.get("Parameters").into_iter().flat_map(Node::entries);
    Ok(parameters.map(|(name, _)| name.to_owned()).collect())
}

/// The template with each of its references replaced.
pub fn rewrite<E>(
    text: &str,
    references: &[Reference],
    mut with: impl FnMut(&Reference) -> Result<String, E>,
) -> Result<String, E> {
    let mut rewritten = String::with_capacity(text.len() + 128 * references.len());
    let mut end = 0;
    let is_json = text.trim_start().starts_with('{');
    for reference in references {
        rewritten.push_str(&text[end..reference.range.start]);
        let address = with(reference)?;
        // Single quotes: the only thing to escape in them is themselves. JSON has none.
        rewritten.push_str(&match is_json {
            true => serde_json::Value::from(address).to_string(),
            false => format!("'{}'", address.replace('\'', "''")),
        });
        end = reference.range.end;
    }
    rewritten.push_str(&text[end..]);
    Ok(rewritten)
}

fn parse(text: &str) -> Result<Node, TemplateError> {
    let mut parser = Parser::new_from_str(text);
    loop {
        match next(&mut parser)? {
            (Event::StreamStart | Event::DocumentStart(_), _) => {}
            (event, span) => return node(event, span, &mut parser),
        }
    }
}

type Source<'a> = Parser<'a, saphyr_parser::StrInput<'a>>;

fn next<'a>(parser: &mut Source<'a>) -> Result<(Event<'a>, Span), TemplateError> {
    match parser.next_event() {
        Some(Ok(event)) => Ok(event),
        Some(Err(error)) => Err(TemplateError::Syntax { line: error.marker().line(), reason: error.info().to_owned() }),
        None => Ok((Event::StreamEnd, Span::default())),
    }
}

fn node<'a>(event: Event<'a>, span: Span, parser: &mut Source<'a>) -> Result<Node, TemplateError> {
    Ok(match event {
        Event::Scalar(text, style, _, tag) => Node::Scalar {
            text: text.into_owned(),
            span,
            plain: tag.is_none(),
            block: matches!(style, ScalarStyle::Literal | ScalarStyle::Folded),
        },
        Event::SequenceStart(..) => loop {
            match next(parser)? {
                (Event::SequenceEnd | Event::StreamEnd, _) => break Node::Other,
                (event, span) => drop(node(event, span, parser)?),
            }
        },
        Event::MappingStart(_, tag) => {
            let mut entries = Vec::new();
            loop {
                let (event, span) = next(parser)?;
                if matches!(event, Event::MappingEnd | Event::StreamEnd) {
                    break if tag.is_none() { Node::Map(entries) } else { Node::Other };
                }
                let key = node(event, span, parser)?;
                let (event, span) = next(parser)?;
                entries.push((key, node(event, span, parser)?));
            }
        }
        _ => Node::Other,
    })
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use proptest::prelude::*;

    use super::*;

    const SMALL: &str = include_str!("../tests/fixtures/small.yaml");
    const REWRITTEN: &str = include_str!("../tests/fixtures/small.rewritten.yaml");

    fn replaced(text: &str, with: impl Fn(&Reference) -> String) -> String {
        rewrite(text, &references(text).unwrap(), |reference| Ok::<_, Infallible>(with(reference))).unwrap()
    }

    #[test]
    fn only_the_paths_of_a_template_are_replaced() {
        let rewritten = replaced(SMALL, |reference| match reference.kind {
            Kind::Code => format!("s3://bucket/{}", reference.path.trim_matches('/')),
            Kind::Template => format!("https://s3.example/{}", reference.resource),
        });
        assert_eq!(rewritten, REWRITTEN);
        assert_eq!(references(&rewritten).unwrap(), [], "a packaged template refers to nothing here");
    }

    #[test]
    fn json_stays_json() {
        let text = r#"{"Resources": {"F": {"Type": "AWS::Serverless::Function", "Properties": {"CodeUri": "a/"}}}}"#;
        let same = replaced(text, |reference| format!("{}\"b'", reference.path));
        assert_eq!(same, text.replace("a/", r#"a/\"b'"#));
    }

    #[test]
    fn parameters_are_named() {
        assert_eq!(parameters(SMALL).unwrap(), ["Env"]);
        assert_eq!(parameters("Resources: {}\n").unwrap(), [""; 0]);
    }

    #[test]
    fn what_is_no_local_path_is_left_alone() {
        for value in ["!Sub 's3://${Bucket}/x'", "{Bucket: b, Key: k}", "s3://b/k", "'https://b/k'", "!If [A, x/, y/]"]
        {
            let text = format!(
                "Resources:\n  F:\n    Type: AWS::Serverless::Function\n    Properties:\n      CodeUri: {value}\n"
            );
            assert_eq!(references(&text).unwrap(), [], "{value}");
        }
        let other = "Resources:\n  F:\n    Type: AWS::Other::Function\n    Properties: {CodeUri: x/, Location: y}\n";
        assert_eq!(references(other).unwrap(), []);
    }

    #[test]
    fn quotes_within_quotes_end_nothing() {
        for (value, path) in [("'it''s/' # '", "it's/"), (r#""a\"b/"   # ""#, r#"a"b/"#), ("''", "")] {
            let text =
                format!("Resources: {{F: {{Type: AWS::Serverless::Function, Properties: {{CodeUri: {value}\n }}}}}}\n");
            assert_eq!(references(&text).unwrap()[0].path, path);
            let same = replaced(&text, |reference| reference.path.clone());
            assert_eq!(references(&same).unwrap()[0].path, path, "{same}");
            assert_eq!(same.contains(" # "), value.contains(" # "), "{same}");
        }
    }

    #[test]
    fn bad_text_is_refused_with_its_line() {
        let error = references("Resources:\n  A: [1\n  B: 2\n").unwrap_err();
        assert!(matches!(error, TemplateError::Syntax { line: 2.., .. }), "{error:?}");
        let block =
            "Resources:\n  F:\n    Type: AWS::Serverless::Function\n    Properties:\n      CodeUri: >-\n        x/\n";
        assert!(matches!(references(block), Err(TemplateError::Block { .. })));
    }

    proptest! {
        /// Whatever stands around a path, with characters of any width: what is cut out is the path.
        #[test]
        fn a_path_is_found_among_anything(
            before in "[ -~äß€😀]{0,40}",
            path in "[a-zß€][a-z0-9/._ß€-]{0,30}",
            quote in prop::sample::select(vec!["", "'", "\""]),
            after in "[ -~äß€😀]{0,40}",
        ) {
            let text = format!(
                "# {before}\nDescription: ü # {after}\nResources:\n  Fñ: # €\n    Properties:\n      CodeUri: {quote}{path}{quote}  # {after}\n      Handler: x\n    Type: AWS::Serverless::Function\n"
            );
            let found = references(&text).unwrap();
            prop_assert_eq!(found.len(), 1);
            prop_assert_eq!(&found[0].path, &path);
            prop_assert_eq!(&text[found[0].range.clone()], format!("{quote}{path}{quote}"));
            let same = replaced(&text, |reference| reference.path.clone());
            prop_assert_eq!(same, text.replace(&format!("CodeUri: {quote}{path}{quote}"), &format!("CodeUri: '{path}'")));
        }
    }
}
