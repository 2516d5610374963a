//! `kinetick dead-letters` on the deployed stack, beside the function that parks: what a mapping gave up is listed, shown,
//! redriven and discarded, and the account of the window follows.

use std::{
    process::{Command, Output, Stdio},
    time::Duration,
};

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use emulator::{s3_client, streams::Record};
use market::{Fact, Interval, Timestamp};
use serde_json::{Value, json};
use testkit::record::bar;

use super::deployed::{Payload, Stack, payload, until};
use crate::built::binary;

const STREAM: &str = "FinancialStreamName";
const BARS: u32 = 12;

fn bars(symbol: &str) -> Vec<Payload> {
    let open: Timestamp = "2026-01-15T14:30:00Z".parse().unwrap();
    let at = |minute: u32| open + Duration::from_secs(60) * minute;
    let fact = |minute: u32| -> Fact { bar(symbol, Interval::Min1, at(minute), 20_000 + i64::from(minute), true) };
    (0..BARS).map(|minute| payload(fact(minute))).collect()
}

fn command(stack: &Stack, arguments: &[&str]) -> Command {
    let mut command = Command::new(binary("kinetick"));
    let endpoint = stack.sdk.endpoint_url().unwrap();
    command.args(arguments).args(["--env", "local", "--stack", "kinetick-test", "--endpoint-url", endpoint]);
    command.env("USER", "a tester");
    command
}

fn said(output: &Output) -> (Option<i32>, String) {
    let [out, err] = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    (output.status.code(), out + &err)
}

async fn kinetick(stack: &Stack, arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = command(stack, arguments);
    said(&tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap())
}

/// Runs it, and reads the JSON that it prints.
async fn reads(stack: &Stack, arguments: &[&str]) -> (Option<i32>, Value) {
    let (code, said) = kinetick(stack, &[arguments, &["--format", "json"]].concat()).await;
    (code, serde_json::from_str(&said).unwrap_or_else(|_| panic!("{arguments:?}: no JSON: {said}")))
}

/// Lists until there are so many batches.
async fn batches(stack: &Stack, arguments: &[&str], count: usize) -> Vec<Value> {
    until(&format!("{count} batches"), async || {
        let (code, listed) = reads(stack, &[&["dead-letters", "list"], arguments].concat()).await;
        assert_eq!(code, Some(0), "{listed:#}");
        let batches = listed["batches"].as_array().unwrap().clone();
        if batches.len() == count { Ok(batches) } else { Err(format!("{listed:#}")) }
    })
    .await
}

/// What a mapping stores when it gives up records of one shard.
async fn give_up(stack: &Stack, records: &[Record]) {
    let (account, stream) = ("000000000000", stack.output(STREAM));
    let stream_arn = format!("arn:aws:kinesis:us-east-1:{account}:stream/{stream}");
    let record = |record: &Record| {
        json!({
            "kinesis": {
                "kinesisSchemaVersion": "1.0",
                "partitionKey": record.partition_key,
                "sequenceNumber": record.sequence_number,
                "data": BASE64.encode(&record.data),
                "approximateArrivalTimestamp": record.arrived_at_ms as f64 / 1e3,
            },
            "eventSource": "aws:kinesis",
            "eventVersion": "1.0",
            "eventID": format!("{}:{}", record.shard, record.sequence_number),
            "eventName": "aws:kinesis:record",
            "awsRegion": "us-east-1",
            "eventSourceARN": stream_arn,
        })
    };
    let event = json!({"Records": records.iter().map(record).collect::<Vec<_>>()});
    let (first, last) = (&records[0], records.last().unwrap());
    let function = stack.function("compute-indicators");
    let object = json!({
        "requestContext": {
            "requestId": "c0ffee00-0000-0000-0000-000000000000",
            "functionArn": format!("arn:aws:lambda:us-east-1:{account}:function:{function}"),
            "condition": "RetryAttemptsExhausted",
            "approximateInvokeCount": 4,
        },
        "version": "1.0",
        "timestamp": "2026-11-20T15:00:00.000Z",
        "KinesisBatchInfo": {
            "shardId": first.shard,
            "startSequenceNumber": first.sequence_number,
            "endSequenceNumber": last.sequence_number,
            "approximateArrivalOfFirstRecord": "2026-11-20T15:00:00.000Z",
            "approximateArrivalOfLastRecord": "2026-11-20T15:00:00.000Z",
            "batchSize": records.len(),
            "streamArn": stream_arn,
        },
        "payload": event.to_string(),
    });
    let key = format!("aws/lambda/mapping/{}/2026/11/20/2026-11-20T15.00.00-{}", first.shard, first.sequence_number);
    let put = s3_client(&stack.sdk).put_object().bucket(stack.output("DeadLetterBucketName")).key(key);
    put.body(object.to_string().into_bytes().into()).send().await.unwrap();
}

