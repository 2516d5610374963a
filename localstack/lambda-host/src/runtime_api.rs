//! Lambda's Runtime API on a listener of its own for each process, so that it is known who calls.
//!
//! Calls come in, and the process's [`Link`] is told; out come the answers that AWS documents:
//! <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>. Extensions, telemetry and SnapStart are not here.

use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::{
    Method, Request, Response, StatusCode,
    body::Incoming,
    header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderValue},
};
use tokio::net::TcpListener;

use crate::{
    http,
    link::{Invocation, Link, Refusal, Said},
    outcome::ANSWER_MAX,
};

const PREFIX: &str = "/2018-06-01/";
/// Says in a trailer of a streamed answer that the function failed on the way.
const ERROR_TYPE: &str = "lambda-runtime-function-error-type";
const ERROR_BODY: &str = "lambda-runtime-function-error-body";

/// Serves one process until it is dropped.
pub(crate) async fn serve(listener: TcpListener, link: Arc<Link>) {
    http::serve(listener, move |request| answer(Arc::clone(&link), request)).await;
}

async fn answer(link: Arc<Link>, request: Request<Incoming>) -> Response<Full<Bytes>> {
    let path = request.uri().path().to_owned();
    let Some(path) = path.strip_prefix(PREFIX) else { return not_found() };
    match (request.method(), path.split('/').collect::<Vec<_>>().as_slice()) {
        (&Method::GET, ["runtime", "invocation", "next"]) => next(&link).await,
        (&Method::POST, ["runtime", "invocation", id, "response"]) => response(&link, id, request).await,
        (&Method::POST, ["runtime", "invocation", id, "error"]) => match read(request).await {
            Ok((body, _)) => accepted(link.answer(id, Said::Error(document(body)))),
            Err(Unread::TooLarge(size)) => too_large(link.answer(id, Said::TooLarge(size))),
            Err(Unread::Broken) => broken(),
        },
        (&Method::POST, ["runtime", "init", "error"]) => match read(request).await {
            Ok((body, _)) => accepted(link.init_error(document(body))),
            Err(_) => broken(),
        },
        (&Method::GET, ["ping"]) => reply(StatusCode::OK, "pong"),
        _ => not_found(),
    }
}

async fn next(link: &Link) -> Response<Full<Bytes>> {
    let invocation = match link.next() {
        Ok(waiting) => waiting.await,
        Err(refusal) => return refused(refusal),
    };
    match invocation {
        Ok(invocation) => work(invocation),
        // Another call took its place, or the process was given up.
        Err(_) => refused(Refusal::InvalidState("superseded")),
    }
}

fn work(invocation: Invocation) -> Response<Full<Bytes>> {
    let Invocation { request_id, arn, deadline_ms, trace_id, client_context, event } = invocation;
    let mut response = Response::new(Full::new(event));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert("Lambda-Runtime-Deadline-Ms", HeaderValue::from(deadline_ms));
    let mut insert = |name: &'static str, text: &str| {
        // What callers send stands in none of them but the context, which is base64.
        if let Ok(value) = HeaderValue::from_str(text) {
            headers.insert(name, value);
        }
    };
    insert("Lambda-Runtime-Aws-Request-Id", &request_id);
    insert("Lambda-Runtime-Invoked-Function-Arn", &arn);
    insert("Lambda-Runtime-Trace-Id", &trace_id);
    if let Some(context) = client_context {
        insert("Lambda-Runtime-Client-Context", &context);
    }
    response
}

