//! HTTP/1.1 over loopback: a listener that serves, and the client that calls the emulator.
//!
//! The client signs nothing: it speaks to emulators, and a real account refuses it.

use std::{future::Future, net::Ipv4Addr};

use bytes::Bytes;
use emulator::client::{CREDENTIALS, REGION};
use http_body_util::{BodyExt, Full, combinators::BoxBody};
use hyper::{
    Method, Request, Response, StatusCode,
    body::{Body, Incoming},
    header::{AUTHORIZATION, CONTENT_TYPE},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioIo},
};
use serde::Deserialize;
use serde_json::Value;
use tokio::{net::TcpListener, task::JoinSet};

/// A body of this crate: its own bytes, or those of somebody else on their way.
pub(crate) type AnyBody = BoxBody<Bytes, hyper::Error>;

/// A body of bytes that are there.
pub(crate) fn full(bytes: impl Into<Bytes>) -> AnyBody {
    Full::new(bytes.into()).map_err(|never| match never {}).boxed()
}

/// Serves a listener until it is dropped; open connections end with it.
pub(crate) async fn serve<S, F, B>(listener: TcpListener, service: S)
where
    S: Fn(Request<Incoming>) -> F + Clone + Send + 'static,
    F: Future<Output = Response<B>> + Send + 'static,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: std::error::Error + Send + Sync,
{
    let mut connections = JoinSet::new();
    loop {
        let stream = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                // Out of files, perhaps; those that are open go on, and end at some time.
                Err(_) => {
                    tokio::time::sleep(std::time::Duration::from_millis(10)).await;
                    continue;
                }
            },
            Some(_) = connections.join_next() => continue,
        };
        // Without it, each answer waits for an acknowledgement of the one before. A socket that refuses is slow, no more.
        let _ = stream.set_nodelay(true);
        let service = service.clone();
        connections.spawn(async move {
            let service = service_fn(move |request| {
                let answer = service(request);
                async move { Ok::<_, std::convert::Infallible>(answer.await) }
            });
            // A peer that goes away or talks nonsense ends its own connection only.
            // Bootstraps in shell look for headers as AWS writes them.
            let mut server = http1::Builder::new();
            let _ = server.title_case_headers(true).serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

/// A listener on a free port of 127.0.0.1, and `127.0.0.1:PORT`.
pub(crate) async fn listen() -> std::io::Result<(TcpListener, String)> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?.to_string();
    Ok((listener, address))
}

/// A refused or failed call to the emulator.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// It cannot be reached.
    #[error("no answer from `{endpoint}`: {reason}")]
    Unreachable {
        /// Where.
        endpoint: String,
        /// Why.
        reason: String,
    },
    /// It says no.
    #[error("{message} ({code}, HTTP {status})")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// The error's type.
        code: String,
        /// What it says.
        message: String,
    },
    /// It says something else than its API does.
    #[error("the answer to `{call}` is not understood: {reason}")]
    Answer {
        /// Which call.
        call: String,
        /// Why.
        reason: String,
    },
}

impl CallError {
    /// The error's type, if the service named one.
    pub(crate) fn code(&self) -> &str {
        if let Self::Refused { code, .. } = self { code } else { "" }
    }
}

/// Calls the emulator.
#[derive(Debug, Clone)]
pub(crate) struct Emulator {
    endpoint: String,
    client: Client<HttpConnector, AnyBody>,
}

