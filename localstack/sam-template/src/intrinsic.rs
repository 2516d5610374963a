//! The intrinsic functions. <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference.html>

use crate::{
    Part, Value,
    evaluate::Evaluation,
    node::{Node, TemplateError},
};

type Outcome = Result<Option<Value>, TemplateError>;

impl Evaluation<'_> {
    /// The value of an intrinsic function; `None` where it is `AWS::NoValue`.
    pub(crate) fn intrinsic(&self, node: &Node, name: &str, argument: &Node) -> Outcome {
        let some = |value: Result<Value, TemplateError>| value.map(Some);
        match name {
            "Ref" => {
                let Some(target) = argument.text() else { return Err(wrong(node, name, "the name of what it is of")) };
                self.reference(target, node)
            }
            "Fn::If" => {
                let [condition, then, otherwise] = arguments(argument, name, "a condition and two values")?;
                let Some(condition) = condition.text() else {
                    return Err(wrong(node, name, "the name of a condition first"));
                };
                self.value(if self.condition(condition, node.line)? { then } else { otherwise })
            }
            // Encoding is for what is deployed; who reads the value wants to see it.
            "Fn::Base64" => self.value(argument),
            "Fn::GetAtt" => some(self.get_att(node, argument)),
            "Fn::Sub" => some(self.sub(node, argument)),
            "Fn::Join" => some(self.join(node, argument)),
            "Fn::Select" => self.select(node, argument),
            "Fn::Split" => some(self.split(node, argument)),
            "Fn::FindInMap" => self.find_in_map(node, argument),
            "Fn::Equals" | "Fn::And" | "Fn::Or" | "Fn::Not" | "Condition" => some(self.holds(node).map(Value::Bool)),
            // These lie outside of the template.
            "Fn::ImportValue" | "Fn::GetAZs" => {
                let argument = self.value(argument)?.unwrap_or(Value::Null);
                Ok(Some(Value::Symbol(vec![Part::Other(format!("{{{name}: {argument}}}"))])))
            }
            _ => Err(node.error(format!("intrinsic function `{name}` is not known"))),
        }
    }

    /// Whether a node of the conditions holds.
    pub(crate) fn holds(&self, node: &Node) -> Result<bool, TemplateError> {
        let all = |argument: &Node, name: &str| -> Result<Vec<bool>, TemplateError> {
            match argument.items() {
                Some(items) if !items.is_empty() => items.iter().map(|item| self.holds(item)).collect(),
                _ => Err(wrong(argument, name, "a list of conditions")),
            }
        };
        match node.intrinsic() {
            Some(("Condition", argument)) => self.condition(argument.text().unwrap_or_default(), node.line),
            Some((name @ "Fn::And", argument)) => Ok(!all(argument, name)?.contains(&false)),
            Some((name @ "Fn::Or", argument)) => Ok(all(argument, name)?.contains(&true)),
            Some((name @ "Fn::Not", argument)) => match all(argument, name)?.as_slice() {
                [one] => Ok(!one),
                _ => Err(wrong(argument, name, "a list of one condition")),
            },
            Some((name @ "Fn::Equals", argument)) => {
                let [left, right] = arguments(argument, name, "two values")?;
                let known = |node: &Node| match self.value(node)?.unwrap_or(Value::Null) {
                    value @ Value::Symbol(_) => {
                        Err(wrong(node, name, &format!("values, and {} is none", value.what())))
                    }
                    value => Ok(value),
                };
                let (left, right) = (known(left)?, known(right)?);
                // 1, "1" and !Ref of a parameter that is 1 are the same.
                Ok(match (left.text(), right.text()) {
                    (Some(left), Some(right)) => left == right,
                    _ => left == right,
                })
            }
            Some((name, _)) if !matches!(name, "Ref" | "Fn::FindInMap" | "Fn::If") => {
                Err(node.error(format!("`{name}` is not known as a condition")))
            }
            _ => match self.value(node)?.as_ref().and_then(Value::bool) {
                Some(holds) => Ok(holds),
                None => Err(node.error(format!("this is {}, a condition is true or false", node.what()))),
            },
        }
    }

    fn get_att(&self, node: &Node, argument: &Node) -> Result<Value, TemplateError> {
        let target = match (argument.text(), argument.items()) {
            (Some(text), _) => text.split_once('.').map(|(resource, rest)| (resource, rest.to_owned())),
            (None, Some([resource, rest @ ..])) if !rest.is_empty() => {
                let rest: Option<Vec<&str>> = rest.iter().map(Node::text).collect();
                resource.text().zip(rest.map(|rest| rest.join(".")))
            }
            _ => None,
        };
        let Some((resource, attribute)) = target else {
            return Err(wrong(node, "Fn::GetAtt", "a resource and its attribute"));
        };
        self.attribute(resource, attribute, node)
    }

    fn attribute(&self, resource: &str, attribute: String, node: &Node) -> Result<Value, TemplateError> {
        match self.reference(resource, node)? {
            Some(Value::Symbol(_)) => Ok(Value::Symbol(vec![Part::Attribute(resource.to_owned(), attribute)])),
            _ => Err(node.error(format!("`{resource}` is no resource of this template"))),
        }
    }

    fn sub(&self, node: &Node, argument: &Node) -> Result<Value, TemplateError> {
        let (pattern, own) = match (argument.text(), argument.items()) {
            (Some(text), _) => (text, None),
            (None, Some([pattern, own])) => (pattern.text().unwrap_or_default(), Some(own)),
            _ => return Err(wrong(node, "Fn::Sub", "a text, or a text and a map")),
        };
        let mut parts = Vec::new();
        let mut rest = pattern;
        while let Some((before, after)) = rest.split_once("${") {
            parts.push(Part::Text(before.to_owned()));
            let Some((name, after)) = after.split_once('}') else {
                return Err(node.error(format!("`${{` in `{}` is not closed", pattern.trim())));
            };
            rest = after;
            let name = name.trim();
            if let Some(literal) = name.strip_prefix('!') {
                parts.push(Part::Text(format!("${{{literal}}}")));
                continue;
            }
            let value = match (own.and_then(|own| own.get(name)), name.split_once('.')) {
                (Some(own), _) => self.value(own)?,
                (None, Some((resource, attribute))) => Some(self.attribute(resource, attribute.to_owned(), node)?),
                (None, None) => self.reference(name, node)?,
            };
            let value = value.unwrap_or(Value::Null);
            match value.parts() {
                Some(value) => parts.extend(value),
                None => return Err(node.error(format!("`${{{name}}}` is {} and no text", value.what()))),
            }
        }
        parts.push(Part::Text(rest.to_owned()));
        Ok(Value::of_parts(parts))
    }

    fn join(&self, node: &Node, argument: &Node) -> Result<Value, TemplateError> {
        const NAME: &str = "Fn::Join";
        let [between, list] = arguments(argument, NAME, "a delimiter and a list")?;
        let between = between.text().ok_or_else(|| wrong(node, NAME, "a delimiter first"))?;
        let list = self.value(list)?.unwrap_or(Value::Null);
        let items = match &list {
            Value::List(items) => items,
            Value::Symbol(_) => {
                return Ok(Value::Symbol(vec![Part::Other(format!("{{{NAME}: [{between}, {list}]}}"))]));
            }
            other => return Err(wrong(node, NAME, &format!("a list, not {}", other.what()))),
        };
        let mut parts = Vec::new();
        for (index, item) in items.iter().enumerate() {
            if index > 0 {
                parts.push(Part::Text(between.to_owned()));
            }
            parts.extend(item.parts().ok_or_else(|| wrong(node, NAME, &format!("texts, not {}", item.what())))?);
        }
        Ok(Value::of_parts(parts))
    }

    fn select(&self, node: &Node, argument: &Node) -> Outcome {
        const NAME: &str = "Fn::Select";
        let [index, list] = arguments(argument, NAME, "an index and a list")?;
        let index = self.value(index)?.unwrap_or(Value::Null);
        let Some(index) = index.integer().and_then(|index| usize::try_from(index).ok()) else {
            return Err(wrong(node, NAME, &format!("an index from 0 on, not {}", index.what())));
        };
        match self.value(list)?.unwrap_or(Value::Null) {
            Value::List(items) => match items.get(index) {
                Some(item) => Ok(Some(item.clone())),
                None => Err(node.error(format!("index {index} is beyond the list, which has {}", items.len()))),
            },
            list @ Value::Symbol(_) => {
                Ok(Some(Value::Symbol(vec![Part::Other(format!("{{{NAME}: [{index}, {list}]}}"))])))
            }
            other => Err(wrong(node, NAME, &format!("a list, not {}", other.what()))),
        }
    }

    fn split(&self, node: &Node, argument: &Node) -> Result<Value, TemplateError> {
        const NAME: &str = "Fn::Split";
        let [between, text] = arguments(argument, NAME, "a delimiter and a text")?;
        let between = between.text().filter(|between| !between.is_empty());
        let between = between.ok_or_else(|| wrong(node, NAME, "a delimiter first"))?;
        let value = self.value(text)?.unwrap_or(Value::Null);
        match (value.text(), &value) {
            (Some(text), _) => Ok(Value::List(text.split(between).map(|item| Value::Text(item.to_owned())).collect())),
            (None, Value::Symbol(_)) => {
                Ok(Value::Symbol(vec![Part::Other(format!("{{{NAME}: [{between}, {value}]}}"))]))
            }
            (None, other) => Err(wrong(node, NAME, &format!("a text, not {}", other.what()))),
        }
    }

    fn find_in_map(&self, node: &Node, argument: &Node) -> Outcome {
        const NAME: &str = "Fn::FindInMap";
        let [map, first, second] = arguments(argument, NAME, "a mapping and two keys")?;
        let key = |node: &Node| {
            let value = self.value(node)?.unwrap_or(Value::Null);
            let text = value.text().map(str::to_owned);
            text.ok_or_else(|| wrong(node, NAME, &format!("keys, and {} is none", value.what())))
        };
        let (map, first, second) = (key(map)?, key(first)?, key(second)?);
        let mappings = self.root.get("Mappings");
        let Some(mapping) = mappings.and_then(|mappings| mappings.get(&map)) else {
            return Err(node.error(format!("there is no mapping `{map}`")));
        };
        match mapping.get(&first).map(|entry| entry.get(&second)) {
            Some(Some(value)) => self.value(value),
            Some(None) => Err(node.error(format!("mapping `{map}` has no `{second}` in `{first}`"))),
            None => Err(node.error(format!("mapping `{map}` has no `{first}`"))),
        }
    }
}

fn wrong(node: &Node, name: &str, what: &str) -> TemplateError {
    node.error(format!("`{name}` takes {what}"))
}

fn arguments<'n, const N: usize>(argument: &'n Node, name: &str, what: &str) -> Result<&'n [Node; N], TemplateError> {
    let items = argument.items().and_then(|items| items.try_into().ok());
    items.ok_or_else(|| wrong(argument, name, &format!("a list of {what}")))
}
