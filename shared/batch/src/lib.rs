//! The runtime of functions that a Kinesis mapping invokes: a batch and its context enter the function.
//!
//! `lambda_runtime` reads an event through `serde`, and keeps account of the path to each of its fields
//! while it does. For a full event that takes three times as long as to read the event itself. So a layer
//! around it reads the body first, leaves `null` in its place and hands the batch over. What cannot be
//! read is left to the runtime, which says what is wrong with it.

use std::{
    future::Future,
    sync::{Arc, Mutex, PoisonError},
    task,
};

use bytes::Bytes;
use lambda_runtime::{
    Context, Diagnostic, Error, LambdaEvent, LambdaInvocation, Runtime, Service, layers::TracingLayer, service_fn,
    tower::Layer,
};
use serde::Serialize;
use wire::KinesisBatch;

/// Runs a function on one batch after the other, for as long as the process lives.
pub async fn run<Handler, Work, Response, Failure>(handler: Handler) -> Result<(), Error>
where
    Handler: Fn(KinesisBatch, Context) -> Work,
    Work: Future<Output = Result<Response, Failure>>,
    Response: Serialize,
    Failure: Into<Diagnostic> + std::fmt::Debug,
{
    let read = HandOver::default();
    let service = {
        let read = read.clone();
        // The runtime calls this before the layer's call returns, so the batch is that of this event.
        service_fn(move |event: LambdaEvent<Option<KinesisBatch>>| {
            let batch = event.payload.or_else(|| read.take()).unwrap_or_default();
            handler(batch, event.context)
        })
    };
    Runtime::new(service).layer(TracingLayer::new()).layer(ReadFirst(read)).run().await
}

/// The batch between the layer and the function.
#[derive(Debug, Clone, Default)]
struct HandOver(Arc<Mutex<Option<KinesisBatch>>>);

impl HandOver {
    fn put(&self, batch: KinesisBatch) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(batch);
    }

    fn take(&self) -> Option<KinesisBatch> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// Puts [`Reader`] around a service.
struct ReadFirst(HandOver);

impl<Inner> Layer<Inner> for ReadFirst {
    type Service = Reader<Inner>;

    fn layer(&self, inner: Inner) -> Self::Service {
        Reader { inner, read: self.0.clone() }
    }
}

/// Reads the body of an invocation before the service sees it.
#[derive(Clone)]
struct Reader<Inner> {
    inner: Inner,
    read: HandOver,
}

impl<Inner: Service<LambdaInvocation>> Service<LambdaInvocation> for Reader<Inner> {
    type Response = Inner::Response;
    type Error = Inner::Error;
    type Future = Inner::Future;

    fn poll_ready(&mut self, cx: &mut task::Context<'_>) -> task::Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut invocation: LambdaInvocation) -> Self::Future {
        if let Ok(batch) = KinesisBatch::from_slice(&invocation.body) {
            self.read.put(batch);
            // The text is not needed any more, and is as large as all the rest.
            invocation.body = Bytes::from_static(b"null");
        }
        self.inner.call(invocation)
    }
}
