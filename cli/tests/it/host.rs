//! `kinetick host` as a person runs it: what it says first, its report, its exit codes, and that it ends what it started.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use serde_json::Value;

fn checkout() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

fn foreign() -> PathBuf {
    checkout().join("localstack/lambda-host/tests/fixtures/foreign/template.yaml")
}

fn host(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kinetick"));
    command.arg("host").args(arguments).current_dir(checkout()).stdin(Stdio::null());
    command
}

/// Wrong use: the exit code, and what the message names.
#[track_caller]
fn check(arguments: &[&str], code: i32, named: &[&str]) {
    let Output { status, stdout, stderr } = host(arguments).output().unwrap();
    let said = String::from_utf8_lossy(&stderr);
    assert_eq!(status.code(), Some(code), "{arguments:?}: {said}");
    assert!(stdout.is_empty(), "{arguments:?}");
    for text in named {
        assert!(said.contains(text), "{arguments:?} does not say `{text}`: {said}");
    }
}

#[test]
fn wrong_use_is_said_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let template = folder.path().join("template.yaml");
    let path = template.to_str().unwrap();
    check(&["--template", path], 2, &["cannot be read", path]);
    fs::write(&template, "Resources: [1\n").unwrap();
    check(&["--template", path], 2, &["is no template", "line 2"]);
    let foreign = foreign();
    let foreign = foreign.to_str().unwrap();
    check(&["--template", foreign, "--parameter", "Sise=1"], 2, &["no parameter `Sise`; it has: Size"]);
    check(&["--template", foreign, "--parameter", "Size"], 2, &["Env=local"]);
    check(&["--template", foreign, "--report", "/nowhere/at/all.json"], 2, &["its folder is not there"]);
    check(&["--template", foreign, "--endpoint-url", "https://aws.example"], 2, &["address of an emulator"]);
    // Nobody listens on the discard port.
    let refused = ["--template", foreign, "--endpoint-url", "http://127.0.0.1:9"];
    check(&refused, 1, &["cannot read what is deployed at `http://127.0.0.1:9`"]);
    fs::write(
        &template,
        "Transform: AWS::Serverless-2016-10-31\nResources:\n  F: {Type: AWS::Serverless::Function, Properties: \
         {CodeUri: src/, Handler: x, Runtime: provided.al2023}}\n",
    )
    .unwrap();
    check(&["--template", path], 1, &["function `F` has no `bootstrap`", ".aws-sam/build/F"]);
}

#[test]
fn somebody_elses_template_is_served_and_reported() {
    let folder = tempfile::tempdir().unwrap();
    let report = folder.path().join("report.json");
    let template = foreign();
    let arguments = ["--template", template.to_str().unwrap(), "--for", "2s", "--report", report.to_str().unwrap()];
    let mut child = host(&arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let endpoint = lines.next().unwrap().unwrap();
    assert!(endpoint.starts_with("endpoint http://127.0.0.1:"), "{endpoint}");
    assert_eq!(lines.next().unwrap().unwrap(), "ready");
    assert!(lines.next().is_none());
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("not run here: resource `Alarm` (AWS::CloudWatch::CompositeAlarm)"), "{said}");
    let report: Value = serde_json::from_slice(&fs::read(&report).unwrap()).unwrap();
    assert_eq!(report["mappings"].as_array().unwrap().len(), 3, "{report:#}");
    for key in
        ["function", "source", "invocations", "records", "retries", "splits", "on_failure", "iterator_age_ms_max"]
    {
        assert!(report["mappings"][0].get(key).is_some(), "{key}: {report:#}");
    }
    assert_eq!(report["functions"].as_object().unwrap().len(), 1);
    let port = endpoint.rsplit(':').next().unwrap();
    assert!(std::net::TcpStream::connect(format!("127.0.0.1:{port}")).is_err(), "it still listens");
}
