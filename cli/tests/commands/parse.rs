//! `kinetick parse`.

use std::{fs, io::Read, process::Stdio};

use serde_json::{Value, json};

use crate::{kinetick, lines, refused, run, text};

const NOW: &str = "2026-11-20T20:00:00Z";
const QUOTE: &str = r#"{
    "Global Quote": {
        "01. symbol": "MSFT", "02. open": "112.6300", "03. high": "113.1700", "04. low": "110.6400",
        "05. price": "112.1300", "06. volume": "29062853", "07. latest trading day": "2018-10-05",
        "08. previous close": "112.7900", "09. change": "-0.6600", "10. change percent": "-0.5852%"
    }
}"#;

/// Parses one reply from standard input.
fn parse(options: &[&str], body: &[u8]) -> Value {
    let arguments = [&["parse", "--now", NOW], options, &["-"]].concat();
    let output = run(kinetick(&arguments), body);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert_eq!(text(&output.stderr), "");
    let lines = lines(&output.stdout);
    assert_eq!(lines.len(), 1, "one line for one file");
    lines[0].clone()
}

#[test]
fn a_reply_becomes_the_records_that_would_be_sent() {
    let arguments = ["parse", "--now", NOW, "--function", "GLOBAL_QUOTE", "--symbol", "msft", "-"];
    let output = run(kinetick(&arguments), QUOTE.as_bytes());
    let line = &lines(&output.stdout)[0];
    assert_eq!((&line["file"], &line["verdict"]), (&json!("-"), &json!("data")));
    assert_eq!(line["failures"], json!([]));
    let record = &line["records"][0];
    assert_eq!(record["schema"], "quote.v1");
    assert_eq!((&record["rev"], &record["ingested_at"]), (&json!(0), &json!("2026-11-20T20:00:00.000Z")));
    let (begin, end) = (r#""records":["#, r#"],"failures":[]}"#);
    let sent = text(&output.stdout).trim_end().split_once(begin).unwrap().1.strip_suffix(end).unwrap();
    let decoded = wire::decode(sent.as_bytes()).unwrap();
    assert!(decoded.fact.is_some() && record["id"] == decoded.id.to_string(), "what is printed is the record");
}

#[test]
fn numbers_pass_through_no_floating_point() {
    let body = r#"{"Meta Data": {"2. Symbol": "MSFT", "5. Time Zone": "US/Eastern"}, "Time Series (Daily)": {
        "2026-11-19": {"1. open": 10.10, "2. high": 11, "3. low": 9, "4. close": "10.123456789012345678901234", "5. volume": "1"},
        "2026-11-18": {"1. open": 1.00, "2. high": 1e400, "3. low": 9.10, "4. close": "10", "5. volume": "1"}}}"#;
    let output = run(kinetick(&["parse", "--function", "TIME_SERIES_DAILY", "--now", NOW, "-"]), body.as_bytes());
    let line = text(&output.stdout);
    assert!(line.contains(r#""close":10.123456789012345678901234,"#), "{line}");
    assert!(line.contains(r#""payload":{"2026-11-18":{"1. open":1.00,"2. high":1e400,"3. low":9.10,"#), "{line}");
    assert_eq!(line.lines().count(), 1, "{line}");
    assert_eq!((line.matches("\"bar.v1\"").count(), line.matches("\"payload\"").count()), (1, 1), "{line}");
}

#[test]
fn every_row_is_a_record_or_a_failure() {
    let mut rows = String::from("timestamp,open,high,low,close,volume\r\n");
    for day in 2..=20 {
        rows.push_str(&format!("2026-11-{day:02},10,11,{},10,5\r\n", if day % 2 == 0 { 9 } else { 12 }));
    }
    let line = parse(&["--function", "TIME_SERIES_DAILY", "--symbol", "MSFT"], rows.as_bytes());
    let count = |name: &str| line[name].as_array().unwrap().len();
    assert_eq!((line["verdict"].as_str(), count("records") + count("failures")), (Some("data"), 19));
    assert!(count("records") > 3 && count("failures") > 3, "{line}");
}

#[test]
fn refusals_are_told_apart_and_their_key_is_masked() {
    let limit = r#"{"Information": "We have detected your API key as CANARY0123456789 and our standard API rate limit is 25 requests per day."}"#;
    let line = parse(&["--function", "any"], limit.as_bytes());
    assert_eq!(line["verdict"], "limit_day");
    assert!(line["message"].as_str().unwrap().starts_with("We have detected your API key as *** and our"), "{line}");
    assert_eq!((&line["records"], &line["failures"]), (&json!([]), &json!([])));
    for (function, status, kind, body, verdict) in [
        ("any", "503", None, &b"<html>Application Error"[..], "transient"),
        ("GLOBAL_QUOTE", "200", None, b"{\"Global Quote\": {}}", "unknown_symbol"),
        ("GLOBAL_QUOTE", "200", None, b"\xff\xfe\x00not text", "unknown_shape"),
        ("GLOBAL_QUOTE", "200", Some("text/html"), b"\xff\xfe", "transient"),
        ("GLOBAL_QUOTE", "200", None, b"", "unknown_shape"),
        ("any", "200", None, QUOTE.as_bytes(), "unknown_shape"),
    ] {
        let mut options = vec!["--function", function, "--status", status];
        options.extend(kind.map(|kind| ["--content-type", kind]).iter().flatten());
        let line = parse(&options, body);
        assert_eq!(line["verdict"], verdict, "{line}");
        assert!(line["message"].is_string(), "{line}");
    }
}

#[test]
fn keys_in_rows_are_masked_and_the_line_stays_json() {
    let feed = r#"{"items": "1", "feed": [{"title": "say \"apikey=CANARY\"x\"", "url": "https://e.example/?apikey=CANARY&a=1",
        "time_published": "20261119T120000", "authors": [], "summary": "your API key as CANARY\" was seen", "source": "s",
        "overall_sentiment_score": 0.1, "overall_sentiment_label": "Neutral", "topics": [], "ticker_sentiment": []},
        {"title": 7, "apikey": "CANARY"}]}"#;
    let line = parse(&["--function", "NEWS_SENTIMENT"], feed.as_bytes());
    assert_eq!((line["records"].as_array().unwrap().len(), line["failures"].as_array().unwrap().len()), (1, 1));
    assert!(!line.to_string().contains("CANARY"), "{line}");
    assert_eq!(line["records"][0]["url"], "https://e.example/?apikey=***&a=1");
}

