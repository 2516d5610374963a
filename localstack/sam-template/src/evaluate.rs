//! Nodes to values: parameters, conditions, and the walk through maps and lists. The intrinsic functions
//! themselves are in `intrinsic`.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
};

use crate::{
    Given, Part, Value,
    node::{Kind, Node, TemplateError},
};

/// One evaluation of a template.
pub(crate) struct Evaluation<'a> {
    pub(crate) root: &'a Node,
    pub(crate) given: &'a Given,
    parameters: BTreeMap<&'a str, Parameter<'a>>,
    resources: BTreeSet<&'a str>,
    /// `None` while it is being evaluated.
    conditions: RefCell<BTreeMap<String, Option<bool>>>,
}

struct Parameter<'a> {
    declared: &'a Node,
    kind: &'a str,
    value: Option<String>,
}

impl<'a> Evaluation<'a> {
    pub(crate) fn new(root: &'a Node, given: &'a Given) -> Result<Self, TemplateError> {
        let declared = root.get("Parameters").map(Node::entries).unwrap_or_default();
        let mut parameters = BTreeMap::new();
        for (name, node) in declared {
            let value = given.parameters.get(name).map(String::as_str);
            let value = value.or_else(|| node.get("Default").and_then(Node::text)).map(str::to_owned);
            let parameter =
                Parameter { declared: node, kind: node.get("Type").and_then(Node::text).unwrap_or("String"), value };
            parameter.check(name)?;
            parameters.insert(name.as_str(), parameter);
        }
        if let Some(unknown) = given.parameters.keys().find(|name| !parameters.contains_key(name.as_str())) {
            let line = root.get("Parameters").unwrap_or(root).line;
            let names = parameters.keys().copied().collect::<Vec<_>>().join(", ");
            return Err(TemplateError::new(line, format!("there is no parameter `{unknown}`; there are: {names}")));
        }
        let resources = root.get("Resources").map(Node::entries).unwrap_or_default();
        let resources = resources.iter().map(|(name, _)| name.as_str()).collect();
        Ok(Self { root, given, parameters, resources, conditions: RefCell::default() })
    }

    /// The value of a node; `None` where it is `AWS::NoValue`, so that it is left out.
    pub(crate) fn value(&self, node: &Node) -> Result<Option<Value>, TemplateError> {
        if let Some((name, argument)) = node.intrinsic() {
            return self.intrinsic(node, name, argument);
        }
        Ok(Some(match &node.kind {
            Kind::Scalar { text, plain } => scalar(text, *plain),
            Kind::List(items) => Value::List(self.values(items)?),
            Kind::Map(entries) => {
                let mut map = Vec::with_capacity(entries.len());
                for (name, node) in entries {
                    if name.starts_with("Fn::") {
                        return Err(node.error(format!("`{name}` must be the only entry of its map")));
                    }
                    if let Some(value) = self.value(node)? {
                        map.push((name.clone(), value));
                    }
                }
                Value::Map(map)
            }
        }))
    }

    pub(crate) fn values(&self, nodes: &[Node]) -> Result<Vec<Value>, TemplateError> {
        nodes.iter().filter_map(|node| self.value(node).transpose()).collect()
    }

    /// What `Ref` to that name is; `None` for `AWS::NoValue`.
    pub(crate) fn reference(&self, name: &str, at: &Node) -> Result<Option<Value>, TemplateError> {
        if name == "AWS::NoValue" {
            return Ok(None);
        }
        if name == "AWS::NotificationARNs" {
            return Ok(Some(Value::List(Vec::new())));
        }
        if let Some(text) = self.given.pseudo.get(name) {
            return Ok(Some(Value::Text(text)));
        }
        if let Some(parameter) = self.parameters.get(name) {
            return parameter.reference(name, at).map(Some);
        }
        if self.resources.contains(name) || self.is_made_by_sam(name) {
            return Ok(Some(Value::Symbol(vec![Part::Resource(name.to_owned())])));
        }
        Err(at.error(format!("`{name}` is neither a parameter nor a resource of this template")))
    }

