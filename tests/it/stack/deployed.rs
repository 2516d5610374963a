//! An emulator with the template deployed to it, and what a test does to it and reads off it.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use aws_config::SdkConfig;
use aws_sdk_dynamodb::{primitives::Blob as DynamoBlob, types::AttributeValue};
use aws_sdk_kinesis::{primitives::Blob, types::PutRecordsRequestEntry};
use emulator::{
    Deployment, Emulator, Options, StackOutputs, deploy,
    functions::{Invocation, invoke},
    logs::{Content, LogTail},
    objects::{Object, ObjectTail},
    python, s3_client, sdk_config,
    streams::{Position, Record, drain},
};
use market::{Fact, Observation};
use market_simulator::{MarketSimulator, Running};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::built::{binary, checkout};

/// The API key. It must appear nowhere but in the secret.
pub(super) const KEY: &str = "CANARY0KEY7Q2Z9X";
/// The functions, by the names of their folders.
pub(super) const FUNCTIONS: [&str; 6] =
    ["poll-equities", "poll-crypto", "poll-events", "compute-indicators", "sweep-series", "handle-dead-letters"];

const DEADLINE: Duration = Duration::from_secs(90);
const POLL: Duration = Duration::from_millis(100);

/// A record for a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Payload {
    pub(super) partition_key: String,
    pub(super) data: Vec<u8>,
}

/// The record of a fact, as the pollers make it.
pub(super) fn payload(fact: Fact) -> Payload {
    let at = fact.event_time() + Duration::from_secs(1);
    let record = wire::observation(&Observation { fact, flags: Vec::new() });
    Payload { partition_key: record.partition_key().to_string(), data: record.to_json(0, at).into_bytes() }
}

/// Looks again and again, until it sees what it waits for. What it sees instead is told at the deadline.
#[track_caller]
pub(super) fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Result<T, String>) -> impl Future<Output = T> {
    let caller = std::panic::Location::caller();
    async move {
        let begun = Instant::now();
        loop {
            match look().await {
                Ok(seen) => return seen,
                Err(instead) => {
                    assert!(begun.elapsed() < DEADLINE, "{caller}: {what} never came, but {instead}");
                }
            }
            tokio::time::sleep(POLL).await;
        }
    }
}

/// A simulated market that asks for [`KEY`], in the middle of a session.
pub(super) async fn market() -> Running {
    let options = market_simulator::Options { api_key: Some(KEY.into()), ..Default::default() };
    MarketSimulator::start(options).await.unwrap()
}

/// The deployed stack. It ends with its owner, whether the test passes or not.
pub(super) struct Stack {
    pub(super) sdk: SdkConfig,
    pub(super) outputs: StackOutputs,
    _emulator: Emulator,
    // Holds the emulator's log; goes after it.
    _folder: TempDir,
}

impl Stack {
    /// Starts an emulator and deploys with these parameters, besides those that every test has.
    pub(super) async fn start(parameters: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let venv = python::prepare(checkout(), |_| ()).await.unwrap();
        // Not within `folder`: whatever a test leaves that was killed, the next start sweeps up.
        let data_dir = checkout().join(".kinetick/emulator");
        let options = Options { log_file: folder.path().join("emulator.log"), data_dir, keep: false };
        let emulator = Emulator::start(&venv, options).await.unwrap();
        let sdk = sdk_config(emulator.endpoint());
        let mut stack = Self { sdk, outputs: StackOutputs::new(), _emulator: emulator, _folder: folder };
        stack.deploy(parameters).await;
        stack
    }

    /// With pollers that poll this market, and its key in the secret.
    pub(super) async fn start_with_market(market: &Running, parameters: &[(&str, &str)]) -> Self {
        let (clock, url) = (market.clock.to_string(), format!("{}/query", market.url));
        let own = [("Plan", "p75"), ("MarketClock", clock.as_str()), ("VendorUrl", url.as_str())];
        let stack = Self::start(&[own.as_slice(), parameters].concat()).await;
        stack.put_secret(&json!({"apikey": KEY, "plan": "p75", "entitlement": "realtime"}).to_string()).await;
        stack
    }

