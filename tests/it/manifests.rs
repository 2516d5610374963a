//! What every manifest promises: names that say where a thing is, our lints, one TLS stack.

use cargo_metadata::MetadataCommand;

use crate::built::checkout;

#[test]
fn folder_package_and_binary_have_one_name() {
    let metadata = MetadataCommand::new().current_dir(checkout()).no_deps().exec().unwrap();
    for package in metadata.workspace_packages() {
        let folder = package.manifest_path.parent().unwrap().file_name().unwrap();
        assert_eq!(folder, package.name.as_str());
        // The command line is the one exception: its binary has the product's name.
        for target in package.targets.iter().filter(|target| target.is_bin()) {
            let expected = if package.name == "cli" { "kinetick" } else { package.name.as_str() };
            assert_eq!(target.name, expected);
        }
        let manifest = std::fs::read_to_string(&package.manifest_path).unwrap();
        assert!(manifest.contains("[lints]\nworkspace = true"), "{folder} does not take the workspace's lints");
        assert_eq!(package.license.as_deref(), Some("Apache-2.0"), "{folder}");
        assert_eq!(package.publish.as_deref(), Some(&[][..]), "{folder} could be published by accident");
    }
}

#[test]
fn aws_crates_come_without_their_default_features_and_all_are_sorted() {
    let manifest = std::fs::read_to_string(checkout().join("Cargo.toml")).unwrap();
    let table = manifest.split("[workspace.dependencies]").nth(1).unwrap();
    let table = table.split("\n[").next().unwrap();
    let (libraries, _ours) = table.split_once("# Ours").unwrap();
    let lines: Vec<&str> = libraries.lines().filter(|line| line.contains(" = ")).collect();
    assert!(lines.is_sorted(), "[workspace.dependencies] is not sorted");
    for line in lines.iter().filter(|line| line.starts_with("aws-sdk-") || line.starts_with("aws-config")) {
        let expected = "default-features = false, features = [\"behavior-version-latest\", \"default-https-client\", \"rt-tokio\"]";
        assert!(line.contains(expected), "{line}");
    }
}
