//! The vendor over HTTPS: a request goes out, status, content type and body come back.
//!
//! The API key is a parameter of the URL, since the vendor takes it nowhere else. It is added last,
//! and no error carries a URL. Redirects are refused: they would carry the key elsewhere.

mod access;

use std::{
    future::Future,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use alphavantage::{Redactor, Request};
use jiff::SignedDuration;
use pipeline::port::{CallError, Fetch, Fetched};
use reqwest::{Client, Url, redirect};
use secrecy::{ExposeSecret, SecretString};

pub use access::{Access, BadAccess};

/// How long to wait for a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// How long to wait for a whole reply.
const TIMEOUT: Duration = Duration::from_secs(8);
/// The largest body that is read, in bytes; the largest that was ever recorded has 1.6 MB.
pub const BODY_MAX: usize = 8 * 1024 * 1024;

/// The client cannot be built, or the URL is none.
#[derive(Debug, thiserror::Error)]
#[error("the vendor cannot be reached at `{url}`: {reason}")]
pub struct BadVendor {
    url: String,
    reason: String,
}

/// A connection pool to the vendor, without a key.
#[derive(Debug, Clone)]
pub struct Http {
    client: Client,
    url: Url,
}

impl Http {
    /// For the vendor at that URL, which must be HTTPS unless it is on this machine.
    pub fn new(url: &str) -> Result<Self, BadVendor> {
        let bad = |reason: String| BadVendor { url: url.chars().take(200).collect(), reason };
        let parsed = Url::parse(url).map_err(|error| bad(error.to_string()))?;
        let loopback = matches!(parsed.host_str(), Some("127.0.0.1" | "localhost" | "[::1]"));
        if parsed.scheme() != "https" && !loopback {
            return Err(bad("the key would be sent in the clear; use https".to_owned()));
        }
        let client = Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(TIMEOUT)
            .redirect(redirect::Policy::none())
            .no_proxy()
            .user_agent(concat!("kinetick/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| bad(error.to_string()))?;
        Ok(Self { client, url: parsed })
    }

    /// The vendor, asked with that access, and with another one from `keys` if it is refused.
    pub fn with<'a, Keys: Renew>(&'a self, access: Access, keys: &'a Keys) -> Vendor<'a, Keys> {
        Vendor { http: self, keys, used: Mutex::new(vec![access]) }
    }
}

/// Where another key comes from when one is refused.
pub trait Renew: Sync {
    /// The access as it is now, if it is another one than before.
    fn renewed(&self) -> impl Future<Output = Option<Access>> + Send;
}

/// The key is the only one there is.
#[derive(Debug, Clone, Copy)]
pub struct Only;

impl Renew for Only {
    async fn renewed(&self) -> Option<Access> {
        None
    }
}

/// The vendor, with a key.
#[derive(Debug)]
pub struct Vendor<'a, Keys> {
    http: &'a Http,
    keys: &'a Keys,
    /// Every access that was in use, the one that is in use last. There is at least one.
    used: Mutex<Vec<Access>>,
}

impl<Keys> Vendor<'_, Keys> {
    fn used(&self) -> std::sync::MutexGuard<'_, Vec<Access>> {
        // What it guards is whole at any time.
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The key that is in use.
    pub fn apikey(&self) -> SecretString {
        self.used().last().map(|access| access.apikey.clone()).unwrap_or_default()
    }

    fn url(&self, request: &Request) -> Url {
        let mut url = self.http.url.clone();
        if let Some(access) = self.used().last() {
            url.query_pairs_mut()
                .extend_pairs(request.query(access.entitlement))
                .append_pair("apikey", access.apikey.expose_secret());
        }
        url
    }
}

impl<Keys: Renew> Fetch for Vendor<'_, Keys> {
    async fn connect(&self) {
        let mut url = self.http.url.clone();
        url.set_path("/");
        // Whatever the answer: the connection stays open for the first request.
        let _ = self.http.client.head(url).send().await;
    }

    async fn fetch(&self, request: &Request, within: SignedDuration) -> Result<Fetched, CallError> {
        let within = Duration::try_from(within).unwrap_or_default().min(TIMEOUT);
        // A narrower `Accept` makes the vendor refuse.
        let get = self.http.client.get(self.url(request)).header("accept", "*/*").timeout(within);
        let mut response = get.send().await.map_err(in_words)?;
        let status = response.status().as_u16();
        let content_type =
            response.headers().get("content-type").and_then(|value| value.to_str().ok()).map(str::to_owned);
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(in_words)? {
            if body.len() + chunk.len() > BODY_MAX {
                return Err(CallError::unavailable(format!("the reply is larger than {BODY_MAX} bytes")));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Fetched { status, content_type, body })
    }

    async fn renew(&self) -> bool {
        match self.keys.renewed().await {
            Some(access) => {
                self.used().push(access);
                true
            }
            None => false,
        }
    }

    fn renewals(&self) -> u64 {
        self.used().len() as u64 - 1
    }

    fn without_keys(&self, text: &str) -> Option<String> {
        let used: Vec<_> = self.used().iter().map(|access| access.apikey.clone()).collect();
        used.iter().fold(None, |masked: Option<String>, key| {
            let text = masked.as_deref().unwrap_or(text);
            Redactor::new(key.expose_secret()).mask_key(text).or(masked)
        })
    }

    fn redact(&self, text: &str) -> String {
        let redactors: Vec<_> = self.used().iter().map(|access| Redactor::new(access.apikey.expose_secret())).collect();
        redactors.iter().fold(text.to_owned(), |text, redactor| redactor.redact(&text))
    }
}

/// The error without its URL, which holds the key, but with its causes.
fn in_words(error: reqwest::Error) -> CallError {
    let what = if error.is_timeout() {
        "no whole reply came in time"
    } else if error.is_connect() {
        "no connection could be made"
    } else {
        "the connection broke before the whole reply was there"
    };
    let mut text = what.to_owned();
    let error = error.without_url();
    let mut cause: Option<&dyn std::error::Error> = std::error::Error::source(&error);
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    CallError::unavailable(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };

    /// Serves one connection with these bytes, and gives what it was sent.
    async fn serve(reply: &'static [u8]) -> (Http, tokio::task::JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let http = Http::new(&format!("http://{}/query", listener.local_addr().unwrap())).unwrap();
        let served = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut asked = vec![0; 4096];
            let length = stream.read(&mut asked).await.unwrap();
            stream.write_all(reply).await.unwrap();
            String::from_utf8_lossy(&asked[..length]).into_owned()
        });
        (http, served)
    }

    fn access() -> Access {
        Access::parse(r#"{"apikey":"CANARY&KEY+42","plan":"p75","entitlement":"realtime"}"#).unwrap()
    }

    fn request() -> Request {
        Request::GlobalQuote { symbol: "CELG^".parse().unwrap() }
    }

    #[tokio::test]
    async fn a_reply_comes_back_as_it_is() {
        let (http, served) =
            serve(b"HTTP/1.1 503 Oops\r\ncontent-type: text/html\r\ncontent-length: 5\r\n\r\n<html").await;
        let fetched = http.with(access(), &Only).fetch(&request(), SignedDuration::from_secs(8)).await.unwrap();
        assert_eq!(
            (fetched.status, fetched.content_type.as_deref(), &*fetched.body),
            (503, Some("text/html"), &b"<html"[..])
        );
        let asked = served.await.unwrap();
        let expected = "GET /query?function=GLOBAL_QUOTE&symbol=CELG%5E&entitlement=realtime&apikey=CANARY%26KEY%2B42 ";
        assert!(asked.starts_with(expected), "{asked}");
        assert!(asked.contains("accept: */*"), "{asked}");
    }

    #[tokio::test]
    async fn no_error_carries_the_key() {
        let (http, served) = serve(b"HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n{\"Global").await;
        let cut = http.with(access(), &Only).fetch(&request(), SignedDuration::from_secs(8)).await.unwrap_err();
        served.await.unwrap();
        let refused = http.with(access(), &Only).fetch(&request(), SignedDuration::from_secs(8)).await.unwrap_err();
        let (http, _served) =
            serve(b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:9/steal\r\ncontent-length: 0\r\n\r\n").await;
        let redirected = http.with(access(), &Only).fetch(&request(), SignedDuration::from_secs(8)).await.unwrap();
        assert_eq!(redirected.status, 302, "redirects are not followed");
        for (error, what) in [(&cut, "connection broke"), (&refused, "no connection")] {
            assert!(error.message.starts_with(&format!("the {what}")) || error.message.starts_with(what), "{error:?}");
            assert!(!error.message.contains("CANARY"), "{error:?}");
        }
        let shown = format!("{:?}", http.with(access(), &Only));
        assert!(!shown.contains("CANARY"), "{shown}");
    }

    #[test]
    fn the_key_never_goes_out_in_the_clear() {
        assert!(Http::new("http://www.alphavantage.co/query").is_err());
        assert!(Http::new("https://www.alphavantage.co/query").is_ok());
        assert!(Http::new("nonsense").is_err());
    }
}
