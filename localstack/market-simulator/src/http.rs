//! HTTP around the service: the vendor's one path, and the control paths, which the vendor has not.

use std::{collections::BTreeMap, io, sync::Arc};

use axum::{
    Json, Router,
    body::Body,
    extract::{Query as Parameters, State, rejection::QueryRejection},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use bytes::Bytes;
use futures::{StreamExt, stream};
use serde_json::Value;

use crate::{
    faults::Fault,
    function::Query,
    service::{Answer, Service},
};

/// All paths.
pub(crate) fn router(service: Arc<Service>) -> Router {
    Router::new()
        .route("/query", get(query))
        .route("/control/status", get(status))
        .route("/control/calls", get(calls))
        .route("/control/faults", get(faults).post(set_faults))
        .with_state(service)
}

async fn query(
    State(service): State<Arc<Service>>,
    parameters: Result<Parameters<BTreeMap<String, String>>, QueryRejection>,
) -> Response {
    // A query that cannot be read has no parameters, and so no key: the vendor knows no HTTP 400.
    let Parameters(parameters) = parameters.unwrap_or_default();
    let answer = service.answer(&Query::new(parameters));
    if !answer.delay.is_zero() {
        tokio::time::sleep(answer.delay).await;
    }
    respond(answer)
}

fn respond(answer: Answer) -> Response {
    let length = answer.body.len();
    let body = if answer.is_cut { cut(&answer.body) } else { Body::from(answer.body) };
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers =
        [(header::CONTENT_TYPE, answer.content_type.to_owned()), (header::CONTENT_LENGTH, length.to_string())];
    (status, headers, body).into_response()
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

async fn status(State(service): State<Arc<Service>>) -> Json<Value> {
    Json(service.status())
}

async fn calls(State(service): State<Arc<Service>>) -> Json<Value> {
    Json(service.calls())
}

async fn faults(State(service): State<Arc<Service>>) -> Json<Value> {
    Json(service.faults())
}

async fn set_faults(State(service): State<Arc<Service>>, body: Bytes) -> Response {
    match Fault::parse_list(&body) {
        Ok(faults) => {
            service.set_faults(faults);
            Json(service.faults()).into_response()
        }
        Err(error) => (StatusCode::BAD_REQUEST, format!("{error}\n")).into_response(),
    }
}
