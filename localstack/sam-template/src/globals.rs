//! `Globals` merged into a resource, as SAM does it before anything is evaluated.
//! <https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-specification-template-anatomy-globals.html>

use crate::node::{Kind, Node};

/// What the resource says, and beneath it what is said for all: maps are merged, lists are added to, and
/// of everything else the resource's own wins.
pub(crate) fn merged(global: &Node, own: &Node) -> Node {
    let kind = match (&global.kind, &own.kind) {
        (Kind::Map(all), Kind::Map(entries)) if global.intrinsic().is_none() && own.intrinsic().is_none() => {
            let mut merged_entries: Vec<(String, Node)> = all
                .iter()
                .map(|(name, node)| (name.clone(), own.get(name).map_or_else(|| node.clone(), |own| merged(node, own))))
                .collect();
            merged_entries.extend(entries.iter().filter(|(name, _)| global.get(name).is_none()).cloned());
            Kind::Map(merged_entries)
        }
        (Kind::List(all), Kind::List(items)) => Kind::List(all.iter().chain(items).cloned().collect()),
        _ => own.kind.clone(),
    };
    Node { line: own.line, kind }
}