    /// Deploys once more, with other parameters.
    pub(super) async fn deploy(&mut self, parameters: &[(&str, &str)]) {
        let mut all = BTreeMap::from([("Env".to_owned(), "local".to_owned())]);
        all.insert("ScheduleState".to_owned(), "DISABLED".to_owned());
        all.extend(parameters.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let deployment = Deployment {
            template: checkout().join("template.yaml"),
            stack_name: "kinetick-test".to_owned(),
            parameters: all,
            bootstraps: FUNCTIONS.map(|name| (format!("functions/{name}/"), binary(name))).into(),
            bucket: "kinetick-test-deployment".to_owned(),
        };
        self.outputs = deploy(&self.sdk, deployment, |_| ()).await.unwrap();
    }

    /// Forgets all calls and cooldowns, as if another day had come.
    pub(super) async fn reopen_quota(&self) {
        let client = aws_sdk_dynamodb::Client::new(&self.sdk);
        let table = self.output("StateTableName");
        let items = client.scan().table_name(table).projection_expression("pk").send().await.unwrap().items.unwrap();
        for item in items {
            let pk = item["pk"].clone();
            if pk.as_s().is_ok_and(|pk| pk.starts_with("quota#")) {
                client.delete_item().table_name(table).key("pk", pk).send().await.unwrap();
            }
        }
    }

    pub(super) fn output(&self, name: &str) -> &str {
        self.outputs.get(name).unwrap_or_else(|| panic!("the stack has no output `{name}`"))
    }

    /// The deployed name of a function.
    pub(super) fn function(&self, folder: &str) -> &str {
        let deployed = self.outputs.iter().find(|(name, value)| {
            name.ends_with("FunctionName") && value.strip_suffix(folder).is_some_and(|start| start.ends_with('-'))
        });
        deployed.unwrap_or_else(|| panic!("no output names the function `{folder}`")).1
    }

    pub(super) async fn put_secret(&self, value: &str) {
        let client = aws_sdk_secretsmanager::Client::new(&self.sdk);
        let put = client.put_secret_value().secret_id(self.output("ApiKeySecretArn")).secret_string(value);
        put.send().await.unwrap();
    }

    /// Invokes a function, by the name of its folder.
    pub(super) async fn invoke(&self, folder: &str, event: &Value) -> Invocation {
        invoke(&aws_sdk_lambda::Client::new(&self.sdk), self.function(folder), event).await.unwrap()
    }

    /// The answer of an invocation that must not fail.
    #[track_caller]
    pub(super) fn answer(&self, folder: &str, event: &Value) -> impl Future<Output = Value> {
        let caller = std::panic::Location::caller();
        async move {
            let Invocation { payload, function_error, log_tail } = self.invoke(folder, event).await;
            assert_eq!(function_error, None, "{caller}: {folder} failed on {event}: {payload}\n{log_tail}");
            payload
        }
    }

    /// Puts records into the stream that an output names, in one call.
    pub(super) async fn put(&self, stream_output: &str, payloads: &[Payload]) {
        let entry = |payload: &Payload| {
            let data = Blob::new(payload.data.as_slice());
            PutRecordsRequestEntry::builder().partition_key(&payload.partition_key).data(data).build().unwrap()
        };
        let client = aws_sdk_kinesis::Client::new(&self.sdk);
        let put = client.put_records().stream_name(self.output(stream_output));
        let reply = put.set_records(Some(payloads.iter().map(entry).collect())).send().await.unwrap();
        assert_eq!(reply.failed_record_count, Some(0));
    }

    /// All that a stream holds.
    pub(super) async fn records(&self, stream_output: &str) -> Vec<Record> {
        let client = aws_sdk_kinesis::Client::new(&self.sdk);
        drain(&client, self.output(stream_output), &mut Position::default()).await.unwrap()
    }

    /// All objects of the bucket that an output names, below a prefix.
    pub(super) async fn objects(&self, bucket_output: &str, prefix: &str) -> Vec<Object> {
        ObjectTail::new(s3_client(&self.sdk), self.output(bucket_output), prefix).read().await.unwrap()
    }

    async fn lines(&self, bucket_output: &str, prefix: &str) -> Vec<Vec<u8>> {
        let objects = self.objects(bucket_output, prefix).await;
        objects.iter().flat_map(|object| object.lines().map(<[u8]>::to_vec)).collect()
    }

    /// The lines of the archive, sorted.
    pub(super) async fn archive(&self) -> Vec<Vec<u8>> {
        let mut lines = self.lines("DataBucketName", "raw/").await;
        lines.sort();
        lines
    }

    /// The readings in S3, by symbol and time.
    pub(super) async fn readings(&self) -> Vec<Value> {
        let lines = self.lines("DataBucketName", "indicators/").await;
        let mut readings: Vec<Value> = lines.iter().map(|line| serde_json::from_slice(line).unwrap()).collect();
        readings.sort_by_key(|reading| ["symbol", "timestamp"].map(|name| reading[name].to_string()));
        readings
    }

    /// The dead letters as functions store them.
    pub(super) async fn dead_letters(&self) -> Vec<Value> {
        let lines = self.lines("DeadLetterBucketName", "dead-letters/").await;
        lines.iter().map(|line| serde_json::from_slice(line).unwrap()).collect()
    }

    /// The outcomes that a function has logged.
    pub(super) async fn outcomes(&self, folder: &str) -> Vec<Value> {
        let client = aws_sdk_cloudwatchlogs::Client::new(&self.sdk);
        let lines = LogTail::new(client, [self.function(folder)]).read().await.unwrap();
        let outcome = |content| match content {
            Content::Json(mut line) => line.remove("outcome"),
            Content::Text(_) => None,
        };
        lines.into_values().flatten().filter_map(|line| outcome(line.content)).collect()
    }

    /// Waits until `compute-indicators` is done with so many records. Gives its outcomes.
    pub(super) async fn processed(&self, records: u64) -> Vec<Value> {
        until(&format!("the end of {records} records"), async || {
            let outcomes = self.outcomes("compute-indicators").await;
            let settled: u64 = outcomes.iter().map(|outcome| outcome["settled"].as_u64().unwrap()).sum();
            if settled >= records { Ok(outcomes) } else { Err(format!("{settled} are settled: {outcomes:#?}")) }
        })
        .await
    }

    /// What the state table holds under a key.
    pub(super) async fn item(&self, pk: &str) -> Option<std::collections::HashMap<String, AttributeValue>> {
        let client = aws_sdk_dynamodb::Client::new(&self.sdk);
        let get = client.get_item().table_name(self.output("StateTableName")).key("pk", text(pk));
        get.consistent_read(true).send().await.unwrap().item
    }

    /// Writes an item of the state table by hand; with `due`, as one that has been due for ever.
    pub(super) async fn put_item(&self, pk: &str, version: u64, state: &[u8], due: bool) {
        let client = aws_sdk_dynamodb::Client::new(&self.sdk);
        let mut put = client.put_item().table_name(self.output("StateTableName"));
        put = put.item("pk", text(pk)).item("version", AttributeValue::N(version.to_string()));
        put = put.item("state", AttributeValue::B(DynamoBlob::new(state)));
        if due {
            // A sweep asks for all of the buckets, so that any of them will do.
            put = put.item("due_bucket", text("due#0")).item("due_at", AttributeValue::N("0".to_owned()));
        }
        put.send().await.unwrap();
    }

    /// Every line of every log group, those of the platform included, by the group's name.
    pub(super) async fn logs(&self) -> BTreeMap<String, Vec<String>> {
        let client = aws_sdk_cloudwatchlogs::Client::new(&self.sdk);
        let groups = client.describe_log_groups().send().await.unwrap();
        assert_eq!(groups.next_token(), None, "one page holds them all");
        let mut logs = BTreeMap::new();
        for group in groups.log_groups().iter().filter_map(|group| group.log_group_name()) {
            let mut pages = client.filter_log_events().log_group_name(group).into_paginator().send();
            let lines: &mut Vec<String> = logs.entry(group.to_owned()).or_default();
            while let Some(page) = pages.next().await {
                lines.extend(page.unwrap().events.unwrap_or_default().into_iter().filter_map(|event| event.message));
            }
            assert!(lines.len() < 10_000, "the emulator answers with 10,000 lines at the most");
        }
        logs
    }

    /// That the key is in no log, stream, archive or dead letter.
    pub(super) async fn shows_no_key(&self) {
        for (group, lines) in self.logs().await {
            let shown = lines.iter().find(|line| line.contains(KEY));
            assert_eq!(shown, None, "the key is in the log group {group}");
        }
        let holds = |bytes: &[u8]| bytes.windows(KEY.len()).any(|window| window == KEY.as_bytes());
        for bucket in ["DataBucketName", "DeadLetterBucketName"] {
            for object in self.objects(bucket, "").await {
                assert!(!holds(&object.content), "the key is in s3://{}/{}", self.output(bucket), object.key);
            }
        }
        for stream in ["FinancialStreamName", "CryptoStreamName", "EventsStreamName"] {
            let shown = self.records(stream).await.into_iter().find(|record| holds(&record.data));
            assert_eq!(shown, None, "the key is in the stream {}", self.output(stream));
        }
    }
}

fn text(value: &str) -> AttributeValue {
    AttributeValue::S(value.to_owned())
}
