//! What functions and the platform log: lines come in, JSON lines with the function's name leave.
//!
//! They go to a sink that the host's user chose, and in batches to the function's log group in the emulator, there
//! without the name. Nothing is interpreted beyond whether a line is a JSON object.

use std::{
    collections::{BTreeMap, VecDeque},
    fs::OpenOptions,
    io::{self, Write},
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use jiff::Timestamp;
use serde::{Deserialize, de::IgnoredAny};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, BufReader},
    sync::{mpsc, oneshot},
};

use crate::{function::Function, http::Emulator};

/// The longest event of CloudWatch Logs, in bytes; a longer line is cut there.
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html>
const LINE_MAX: usize = 256 * 1024 - 26;
/// Bytes of one PutLogEvents, with room for what its JSON adds.
const BATCH_BYTES: usize = 700_000;
/// Events of one PutLogEvents.
const BATCH_EVENTS: usize = 5_000;
/// How long lines are gathered.
const GATHER: Duration = Duration::from_millis(100);
/// Lambda returns this much of the log of an invocation.
pub(crate) const TAIL_MAX: usize = 4 * 1024;

/// Where the host's JSON lines go.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum LogSink {
    /// Nowhere.
    #[default]
    Off,
    /// To standard error.
    Stderr,
    /// To the end of a file.
    File(PathBuf),
}

/// One line on its way to CloudWatch.
#[derive(Debug)]
enum Entry {
    Line { group: String, stream: Arc<str>, at_ms: i64, message: String },
    Flush(oneshot::Sender<()>),
}

/// Takes all lines.
pub(crate) struct Logs {
    sink: Mutex<Option<Box<dyn Write + Send>>>,
    cloudwatch: Option<mpsc::UnboundedSender<Entry>>,
}

impl Logs {
    /// Opens the sink; the task that writes to the emulator, if there is one, ends with the last `Logs`.
    pub(crate) fn open(sink: &LogSink, emulator: Option<Emulator>) -> io::Result<Self> {
        let sink: Option<Box<dyn Write + Send>> = match sink {
            LogSink::Off => None,
            LogSink::Stderr => Some(Box::new(io::stderr())),
            LogSink::File(path) => Some(Box::new(OpenOptions::new().create(true).append(true).open(path)?)),
        };
        let cloudwatch = emulator.map(|emulator| {
            let (sender, receiver) = mpsc::unbounded_channel();
            tokio::spawn(write_events(emulator, receiver));
            sender
        });
        Ok(Self { sink: Mutex::new(sink), cloudwatch })
    }

    /// A line of a function.
    pub(crate) fn line(&self, function: &Function, stream: &Arc<str>, request_id: Option<&str>, line: &str) {
        if line.trim().is_empty() {
            return;
        }
        let now = Timestamp::now();
        self.sink(|| with_function(&function.name, request_id, now, line));
        self.event(function, stream, now, line.to_owned());
    }

    /// The record of the platform about an invocation.
    pub(crate) fn platform(&self, function: &Function, stream: &Arc<str>, kind: &str, record: &Value, text: String) {
        let now = Timestamp::now();
        let event = json!({"time": now.to_string(), "type": kind, "record": record}).to_string();
        self.sink(|| with_function(&function.name, None, now, &event));
        self.event(function, stream, now, if function.log_format == "JSON" { event } else { text });
    }

    fn sink(&self, line: impl FnOnce() -> String) {
        let mut sink = self.sink.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sink) = sink.as_mut() {
            let mut line = line();
            line.push('\n');
            // A full disk must not end what runs.
            let _ = sink.write_all(line.as_bytes());
        }
    }

    fn event(&self, function: &Function, stream: &Arc<str>, at: Timestamp, message: String) {
        if let Some(cloudwatch) = &self.cloudwatch {
            let (group, stream) = (function.log_group.clone(), Arc::clone(stream));
            // It only fails when the runtime is ending.
            let _ = cloudwatch.send(Entry::Line { group, stream, at_ms: at.as_millisecond(), message });
        }
    }

    /// Waits until all lines so far are in the emulator, or cannot be put there.
    pub(crate) async fn flush(&self) {
        if let Some(cloudwatch) = &self.cloudwatch {
            let (done, wait) = oneshot::channel();
            if cloudwatch.send(Entry::Flush(done)).is_ok() {
                // An error is that the writer is gone.
                let _ = wait.await;
            }
        }
    }
}

