//! `kinetick poll` as a dry run, against a simulated market and against worse; sends are tested on the emulator.

use std::{
    io::{Read, Write},
    net::TcpListener,
    process::{Command, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

use market_simulator::{MarketSimulator, Options, Plan, Running};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::{kinetick, lines, refused, run, text};

const KEY: &str = "CANARY0123456789";

/// A dry run with the key and this vendor.
fn dry(arguments: &[&str], vendor: &str) -> Command {
    let mut command = kinetick(&[&["poll"], arguments, &["--dry-run", "--vendor-url", vendor]].concat());
    command.env("ALPHA_VANTAGE_API_KEY", KEY).env("ALPHA_VANTAGE_PLAN", "p1200");
    command
}

fn checked(command: Command) -> Output {
    let output = run(command, b"");
    for said in [&output.stdout, &output.stderr] {
        assert!(!text(said).contains(KEY), "the key is in: {}", text(said));
    }
    output
}

async fn market(unknown: &[&str]) -> Running {
    let unknown = unknown.iter().map(|name| (*name).to_owned()).collect();
    let start = Some("2026-11-20T16:30:00Z".parse().unwrap());
    let options = Options { speed: 1, start, plan: Plan::P1200, unknown, ..Options::default() };
    MarketSimulator::start(options).await.unwrap()
}

/// A vendor that answers everything with the key that it was sent.
fn echo() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut asked = [0; 4096];
            let _ = stream.read(&mut asked).unwrap();
            let body = format!(r#"{{"Error Message": "the parameter apikey is invalid or missing: {KEY} \"{KEY}\""}}"#);
            let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n";
            let _ = write!(stream, "{head}content-length: {}\r\n\r\n{body}", body.len());
        }
    });
    url
}

#[test]
fn wrong_use_is_refused() {
    refused(&["poll"], &["<WHAT>"]);
    refused(&["poll", "bonds"], &["quotes, intraday, crypto, mixed, events"]);
    refused(&["poll", "quotes"], &["`quotes` needs `--symbols`"]);
    refused(&["poll", "mixed", "--symbols", "AAPL"], &["`mixed` needs `--pairs`"]);
    refused(&["poll", "quotes", "--symbols", "AAPL", "--pairs", "BTC/USD"], &["`quotes` takes no `--pairs`"]);
    refused(&["poll", "quotes", "--symbols", "AAPL,AAPL"], &["stands twice"]);
    refused(&["poll", "crypto", "--pairs", "BTC"], &["write it as BASE/QUOTE"]);
    refused(&["poll", "intraday", "--symbols", "AAPL", "--interval", "7min"], &["1min, 5min"]);
    refused(&["poll", "quotes", "--symbols", "AAPL", "--limit-time", "10"], &["such as 90s"]);
    let url = ["poll", "quotes", "--symbols", "AAPL", "--vendor-url"];
    refused(&[&url[..], &["https://www.alphavantage.co.example.com/query"]].concat(), &["this machine only"]);
    let mut command = kinetick(&["poll", "quotes", "--symbols", "AAPL"]);
    command.env("ALPHA_VANTAGE_API_KEY", KEY).env("ALPHA_VANTAGE_PLAN", "gold");
    let output = checked(command);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("plan `gold` is not known; allowed: free"), "{}", text(&output.stderr));
}