impl Emulator {
    pub(crate) fn new(endpoint: &str) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let client = Client::builder(TokioExecutor::new()).build(connector);
        Self { endpoint: endpoint.trim_end_matches('/').to_owned(), client }
    }

    pub(crate) fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Passes a request on as it is, to the same path and query.
    pub(crate) async fn forward(&self, mut request: Request<AnyBody>) -> Result<Response<Incoming>, CallError> {
        let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
        let uri = format!("{}{path}", self.endpoint);
        *request.uri_mut() = uri.parse().map_err(|error: hyper::http::uri::InvalidUri| CallError::Answer {
            call: uri.clone(),
            reason: error.to_string(),
        })?;
        *request.version_mut() = hyper::Version::HTTP_11;
        self.client.request(request).await.map_err(|error| self.unreachable(&error))
    }

    fn unreachable(&self, error: &dyn std::error::Error) -> CallError {
        let mut reason = error.to_string();
        let mut source = error.source();
        while let Some(error) = source {
            reason = format!("{reason}: {error}");
            source = error.source();
        }
        CallError::Unreachable { endpoint: self.endpoint.clone(), reason }
    }

    pub(crate) async fn send(&self, request: Request<AnyBody>) -> Result<Bytes, CallError> {
        let response = self.forward(request).await?;
        let status = response.status();
        let kind = response.headers().get("x-amzn-errortype").and_then(|kind| kind.to_str().ok()).map(str::to_owned);
        let body = response.into_body().collect().await.map_err(|error| self.unreachable(&error))?.to_bytes();
        if status.is_success() { Ok(body) } else { Err(refused(status, kind, &body)) }
    }

    /// A call of a service whose operations are named by a header, such as Kinesis and SQS.
    pub(crate) async fn call(&self, service: &str, target: &str, body: &Value) -> Result<Bytes, CallError> {
        let version = if service == "sqs" { "1.0" } else { "1.1" };
        let request = signed(Method::POST, "/", service)
            .header(CONTENT_TYPE, format!("application/x-amz-json-{version}"))
            .header("x-amz-target", target)
            .body(full(body.to_string()));
        self.send(build(request, target)?).await
    }

    /// The same, for a short answer.
    pub(crate) async fn ask(&self, service: &str, target: &str, body: &Value) -> Result<Value, CallError> {
        let answer = self.call(service, target, body).await?;
        let answer = if answer.is_empty() { Bytes::from_static(b"{}") } else { answer };
        json(&answer, target)
    }

    /// A call of a service with paths, such as Lambda and Scheduler.
    pub(crate) async fn rest(
        &self,
        service: &str,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Value, CallError> {
        let body = body.map(ToString::to_string).unwrap_or_default();
        let request = signed(method, path, service).header(CONTENT_TYPE, "application/json").body(full(body));
        let answer = self.send(build(request, path)?).await?;
        let answer = if answer.is_empty() { Bytes::from_static(b"{}") } else { answer };
        json(&answer, path)
    }

    /// Gets whatever lies under a path.
    pub(crate) async fn download(&self, path: &str) -> Result<Bytes, CallError> {
        let request = signed(Method::GET, path, "s3").body(full(Bytes::new()));
        self.send(build(request, path)?).await
    }

    /// Puts an object.
    pub(crate) async fn put_object(&self, bucket: &str, key: &str, content: Bytes) -> Result<(), CallError> {
        let path = format!("/{bucket}/{}", escaped(key));
        let request =
            signed(Method::PUT, &path, "s3").header(CONTENT_TYPE, "application/octet-stream").body(full(content));
        self.send(build(request, &path)?).await.map(drop)
    }
}

/// A key in a path: all but what needs no escape.
fn escaped(key: &str) -> String {
    key.bytes().fold(String::with_capacity(key.len()), |mut path, byte| {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'/' | b'-' | b'_' | b'.' | b'~' => path.push(byte.into()),
            _ => path.push_str(&format!("%{byte:02X}")),
        }
        path
    })
}

fn signed(method: Method, path: &str, service: &str) -> hyper::http::request::Builder {
    Request::builder().method(method).uri(path).header(AUTHORIZATION, authorization(service))
}

/// Emulators take account, region and service from it, and do not check the rest.
pub(crate) fn authorization(service: &str) -> String {
    let (key, _) = CREDENTIALS;
    let scope = format!("{key}/20260101/{REGION}/{service}/aws4_request");
    format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0")
}

fn build(request: hyper::http::Result<Request<AnyBody>>, call: &str) -> Result<Request<AnyBody>, CallError> {
    request.map_err(|error| CallError::Answer { call: call.to_owned(), reason: error.to_string() })
}

/// Reads an answer.
pub(crate) fn json<'a, T: Deserialize<'a>>(answer: &'a [u8], call: &str) -> Result<T, CallError> {
    serde_json::from_slice(answer)
        .map_err(|error| CallError::Answer { call: call.to_owned(), reason: error.to_string() })
}

fn refused(status: StatusCode, kind: Option<String>, body: &[u8]) -> CallError {
    let document: Value = serde_json::from_slice(body).unwrap_or_default();
    let text = |keys: &[&str]| keys.iter().find_map(|key| document.get(key)?.as_str()).map(str::to_owned);
    let code = kind.or_else(|| text(&["__type", "code", "Code"])).unwrap_or_default();
    let code = code.rsplit('#').next().unwrap_or_default().split(':').next().unwrap_or_default().to_owned();
    let message = text(&["message", "Message"])
        .unwrap_or_else(|| String::from_utf8_lossy(body).chars().take(256).collect::<String>());
    CallError::Refused { status: status.as_u16(), code, message }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_read_in_each_of_their_forms() {
        let check = |kind: Option<&str>, body: &str, code: &str| {
            let error = refused(StatusCode::BAD_REQUEST, kind.map(str::to_owned), body.as_bytes());
            assert_eq!(error.code(), code, "{error}");
        };
        check(
            None,
            r#"{"__type":"com.amazonaws.kinesis#ExpiredIteratorException","message":"x"}"#,
            "ExpiredIteratorException",
        );
        check(Some("ResourceNotFoundException:http://x"), r#"{"Message":"x"}"#, "ResourceNotFoundException");
        check(None, "<Error/>", "");
    }

    #[test]
    fn keys_are_escaped() {
        assert_eq!(escaped("aws/lambda/a b/2026-01-01T00.00.00-é"), "aws/lambda/a%20b/2026-01-01T00.00.00-%C3%A9");
    }
}