#[test]
fn files_that_cannot_be_read_do_not_hide_the_others() {
    let folder = tempfile::tempdir().unwrap();
    let good = folder.path().join("quote.json");
    fs::write(&good, QUOTE).unwrap();
    let (good, missing) = (good.to_str().unwrap(), folder.path().join("missing.json"));
    let missing = missing.to_str().unwrap();
    let folder = folder.path().to_str().unwrap();
    let output = run(kinetick(&["parse", "--function", "GLOBAL_QUOTE", missing, good, folder, good]), b"");
    assert_eq!(output.status.code(), Some(3));
    let lines = lines(&output.stdout);
    assert_eq!(lines.iter().map(|line| line["file"].as_str().unwrap()).collect::<Vec<_>>(), [good, good]);
    let said = text(&output.stderr);
    assert!(said.contains(&format!("cannot read `{missing}`")) && said.contains(&format!("`{folder}`")), "{said}");
}

#[test]
fn large_replies_are_read_and_a_reader_may_leave() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("large.json");
    fs::write(&file, format!("{QUOTE}{}", " \n".repeat(5 << 20))).unwrap();
    let many = [file.to_str().unwrap(); 3];
    let output = run(kinetick(&[&["parse", "--function", "GLOBAL_QUOTE"], &many[..]].concat()), b"");
    assert_eq!((output.status.code(), lines(&output.stdout).len()), (Some(0), 3));

    let mut child = kinetick(&[&["parse", "--function", "GLOBAL_QUOTE"], &many[..]].concat())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!((child.wait().unwrap().code(), said.as_str()), (Some(0), ""));
}

#[test]
fn wrong_use_is_refused() {
    refused(&["parse", "--function", "GLOBAL_QUOTES", "-"], &["`GLOBAL_QUOTES` is not known", "GLOBAL_QUOTE,", "any"]);
    refused(&["parse", "-"], &["--function"]);
    refused(&["parse", "--function", "any"], &["<FILE>"]);
    let wrong = |option, value, words: &[&str]| {
        refused(&["parse", "--function", "TIME_SERIES_INTRADAY", option, value, "-"], words);
    };
    wrong("--interval", "7min", &["1min, 5min, 15min"]);
    wrong("--interval", "1day", &["1min, 5min, 15min"]);
    wrong("--month", "2026-13", &["YYYY-MM"]);
    wrong("--now", "today", &["RFC 3339"]);
    wrong("--status", "99", &["100..=599"]);
    wrong("--outputsize", "huge", &["compact, full"]);
    wrong("--entitlement", "live", &["delayed, realtime"]);
    wrong("--symbol", "A*", &["symbol `A*` is not valid"]);
    refused(&["parse", "--function", "FX_INTRADAY", "--symbol", "EUR/EUR", "-"], &["--symbol"]);
}