#[test]
fn without_access_it_says_what_to_do() {
    let output = checked(kinetick(&["poll", "quotes", "--symbols", "AAPL"]));
    assert_eq!(output.status.code(), Some(3));
    assert!(text(&output.stderr).contains("no credentials for AWS"), "{}", text(&output.stderr));
    // A dry run without a key needs the secret.
    let arguments = ["poll", "quotes", "--symbols", "AAPL", "--dry-run", "--endpoint-url", "http://127.0.0.1:9"];
    let output = checked(kinetick(&arguments));
    assert_eq!(output.status.code(), Some(3));
    let said = text(&output.stderr);
    assert!(said.contains("the stack `kinetick-dev` cannot be looked up") && said.contains("AWS_PROFILE"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_prints_the_records() {
    let market = market(&[]).await;
    let arguments = ["mixed", "--symbols", "AAPL,MSFT", "--pairs", "BTC/USD", "--interval", "5min", "--json"];
    let clock = market.clock.to_string();
    let mut command = dry(&arguments, &market.url);
    command.args(["--market-clock", &clock]);
    let output = tokio::task::spawn_blocking(move || checked(command)).await.unwrap();
    assert_eq!(output.status.code(), Some(0), "{}\n{}", text(&output.stderr), text(&output.stdout));
    let (outcomes, records): (Vec<Value>, Vec<Value>) =
        lines(&output.stdout).into_iter().partition(|line| line.get("job").is_some());
    let jobs: Vec<&str> = outcomes.iter().map(|outcome| outcome["job"].as_str().unwrap()).collect();
    assert_eq!(jobs, ["quotes", "intraday", "rates"]);
    let put: u64 = outcomes.iter().map(|outcome| outcome["put"].as_u64().unwrap()).sum();
    assert_eq!(put, records.len() as u64);
    for schema in ["quote.v1", "bar.v1", "rate.v1"] {
        assert!(records.iter().any(|record| record["schema"] == schema), "{schema}");
    }
    assert!(text(&output.stderr).contains("AWS is not called"), "{}", text(&output.stderr));
    market.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_refused_is_named_and_counts() {
    let market = market(&["NOPE"]).await;
    let clock = market.clock.to_string();
    let mut command = dry(&["quotes", "--symbols", "AAPL,NOPE"], &market.url);
    command.args(["--market-clock", &clock]);
    let output = tokio::task::spawn_blocking(move || checked(command)).await.unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(lines(&output.stdout).len(), 1, "standard output is for the records");
    assert!(text(&output.stderr).contains("refused GLOBAL_QUOTE NOPE: unknown_symbol"), "{}", text(&output.stderr));
    market.stop().await;
}

#[test]
fn a_vendor_out_of_reach_ends_it_within_seconds() {
    let begun = Instant::now();
    // Nothing listens on the discard port.
    let arguments = ["mixed", "--symbols", "AAPL,MSFT", "--pairs", "BTC/USD,EUR/USD", "--json"];
    let output = checked(dry(&arguments, "http://127.0.0.1:9"));
    assert!(begun.elapsed() < Duration::from_secs(15));
    assert_eq!(output.status.code(), Some(1));
    let outcomes = lines(&output.stdout);
    assert!(outcomes[0]["failures"][0]["reason"].as_str().unwrap().contains("Connection refused"), "{outcomes:?}");
    assert_eq!(outcomes[2]["not_asked_entries"], serde_json::json!(["BTC/USD", "EUR/USD"]));
    assert_eq!(outcomes[2]["not_asked"], 2);
}

#[test]
fn a_refused_key_is_no_access_and_is_never_printed() {
    for json in [&["--json"][..], &[]] {
        let arguments = [&["mixed", "--symbols", "AAPL", "--pairs", "BTC/USD"], json].concat();
        let output = checked(dry(&arguments, &echo()));
        assert_eq!(output.status.code(), Some(3));
        let said = [text(&output.stdout), text(&output.stderr)].concat();
        assert!(said.contains("bad_key") && said.contains("invalid or missing: ***"), "{said}");
        assert!(said.contains("the key was refused before"), "{said}");
    }
}

#[test]
fn ctrl_c_names_what_was_not_asked() {
    // Takes requests and never answers.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let mut command = dry(&["quotes", "--symbols", "A,B,C", "--limit-time", "1h"], &url);
    command.env("ALPHA_VANTAGE_PLAN", "free");
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // The first is the connection that is made ahead; it is answered, the next one is a request for `A`.
    let (mut ahead, _) = listener.accept().unwrap();
    let _ = ahead.read(&mut [0; 4096]).unwrap();
    ahead.write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n").unwrap();
    drop(ahead);
    let (mut request, _) = listener.accept().unwrap();
    let mut asked = [0; 4096];
    let length = request.read(&mut asked).unwrap();
    assert!(text(&asked[..length]).contains("symbol=A"));
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    drop(request);
    drop(listener);
    let output = child.wait_with_output().unwrap();
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("quotes: stopped: interrupted") && said.contains("quotes: not asked: B, C"), "{said}");
    assert!(!said.contains(KEY));
}
