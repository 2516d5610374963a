//! The whole crate against a MiniStack of its own, started in the environment of this checkout.

#![allow(clippy::unwrap_used, reason = "all of it is test code, functions without #[test] too")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use aws_sdk_kinesis::{primitives::Blob, types::PutRecordsRequestEntry};
use emulator::{
    Deployment, Emulator, Options, deploy,
    functions::{self, invoke},
    logs::{Content, LogTail},
    objects::ObjectTail,
    python, s3_client, sdk_config,
    streams::{Position, drain},
};
use serde_json::json;

const DEADLINE: Duration = Duration::from_secs(60);

fn here(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// The processes of a group.
fn members(group: u32) -> Vec<u32> {
    let pids = fs::read_dir("/proc").unwrap().flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter(|pid: &u32| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        // The name of the program may hold anything, a parenthesis too.
        let fields: Vec<_> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        fields.get(2).and_then(|field| field.parse().ok()) == Some(group)
    })
    .collect()
}

/// The addresses, in the kernel's hexadecimal, on which a group of processes listens.
fn listening(group: u32) -> BTreeSet<String> {
    let sockets: BTreeSet<_> = members(group)
        .into_iter()
        .flat_map(|pid| fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten())
        .filter_map(|fd| Some(fs::read_link(fd.path()).ok()?.to_str()?.strip_prefix("socket:[")?.to_owned()))
        .collect();
    let mut addresses = BTreeSet::new();
    for table in ["tcp", "tcp6", "udp", "udp6"] {
        for line in fs::read_to_string(format!("/proc/net/{table}")).unwrap_or_default().lines().skip(1) {
            let fields: Vec<_> = line.split_whitespace().collect();
            let open = fields[3] == "0A" || table.starts_with("udp");
            if open && sockets.contains(&format!("{}]", fields[9])) {
                addresses.insert(fields[1].split(':').next().unwrap().to_owned());
            }
        }
    }
    addresses
}

#[tokio::test]
async fn a_template_runs_and_what_it_does_can_be_read() {
    let folder = tempfile::tempdir().unwrap();
    let venv = python::prepare(&here("../.."), |_| ()).await.unwrap();
    let options = Options { log_file: folder.path().join("log"), data_dir: folder.path().join("data"), keep: false };
    let emulator = Emulator::start(&venv, options).await.unwrap();
    let config = sdk_config(emulator.endpoint());
    let lambda = aws_sdk_lambda::Client::new(&config);

    let mut deployment = Deployment {
        template: here("tests/fixtures/live.yaml"),
        stack_name: "live".to_owned(),
        parameters: BTreeMap::from([("Shards".to_owned(), "3".to_owned())]),
        bootstraps: BTreeMap::from([("functions/echo".to_owned(), here("tests/fixtures/bootstrap.py"))]),
        bucket: "artifacts".to_owned(),
    };
    let outputs = deploy(&config, deployment.clone(), |_| ()).await.unwrap();
    assert_eq!(deploy(&config, deployment.clone(), |_| ()).await.unwrap(), outputs, "nothing to change");
    let function = &outputs["Function"];

    deployment.template = here("tests/fixtures/live-taken.yaml");
    deployment.stack_name = "taken".to_owned();
    deployment.parameters.clear();
    deployment.bootstraps.clear();
    let error = deploy(&config, deployment, |_| ()).await.unwrap_err().to_string();
    assert!(error.contains("Taken (AWS::S3::Bucket) in `taken`: ") && error.contains("already exists"), "{error}");

    let done = invoke(&lambda, function, &json!({"n": 1})).await.unwrap();
    assert_eq!((done.payload, done.function_error), (json!({"n": 1}), None));
    assert!(done.log_tail.contains("\"n\": 1"), "{}", done.log_tail);
    let failed = invoke(&lambda, function, &json!({"fail": true})).await.unwrap();
    assert_eq!(failed.payload["errorMessage"], "as told");
    assert!(failed.function_error.is_some());

    let mut log = LogTail::new(aws_sdk_cloudwatchlogs::Client::new(&config), [function.as_str(), "never-logged"]);
    let lines = log.read().await.unwrap().remove(function).unwrap();
    let events: Vec<_> = lines.iter().filter_map(|line| event_of(&line.content)).collect();
    assert_eq!(events, [json!({"n": 1}), json!({"fail": true})]);
    assert_eq!(lines.last().unwrap().content, Content::Text("failing".to_owned()));
    assert!(log.read().await.unwrap().is_empty(), "each line once");

    let schedules = functions::schedules(&aws_sdk_scheduler::Client::new(&config)).await.unwrap();
    assert_eq!(schedules.len(), 1);
    assert_eq!((&schedules[0].function, &schedules[0].input), (function, &json!({"job": "quotes"})));

    stream_is_read_and_consumed(&config, &outputs["Stream"], function, &mut log).await;

    let s3 = s3_client(&config);
    let mut objects = ObjectTail::new(s3.clone(), &outputs["Bucket"], "x/");
    for (key, content) in [("x/1", "a\nb\n"), ("y/1", "other\n")] {
        let put = s3.put_object().bucket(&outputs["Bucket"]).key(key).body(content.as_bytes().to_vec().into());
        put.send().await.unwrap();
    }
    let read = objects.read().await.unwrap();
    assert_eq!(read.len(), 1);
    assert_eq!(read[0].lines().collect::<Vec<_>>(), [b"a", b"b"]);
    assert!(objects.read().await.unwrap().is_empty(), "each object once");

    let pid = emulator.pid();
    assert!(members(pid).len() >= 2, "the emulator and a bootstrap");
    assert_eq!(listening(pid), BTreeSet::from(["0100007F".to_owned()]), "127.0.0.1 and nothing else");
    emulator.stop().await.unwrap();
    assert_eq!(members(pid), [0; 0]);
    assert_eq!(fs::read_dir(folder.path().join("data")).unwrap().count(), 0);
}

