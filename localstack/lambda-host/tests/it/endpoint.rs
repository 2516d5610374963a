//! The host's endpoint: Lambda's Invoke API, and what is passed on to an emulator that only tells what it was asked.

use std::{
    convert::Infallible,
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{Method, Request, Response, StatusCode, body::Incoming, header::HeaderMap, service::service_fn};
use hyper_util::{
    client::legacy::Client,
    rt::{TokioExecutor, TokioIo},
};
use lambda_host::{EventInvoke, Function, Options};
use serde_json::{Value, json};

use super::{obedient, start, until};

pub(crate) async fn call(
    url: &str,
    method: Method,
    headers: &[(&str, &str)],
    body: impl Into<Bytes>,
) -> (StatusCode, HeaderMap, Bytes) {
    let client: Client<_, Full<Bytes>> = Client::builder(TokioExecutor::new()).build_http();
    let mut request = Request::builder().method(method).uri(url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = client.request(request.body(Full::new(body.into())).unwrap()).await.unwrap();
    let (parts, body) = response.into_parts();
    (parts.status, parts.headers, body.collect().await.unwrap().to_bytes())
}

fn invocations(endpoint: &str, function: &str) -> String {
    format!("{endpoint}/2015-03-31/functions/{function}/invocations")
}

fn json_of(body: &[u8]) -> Value {
    serde_json::from_slice(body).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn functions_are_invoked_as_by_lambda() {
    let folder = tempfile::tempdir().unwrap();
    let busy = Function { reserved_concurrency: Some(0), ..obedient(folder.path(), "busy") };
    let host = start(vec![obedient(folder.path(), "f"), busy], Options::default()).await;
    let at = |function: &str| invocations(host.endpoint(), function);
    let post = async |function: &str, headers: &[(&str, &str)], body: &str| {
        call(&at(function), Method::POST, headers, body.to_owned()).await
    };

    let tail = [("x-amz-log-type", "Tail")];
    let (status, headers, body) = post("f", &tail, r#"{"do":"say","text":"hello out there"}"#).await;
    assert_eq!(status, 200);
    assert_eq!(headers["x-amz-executed-version"], "$LATEST");
    assert!(headers.get("x-amz-function-error").is_none());
    assert_eq!(json_of(&body)["request_id"], headers["x-amzn-requestid"].to_str().unwrap());
    let log = base64_simd::STANDARD.decode_to_vec(headers["x-amz-log-result"].as_bytes()).unwrap();
    let log = String::from_utf8(log).unwrap();
    assert!(log.contains("hello out there\n") && log.contains("REPORT RequestId: "), "{log}");

    let arn = "arn%3Aaws%3Alambda%3Aus-east-1%3A000000000000%3Afunction%3Af";
    let (status, headers, body) = post(arn, &[], r#"{"do":"fail"}"#).await;
    assert_eq!((status.as_u16(), headers["x-amz-function-error"].to_str().unwrap()), (200, "Unhandled"));
    assert_eq!(json_of(&body)["errorMessage"], "as told");

    let (status, ..) = post("f", &[], "").await;
    assert_eq!(status, 200, "no payload is an empty object");
    let (status, headers, _) = post("f", &[], "{no json").await;
    assert_eq!(
        (status.as_u16(), headers["x-amzn-errortype"].to_str().unwrap()),
        (400, "InvalidRequestContentException")
    );
    let (status, ..) = post("f", &[], &"x".repeat((6 << 20) + 1)).await;
    assert_eq!(status, 413);
    let (status, headers, _) = post("missing", &[], "{}").await;
    assert_eq!((status.as_u16(), headers["x-amzn-errortype"].to_str().unwrap()), (404, "ResourceNotFoundException"));
    let (status, headers, body) = post("busy", &[], "{}").await;
    assert_eq!((status.as_u16(), headers["x-amzn-errortype"].to_str().unwrap()), (429, "TooManyRequestsException"));
    assert_eq!(json_of(&body)["Reason"], "ReservedFunctionConcurrentInvocationLimitExceeded");
    let (status, _, body) = post("f", &[("x-amz-invocation-type", "DryRun")], "{}").await;
    assert_eq!((status.as_u16(), body.len()), (204, 0));
    let before = host.report().functions["f"].invocations;
    let (status, _, body) = post("f", &[("x-amz-invocation-type", "Event")], "{}").await;
    assert_eq!((status.as_u16(), body.len()), (202, 0));
    until("the event is through", || async { host.report().functions["f"].invocations == before + 1 }).await;
    host.stop().await;
}

/// An emulator that keeps what it is asked, and answers with a record.
async fn recorder() -> (String, Arc<Mutex<Vec<(String, Bytes)>>>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let asked: Arc<Mutex<Vec<(String, Bytes)>>> = Arc::default();
    let kept = Arc::clone(&asked);
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let kept = Arc::clone(&kept);
            tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(
                TokioIo::new(stream),
                service_fn(move |request: Request<Incoming>| {
                    let kept = Arc::clone(&kept);
                    async move {
                        let target = request.headers().get("x-amz-target").map(|value| value.to_str().unwrap().to_owned());
                        let what = target.unwrap_or_else(|| format!("{} {}", request.method(), request.uri()));
                        let body = request.into_body().collect().await.unwrap().to_bytes();
                        kept.lock().unwrap().push((what, body));
                        let answer = r#"{"Records": [{"SequenceNumber": "000000000176374944500000000001", "ShardId": "s"}], "QueueUrl": "q"}"#;
                        Ok::<_, Infallible>(Response::builder().status(201).header("x-mine", "1").body(Full::<Bytes>::from(answer)).unwrap())
                    }
                }),
            ));
        }
    });
    (url, asked)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_else_is_passed_on_and_numbers_are_widened() {
    let (emulator, asked) = recorder().await;
    let folder = tempfile::tempdir().unwrap();
    let options = Options { emulator: Some(emulator), ..Options::default() };
    let host = start(vec![obedient(folder.path(), "f")], options).await;
    let wide = "49000000000000000000000000000000000176374944500000000001";

    let body = "x".repeat(3 << 20);
    let (status, headers, _) =
        call(&format!("{}/bucket/a%20b?partNumber=1", host.endpoint()), Method::PUT, &[], body.clone()).await;
    assert_eq!((status.as_u16(), headers["x-mine"].to_str().unwrap()), (201, "1"));
    assert_eq!(asked.lock().unwrap().pop().unwrap(), ("PUT /bucket/a%20b?partNumber=1".to_owned(), body.into()));

    let kinesis = |operation: &'static str, body: String| {
        let url = host.endpoint().to_owned();
        async move {
            let target = format!("Kinesis_20131202.{operation}");
            let headers = [("x-amz-target", target.as_str()), ("content-type", "application/x-amz-json-1.1")];
            call(&url, Method::POST, &headers, body).await.2
        }
    };
    let put = r#"{"Records":[{"Data":"SequenceNumber"}]}"#.to_owned();
    let answer = kinesis("PutRecords", put.clone()).await;
    assert_eq!(json_of(&answer)["Records"][0]["SequenceNumber"], wide);
    assert_eq!(asked.lock().unwrap().pop().unwrap().1, put);
    kinesis("GetShardIterator", json!({"StartingSequenceNumber": wide}).to_string()).await;
    assert_eq!(json_of(&asked.lock().unwrap().pop().unwrap().1)["StartingSequenceNumber"], &wide[26..]);

    let (status, ..) = call(&invocations(host.endpoint(), "elsewhere"), Method::POST, &[], "{}").await;
    assert_eq!(status, 201, "a function of the emulator's own");
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_that_fails_is_tried_again_and_then_told_of() {
    let (emulator, asked) = recorder().await;
    let folder = tempfile::tempdir().unwrap();
    let arn = |name: &str| Some(format!("arn:aws:sqs:us-east-1:000000000000:{name}"));
    let event_invoke = EventInvoke {
        maximum_retry_attempts: 1,
        on_failure: arn("failures"),
        on_success: arn("successes"),
        dead_letter: arn("dead"),
        ..EventInvoke::default()
    };
    let function = Function { event_invoke, ..obedient(folder.path(), "f") };
    let wait = Duration::from_millis(20);
    let options = Options { emulator: Some(emulator), event_waits: [wait, wait], ..Options::default() };
    let host = start(vec![function], options).await;
    let event = [("x-amz-invocation-type", "Event")];
    call(&invocations(host.endpoint(), "f"), Method::POST, &event, r#"{"do":"fail"}"#).await;
    let sent = || -> Vec<Value> {
        let asked = asked.lock().unwrap();
        asked.iter().filter(|(what, _)| what == "AmazonSQS.SendMessage").map(|(_, body)| json_of(body)).collect()
    };
    until("both letters are sent", || async { sent().len() == 2 }).await;
    let record: Value = serde_json::from_str(sent()[0]["MessageBody"].as_str().unwrap()).unwrap();
    assert_eq!(record["requestContext"]["condition"], "RetriesExhausted");
    assert_eq!(record["requestContext"]["approximateInvokeCount"], 2);
    assert_eq!(record["requestPayload"], json!({"do": "fail"}));
    assert_eq!(record["responseContext"]["functionError"], "Unhandled");
    assert_eq!(record["responsePayload"]["errorMessage"], "as told");
    assert_eq!(sent()[1]["MessageBody"], r#"{"do":"fail"}"#);
    assert_eq!(sent()[1]["MessageAttributes"]["ErrorMessage"]["StringValue"], "as told");
    call(&invocations(host.endpoint(), "f"), Method::POST, &event, "{}").await;
    until("the success is told of", || async { sent().len() == 3 }).await;
    let record: Value = serde_json::from_str(sent()[2]["MessageBody"].as_str().unwrap()).unwrap();
    assert_eq!(record["requestContext"]["condition"], "Success");
    assert_eq!(host.stop().await.functions["f"].invocations, 3);
}
