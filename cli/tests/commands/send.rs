//! `kinetick send`, against a stream that takes everything and one that takes nothing.

use std::{
    collections::HashSet,
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};

use crate::{kinetick, lines, refused, run, text};

#[test]
fn wrong_use_is_refused() {
    refused(&["send", "--stream", "stocks", "--count", "1"], &["financial, crypto, events, all"]);
    refused(&["send", "--stream", "all", "--count", "0"], &["1..=1000000"]);
    refused(&["send", "--stream", "all", "--count", "1", "--symbol", "AAPL"], &["`KINETICK.TEST`"]);
    refused(&["send", "--stream", "all", "--count", "1", "--endpoint-url", "127.0.0.1"], &["write a URL"]);
    refused(&["send", "--stream", "all", "--count", "1", "--env", "staging"], &["local, dev, prod"]);
}

#[test]
fn without_credentials_there_is_no_access() {
    let output = run(kinetick(&["send", "--stream", "crypto", "--count", "1"]), b"");
    assert_eq!(output.status.code(), Some(3));
    assert!(text(&output.stderr).contains("no credentials for AWS"), "{}", text(&output.stderr));
}

/// Stream, partition key and data of each record that was sent.
type Taken = Arc<Mutex<Vec<(String, String, Vec<u8>)>>>;

/// A Kinesis that takes every record, or none.
fn kinesis(takes: bool) -> (String, Taken) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let taken = Taken::default();
    let kept = taken.clone();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let body: Value = serde_json::from_slice(&body(&stream)).unwrap();
            let entries = body["Records"].as_array().unwrap();
            for entry in entries {
                let text = |value: &Value| value.as_str().unwrap().to_owned();
                let data = BASE64_STANDARD.decode(text(&entry["Data"])).unwrap();
                kept.lock().unwrap().push((text(&body["StreamName"]), text(&entry["PartitionKey"]), data));
            }
            let answer = match takes {
                true => json!({"SequenceNumber": "1", "ShardId": "shardId-000000000000"}),
                false => json!({"ErrorCode": "ProvisionedThroughputExceededException", "ErrorMessage": "slow down"}),
            };
            let answer = json!({"FailedRecordCount": 0, "Records": vec![answer; entries.len()]}).to_string();
            let head = "HTTP/1.1 200 OK\r\ncontent-type: application/x-amz-json-1.1\r\nconnection: close\r\n";
            write!(stream, "{head}content-length: {}\r\n\r\n{answer}", answer.len()).unwrap();
        }
    });
    (url, taken)
}

fn body(stream: &TcpStream) -> Vec<u8> {
    let mut reader = BufReader::new(stream);
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if line.trim().is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    body
}

#[test]
fn test_records_reach_their_streams() {
    let (url, taken) = kinesis(true);
    let arguments = ["send", "--stream", "all", "--count", "1100", "--env", "local", "--endpoint-url", &url];
    let output = run(kinetick(&[&arguments[..], &["--json"]].concat()), b"");
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let (streams, taken) = (lines(&output.stdout), taken.lock().unwrap());
    for (stream, (kind, key)) in
        streams.iter().zip([("financial", "symbol_KINETICK.TEST_"), ("crypto", "crypto_XTS_"), ("events", "event_")])
    {
        let name = format!("realtime-financial-local-{kind}-stream");
        assert_eq!((&stream["stream"], &stream["sent"], &stream["batches"]), (&json!(name), &json!(1100), &json!(3)));
        assert_eq!((&stream["success_rate"], &stream["failed"]), (&json!(1.0), &json!(0)));
        assert!(stream["latency_p99_ms"].is_u64() && stream["latency_mean_ms"].is_f64(), "{stream}");
        let there: Vec<_> = taken.iter().filter(|(of, ..)| *of == name).collect();
        let ids: HashSet<_> = there.iter().map(|(_, _, data)| wire::decode(data).unwrap().id).collect();
        assert_eq!((there.len(), ids.len()), (1100, 1100));
        assert!(there.iter().all(|(_, partition_key, _)| partition_key.starts_with(key)));
    }
}

#[test]
fn what_a_stream_does_not_take_is_counted_and_told() {
    let (url, _) = kinesis(false);
    let arguments = ["send", "--stream", "financial", "--count", "7", "--symbol", "mytest", "--endpoint-url", &url];
    let output = run(kinetick(&arguments), b"");
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stdout);
    let row = "realtime-financial-dev-financial-stream          0       7    0.00%        4";
    assert!(
        said.contains(row) && said.contains("7 records: ProvisionedThroughputExceededException slow down"),
        "{said}"
    );
}
