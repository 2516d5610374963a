//! As much of HTTP/1.1 as SDKs use to speak to AWS: a request of known length enters, an answer leaves.

use std::{fmt::Write as _, io, net::SocketAddr};

use tokio::{
    io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader},
    net::TcpStream,
};

/// No request or answer is longer.
const BODY_MAX: usize = 64 * 1024 * 1024;

/// A request, or an answer of another server: both are a first line, headers and a body.
#[derive(Debug)]
pub(super) struct Request {
    first_line: String,
    /// Names as they came.
    headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

/// An answer.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

impl Request {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(other, _)| other.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }
}

fn bad(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

async fn line(stream: &mut (impl AsyncBufRead + Unpin)) -> io::Result<Option<String>> {
    let mut line = String::new();
    let read = stream.read_line(&mut line).await?;
    Ok((read > 0).then(|| line.trim_end().to_owned()))
}

async fn head(stream: &mut (impl AsyncBufRead + Unpin)) -> io::Result<Option<Request>> {
    let Some(first_line) = line(stream).await? else { return Ok(None) };
    let mut headers = Vec::new();
    loop {
        let line = line(stream).await?.ok_or_else(|| bad("the headers end early"))?;
        if line.is_empty() {
            return Ok(Some(Request { first_line, headers, body: Vec::new() }));
        }
        let (name, value) = line.split_once(':').ok_or_else(|| bad("a header has no colon"))?;
        headers.push((name.to_owned(), value.trim().to_owned()));
    }
}

async fn exactly(stream: &mut (impl AsyncBufRead + Unpin), length: usize, body: &mut Vec<u8>) -> io::Result<()> {
    let begin = body.len();
    if begin + length > BODY_MAX {
        return Err(bad("the body is too long"));
    }
    body.resize(begin + length, 0);
    stream.read_exact(&mut body[begin..]).await.map(|_| ())
}

/// Reads a request; `None` when the client has hung up.
pub(super) async fn read(stream: &mut (impl AsyncBufRead + AsyncWrite + Unpin)) -> io::Result<Option<Request>> {
    let Some(mut request) = head(stream).await? else { return Ok(None) };
    if request.header("expect").is_some() {
        stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
    }
    let length = request.header("content-length").unwrap_or("0");
    let length = length.parse().map_err(|_| bad("the content length is no number"))?;
    let mut body = Vec::new();
    exactly(stream, length, &mut body).await?;
    request.body = body;
    Ok(Some(request))
}

fn bytes(answer: &Answer) -> Vec<u8> {
    let mut text = format!("HTTP/1.1 {} -\r\n", answer.status);
    for (name, value) in &answer.headers {
        let _ = write!(text, "{name}: {value}\r\n");
    }
    let _ = write!(text, "content-length: {}\r\n\r\n", answer.body.len());
    [text.as_bytes(), &answer.body].concat()
}

/// Writes an answer.
pub(super) async fn write(stream: &mut (impl AsyncWrite + Unpin), answer: &Answer) -> io::Result<()> {
    stream.write_all(&bytes(answer)).await?;
    stream.flush().await
}

/// Writes an answer up to the middle of its body, and gives the rest.
pub(super) async fn write_half(stream: &mut (impl AsyncWrite + Unpin), answer: &Answer) -> io::Result<Vec<u8>> {
    let mut bytes = bytes(answer);
    let rest = bytes.split_off(bytes.len() - answer.body.len() / 2);
    write_rest(stream, bytes).await?;
    Ok(rest)
}

/// Writes bytes as they are.
pub(super) async fn write_rest(stream: &mut (impl AsyncWrite + Unpin), bytes: Vec<u8>) -> io::Result<()> {
    stream.write_all(&bytes).await?;
    stream.flush().await
}

/// What concerns one connection, or is said anew.
fn is_of_the_connection(name: &str) -> bool {
    ["connection", "keep-alive", "content-length", "transfer-encoding", "expect"]
        .iter()
        .any(|other| name.eq_ignore_ascii_case(other))
}

/// Passes a request on with its headers and this body, over a connection of its own, and gives the answer.
pub(super) async fn pass_on(upstream: SocketAddr, request: &Request, body: &[u8]) -> io::Result<Answer> {
    let mut text = format!("{}\r\n", request.first_line);
    for (name, value) in request.headers.iter().filter(|(name, _)| !is_of_the_connection(name)) {
        let _ = write!(text, "{name}: {value}\r\n");
    }
    let _ = write!(text, "Content-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    let mut stream = BufReader::new(TcpStream::connect(upstream).await?);
    stream.write_all(&[text.as_bytes(), body].concat()).await?;
    let mut reply = head(&mut stream).await?.ok_or_else(|| bad("the server hung up"))?;
    let status = reply.first_line.split(' ').nth(1).and_then(|status| status.parse().ok());
    let mut body = Vec::new();
    if reply.header("transfer-encoding").is_some_and(|coding| coding.eq_ignore_ascii_case("chunked")) {
        loop {
            let size = line(&mut stream).await?.unwrap_or_default();
            let size = usize::from_str_radix(size.split(';').next().unwrap_or_default(), 16);
            let size = size.map_err(|_| bad("a chunk has no size"))?;
            exactly(&mut stream, size, &mut body).await?;
            line(&mut stream).await?;
            if size == 0 {
                break;
            }
        }
    } else if let Some(length) = reply.header("content-length") {
        exactly(&mut stream, length.parse().map_err(|_| bad("the content length is no number"))?, &mut body).await?;
    } else {
        stream.read_to_end(&mut body).await?;
    }
    reply.headers.retain(|(name, _)| !is_of_the_connection(name));
    Ok(Answer { status: status.ok_or_else(|| bad("the answer has no status"))?, headers: reply.headers, body })
}
