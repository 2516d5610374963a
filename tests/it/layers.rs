//! The layers: a crate depends on lower ones only, and the domain touches nothing outside.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, PackageId};

use crate::built::checkout;

/// Crates by layer, lowest first. A crate that stands nowhere fails the test.
const LAYERS: &[(&str, &[&str])] = &[
    (
        "L0 domain",
        &[
            "alphavantage",
            "anomaly",
            "bars",
            "dead-letters",
            "failure",
            "flow",
            "indicators",
            "market",
            "planner",
            "schedule",
            "series",
            "wire",
        ],
    ),
    ("L1 pipeline", &["pipeline"]),
    ("L2 adapters", &["aws", "batch", "clock", "config", "telemetry", "upstream"]),
    ("what pollers share", &["poller"]),
    (
        "L3 functions",
        &["compute-indicators", "handle-dead-letters", "poll-crypto", "poll-equities", "poll-events", "sweep-series"],
    ),
    (
        "tools",
        &[
            "cli",
            "emulator",
            "engine",
            "event-source-mapping",
            "instructions",
            "lambda-host",
            "market-simulator",
            "peers",
            "sam-template",
            "simulation",
            "testkit",
            "tests",
        ],
    ),
];

/// What layers 0 and 1 reach neither directly nor through a library.
const OUTSIDE: &[&str] = &["async-nats", "hyper", "lambda_runtime", "mio", "reqwest", "rustls", "tokio"];

/// Words that say that code reads a clock, the environment or chance by itself.
const IMPURE: &[&str] = &[
    "std::env",
    "env::var",
    "SystemTime",
    "Instant::now",
    "Timestamp::now",
    "Zoned::now",
    "fastrand",
    "thread::sleep",
];

fn metadata() -> Metadata {
    MetadataCommand::new().current_dir(checkout()).other_options(vec!["--locked".to_owned()]).exec().unwrap()
}

fn layer(name: &str) -> usize {
    LAYERS
        .iter()
        .position(|(_, crates)| crates.contains(&name))
        .unwrap_or_else(|| panic!("the crate `{name}` belongs to no layer: add it to tests/it/layers.rs"))
}

/// For each package, what it depends on when it is built, not tested.
fn normal_dependencies(metadata: &Metadata) -> BTreeMap<&PackageId, Vec<&PackageId>> {
    let resolve = metadata.resolve.as_ref().unwrap();
    let normal = |node: &'_ cargo_metadata::Node| -> Vec<PackageId> {
        let deps = node.deps.iter();
        deps.filter(|dep| dep.dep_kinds.iter().any(|kind| kind.kind == DependencyKind::Normal))
            .map(|dep| dep.pkg.clone())
            .collect()
    };
    let by_id: BTreeMap<&PackageId, &PackageId> = resolve.nodes.iter().map(|node| (&node.id, &node.id)).collect();
    resolve.nodes.iter().map(|node| (&node.id, normal(node).iter().map(|id| by_id[id]).collect())).collect()
}

#[test]
fn crates_depend_on_lower_layers_only() {
    let metadata = metadata();
    let members: BTreeMap<&PackageId, &str> =
        metadata.workspace_packages().iter().map(|package| (&package.id, package.name.as_str())).collect();
    let dependencies = normal_dependencies(&metadata);
    let mut wrong = Vec::new();
    for (id, name) in &members {
        for dependency in dependencies[id].iter().filter_map(|dependency| members.get(*dependency)) {
            // Within the domain crates build on each other, and cargo refuses circles; elsewhere neighbours are strangers.
            let (from, to) = (layer(name), layer(dependency));
            let tools = from == LAYERS.len() - 1;
            if to > from || (to == from && from != 0 && !tools) {
                wrong.push(format!("{name} ({}) depends on {dependency} ({})", LAYERS[from].0, LAYERS[to].0));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_domain_reaches_nothing_outside() {
    let metadata = metadata();
    let dependencies = normal_dependencies(&metadata);
    let names: BTreeMap<&PackageId, &str> =
        metadata.packages.iter().map(|package| (&package.id, package.name.as_str())).collect();
    let mut wrong = Vec::new();
    for package in metadata.workspace_packages() {
        if layer(&package.name) > 1 {
            continue;
        }
        let (mut seen, mut open) = (BTreeSet::new(), vec![&package.id]);
        while let Some(id) = open.pop() {
            if seen.insert(id) {
                open.extend(&dependencies[id]);
            }
        }
        let outside = |name: &str| OUTSIDE.contains(&name) || name.starts_with("aws-") || name.starts_with("aws_");
        let reached: Vec<&str> = seen.into_iter().map(|id| names[id]).filter(|name| outside(name)).collect();
        if !reached.is_empty() {
            wrong.push(format!("{} reaches {reached:?}", package.name));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_domain_reads_no_clock_and_no_environment() {
    let mut wrong = Vec::new();
    for name in LAYERS[..2].iter().flat_map(|(_, crates)| *crates) {
        sources(&checkout().join("shared").join(name).join("src"), &mut |path, text| {
            // Tests below may use what they like.
            let code = text.split("#[cfg(test)]").next().unwrap_or_default();
            let is_test = path.ends_with("tests.rs") || path.ends_with("check.rs");
            for word in IMPURE.iter().filter(|word| !is_test && code.contains(**word)) {
                wrong.push(format!("{} says `{word}`", path.display()));
            }
        });
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

fn sources(folder: &Path, take: &mut impl FnMut(&Path, &str)) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, take);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            take(&path, &fs::read_to_string(&path).unwrap());
        }
    }
}
