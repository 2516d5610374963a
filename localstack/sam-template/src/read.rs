//! Text to tree. YAML and JSON are the same to the parser; tags become the maps that they stand for.

use saphyr_parser::{Event, Parser, ScalarStyle, Span, StrInput, Tag};

use crate::node::{Kind, Node, TemplateError};

/// How deep nodes may lie in each other; deeper text is no template and would only use up the stack.
const DEPTH_MAX: usize = 100;

/// Reads a template.
pub(crate) fn read(text: &str) -> Result<Node, TemplateError> {
    // JSON is YAML but for tabs, which it has between tokens only.
    let json = text.trim_start().starts_with('{').then(|| text.replace('\t', " "));
    let mut parser = Parser::new_from_str(json.as_deref().unwrap_or(text));
    let root = loop {
        match next(&mut parser)? {
            (Event::StreamStart | Event::DocumentStart(_), _) => {}
            (Event::StreamEnd | Event::DocumentEnd, span) => return Err(error(span, "the template is empty")),
            (event, span) => break node(event, span, &mut parser, 0)?,
        }
    };
    match root.kind {
        Kind::Map(_) => Ok(root),
        _ => Err(root.error(format!("a template is a map with `Resources` in it, this is {}", root.what()))),
    }
}

type Source<'a> = Parser<'a, StrInput<'a>>;

fn error(span: Span, what: impl Into<String>) -> TemplateError {
    TemplateError::new(span.start.line().max(1), what)
}

fn next<'a>(parser: &mut Source<'a>) -> Result<(Event<'a>, Span), TemplateError> {
    match parser.next_event() {
        Some(Ok(event)) => Ok(event),
        Some(Err(error)) => Err(TemplateError::new(error.marker().line().max(1), error.info())),
        None => Ok((Event::StreamEnd, Span::default())),
    }
}

fn node<'a>(event: Event<'a>, span: Span, parser: &mut Source<'a>, depth: usize) -> Result<Node, TemplateError> {
    if depth > DEPTH_MAX {
        return Err(error(span, format!("nodes lie deeper than {DEPTH_MAX} in each other")));
    }
    let (kind, tag) = match event {
        Event::Scalar(text, style, _, tag) => {
            (Kind::Scalar { text: text.into_owned(), plain: matches!(style, ScalarStyle::Plain) }, tag)
        }
        Event::SequenceStart(_, tag) => {
            let mut items = Vec::new();
            loop {
                match next(parser)? {
                    (Event::SequenceEnd, _) => break (Kind::List(items), tag),
                    (event, span) => items.push(node(event, span, parser, depth + 1)?),
                }
            }
        }
        Event::MappingStart(_, tag) => {
            let mut entries: Vec<(String, Node)> = Vec::new();
            loop {
                let (event, span) = next(parser)?;
                if event == Event::MappingEnd {
                    break (Kind::Map(entries), tag);
                }
                let key = node(event, span, parser, depth + 1)?;
                let Some(name) = key.text() else { return Err(key.error("a key is a text")) };
                if entries.iter().any(|(other, _)| other == name) {
                    return Err(key.error(format!("`{name}` stands twice in the same map")));
                }
                let name = name.to_owned();
                let (event, span) = next(parser)?;
                entries.push((name, node(event, span, parser, depth + 1)?));
            }
        }
        Event::Alias(_) => return Err(error(span, "aliases (`*name`) are not supported: write the value out")),
        _ => return Err(error(span, "the text ends in the middle")),
    };
    untag(Node { line: span.start.line(), kind }, tag.as_deref())
}

/// `!Sub x` is `{Fn::Sub: x}`; tags of YAML itself, such as `!!str`, say what a scalar is.
fn untag(node: Node, tag: Option<&Tag>) -> Result<Node, TemplateError> {
    let Some(tag) = tag else { return Ok(node) };
    let line = node.line;
    if tag.is_yaml_core_schema() {
        return Ok(match node.kind {
            Kind::Scalar { text, .. } if tag.suffix == "str" => {
                Node { line, kind: Kind::Scalar { text, plain: false } }
            }
            kind => Node { line, kind },
        });
    }
    if tag.handle != "!" {
        return Err(node.error(format!("tag `{}{}` is not known", tag.handle, tag.suffix)));
    }
    let name = match tag.suffix.as_str() {
        name @ ("Ref" | "Condition") => name.to_owned(),
        name => format!("Fn::{name}"),
    };
    // `!GetAtt Queue.Arn` is short for a list of two.
    let argument = match (&*name, node.text().and_then(|text| text.split_once('.'))) {
        ("Fn::GetAtt", Some((resource, attribute))) => {
            let item = |text: &str| Node { line, kind: Kind::Scalar { text: text.to_owned(), plain: false } };
            Node { line, kind: Kind::List(vec![item(resource), item(attribute)]) }
        }
        _ => node,
    };
    Ok(Node { line, kind: Kind::Map(vec![(name, argument)]) })
}