    /// The serverless transform makes further resources, whose names begin with that of their origin.
    fn is_made_by_sam(&self, name: &str) -> bool {
        let implicit = ["ServerlessRestApi", "ServerlessHttpApi", "ServerlessDeploymentApplication"];
        implicit.iter().any(|made| name.starts_with(made))
            || self.resources.iter().any(|resource| {
                let kind = self.root.get("Resources").and_then(|all| all.get(resource)).and_then(|it| it.get("Type"));
                name.starts_with(resource)
                    && kind.and_then(Node::text).is_some_and(|kind| kind.starts_with("AWS::Serverless::"))
            })
    }

    /// Whether a condition holds.
    pub(crate) fn condition(&self, name: &str, line: usize) -> Result<bool, TemplateError> {
        let known = self.conditions.borrow().get(name).copied();
        match known {
            Some(Some(known)) => return Ok(known),
            Some(None) => return Err(TemplateError::new(line, format!("condition `{name}` depends on itself"))),
            None => {}
        }
        let Some(node) = self.root.get("Conditions").and_then(|conditions| conditions.get(name)) else {
            return Err(TemplateError::new(line, format!("there is no condition `{name}`")));
        };
        self.conditions.borrow_mut().insert(name.to_owned(), None);
        let holds = self.holds(node)?;
        self.conditions.borrow_mut().insert(name.to_owned(), Some(holds));
        Ok(holds)
    }
}

impl Parameter<'_> {
    fn check(&self, name: &str) -> Result<(), TemplateError> {
        let (Some(value), Some(allowed)) = (&self.value, self.declared.get("AllowedValues").and_then(Node::items))
        else {
            return Ok(());
        };
        let allowed: Vec<&str> = allowed.iter().filter_map(Node::text).collect();
        let values: Vec<&str> = if self.is_list() { list(value).collect() } else { vec![value] };
        match values.into_iter().find(|value| !allowed.contains(value)) {
            Some(value) => {
                let allowed = allowed.join(", ");
                Err(self.declared.error(format!("parameter `{name}` is `{value}`; allowed: {allowed}")))
            }
            None => Ok(()),
        }
    }

    fn is_list(&self) -> bool {
        self.kind == "CommaDelimitedList" || self.kind.starts_with("List<")
    }

    fn reference(&self, name: &str, at: &Node) -> Result<Value, TemplateError> {
        if self.kind.starts_with("AWS::SSM::Parameter::Value") {
            return Ok(Value::Symbol(vec![Part::Resource(name.to_owned())]));
        }
        let Some(value) = &self.value else {
            return Err(at.error(format!("parameter `{name}` has no default: give it a value")));
        };
        Ok(match self.is_list() {
            true => Value::List(list(value).map(|item| Value::Text(item.to_owned())).collect()),
            false => Value::Text(value.clone()),
        })
    }
}

fn list(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim)
}

/// As CloudFormation reads YAML: quotes make a text of everything.
fn scalar(text: &str, plain: bool) -> Value {
    let is_number = || {
        let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
        digits.starts_with(|first: char| first.is_ascii_digit() || first == '.')
            && digits.chars().all(|c| c.is_ascii_digit() || ".eE+-".contains(c))
            // A date or a version has more than one sign or dot, and an account id a zero in front.
            && text.parse::<f64>().is_ok_and(f64::is_finite)
            && !(digits.len() > 1 && digits.starts_with('0') && !digits.starts_with("0."))
    };
    match text {
        _ if !plain => Value::Text(text.to_owned()),
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" => Value::Bool(true),
        "false" | "False" | "FALSE" => Value::Bool(false),
        _ if is_number() => Value::Number(text.to_owned()),
        _ => Value::Text(text.to_owned()),
    }
}
