//! A client of the simulator that hides nothing: bytes over a socket, one request per connection.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use jiff::Timestamp;
use market_simulator::{MarketSimulator, Options, Running};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// A Friday in New York, in the middle of the regular session.
pub(crate) const FRIDAY_NOON: &str = "2026-11-20T17:00:20Z";

/// A clock on the wall that stands still until it is moved.
#[derive(Clone)]
pub(crate) struct HandClock(Arc<AtomicI64>);

impl HandClock {
    pub(crate) fn new() -> Self {
        Self(Arc::new(AtomicI64::new(1_795_233_600_000)))
    }

    pub(crate) fn advance(&self, milliseconds: i64) {
        self.0.fetch_add(milliseconds, Ordering::SeqCst);
    }
}

/// A simulator whose clock stands still, and whoever talks to it.
pub(crate) struct Session {
    pub(crate) running: Running,
    pub(crate) clock: HandClock,
}

/// A reply as it came over the wire.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) content_type: String,
    pub(crate) content_length: usize,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Reply {
    /// A header, in lower case; empty if there is none.
    pub(crate) fn header(&self, name: &str) -> &str {
        header(&self.head, name)
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }
}

impl Session {
    /// Starts a simulator at market time `start`, at speed 1 so that both clocks run alike.
    pub(crate) async fn start(start: &str, change: impl FnOnce(&mut Options)) -> Self {
        let clock = HandClock::new();
        let real = clock.clone();
        let mut options = Options {
            speed: 1,
            start: Some(start.parse().unwrap()),
            real_time: Arc::new(move || Timestamp::from_millisecond(real.0.load(Ordering::SeqCst)).unwrap()),
            ..Options::default()
        };
        change(&mut options);
        Self { running: MarketSimulator::start(options).await.unwrap(), clock }
    }

    /// `GET /query` with key `K`.
    pub(crate) async fn query(&self, parameters: &str) -> Reply {
        self.send("GET", &format!("/query?apikey=K&{parameters}"), "").await
    }

    pub(crate) async fn send(&self, method: &str, path: &str, body: &str) -> Reply {
        exchange(&self.running.url, method, path, body).await
    }
}

/// Sends one request and reads until the connection ends.
pub(crate) async fn exchange(url: &str, method: &str, path: &str, body: &str) -> Reply {
    let (head, body) = exchange_bytes(url, method, path, "accept: */*\r\n", body).await;
    Reply {
        status: head.split(' ').nth(1).unwrap().parse().unwrap(),
        content_type: header(&head, "content-type").to_owned(),
        content_length: header(&head, "content-length").parse().unwrap(),
        head,
        body: String::from_utf8(body).unwrap(),
    }
}

/// The same with headers of one's own, and a body that may be no text.
pub(crate) async fn exchange_bytes(
    url: &str,
    method: &str,
    path: &str,
    headers: &str,
    body: &str,
) -> (String, Vec<u8>) {
    let mut stream = open(url, method, path, headers, body).await;
    let mut bytes = Vec::new();
    // A connection that is cut may end with a reset, after what was sent.
    let _ = stream.read_to_end(&mut bytes).await;
    let end =
        bytes.windows(4).position(|window| window == b"\r\n\r\n").unwrap_or_else(|| panic!("no head in {bytes:?}"));
    (String::from_utf8(bytes[..end].to_vec()).unwrap(), bytes[end + 4..].to_vec())
}

/// Sends one request and waits for nothing.
pub(crate) async fn open(url: &str, method: &str, path: &str, headers: &str, body: &str) -> TcpStream {
    let address: SocketAddr = url.strip_prefix("http://").unwrap().parse().unwrap();
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n{headers}content-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    stream
}

/// A header of a reply's head; empty if there is none.
pub(crate) fn header<'a>(head: &'a str, name: &str) -> &'a str {
    head.lines().filter_map(|line| line.split_once(": ")).find(|(key, _)| *key == name).map_or("", |(_, value)| value)
}
