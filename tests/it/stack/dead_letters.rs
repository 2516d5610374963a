//! Dead letters on the emulator: from whoever gives up, by S3's notifications and a queue, to what is parked and
//! listed; and back to the consumer that gave up.

use aws_sdk_dynamodb::types::AttributeValue;
use base64::{Engine, engine::general_purpose::STANDARD};
use market::{Interval, Timestamp};
use serde_json::{Value, json};
use testkit::record::bar;

use super::deployed::{Payload, Stack, payload, until};

/// All listings, read from the state table itself.
async fn listings(stack: &Stack) -> Vec<Value> {
    let client = aws_sdk_dynamodb::Client::new(&stack.sdk);
    let items = client.scan().table_name(stack.output("StateTableName")).send().await.unwrap().items.unwrap();
    let letters = items.iter().filter(|item| item["pk"].as_s().is_ok_and(|pk| pk.starts_with("letter#")));
    letters.map(|item| serde_json::from_slice(item["state"].as_b().unwrap().as_ref()).unwrap()).collect()
}

async fn listed(stack: &Stack, count: usize) -> Vec<Value> {
    until(&format!("the listing of {count} batches"), async || {
        let listings = listings(stack).await;
        if listings.len() == count { Ok(listings) } else { Err(format!("there are {}: {listings:#?}", listings.len())) }
    })
    .await
}

/// The letters of the parked object that a listing names.
async fn parked(stack: &Stack, listing: &Value) -> Vec<Value> {
    let key = listing["key"].as_str().unwrap();
    let objects = stack.objects("DeadLetterBucketName", key).await;
    assert_eq!(objects.len(), 1, "{key}");
    objects[0].lines().map(|line| serde_json::from_slice(line).unwrap()).collect()
}

/// What a mapping stores of a record that it gave up in an outage.
async fn give_up(stack: &Stack, given: &Payload) {
    let (name, number) =
        (stack.output("FinancialStreamName"), "49590338271490256608559692538361571095921575989136588898");
    let arn = stack.output("FinancialStreamArn");
    let event = json!({"Records": [{
        "kinesis": {
            "kinesisSchemaVersion": "1.0", "partitionKey": given.partition_key, "sequenceNumber": number,
            "data": STANDARD.encode(&given.data), "approximateArrivalTimestamp": 1_795_190_400.987,
        },
        "eventSource": "aws:kinesis", "eventVersion": "1.0", "eventID": format!("shardId-000000000001:{number}"),
        "eventName": "aws:kinesis:record", "awsRegion": "us-east-1", "eventSourceARN": arn,
    }]});
    let told = json!({
        "requestContext": {
            "requestId": "r", "functionArn": stack.output("ComputeIndicatorsFunctionArn"),
            "condition": "RecordAgeExceeded", "approximateInvokeCount": 9,
        },
        "version": "1.0", "timestamp": "2026-11-20T15:00:00.000Z",
        "KinesisBatchInfo": {
            "shardId": "shardId-000000000001", "startSequenceNumber": number, "endSequenceNumber": number,
            "batchSize": 1, "streamArn": arn,
        },
        "payload": event.to_string(),
    });
    let key = format!("aws/lambda/mapping/{name}/2026/11/20/2026-11-20T15.00.00-1");
    let bucket = stack.output("DeadLetterBucketName");
    let put = emulator::s3_client(&stack.sdk).put_object().bucket(bucket).key(key);
    put.body(told.to_string().into_bytes().into()).send().await.unwrap();
}

/// Makes due what is redriven by itself in a minute at the latest.
async fn make_due(stack: &Stack, listing: &Value) {
    let client = aws_sdk_dynamodb::Client::new(&stack.sdk);
    let pk = AttributeValue::S(format!("letter#{}", listing["id"].as_str().unwrap()));
    let update = client.update_item().table_name(stack.output("StateTableName")).key("pk", pk);
    let update = update.update_expression("SET due_at = :now");
    update.expression_attribute_values(":now", AttributeValue::N("0".to_owned())).send().await.unwrap();
}

#[tokio::test]
async fn what_is_given_up_is_parked_with_its_payload_and_redriven_to_the_consumer() {
    let stack = Stack::start(&[]).await;
    let poison = Payload { partition_key: "symbol_MSFT_7".into(), data: b"{\"symbol\":\"MSFT\"".to_vec() };
    stack.put("FinancialStreamName", &[poison]).await;
    let stored = listed(&stack, 1).await.remove(0);
    assert_eq!((&stored["function"], &stored["status"]), (&"compute-indicators".into(), &"waiting".into()));
    assert_eq!((&stored["kinds"], &stored["next_attempt"]), (&json!({"not_json": 1}), &Value::Null), "{stored:#}");
    let letters = parked(&stack, &stored).await;
    assert_eq!((letters.len(), &letters[0]["payload"]), (1, &"{\"symbol\":\"MSFT\"".into()));

    let start: Timestamp = "2026-11-20T15:00:00Z".parse().unwrap();
    let given = payload(bar("ACME", Interval::Min1, start, 10_000, true));
    give_up(&stack, &given).await;
    let listings = listed(&stack, 2).await;
    let outage = listings.iter().find(|listing| listing["kinds"] == json!({"given_up": 1})).unwrap();
    assert!(outage["next_attempt"].is_string(), "{outage:#}");
    make_due(&stack, outage).await;
    let outcome = stack.answer("handle-dead-letters", &json!({"job": "redrive"})).await;
    assert_eq!(
        ["batches", "redriven", "stayed"].map(|name| &outcome[name]),
        [&json!(1), &json!(1), &json!(0)],
        "{outcome:#}"
    );
    assert_eq!(stack.archive().await, [given.data], "the consumer had it, and none of its neighbours");
    let done = listed(&stack, 2).await;
    assert_eq!(done.iter().filter(|listing| listing["status"] == "redriven").count(), 1, "{done:#?}");

    // What is parked tells nobody: there is one object for each batch, and none of it was parked again.
    assert_eq!(stack.objects("DeadLetterBucketName", "parked/").await.len(), 2);
}