/// A line as a JSON object that names its function: its own if it is one, else one around it.
fn with_function(function: &str, request_id: Option<&str>, now: Timestamp, line: &str) -> String {
    #[derive(Deserialize)]
    struct Object {
        function: Option<IgnoredAny>,
    }
    let trimmed = line.trim();
    let object = trimmed.starts_with('{').then(|| serde_json::from_str::<Object>(trimmed).ok()).flatten();
    match object {
        Some(Object { function: Some(_) }) => trimmed.to_owned(),
        Some(Object { function: None }) => {
            let rest = trimmed[1..].trim_start();
            let comma = if rest.starts_with('}') { "" } else { "," };
            format!("{{\"function\":{}{comma}{rest}", json!(function))
        }
        None => json!({"function": function, "time": now.to_string(), "requestId": request_id, "message": trimmed})
            .to_string(),
    }
}

/// The last bytes that a process wrote since an invocation began.
#[derive(Debug, Default)]
pub(crate) struct Tail(Mutex<VecDeque<u8>>);

impl Tail {
    pub(crate) fn clear(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    pub(crate) fn push(&self, line: &str) {
        let mut tail = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tail.extend(line.bytes().chain([b'\n']));
        let beyond = tail.len().saturating_sub(TAIL_MAX);
        tail.drain(..beyond);
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().copied().collect()
    }
}

/// Reads the lines of a process until it ends.
pub(crate) async fn follow(output: impl AsyncRead + Unpin, mut line: impl FnMut(&str)) {
    let mut reader = BufReader::new(output);
    let mut bytes = Vec::new();
    loop {
        let (taken, ended) = match reader.fill_buf().await {
            Ok([]) | Err(_) => (0, true),
            Ok(buffer) => {
                let end = memchr::memchr(b'\n', buffer).map(|at| at + 1);
                let taken = end.unwrap_or(buffer.len());
                bytes.extend_from_slice(&buffer[..taken]);
                (taken, false)
            }
        };
        reader.consume(taken);
        if ended || bytes.ends_with(b"\n") || bytes.len() >= LINE_MAX {
            let text = String::from_utf8_lossy(&bytes);
            let text = text.trim_end_matches(['\n', '\r']);
            if !text.is_empty() {
                line(text);
            }
            bytes.clear();
        }
        if ended {
            return;
        }
    }
}

/// Writes lines to the emulator as they come, in batches for each stream.
async fn write_events(emulator: Emulator, mut lines: mpsc::UnboundedReceiver<Entry>) {
    let mut known = std::collections::BTreeSet::new();
    let mut received = Vec::new();
    while lines.recv_many(&mut received, BATCH_EVENTS).await > 0 {
        if !received.iter().any(|entry| matches!(entry, Entry::Flush(_))) {
            tokio::time::sleep(GATHER).await;
            while received.len() < BATCH_EVENTS {
                let Ok(entry) = lines.try_recv() else { break };
                received.push(entry);
            }
        }
        let mut streams: BTreeMap<_, Vec<(i64, String)>> = BTreeMap::new();
        let mut waiting = Vec::new();
        for entry in received.drain(..) {
            match entry {
                Entry::Line { group, stream, at_ms, message } => {
                    streams.entry((group, stream)).or_default().push((at_ms, message));
                }
                Entry::Flush(done) => waiting.push(done),
            }
        }
        for ((group, stream), events) in streams {
            for events in batches(events) {
                // The log of the emulator is a copy: what it does not take is in the sink all the same.
                let _ = put(&emulator, &mut known, &group, &stream, &events).await;
            }
        }
        for done in waiting {
            let _ = done.send(());
        }
    }
}

/// Cut so that each fits into one call.
fn batches(events: Vec<(i64, String)>) -> Vec<Vec<(i64, String)>> {
    let mut batches: Vec<Vec<_>> = Vec::new();
    let mut bytes = 0;
    for (at_ms, message) in events {
        let size = message.len() + 26;
        if batches.is_empty() || bytes + size > BATCH_BYTES {
            batches.push(Vec::new());
            bytes = 0;
        }
        bytes += size;
        if let Some(batch) = batches.last_mut() {
            batch.push((at_ms, message));
        }
    }
    batches
}

async fn put(
    emulator: &Emulator,
    known: &mut std::collections::BTreeSet<(String, Arc<str>)>,
    group: &str,
    stream: &Arc<str>,
    events: &[(i64, String)],
) -> Result<(), crate::http::CallError> {
    if known.insert((group.to_owned(), Arc::clone(stream))) {
        for (target, body) in [
            ("Logs_20140328.CreateLogGroup", json!({"logGroupName": group})),
            ("Logs_20140328.CreateLogStream", json!({"logGroupName": group, "logStreamName": &**stream})),
        ] {
            match emulator.call("logs", target, &body).await {
                Ok(_) => {}
                Err(error) if error.code() == "ResourceAlreadyExistsException" => {}
                Err(error) => return Err(error),
            }
        }
    }
    let events: Vec<_> = events.iter().map(|(at, message)| json!({"timestamp": at, "message": message})).collect();
    let body = json!({"logGroupName": group, "logStreamName": &**stream, "logEvents": events});
    emulator.call("logs", "Logs_20140328.PutLogEvents", &body).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_names_its_function() {
        let now = Timestamp::UNIX_EPOCH;
        let check = |line: &str, expected: &str| assert_eq!(with_function("f", Some("1"), now, line), expected);
        check(r#"{"message":"a","n":1}"#, r#"{"function":"f","message":"a","n":1}"#);
        check("{ }", r#"{"function":"f"}"#);
        check(r#"{"function":"mine"}"#, r#"{"function":"mine"}"#);
        check(
            "thread panicked",
            r#"{"function":"f","message":"thread panicked","requestId":"1","time":"1970-01-01T00:00:00Z"}"#,
        );
        check("{not json", r#"{"function":"f","message":"{not json","requestId":"1","time":"1970-01-01T00:00:00Z"}"#);
    }

    #[test]
    fn the_tail_keeps_the_end() {
        let tail = Tail::default();
        tail.push(&"a".repeat(TAIL_MAX));
        tail.push("end");
        let bytes = tail.bytes();
        assert_eq!(bytes.len(), TAIL_MAX);
        assert!(bytes.ends_with(b"a\nend\n"));
    }

    #[tokio::test]
    async fn lines_are_cut_where_they_end_or_are_too_long() {
        let long = "x".repeat(3 * LINE_MAX);
        let text = format!("one\r\n\n{long}\ntwo");
        let mut lines = Vec::new();
        follow(text.as_bytes(), |line| lines.push(line.to_owned())).await;
        assert_eq!((lines.first().unwrap().as_str(), lines.last().unwrap().as_str()), ("one", "two"));
        assert_eq!(lines.iter().map(String::len).sum::<usize>(), 6 + 3 * LINE_MAX);
    }

    #[test]
    fn batches_hold_what_fits() {
        let events: Vec<_> = (0..5).map(|n| (n, "x".repeat(250_000))).collect();
        let sizes: Vec<_> = batches(events).iter().map(Vec::len).collect();
        assert_eq!(sizes, [2, 2, 1]);
        assert!(batches(Vec::new()).is_empty());
    }
}
