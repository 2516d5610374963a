//! The server itself, by raw requests.

use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;

use super::*;

fn body(keys: &[&str]) -> Vec<u8> {
    let records: Vec<Value> = keys.iter().map(|key| json!({"Data": "eHk=", "PartitionKey": key})).collect();
    json!({"StreamName": "s", "Records": records}).to_string().into_bytes()
}

/// Sends a request, and gives status and body, or nothing if the connection broke.
async fn ask(server: &FakeKinesis, operation: &str, body: &[u8]) -> Option<(u16, Value)> {
    let head = format!(
        "POST / HTTP/1.1\r\nHost: x\r\nX-Amz-Target: Kinesis_20131202.{operation}\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    let mut stream = TcpStream::connect(server.address()).await.unwrap();
    stream.write_all(&[head.as_bytes(), body].concat()).await.unwrap();
    stream.shutdown().await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.ok()?;
    let text = String::from_utf8(answer).unwrap();
    let (head, body) = text.split_once("\r\n\r\n")?;
    Some((head.split(' ').nth(1).unwrap().parse().unwrap(), serde_json::from_str(body).unwrap()))
}

fn one(set: impl FnOnce(&mut Rates)) -> Rates {
    let mut rates = Rates::default();
    set(&mut rates);
    rates
}

#[tokio::test]
async fn records_are_kept_and_limits_are_those_of_kinesis() {
    let server = FakeKinesis::sink(1, Rates::default()).await.unwrap();
    let (status, answer) = ask(&server, "PutRecords", &body(&["a", "b"])).await.unwrap();
    assert_eq!((status, &answer["FailedRecordCount"]), (200, &json!(0)));
    assert_eq!(answer["Records"][1]["SequenceNumber"].as_str().unwrap().len(), 56);
    let taken = |key: &str| Taken { partition_key: key.to_owned(), data: b"xy".to_vec() };
    assert_eq!(server.taken(), [taken("a"), taken("b")]);
    for bad in [body(&[]), body(&[""]), body(&["x"; 501]), body(&[&"x".repeat(257)])] {
        assert_eq!(ask(&server, "PutRecords", &bad).await.unwrap().0, 400);
    }
    assert_eq!(ask(&server, "PutRecords", b"{").await.unwrap().0, 400);
    assert_eq!(ask(&server, "ListStreams", b"{}").await.unwrap().1["__type"], "UnknownOperationException");
    assert_eq!((server.seen().invalid, server.seen().calls, server.taken().len()), (4, 5, 2));
}

#[tokio::test]
async fn each_fault_is_what_it_is_called() {
    let keys = ["a", "b", "c"];
    for (rates, has_answer, is_written) in [
        (one(|rates| rates.throttle = 1.0), true, false),
        (one(|rates| rates.server_error = 1.0), true, false),
        (one(|rates| rates.reset_before = 1.0), false, false),
        (one(|rates| rates.reset_after = 1.0), false, true),
        (one(|rates| rates.silence_after = 1.0), false, true),
        (one(|rates| rates.slow_body = 1.0), true, true),
    ] {
        let server = FakeKinesis::sink(3, rates).await.unwrap();
        let answer = ask(&server, "PutRecords", &body(&keys)).await;
        assert_eq!(answer.is_some(), has_answer, "{rates:?}");
        assert_eq!(server.taken().len(), if is_written { 3 } else { 0 }, "{rates:?}");
        assert_eq!((server.seen().in_failed_calls, server.seen().refused), (3, 0));
        assert!(answer.is_none_or(|(status, _)| (status == 200) == is_written));
    }
    let server = FakeKinesis::sink(3, one(|rates| rates.refuse = 0.5)).await.unwrap();
    let (_, answer) = ask(&server, "PutRecords", &body(&["x"; 400])).await.unwrap();
    let refused = answer["Records"].as_array().unwrap().iter().filter(|record| record.get("ErrorCode").is_some());
    let refused = refused.count();
    assert!((150..250).contains(&refused) && answer["FailedRecordCount"] == refused);
    assert_eq!((server.seen().refused as usize, server.taken().len()), (refused, 400 - refused));
}

#[tokio::test]
async fn a_proxy_passes_on_what_it_does_not_refuse_and_puts_its_refusals_in_their_places() {
    let upstream = FakeKinesis::sink(1, Rates::default()).await.unwrap();
    let proxy = FakeKinesis::proxy(upstream.address(), 5, one(|rates| rates.refuse = 0.3)).await.unwrap();
    let keys: Vec<String> = (0..100).map(|at| at.to_string()).collect();
    let (status, answer) =
        ask(&proxy, "PutRecords", &body(&keys.iter().map(String::as_str).collect::<Vec<_>>())).await.unwrap();
    assert_eq!(status, 200);
    let answers = answer["Records"].as_array().unwrap();
    let expected = keys.iter().zip(answers).filter(|(_, answer)| answer.get("ErrorCode").is_none());
    let expected: Vec<&str> = expected.map(|(key, _)| key.as_str()).collect();
    let taken = upstream.taken();
    assert_eq!(taken.iter().map(|record| record.partition_key.as_str()).collect::<Vec<_>>(), expected);
    assert_eq!(answer["FailedRecordCount"], 100 - taken.len());
    assert!(answers.len() == 100 && taken.len() < 100);
    let (status, answer) = ask(&proxy, "ListStreams", b"{}").await.unwrap();
    assert_eq!((status, &answer["__type"]), (400, &json!("UnknownOperationException")), "the upstream's answer");
}
