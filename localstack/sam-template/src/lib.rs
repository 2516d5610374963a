//! Reads CloudFormation and SAM templates: text enters, functions and their events with all values filled in
//! leave.
//!
//! Parameters, mappings and conditions are evaluated with the values given. What only a deployment knows,
//! such as the name of a resource, stays a symbol. Nothing is deployed, checked against a schema, or read
//! from a disk here, and what is not asked for is not evaluated.

mod evaluate;
mod function;
mod given;
mod globals;
mod intrinsic;
mod json;
mod node;
mod read;
mod value;

pub use function::{Event, Function, Resource};
pub use given::{Given, Pseudo};
pub use node::TemplateError;
pub use value::{Part, Value};

use evaluate::Evaluation;
use node::Node;

/// A template that was read and not evaluated yet.
#[derive(Debug, Clone)]
pub struct Template {
    root: Node,
}

/// A parameter that a template declares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameter {
    /// Its name.
    pub name: String,
    /// Its type, say `String` or `CommaDelimitedList`.
    pub kind: String,
    /// The value that it has if none is given.
    pub default: Option<String>,
}

impl Template {
    /// Reads YAML, with tags such as `!Ref` or without, or JSON.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        Ok(Self { root: read::read(text)? })
    }

    /// The parameters, in the order of the text.
    pub fn parameters(&self) -> Vec<Parameter> {
        let declared = self.root.get("Parameters").map(Node::entries).unwrap_or_default();
        let text = |node: &Node, key: &str| node.get(key).and_then(Node::text).map(str::to_owned);
        let parameter = |(name, node): &(String, Node)| Parameter {
            name: name.clone(),
            kind: text(node, "Type").unwrap_or_default(),
            default: text(node, "Default"),
        };
        declared.iter().map(parameter).collect()
    }

    /// The functions that it makes with these values, in the order of the text. Those whose condition is
    /// false are left out.
    pub fn functions(&self, given: &Given) -> Result<Vec<Function>, TemplateError> {
        function::functions(&self.root, &Evaluation::new(&self.root, given)?)
    }

    /// The resources of that type that it makes with these values, in the order of the text. `Globals` are not merged.
    pub fn resources(&self, kind: &str, given: &Given) -> Result<Vec<Resource>, TemplateError> {
        function::resources(&self.root, kind, &Evaluation::new(&self.root, given)?)
    }

    /// The type of each resource by its logical id, in the order of the text, whatever its condition.
    pub fn resource_types(&self) -> Vec<(&str, &str)> {
        let resources = self.root.get("Resources").map(Node::entries).unwrap_or_default();
        resources.iter().filter_map(|(id, node)| Some((id.as_str(), node.get("Type")?.text()?))).collect()
    }

    /// The template as JSON without those resources: they, the outputs and the resources other than functions that refer
    /// to them get a condition that never holds. `path` is asked for each text that may be a path on this disk, with the
    /// type of its resource and the name of its property. Also gives what was left out, by logical id.
    pub fn without(&self, ids: &[&str], path: impl Fn(&str, &str, &str) -> Option<String>) -> (String, Vec<String>) {
        json::without(&self.root, ids, &path)
    }

    /// Whether a condition holds with these values.
    pub fn condition(&self, name: &str, given: &Given) -> Result<bool, TemplateError> {
        Evaluation::new(&self.root, given)?.condition(name, self.root.line)
    }
}
