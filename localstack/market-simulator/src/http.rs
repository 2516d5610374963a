//! HTTP around the service: the vendor's one path, and the control paths, which the vendor has not.

use std::{
    collections::BTreeMap,
    io::{self, Write},
    sync::Arc,
};

use axum::{
    Json, Router,
    body::Body,
    extract::{Query as Parameters, State, rejection::QueryRejection},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};
use futures::{StreamExt, stream};
use serde_json::Value;
use tokio::sync::watch;

use crate::{
    faults::Fault,
    function::Query,
    negotiation::Accepted,
    service::{Answer, Delivery, Service},
};

/// What comes with every reply of the vendor. There is no Retry-After, and no X-RateLimit.
const ALWAYS: [(HeaderName, &str); 3] = [
    (header::VIA, "1.1 vegur"),
    (header::VARY, "Cookie, Origin"),
    (HeaderName::from_static("cf-cache-status"), "DYNAMIC"),
];

/// What every request needs: the service, and the end of the server.
#[derive(Clone)]
struct Serving {
    service: Arc<Service>,
    /// Its sender is gone once the server is to stop.
    stopped: watch::Receiver<()>,
}

/// All paths. Requests that hang do so until their connection ends, or until `stopped` has no sender.
pub(crate) fn router(service: Arc<Service>, stopped: watch::Receiver<()>) -> Router {
    Router::new()
        .route("/query", get(query))
        .route("/control/status", get(status))
        .route("/control/calls", get(calls))
        .route("/control/faults", get(faults).post(set_faults))
        .with_state(Serving { service, stopped })
}

async fn query(
    State(mut serving): State<Serving>,
    headers: HeaderMap,
    parameters: Result<Parameters<BTreeMap<String, String>>, QueryRejection>,
) -> Response {
    // A query that cannot be read has no parameters, and so no key: the vendor knows no HTTP 400.
    let Parameters(parameters) = parameters.unwrap_or_default();
    let accepted = Accepted::read(&headers);
    let answer = serving.service.answer(&Query::new(parameters), accepted);
    if !answer.delay.is_zero() {
        tokio::time::sleep(answer.delay).await;
    }
    if answer.delivery == Delivery::Never {
        // A client that hangs up drops this future. A server that stops does not wait for a client.
        while serving.stopped.changed().await.is_ok() {}
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    respond(answer, accepted.gzip)
}

fn respond(answer: Answer, gzip: bool) -> Response {
    let (bytes, encoding) = match gzip.then(|| compress(&answer.body)).flatten() {
        Some(compressed) => (compressed, Some((header::CONTENT_ENCODING, HeaderValue::from_static("gzip")))),
        None => (answer.body, None),
    };
    let length = bytes.len();
    let body = if answer.delivery == Delivery::Cut { cut(&bytes) } else { Body::from(bytes) };
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers =
        [(header::CONTENT_TYPE, answer.content_type.to_owned()), (header::CONTENT_LENGTH, length.to_string())];
    let mut response = (status, headers, ALWAYS, body).into_response();
    response.headers_mut().extend(encoding);
    response
}

fn compress(body: &Bytes) -> Option<Bytes> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    // Writing to memory cannot fail; if it did, the body would go as it is.
    encoder.write_all(body).ok()?;
    encoder.finish().ok().map(Bytes::from)
}

/// Half of a body, then the end of the connection.
fn cut(whole: &Bytes) -> Body {
    let half = whole.slice(..whole.len() / 2);
    let end = stream::once(async {
        // Lets the server send the first half before it sees the error.
        tokio::task::yield_now().await;
        Err(io::Error::from(io::ErrorKind::ConnectionAborted))
    });
    Body::from_stream(stream::iter([Ok(half)]).chain(end))
}

async fn status(State(serving): State<Serving>) -> Json<Value> {
    Json(serving.service.status())
}

async fn calls(State(serving): State<Serving>) -> Json<Value> {
    Json(serving.service.calls())
}

async fn faults(State(serving): State<Serving>) -> Json<Value> {
    Json(serving.service.faults())
}

async fn set_faults(State(Serving { service, .. }): State<Serving>, body: Bytes) -> Response {
    match Fault::parse_list(&body) {
        Ok(faults) => {
            service.set_faults(faults);
            Json(service.faults()).into_response()
        }
        Err(error) => (StatusCode::BAD_REQUEST, format!("{error}\n")).into_response(),
    }
}
