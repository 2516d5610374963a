//! A tree as JSON, with resources left out that somebody does not know.

use std::collections::BTreeSet;

use crate::node::{Kind, Node};

/// The condition that never holds.
const NEVER: &str = "KinetickNever";

type Path<'a> = &'a dyn Fn(&str, &str, &str) -> Option<String>;

/// See [`crate::Template::without`].
pub(crate) fn without(root: &Node, ids: &[&str], path: Path<'_>) -> (String, Vec<String>) {
    let resources = root.get("Resources").map(Node::entries).unwrap_or_default();
    let mut left_out: BTreeSet<&str> = ids.iter().copied().collect();
    loop {
        let refer = resources.iter().filter(|(id, resource)| {
            let kind = resource.get("Type").and_then(Node::text).unwrap_or_default();
            !left_out.contains(id.as_str()) && !kind.ends_with("::Function") && refers(resource, &left_out)
        });
        let refer: Vec<_> = refer.map(|(id, _)| id.as_str()).collect();
        if refer.is_empty() {
            break;
        }
        left_out.extend(refer);
    }
    let mut out = String::from("{");
    for (name, node) in root.entries() {
        if name != "Conditions" || left_out.is_empty() {
            entry(&mut out, name);
            match name.as_str() {
                "Resources" => all(&mut out, node, |out, id, resource| {
                    one(out, resource, left_out.contains(id), path);
                }),
                "Outputs" => all(&mut out, node, |out, _, output| {
                    one(out, output, refers(output, &left_out), &|_, _, _| None);
                }),
                "Globals" => write(&mut out, node, &|property, text| path("Globals", property, text)),
                _ => write(&mut out, node, &|_, _| None),
            }
        }
    }
    if !left_out.is_empty() {
        entry(&mut out, "Conditions");
        out.push('{');
        for (name, node) in root.get("Conditions").map(Node::entries).unwrap_or_default() {
            entry(&mut out, name);
            write(&mut out, node, &|_, _| None);
        }
        entry(&mut out, NEVER);
        out.push_str(r#"{"Fn::Equals":["0","1"]}}"#);
    }
    out.push('}');
    (out, left_out.into_iter().map(str::to_owned).collect())
}

/// Whether a node refers to one of those.
fn refers(node: &Node, ids: &BTreeSet<&str>) -> bool {
    let is_one = |text: Option<&str>| text.is_some_and(|text| ids.contains(text.split('.').next().unwrap_or_default()));
    let own = match node.intrinsic() {
        Some(("Ref", argument)) => is_one(argument.text()),
        Some(("Fn::GetAtt", argument)) => {
            is_one(argument.text().or_else(|| argument.items().and_then(|items| items.first()).and_then(Node::text)))
        }
        Some(("Fn::Sub", argument)) => {
            let text =
                argument.text().or_else(|| argument.items().and_then(|items| items.first()).and_then(Node::text));
            let names = text.unwrap_or_default().split("${").skip(1).map(|rest| rest.split('}').next());
            names.into_iter().any(|name| is_one(name.map(str::trim)))
        }
        _ => false,
    };
    let depends = node
        .get("DependsOn")
        .is_some_and(|on| is_one(on.text()) || on.items().into_iter().flatten().any(|on| is_one(on.text())));
    own || depends
        || node.entries().iter().any(|(_, node)| refers(node, ids))
        || node.items().into_iter().flatten().any(|node| refers(node, ids))
}

/// A section, entry by entry.
fn all(out: &mut String, node: &Node, mut each: impl FnMut(&mut String, &str, &Node)) {
    out.push('{');
    for (name, node) in node.entries() {
        entry(out, name);
        each(out, name, node);
    }
    out.push('}');
}

/// A resource or an output, perhaps under the condition that never holds.
fn one(out: &mut String, node: &Node, is_left_out: bool, path: Path<'_>) {
    let kind = node.get("Type").and_then(Node::text).unwrap_or_default();
    all(out, node, |out, name, node| {
        if name == "Condition" && is_left_out {
            text(out, NEVER);
        } else {
            write(out, node, &|property, text| path(kind, property, text));
        }
    });
    if is_left_out && node.get("Condition").is_none() {
        out.truncate(out.len() - 1);
        entry(out, "Condition");
        text(out, NEVER);
        out.push('}');
    }
}

/// A node, with other texts for those of its entries that `replaced` knows.
fn write(out: &mut String, node: &Node, replaced: &dyn Fn(&str, &str) -> Option<String>) {
    match &node.kind {
        Kind::Scalar { text: content, plain } => scalar(out, content, *plain),
        Kind::List(items) => {
            out.push('[');
            for item in items {
                if !out.ends_with('[') {
                    out.push(',');
                }
                write(out, item, replaced);
            }
            out.push(']');
        }
        Kind::Map(entries) => {
            out.push('{');
            for (name, node) in entries {
                entry(out, name);
                match node.text().and_then(|content| replaced(name, content)) {
                    Some(other) => text(out, &other),
                    None => write(out, node, replaced),
                }
            }
            out.push('}');
        }
    }
}

/// The key of the next entry of a map that was opened.
fn entry(out: &mut String, name: &str) {
    if !out.ends_with('{') {
        out.push(',');
    }
    text(out, name);
    out.push(':');
}

/// Numbers stay texts: CloudFormation takes them where it wants a number, and a version is none.
fn scalar(out: &mut String, content: &str, plain: bool) {
    match content {
        "true" | "false" | "null" if plain => out.push_str(content),
        "" | "~" if plain => out.push_str("null"),
        _ if plain
            && content.len() < 16
            && content.parse::<i64>().is_ok_and(|number| number.to_string() == content) =>
        {
            out.push_str(content);
        }
        _ => text(out, content),
    }
}

fn text(out: &mut String, content: &str) {
    out.push('"');
    for c in content.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            c if c < ' ' || c == '\u{7f}' => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use crate::{Given, Template};

    const TEXT: &str = r#"
AWSTemplateFormatVersion: 2010-09-09
Conditions: {Real: !Equals [a, b]}
Resources:
  Odd: {Type: AWS::Odd::Thing, Condition: Real, Properties: {Name: "tab\tquote\" ü"}}
  Next: {Type: AWS::SNS::Topic, Properties: {DisplayName: !Sub "${Odd.Name} x"}}
  After: {Type: AWS::SNS::Topic, DependsOn: [Next]}
  F: {Type: AWS::Serverless::Function, Properties: {CodeUri: src/, Timeout: 5, Environment: {Variables: {CodeUri: src/, X: !Ref Odd}}}}
  Kept: {Type: AWS::SNS::Topic}
Outputs:
  Odd: {Value: !GetAtt Odd.Arn}
  Kept: {Value: !Ref Kept}
"#;

    #[test]
    fn what_is_not_known_never_is_made() {
        let template = Template::parse(TEXT).unwrap();
        let path = |kind: &str, property: &str, text: &str| {
            (kind == "AWS::Serverless::Function" && property == "CodeUri").then(|| format!("/abs/{text}"))
        };
        let (json, left_out) = template.without(&["Odd"], path);
        assert_eq!(left_out, ["After", "Next", "Odd"]);
        let again = Template::parse(&json).unwrap();
        assert_eq!(again.resource_types(), template.resource_types());
        assert_eq!(again.resources("AWS::SNS::Topic", &Given::default()).unwrap().len(), 1);
        assert!(json.contains(r#""Kept":{"Type":"AWS::SNS::Topic"}"#), "{json}");
        assert!(
            json.contains(r#""Outputs":{"Odd":{"Value":{"Fn::GetAtt":["Odd","Arn"]},"Condition":"KinetickNever"}"#),
            "{json}"
        );
        assert!(json.contains(r#""CodeUri":"/abs/src/""#) && json.contains(r#""Timeout":5"#), "{json}");
        assert!(json.contains(r#""AWSTemplateFormatVersion":"2010-09-09""#), "{json}");
        let same = template.without(&[], |_, _, _| None).0;
        assert_eq!(Template::parse(&same).unwrap().without(&[], |_, _, _| None).0, same);
        assert!(!same.contains("KinetickNever"));
    }
}