async fn response(link: &Link, id: &str, request: Request<Incoming>) -> Response<Full<Bytes>> {
    if let Err(refusal) = link.expects(id) {
        // Counts it. The body is not read: the connection ends with it, if it is long.
        let _ = link.answer(id, Said::Response(Bytes::new()));
        return refused(refusal);
    }
    match read(request).await {
        Ok((body, trailers)) => {
            let trailer = |name| trailers.as_ref().and_then(|trailers| trailers.get(name)).map(HeaderValue::as_bytes);
            let said = match trailer(ERROR_TYPE) {
                Some(kind) => Said::Error(streamed_error(kind, trailer(ERROR_BODY))),
                None => Said::Response(body),
            };
            accepted(link.answer(id, said))
        }
        Err(Unread::TooLarge(size)) => too_large(link.answer(id, Said::TooLarge(size))),
        Err(Unread::Broken) => broken(),
    }
}

/// The error that the trailers of a streamed answer tell.
fn streamed_error(kind: &[u8], body: Option<&[u8]>) -> Bytes {
    let body = body.and_then(|body| base64_simd::STANDARD.decode_to_vec(body).ok());
    body.map_or_else(
        || serde_json::json!({"errorType": String::from_utf8_lossy(kind), "errorMessage": ""}).to_string().into(),
        Bytes::from,
    )
}

/// An error's document; AWS gives an empty object for none.
fn document(body: Bytes) -> Bytes {
    if body.is_empty() { Bytes::from_static(b"{}") } else { body }
}

enum Unread {
    /// At least that many bytes.
    TooLarge(usize),
    Broken,
}

async fn read(request: Request<Incoming>) -> Result<(Bytes, Option<HeaderMap>), Unread> {
    let length = request.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    // What is too long is read all the same: a peer that is cut off in the middle does not see the answer.
    let mut body = Limited::new(request.into_body(), 4 * ANSWER_MAX);
    if length.is_some_and(|length: usize| length > ANSWER_MAX) {
        while let Some(Ok(_)) = body.frame().await {}
        return Err(Unread::TooLarge(length.unwrap_or(ANSWER_MAX + 1)));
    }
    match body.collect().await {
        Ok(collected) => {
            let trailers = collected.trailers().cloned();
            let bytes = collected.to_bytes();
            if bytes.len() > ANSWER_MAX { Err(Unread::TooLarge(bytes.len())) } else { Ok((bytes, trailers)) }
        }
        Err(error) if error.is::<LengthLimitError>() => Err(Unread::TooLarge(4 * ANSWER_MAX)),
        Err(_) => Err(Unread::Broken),
    }
}

fn accepted(told: Result<(), Refusal>) -> Response<Full<Bytes>> {
    match told {
        Ok(()) => reply(StatusCode::ACCEPTED, "{\"status\":\"OK\"}\n"),
        Err(refusal) => refused(refusal),
    }
}

fn refused(refusal: Refusal) -> Response<Full<Bytes>> {
    match refusal {
        Refusal::InvalidRequestId => error(StatusCode::BAD_REQUEST, "InvalidRequestID", "Invalid request ID"),
        Refusal::InvalidState(why) => {
            error(StatusCode::FORBIDDEN, "InvalidStateTransition", &format!("State transition is not allowed: {why}"))
        }
        Refusal::Abandoned => error(StatusCode::GONE, "Sandbox.Abandoned", "the invocation was given up long ago"),
    }
}

fn too_large(told: Result<(), Refusal>) -> Response<Full<Bytes>> {
    match told {
        Ok(()) => error(
            StatusCode::PAYLOAD_TOO_LARGE,
            "RequestEntityTooLarge",
            &format!("Exceeded maximum allowed payload size ({ANSWER_MAX} bytes)."),
        ),
        Err(refusal) => refused(refusal),
    }
}

fn broken() -> Response<Full<Bytes>> {
    error(StatusCode::BAD_REQUEST, "InvalidRequest", "the body cannot be read")
}

fn not_found() -> Response<Full<Bytes>> {
    reply(StatusCode::NOT_FOUND, "404 page not found\n")
}

fn error(status: StatusCode, kind: &str, message: &str) -> Response<Full<Bytes>> {
    reply(status, serde_json::json!({"errorMessage": message, "errorType": kind}).to_string())
}

fn reply(status: StatusCode, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
