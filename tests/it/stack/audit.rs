//! `kinetick audit` on the deployed stack: what it says of a window in which all went well, and after something is lost.

use std::process::Command;

use emulator::{objects::Object, s3_client};
use market::{Fact, Interval, Timestamp};
use serde_json::{Value, json};
use testkit::record::bar;

use super::deployed::{Payload, Stack, payload};
use crate::built::binary;

const STREAM: &str = "FinancialStreamName";
const BARS: u32 = 40;

fn bars() -> Vec<Payload> {
    let open: Timestamp = "2026-01-15T14:30:00Z".parse().unwrap();
    let at = |minute: u32| open + std::time::Duration::from_secs(60) * minute;
    let fact = |minute: u32| -> Fact { bar("ALFA", Interval::Min1, at(minute), 20_000 + i64::from(minute), true) };
    (0..BARS).map(|minute| payload(fact(minute))).collect()
}

/// Runs it for the last hour, and gives its exit code and what it printed.
async fn audit(stack: &Stack, arguments: &[&str]) -> (Option<i32>, String) {
    let endpoint = stack.sdk.endpoint_url().unwrap().to_owned();
    let arguments: Vec<String> = arguments.iter().map(|argument| (*argument).to_owned()).collect();
    let output = tokio::task::spawn_blocking(move || {
        let mut command = Command::new(binary("kinetick"));
        command.args(["audit", "--endpoint-url", &endpoint]);
        if !arguments.iter().any(|argument| argument == "--stack") {
            command.args(["--stack", "kinetick-test"]);
        }
        command.args(arguments).output().unwrap()
    });
    let output = output.await.unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    (output.status.code(), said)
}

async fn audit_json(stack: &Stack) -> (Option<i32>, Value) {
    let (code, said) = audit(stack, &["--format", "json"]).await;
    (code, serde_json::from_str(&said).unwrap_or_else(|_| panic!("no JSON: {said}")))
}

#[tokio::test]
async fn a_window_balances_until_an_object_is_gone() {
    let stack = Stack::start(&[]).await;
    let good = bars();
    let mut bad = good[7].clone();
    bad.data.truncate(90);
    // Two puts, so that there are two objects at least; one record comes twice.
    stack.put(STREAM, &[&good[..20], &[bad]].concat()).await;
    stack.processed(21).await;
    stack.put(STREAM, &[&good[20..], &good[3..4]].concat()).await;
    stack.processed(u64::from(BARS) + 2).await;

    let (code, report) = audit_json(&stack).await;
    assert_eq!((code, &report["balanced"], &report["closed"]), (Some(0), &json!(true), &json!(true)), "{report:#}");
    let expected = json!({
        "offered": BARS + 1, "done": BARS, "dead": 1, "missing": 0, "pending": 0,
        "expired": 0, "repeated": 1, "done_and_dead": 0, "two_contents": 0,
    });
    assert_eq!(report["total"], expected, "{report:#}");
    // Each bar has a reading, in which volumes at least have a value.
    assert_eq!(report["done"], json!({"emitted": BARS, "merged": 0, "as_it_is": 0, "not_told": 0}), "{report:#}");
    assert_eq!((&report["owed"]["entries"], &report["archive"]["readings"]), (&json!(0), &json!(BARS)), "{report:#}");
    let (code, said) = audit(&stack, &["--last", "30m"]).await;
    assert!(code == Some(0) && said.contains("\nbalanced: offered = done, dead or expired\n"), "{said}");

    // The object of the first put goes away. Of what was in it, one record stands in the other one as well.
    let lines =
        |object: &Object| -> Vec<Value> { object.lines().map(|line| serde_json::from_slice(line).unwrap()).collect() };
    let (mut first, rest): (Vec<_>, Vec<_>) = stack
        .objects("DataBucketName", "raw/")
        .await
        .into_iter()
        .partition(|object| lines(object).iter().any(|line| line["timestamp"] == "2026-01-15T14:30:00.000Z"));
    let first = first.swap_remove(0);
    let again: Vec<Value> = rest.iter().flat_map(lines).map(|line| line["id"].clone()).collect();
    let mut lost = lines(&first);
    lost.retain(|line| !again.contains(&line["id"]));
    assert_eq!(lost.len(), 19, "twenty, and one that came twice");
    let delete = s3_client(&stack.sdk).delete_object().bucket(stack.output("DataBucketName")).key(&first.key);
    delete.send().await.unwrap();
    let (code, report) = audit_json(&stack).await;
    assert_eq!((code, &report["balanced"]), (Some(1), &json!(false)), "{report:#}");
    let records = stack.records(STREAM).await;
    let named = report["unsettled"].as_array().unwrap();
    assert_eq!(named.len(), lost.len(), "{report:#}");
    for line in &lost {
        let one = named.iter().find(|one| one["id"] == line["id"]).unwrap_or_else(|| panic!("{line} is not named"));
        assert_eq!((&one["state"], &one["schema"]), (&json!("missing"), &json!("bar.v1")), "{one:#}");
        let place = |record: &&emulator::streams::Record| {
            one["shard"] == record.shard.as_str() && one["sequence_number"] == record.sequence_number.as_str()
        };
        let record = records.iter().find(place).unwrap_or_else(|| panic!("nothing stands there: {one:#}"));
        assert_eq!(serde_json::from_slice::<Value>(&record.data).unwrap()["id"], line["id"]);
    }
    let (code, said) = audit(&stack, &["--limit", "1"]).await;
    let words = format!("{} records are neither in S3 nor in the dead letters", lost.len());
    assert!(code == Some(1) && said.contains(&words) && said.contains("not balanced:"), "{said}");
    assert!(said.contains(&format!("and {} more: `--limit` shows them", lost.len() - 1)), "{said}");

    // A window before all of it is empty, and closed: the stream was made later.
    let (code, said) = audit(&stack, &["--from", "2026-01-01T00:00:00Z", "--to", "2026-01-01T01:00:00Z"]).await;
    assert!(code == Some(0) && said.contains("total"), "{said}");
    // Names that do not exist are told as such.
    let (code, said) = audit(&stack, &["--stream", "nowhere"]).await;
    assert!(code == Some(3) && said.contains("cannot read the stream `nowhere`"), "{said}");
    let (code, said) = audit(&stack, &["--stack", "nowhere"]).await;
    assert!(code == Some(3) && said.contains("there is no stack `nowhere` in us-east-1"), "{said}");
}
