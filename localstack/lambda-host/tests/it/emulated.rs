//! The host on a MiniStack of its own, with somebody else's template: streams, a queue, schedules and letters.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    time::Duration,
};

use aws_sdk_kinesis::{primitives::Blob, types::PutRecordsRequestEntry};
use emulator::{
    Emulator, StackOutputs, functions,
    logs::{Content, LogTail},
    python, s3_client, sdk_config,
};
use jiff::SignedDuration;
use lambda_host::{Clock, Foreign, Host, Options, Pace, Source};
use serde_json::{Value, json};

use super::until;

fn here(path: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn options(endpoint: &str) -> Options {
    let at = |text: &str| text.parse().unwrap();
    Options {
        emulator: Some(endpoint.to_owned()),
        pace: Pace {
            poll_interval: SignedDuration::from_millis(50),
            initial_backoff: SignedDuration::from_millis(20),
            ..Pace::default()
        },
        // One minute before the daily schedule, in New York's winter.
        clock: Clock { real: jiff::Timestamp::now(), shown: at("2026-11-02T14:29:00Z"), speed: 60 },
        ..Options::default()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn somebody_elses_template_runs() {
    let folder = tempfile::tempdir().unwrap();
    let venv = python::prepare(&here("../.."), |_| ()).await.unwrap();
    let emulator = Emulator::start(
        &venv,
        emulator::Options { log_file: folder.path().join("log"), data_dir: folder.path().join("data"), keep: false },
    )
    .await
    .unwrap();
    let foreign = Foreign {
        template: here("tests/fixtures/foreign/template.yaml"),
        stack: "foreign".to_owned(),
        parameters: BTreeMap::from([("Size".to_owned(), "20".to_owned())]),
        built: BTreeMap::new(),
    };
    let deployed = lambda_host::deploy(emulator.endpoint(), &foreign, |_| ()).await.unwrap();
    assert_eq!(deployed.unknown.len(), 1, "{:?}", deployed.unknown);
    assert!(deployed.unknown[0].contains("`Alarm` (AWS::CloudWatch::CompositeAlarm)"), "{:?}", deployed.unknown);
    let functions = ["ConsumerFunction".to_owned()];
    assert_eq!(lambda_host::find_stack(emulator.endpoint(), &functions).await.unwrap(), "foreign");

    let setup = lambda_host::read(emulator.endpoint(), "foreign", &deployed.bootstraps).await.unwrap();
    assert!(setup.unknown.iter().any(|it| it.contains("`OtherFunction` (python3.12)")), "{:?}", setup.unknown);
    assert_eq!(setup.functions.len(), 1);
    let function = &setup.functions[0];
    assert_eq!(
        (function.timeout, function.memory_mb, function.reserved_concurrency),
        (Duration::from_secs(5), 256, Some(4))
    );
    assert_eq!((setup.mappings.len(), setup.schedules.len()), (3, 2), "{:?}", setup.schedules);
    for mapping in &setup.mappings {
        match &mapping.source {
            Source::Kinesis(settings) if settings.tumbling_window.is_some() => {
                assert_eq!(settings.tumbling_window, Some(SignedDuration::from_secs(60)));
                assert_eq!(settings.maximum_record_age, Some(SignedDuration::from_secs(3600)));
                assert_eq!((settings.batch_size, settings.filters.len()), (100, 1));
                assert!(format!("{:?}", settings.starting_position).contains("AtTimestamp"));
            }
            Source::Kinesis(settings) => {
                assert_eq!((settings.batch_size, settings.maximum_retry_attempts), (20, Some(1)));
                assert!(settings.bisects && settings.reports_batch_item_failures && settings.on_failure.is_some());
            }
            Source::Sqs(settings) => {
                assert_eq!((settings.batch_size, settings.visibility_timeout), (5, SignedDuration::from_secs(45)));
            }
        }
    }
    // The same code, as the emulator holds it.
    let unpacked = lambda_host::read(emulator.endpoint(), "foreign", &BTreeMap::new()).await.unwrap();
    let program = std::fs::read(&unpacked.functions[0].bootstrap).unwrap();
    assert_eq!(program, std::fs::read(here("tests/fixtures/foreign/consumer/bootstrap")).unwrap());

    lambda_host::switch_off(emulator.endpoint(), &setup).await.unwrap();
    let config = sdk_config(emulator.endpoint());
    assert!(functions::schedules(&aws_sdk_scheduler::Client::new(&config)).await.unwrap().iter().all(|it| !it.enabled));
    let outputs = deployed.outputs.clone();
    let name = outputs["Function"].clone();
    assert_eq!(setup.functions[0].name, name);
    let host = Host::start(setup, options(emulator.endpoint())).await.unwrap();
    host.ready().await;
    runs(&host, &config, &outputs).await;
    let report = host.stop().await;
    let first = report.mappings.iter().find(|mapping| mapping.records > 100).unwrap();
    assert_eq!((first.records, first.on_failure), (199, 1), "{first:?}");
    assert!(first.splits > 0 && first.retries > 0 && first.iterator_age_ms_max > 0, "{first:?}");
    assert_eq!(report.functions[&name].errors, 0);
    emulator.stop().await.unwrap();
}

async fn runs(host: &Host, config: &aws_config::SdkConfig, outputs: &StackOutputs) {
    let function = outputs["Function"].as_str();
    // Through the host, as functions do it.
    let through_host = sdk_config(host.endpoint());
    let kinesis = aws_sdk_kinesis::Client::new(&through_host);
    let data = |n: usize| match n {
        77 => "bad".to_owned(),
        100 => "look".to_owned(),
        n => n.to_string(),
    };
    let entry = |n: usize| {
        let entry = PutRecordsRequestEntry::builder().partition_key(format!("key-{}", n % 7));
        entry.data(Blob::new(data(n))).build().unwrap()
    };
    let put = kinesis.put_records().stream_name(&outputs["Stream"]).set_records(Some((0..200).map(entry).collect()));
    let put = put.send().await.unwrap();
    assert!(put.records.iter().all(|record| record.sequence_number.as_ref().unwrap().len() == 56));
    for body in ["one", "two"] {
        let body = json!({"QueueUrl": outputs["Jobs"], "MessageBody": body});
        sqs(host, "SendMessage", &body).await;
    }

    let mut log = LogTail::new(aws_sdk_cloudwatchlogs::Client::new(config), [function]);
    let mut lines: Vec<serde_json::Map<String, Value>> = Vec::new();
    let with = |lines: &[serde_json::Map<String, Value>], message: &str, key: &str| -> BTreeSet<String> {
        let lines = lines.iter().filter(|line| line["message"] == message);
        lines.map(|line| line[key].as_str().map_or_else(|| line[key].to_string(), str::to_owned)).collect()
    };
    let begun = std::time::Instant::now();
    loop {
        host.flush_logs().await;
        let new = log.read().await.unwrap().remove(function).unwrap_or_default();
        lines.extend(new.into_iter().filter_map(|line| match line.content {
            Content::Json(object) => Some(object),
            Content::Text(_) => None,
        }));
        let done = with(&lines, "read", "data").len() == 199
            && with(&lines, "received", "body").len() == 2
            && with(&lines, "fired", "job").contains("daily")
            && host.report().mappings.iter().any(|mapping| mapping.on_failure == 1);
        if done {
            break;
        }
        assert!(begun.elapsed() < super::DEADLINE, "{} lines; {:#?}", lines.len(), host.report());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(with(&lines, "read", "digits"), BTreeSet::from(["56".to_owned()]));
    assert!(lines.iter().any(|line| line.get("found") == Some(&json!(true))), "a wide number finds its record");
    until("the mappings rest", || async { host.is_idle() }).await;
    assert_eq!(host.report().schedules.iter().map(|it| it.fires).sum::<u64>(), 1, "{:?}", host.report().schedules);

    let s3 = s3_client(config);
    let bucket = &outputs["Letters"];
    let objects = s3.list_objects_v2().bucket(bucket).send().await.unwrap().contents.unwrap();
    let key = objects[0].key().unwrap();
    assert!(objects.len() == 1 && key.starts_with("aws/lambda/") && key.contains("/shardId-"), "{key}");
    let object = s3.get_object().bucket(bucket).key(key).send().await.unwrap().body.collect().await.unwrap();
    let letter: Value = serde_json::from_slice(&object.into_bytes()).unwrap();
    assert_eq!(letter["requestContext"]["condition"], "RetryAttemptsExhausted");
    assert_eq!(letter["KinesisBatchInfo"]["batchSize"], 1);
    let payload: Value = serde_json::from_str(letter["payload"].as_str().unwrap()).unwrap();
    assert_eq!(payload["Records"][0]["kinesis"]["data"], "YmFk");

    // Lambda's own clients find both kinds of functions at the host.
    let lambda = aws_sdk_lambda::Client::new(&through_host);
    let done = functions::invoke(&lambda, function, &json!({"job": "by hand"})).await.unwrap();
    assert!(done.log_tail.contains("by hand") && done.function_error.is_none(), "{}", done.log_tail);
    let done = functions::invoke(&lambda, &outputs["Other"], &json!({})).await.unwrap();
    assert_eq!(done.payload, json!({"runs": "elsewhere"}));
}

async fn sqs(host: &Host, operation: &str, body: &Value) -> Value {
    let target = format!("AmazonSQS.{operation}");
    let headers = [
        ("x-amz-target", target.as_str()),
        ("content-type", "application/x-amz-json-1.0"),
        ("authorization", "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/sqs/aws4_request, Signature=0"),
    ];
    let (status, _, body) =
        super::endpoint::call(host.endpoint(), hyper::Method::POST, &headers, body.to_string()).await;
    assert_eq!(status, 200, "{body:?}");
    serde_json::from_slice(&body).unwrap()
}
