//! A Lambda Runtime API for one bootstrap: events come in from the bench, answers and times leave.
//!
//! Speaks what `lambda_runtime` asks for, and checks nothing.
//! <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context, Result};
use axum::{
    Router,
    body::Bytes,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use tokio::{
    net::TcpListener,
    sync::{Mutex, mpsc},
    task::JoinHandle,
};

/// How long an invocation may take, by the deadline that the function is told.
pub(crate) const INVOCATION: Duration = Duration::from_secs(60);

/// What a bootstrap answered to an event.
#[derive(Debug)]
pub(crate) struct Answer {
    /// `response`, or `error`.
    pub(crate) kind: String,
    pub(crate) body: Bytes,
    pub(crate) at: Instant,
}

/// The API for one bootstrap. Dropping it ends it.
pub(crate) struct RuntimeApi {
    pub(crate) address: SocketAddr,
    /// The moment of each `/next`.
    pub(crate) polls: mpsc::UnboundedReceiver<Instant>,
    pub(crate) events: mpsc::UnboundedSender<Bytes>,
    pub(crate) answers: mpsc::UnboundedReceiver<Answer>,
    server: JoinHandle<()>,
}

struct Ends {
    polls: mpsc::UnboundedSender<Instant>,
    events: Mutex<mpsc::UnboundedReceiver<Bytes>>,
    answers: mpsc::UnboundedSender<Answer>,
}

impl RuntimeApi {
    /// Listens on a free port of 127.0.0.1.
    pub(crate) async fn start() -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.context("no free port on 127.0.0.1")?;
        let address = listener.local_addr()?;
        let (to_polls, polls) = mpsc::unbounded_channel();
        let (events, from_events) = mpsc::unbounded_channel();
        let (to_answers, answers) = mpsc::unbounded_channel();
        let ends = Ends { polls: to_polls, events: Mutex::new(from_events), answers: to_answers };
        let router = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route("/2018-06-01/runtime/invocation/{id}/{kind}", post(answered))
            .with_state(Arc::new(ends));
        let server = tokio::spawn(async move {
            // It only ends with the bench, or by being aborted.
            let _ = axum::serve(listener, router).await;
        });
        Ok(Self { address, polls, events, answers, server })
    }
}

impl Drop for RuntimeApi {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn next(State(ends): State<Arc<Ends>>) -> Response {
    // Where nobody waits for the time, nobody needs it.
    let _ = ends.polls.send(Instant::now());
    let Some(event) = ends.events.lock().await.recv().await else { return StatusCode::GONE.into_response() };
    let deadline = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default() + INVOCATION;
    let headers = [
        ("content-type", "application/json".to_owned()),
        ("lambda-runtime-aws-request-id", "8476a536-e9f4-11e8-9739-2dfe598c3fcd".to_owned()),
        ("lambda-runtime-deadline-ms", deadline.as_millis().to_string()),
        (
            "lambda-runtime-invoked-function-arn",
            "arn:aws:lambda:us-east-1:000000000000:function:compute-indicators".to_owned(),
        ),
    ];
    (headers, event).into_response()
}

async fn answered(State(ends): State<Arc<Ends>>, Path((_, kind)): Path<(String, String)>, body: Bytes) -> StatusCode {
    let _ = ends.answers.send(Answer { kind, body, at: Instant::now() });
    StatusCode::ACCEPTED
}
