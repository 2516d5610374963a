//! The host's own endpoint: Lambda's Invoke API for its functions, and everything else passed on to the emulator.
//!
//! Of what is passed on, only the sequence numbers of Kinesis change; bodies stream through otherwise.
//! <https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html>

use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::{
    Method, Request as HttpRequest, Response, StatusCode,
    body::Incoming,
    header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderValue, TRANSFER_ENCODING},
};
use serde::de::IgnoredAny;
use serde_json::json;

use crate::{
    asynchronous::Queue,
    http::{AnyBody, Emulator, full},
    outcome::{Outcome, PAYLOAD_MAX},
    pool::{Pool, Request, new_request_id},
    widen::{narrow_json, widen_json},
};

/// The largest asynchronous event.
const EVENT_MAX: usize = 1024 * 1024;
/// Calls of Kinesis that name sequence numbers in what they ask or answer.
const WITH_NUMBERS: [&str; 6] =
    ["PutRecord", "PutRecords", "GetRecords", "GetShardIterator", "ListShards", "DescribeStream"];

/// What serves the endpoint.
pub(crate) struct Endpoint {
    pub(crate) pools: BTreeMap<String, Arc<Pool>>,
    pub(crate) queue: Arc<Queue>,
    pub(crate) emulator: Option<Emulator>,
}

impl Endpoint {
    pub(crate) async fn answer(self: Arc<Self>, request: HttpRequest<Incoming>) -> Response<AnyBody> {
        let path = request.uri().path().to_owned();
        let function = path.strip_prefix("/2015-03-31/functions/").and_then(|rest| rest.strip_suffix("/invocations"));
        if let (&Method::POST, Some(function)) = (request.method(), function) {
            let (name, arn) = named(&unescaped(function));
            if let Some(pool) = self.pools.get(&name) {
                return self.invoke(pool, arn, request).await;
            }
            if self.emulator.is_none() {
                let message = format!("Function not found: {name}");
                return refusal(StatusCode::NOT_FOUND, "ResourceNotFoundException", &message, None);
            }
        }
        let streamed = path.strip_suffix("/response-streaming-invocations").and_then(|rest| rest.rsplit('/').next());
        if streamed.is_some_and(|name| self.pools.contains_key(&named(&unescaped(name)).0)) {
            let message = "InvokeWithResponseStream is not emulated: use Invoke";
            return refusal(StatusCode::BAD_REQUEST, "InvalidParameterValueException", message, None);
        }
        match &self.emulator {
            Some(emulator) => pass_on(emulator, request).await,
            None => refusal(StatusCode::NOT_FOUND, "ResourceNotFoundException", "there is no emulator", None),
        }
    }

    async fn invoke(&self, pool: &Arc<Pool>, arn: Option<String>, request: HttpRequest<Incoming>) -> Response<AnyBody> {
        let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let kind = header("x-amz-invocation-type").unwrap_or_else(|| "RequestResponse".to_owned());
        let wants_log = header("x-amz-log-type").as_deref() == Some("Tail");
        let (client_context, trace_id) = (header("x-amz-client-context"), header("x-amzn-trace-id"));
        let max = if kind == "Event" { EVENT_MAX } else { PAYLOAD_MAX };
        let event = match Limited::new(request.into_body(), max).collect().await {
            Ok(body) => body.to_bytes(),
            Err(error) if error.is::<LengthLimitError>() => {
                let message = format!("Request must be smaller than {max} bytes for the InvokeFunction operation");
                return refusal(StatusCode::PAYLOAD_TOO_LARGE, "RequestEntityTooLargeException", &message, None);
            }
            Err(_) => Bytes::new(),
        };
        let event = if event.is_empty() { Bytes::from_static(b"{}") } else { event };
        if let Err(error) = serde_json::from_slice::<IgnoredAny>(&event) {
            let message = format!("Could not parse request body into json: {error}");
            return refusal(StatusCode::BAD_REQUEST, "InvalidRequestContentException", &message, None);
        }
        let request_id = new_request_id();
        let request = Request { event, client_context, arn, trace_id, request_id: Some(request_id.clone()), wants_log };
        match kind.as_str() {
            "RequestResponse" => {}
            "Event" => {
                self.queue.take(&pool.function.name, request);
                return reply(StatusCode::ACCEPTED, Bytes::new(), &request_id);
            }
            "DryRun" => return reply(StatusCode::NO_CONTENT, Bytes::new(), &request_id),
            other => {
                let message = format!("Value '{other}' at 'invocationType' failed to satisfy constraint");
                return refusal(StatusCode::BAD_REQUEST, "InvalidParameterValueException", &message, None);
            }
        }
        let Ok(done) = pool.invoke(request).await else {
            let reason = match pool.function.reserved_concurrency {
                Some(_) => "ReservedFunctionConcurrentInvocationLimitExceeded",
                None => "ConcurrentInvocationLimitExceeded",
            };
            return refusal(StatusCode::TOO_MANY_REQUESTS, "TooManyRequestsException", "Rate Exceeded.", Some(reason));
        };
        let failed = done.outcome.failure().is_some();
        let payload = match done.outcome {
            Outcome::Returned(payload) | Outcome::Failed { payload, .. } => payload,
        };
        let mut response = reply(StatusCode::OK, payload, &request_id);
        let headers = response.headers_mut();
        headers.insert("X-Amz-Executed-Version", HeaderValue::from_static("$LATEST"));
        if failed {
            headers.insert("X-Amz-Function-Error", HeaderValue::from_static("Unhandled"));
        }
        if wants_log && let Ok(log) = HeaderValue::try_from(base64_simd::STANDARD.encode_to_string(done.log_tail)) {
            headers.insert("X-Amz-Log-Result", log);
        }
        response
    }
}

