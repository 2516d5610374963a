//! The functions of a template and what starts them.

use crate::{
    Value,
    evaluate::Evaluation,
    globals::merged,
    node::{Kind, Node, TemplateError},
};

/// A function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Function {
    /// Its logical id.
    pub id: String,
    /// `AWS::Serverless::Function` or `AWS::Lambda::Function`.
    pub kind: String,
    /// Where it stands, counted from 1.
    pub line: usize,
    /// Its properties, `Globals` among them, without its events.
    pub properties: Value,
    /// What starts it, in the order of the text; none for `AWS::Lambda::Function`.
    pub events: Vec<Event>,
}

/// A resource of any type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resource {
    /// Its logical id.
    pub id: String,
    /// Its type.
    pub kind: String,
    /// Where it stands, counted from 1.
    pub line: usize,
    /// Its properties.
    pub properties: Value,
}

/// What starts a function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Its logical id.
    pub id: String,
    /// Its type, say `ScheduleV2` or `Kinesis`.
    pub kind: String,
    /// Where it stands, counted from 1.
    pub line: usize,
    /// Its properties.
    pub properties: Value,
}

impl Function {
    /// The variables of its environment.
    pub fn environment(&self) -> &[(String, Value)] {
        self.properties.at(&["Environment", "Variables"]).map(Value::entries).unwrap_or_default()
    }

    /// A variable of its environment, if it is a text that the template says.
    pub fn variable(&self, name: &str) -> Option<&str> {
        self.properties.at(&["Environment", "Variables", name])?.text()
    }
}

pub(crate) fn functions(root: &Node, evaluation: &Evaluation<'_>) -> Result<Vec<Function>, TemplateError> {
    let resources = root.get("Resources").ok_or_else(|| root.error("the template has no `Resources`"))?;
    let globals = root.get("Globals").and_then(|globals| globals.get("Function"));
    let mut functions = Vec::new();
    for (id, resource) in resources.entries() {
        let kind = resource.get("Type").and_then(Node::text).unwrap_or_default();
        let globals = match kind {
            "AWS::Serverless::Function" => globals,
            "AWS::Lambda::Function" => None,
            _ => continue,
        };
        if !is_made(resource, evaluation)? {
            continue;
        }
        let none = Node { line: resource.line, kind: Kind::Map(Vec::new()) };
        let own = resource.get("Properties").unwrap_or(&none);
        let properties = globals.map_or_else(|| own.clone(), |globals| merged(globals, own));
        functions.push(Function {
            id: id.clone(),
            kind: kind.to_owned(),
            line: resource.line,
            events: events(id, &properties, evaluation)?,
            properties: evaluation.value(&without(properties, "Events"))?.unwrap_or(Value::Null),
        });
    }
    Ok(functions)
}

/// Those resources of a type that their condition makes.
pub(crate) fn resources(root: &Node, kind: &str, evaluation: &Evaluation<'_>) -> Result<Vec<Resource>, TemplateError> {
    let mut resources = Vec::new();
    for (id, resource) in root.get("Resources").map(Node::entries).unwrap_or_default() {
        if resource.get("Type").and_then(Node::text) != Some(kind) || !is_made(resource, evaluation)? {
            continue;
        }
        let properties = resource.get("Properties").map(|node| evaluation.value(node)).transpose()?.flatten();
        let properties = properties.unwrap_or(Value::Map(Vec::new()));
        resources.push(Resource { id: id.clone(), kind: kind.to_owned(), line: resource.line, properties });
    }
    Ok(resources)
}

/// Whether a resource has no condition or one that holds.
fn is_made(resource: &Node, evaluation: &Evaluation<'_>) -> Result<bool, TemplateError> {
    let Some(condition) = resource.get("Condition") else { return Ok(true) };
    let name = condition.text().ok_or_else(|| condition.error("`Condition` is the name of a condition"))?;
    evaluation.condition(name, condition.line)
}

fn events(function: &str, properties: &Node, evaluation: &Evaluation<'_>) -> Result<Vec<Event>, TemplateError> {
    let events = properties.get("Events").map(Node::entries).unwrap_or_default();
    let event = |(id, node): &(String, Node)| {
        let kind = node.get("Type").and_then(Node::text);
        let kind = kind.ok_or_else(|| node.error(format!("event `{id}` of `{function}` has no `Type`")))?.to_owned();
        let properties = node.get("Properties").map(|node| evaluation.value(node)).transpose()?.flatten();
        let properties = properties.unwrap_or(Value::Map(Vec::new()));
        Ok(Event { id: id.clone(), kind, line: node.line, properties })
    };
    events.iter().map(event).collect()
}

fn without(node: Node, key: &str) -> Node {
    match node.kind {
        Kind::Map(entries) => {
            let entries = entries.into_iter().filter(|(name, _)| name != key).collect();
            Node { line: node.line, kind: Kind::Map(entries) }
        }
        kind => Node { line: node.line, kind },
    }
}