async fn total(stack: &Stack) -> (Option<i32>, Value) {
    let (code, report) = reads(stack, &["audit"]).await;
    let of = |name: &str| report["total"][name].clone();
    (code, json!([of("offered"), of("done"), of("dead"), of("missing"), of("pending")]))
}

#[tokio::test]
async fn what_a_mapping_gave_up_is_redriven_once_and_a_bad_record_is_discarded() {
    let stack = Stack::start(&[]).await;
    let lambda = aws_sdk_lambda::Client::new(&stack.sdk);
    emulator::functions::disable_mappings(&lambda, stack.function("compute-indicators")).await.unwrap();
    let all = bars("ALFA");
    let mut bad = all[5].clone();
    bad.data.truncate(90);
    stack.put(STREAM, &[all.clone(), vec![bad.clone()]].concat()).await;
    let records = stack.records(STREAM).await;
    assert!(records.iter().all(|record| record.shard == records[0].shard), "one symbol is in one shard");

    let code = kinetick(&stack, &["audit"]).await.0;
    assert_eq!(code, Some(1), "nothing was consumed");
    give_up(&stack, &records).await;
    let batch = batches(&stack, &[], 1).await.remove(0);
    let id = batch["id"].as_str().unwrap();
    assert_eq!((&batch["function"], &batch["kinds"]), (&json!("compute-indicators"), &json!({"given_up": BARS + 1})));
    assert_eq!((&batch["waiting"], &batch["symbols"]), (&json!(BARS + 1), &json!(["ALFA"])), "{batch:#}");
    assert_eq!(total(&stack).await, (Some(0), json!([BARS + 1, 0, BARS + 1, 0, 0])));

    // Filters ask for what there is, and for what there is not.
    for (arguments, count) in [
        (&["--kind", "given_up,crashed", "--symbol", "alfa", "--function", "compute-indicators"][..], 1),
        (&["--kind", "crashed"], 0),
        (&["--symbol", "BRAVO"], 0),
        (&["--status", "redriven,discarded"], 0),
        (&["--from", "2026-11-20T15:00:00Z", "--to", "2026-11-20T15:00:01Z"], 1),
        (&["--to", "2026-11-20T15:00:00Z"], 0),
    ] {
        batches(&stack, arguments, count).await;
    }
    let (code, said) = kinetick(&stack, &["dead-letters", "show", &id[..8]]).await;
    let shown = said.contains("RetryAttemptsExhausted") && said.contains(&records[0].sequence_number);
    assert!(code == Some(0) && shown && said.contains("{\"schema\":\"bar.v1\""), "{said}");
    let (_, raw) = kinetick(&stack, &["dead-letters", "show", id, "--raw", "--symbol", "ALFA"]).await;
    let expected: Vec<u8> = all.iter().flat_map(|payload| [&payload.data, b"\n".as_slice()].concat()).collect();
    assert_eq!(raw.as_bytes(), expected);

    // A dry run says it all and changes nothing.
    let (code, plan) = reads(&stack, &["dead-letters", "redrive", "--all", "--dry-run"]).await;
    let group = json!({"action": "invoke", "to": "compute-indicators", "kind": "given_up", "letters": BARS + 1});
    assert_eq!((code, &plan["letters"], &plan["groups"]), (Some(0), &json!(BARS + 1), &json!([group])), "{plan:#}");
    assert_eq!(batches(&stack, &[], 1).await, std::slice::from_ref(&batch));
    assert!(stack.archive().await.is_empty());

    // One a second, and interrupted: the letter under way is brought to its end, and the rest waits.
    let slow = ["dead-letters", "redrive", id, "--rate", "1"];
    let mut slow = command(&stack, &slow);
    let child = slow.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let redriven = async || reads(&stack, &["dead-letters", "show", id]).await.1["redriven"].as_u64().unwrap();
    until("the first letter", async || (redriven().await > 0).then_some(()).ok_or("none is redriven".to_owned())).await;
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let output = tokio::task::spawn_blocking(move || child.wait_with_output().unwrap()).await.unwrap();
    let (code, words) = self::said(&output);
    assert!(code == Some(1) && words.contains("the same command goes on with the rest"), "{words}");
    let before = redriven().await;
    assert!((1..u64::from(BARS)).contains(&before), "{before} are redriven");
    assert_eq!(stack.archive().await.len() as u64, before);

    // The rest, and once more, and once more.
    for letters in [u64::from(BARS) + 1 - before, 0, 0] {
        let (code, outcome) = reads(&stack, &["dead-letters", "redrive", id]).await;
        assert_eq!((code, &outcome["letters"], &outcome["redriven"]), (Some(0), &json!(letters), &json!(letters)));
        let mut data: Vec<_> = all.iter().map(|payload| payload.data.clone()).collect();
        data.sort();
        assert_eq!(stack.archive().await, data);
        assert_eq!(stack.readings().await.len(), BARS as usize);
    }
    // The bad one was taken by its consumer as well: it lies in the dead letters for what it is.
    let bad = batches(&stack, &[], 1).await.remove(0);
    assert_eq!((&bad["kinds"], &bad["next_attempt"]), (&json!({"not_json": 1}), &Value::Null), "{bad:#}");
    assert_eq!(total(&stack).await, (Some(0), json!([BARS + 1, BARS, 1, 0, 0])));

    // It is good for nothing: discarded, with a trace.
    let bad = bad["id"].as_str().unwrap();
    let discard = ["dead-letters", "discard", bad, "--reason", "cut by a test"];
    let (code, said) = kinetick(&stack, &discard).await;
    assert!(code == Some(2) && said.contains("1 letters would be discarded") && said.contains("say `--yes`"), "{said}");
    batches(&stack, &[], 1).await;
    let (code, said) = kinetick(&stack, &[&discard[..], &["--yes"]].concat()).await;
    assert!(code == Some(0) && said.contains("1 letters discarded, 0 wait"), "{said}");
    batches(&stack, &[], 0).await;
    let gone = batches(&stack, &["--status", "discarded"], 1).await.remove(0);
    assert_eq!(
        (&gone["discards"][0]["by"], &gone["discards"][0]["reason"]),
        (&json!("a tester"), &json!("cut by a test")),
        "{gone:#}"
    );
    let (code, outcome) = reads(&stack, &["dead-letters", "redrive", bad]).await;
    assert_eq!((code, &outcome["letters"]), (Some(0), &json!(0)), "{outcome:#}");
    assert_eq!(total(&stack).await, (Some(0), json!([BARS + 1, BARS, 1, 0, 0])), "given up is still kept");

    // What there is not.
    let nothing = "00000000000000000000000000000000";
    for arguments in
        [&["show", nothing][..], &["show", "0000"], &["redrive", nothing], &["redrive", nothing, "--dry-run"]]
    {
        let (code, said) = kinetick(&stack, &[&["dead-letters"], arguments].concat()).await;
        assert!(code == Some(2) && said.contains("there is no batch `0000"), "{arguments:?}: {said}");
    }
}