/// The name of a function, and the ARN by which it was called if it was.
fn named(text: &str) -> (String, Option<String>) {
    let (name, is_arn) = match text.split_once(":function:").or_else(|| text.split_once("function:")) {
        Some((before, rest)) => (rest, before.starts_with("arn:")),
        None => (text, false),
    };
    let name = name.split(':').next().unwrap_or_default();
    (name.to_owned(), is_arn.then(|| text.to_owned()))
}

/// A part of a path without its escapes.
fn unescaped(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [byte, after @ ..] = rest {
        let escape = (*byte == b'%').then(|| std::str::from_utf8(after.get(..2)?).ok()).flatten();
        match escape.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            None => {
                bytes.push(*byte);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Passes a request on to the emulator, and its answer back.
async fn pass_on(emulator: &Emulator, request: HttpRequest<Incoming>) -> Response<AnyBody> {
    let target = request.headers().get("x-amz-target").and_then(|target| target.to_str().ok());
    let kinesis = target.and_then(|target| target.strip_prefix("Kinesis_20131202."));
    let is_json = |headers: &HeaderMap| {
        let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        kind.is_some_and(|kind| kind.contains("json"))
    };
    let has_numbers = kinesis.is_some_and(|call| WITH_NUMBERS.contains(&call)) && is_json(request.headers());
    // What is put holds no number worth translating, and is long.
    let is_put = kinesis.is_some_and(|call| call.starts_with("PutRecord"));
    let (parts, body) = request.into_parts();
    let mut request = HttpRequest::from_parts(parts, body.boxed());
    if has_numbers && !is_put {
        let (mut parts, body) = request.into_parts();
        let Ok(body) = body.collect().await else { return bad_gateway("the request broke off") };
        parts.headers.remove(CONTENT_LENGTH);
        parts.headers.remove(TRANSFER_ENCODING);
        request = HttpRequest::from_parts(parts, full(narrow_json(&body.to_bytes())));
    }
    let response = match emulator.forward(request).await {
        Ok(response) => response,
        Err(error) => return bad_gateway(&error.to_string()),
    };
    let (mut parts, body) = response.into_parts();
    if !has_numbers {
        return Response::from_parts(parts, body.boxed());
    }
    let Ok(body) = body.collect().await else { return bad_gateway("the emulator's answer broke off") };
    parts.headers.remove(CONTENT_LENGTH);
    parts.headers.remove(TRANSFER_ENCODING);
    // A checksum of the answer as it was; clients check it where it is there.
    parts.headers.remove("x-amz-crc32");
    Response::from_parts(parts, full(widen_json(&body.to_bytes())))
}

fn bad_gateway(message: &str) -> Response<AnyBody> {
    refusal(StatusCode::BAD_GATEWAY, "ServiceException", message, None)
}

fn reply(status: StatusCode, body: Bytes, request_id: &str) -> Response<AnyBody> {
    let mut response = Response::new(full(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Ok(id) = HeaderValue::from_str(request_id) {
        headers.insert("x-amzn-RequestId", id);
    }
    response
}

fn refusal(status: StatusCode, kind: &'static str, message: &str, reason: Option<&str>) -> Response<AnyBody> {
    let fault = if status.is_server_error() { "Service" } else { "User" };
    let mut body = json!({"Type": fault, "message": message});
    if let Some(reason) = reason {
        body["Reason"] = json!(reason);
    }
    let mut response = reply(status, body.to_string().into(), &new_request_id());
    response.headers_mut().insert("x-amzn-ErrorType", HeaderValue::from_static(kind));
    if status == StatusCode::TOO_MANY_REQUESTS {
        response.headers_mut().insert("Retry-After", HeaderValue::from_static("1"));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_are_named_in_each_of_their_forms() {
        let arn = "arn:aws:lambda:us-east-1:000000000000:function:orders";
        for text in
            ["orders", "orders:live", "000000000000:function:orders", "function:orders", arn, &format!("{arn}:1")]
        {
            assert_eq!(named(text).0, "orders", "{text}");
        }
        assert_eq!(named(arn).1.as_deref(), Some(arn));
        assert_eq!(named("orders").1, None);
        assert_eq!(unescaped("arn%3Aaws%3Alambda%"), "arn:aws:lambda%");
    }
}