fn event_of(content: &Content) -> Option<serde_json::Value> {
    let Content::Json(object) = content else { return None };
    object.get("event").cloned()
}

async fn stream_is_read_and_consumed(config: &aws_config::SdkConfig, stream: &str, function: &str, log: &mut LogTail) {
    let kinesis = aws_sdk_kinesis::Client::new(config);
    let lambda = aws_sdk_lambda::Client::new(config);
    let mut position = Position::default();
    let mut read = Vec::new();
    for batch in 0..3 {
        let entry = |n: usize| {
            let data = Blob::new(format!("{batch}/{n}"));
            PutRecordsRequestEntry::builder().partition_key(format!("key-{n}")).data(data).build().unwrap()
        };
        let put = kinesis.put_records().stream_name(stream).set_records(Some((0..100).map(entry).collect()));
        put.send().await.unwrap();
        read.extend(drain(&kinesis, stream, &mut position).await.unwrap());
    }
    let data: BTreeSet<_> = read.iter().map(|record| &record.data).collect();
    assert_eq!((read.len(), data.len()), (300, 300), "each record once");
    assert_eq!(read.iter().map(|record| &record.shard).collect::<BTreeSet<_>>().len(), 3);
    assert!(drain(&kinesis, stream, &mut position).await.unwrap().is_empty());

    assert_eq!(functions::enable_mappings(&lambda, function).await.unwrap(), 1);
    let begun = Instant::now();
    let mut consumed = 0;
    while consumed < 300 && begun.elapsed() < DEADLINE {
        let lines = log.read().await.unwrap().remove(function).unwrap_or_default();
        let events = lines.iter().filter_map(|line| event_of(&line.content));
        consumed += events.map(|event| event["Records"].as_array().map_or(0, Vec::len)).sum::<usize>();
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(consumed, 300);
    assert_eq!(functions::disable_mappings(&lambda, function).await.unwrap(), 1);
}

/// Many at once get a port and a folder each, and dropping one ends it.
#[tokio::test]
async fn several_run_side_by_side() {
    let folder = tempfile::tempdir().unwrap();
    let venv = python::prepare(&here("../.."), |_| ()).await.unwrap();
    let options = Options { log_file: folder.path().join("log"), data_dir: folder.path().join("data"), keep: false };
    let start = || Emulator::start(&venv, options.clone());
    let (one, two, three) = tokio::join!(start(), start(), start());
    let all = [one.unwrap(), two.unwrap(), three.unwrap()];
    assert_eq!(all.iter().map(Emulator::endpoint).collect::<BTreeSet<_>>().len(), 3);
    let [kept, dropped, _] = all;
    let running = dropped.running().clone();
    drop(dropped);
    assert!(!running.answers().await && members(running.pid).is_empty());
    assert!(kept.running().answers().await);
}
