//! `kinetick up` as a person runs it: a real process, its report, its exit code, and what it leaves.

use std::{
    fs,
    io::{BufRead, BufReader, Read},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

use market::Timestamp;
use serde_json::{Value, json};

use crate::built::{binary, checkout};

/// The key that the simulated market asks for; it must appear nowhere.
const KEY: &str = "SIMULATEDKEY0001";

fn kinetick(arguments: &[&str]) -> Command {
    let mut command = Command::new(binary("kinetick"));
    command.args(arguments).current_dir(checkout()).env_remove("ALPHA_VANTAGE_API_KEY").stdin(Stdio::null());
    command
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Runs `up` to its end and gives its report. Whatever it said or wrote must not hold the key.
#[track_caller]
fn up(arguments: &[&str]) -> (Output, Value) {
    let folder = tempfile::tempdir().unwrap();
    let report = folder.path().join("report.json");
    let mut all = vec!["up", "--report", report.to_str().unwrap()];
    all.extend(arguments);
    let output = kinetick(&all).output().unwrap();
    let said = text(&output);
    let report: Value =
        serde_json::from_slice(&fs::read(&report).unwrap_or_else(|_| panic!("no report: {said}"))).unwrap();
    assert!(!said.contains(KEY), "the key is shown: {said}");
    let run = Path::new(report["output"].as_str().unwrap()).parent().unwrap().to_owned();
    files(&run, &mut |path, content| {
        assert!(!content.windows(KEY.len()).any(|window| window == KEY.as_bytes()), "the key is in {}", path.display());
    });
    assert!(output.status.success(), "{said}\n{report:#}");
    (output, report)
}

fn files(folder: &Path, take: &mut impl FnMut(&Path, &[u8])) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files(&path, take) } else { take(&path, &fs::read(&path).unwrap()) }
    }
}

/// All lines below a run's output folder that are records of a schema.
fn records(report: &Value, schema: &str) -> Vec<Value> {
    let mut found = Vec::new();
    files(Path::new(report["output"].as_str().unwrap()), &mut |_, content| {
        let lines = content.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        found.extend(lines.map(|line| serde_json::from_slice::<Value>(line).unwrap()));
    });
    found.retain(|record| record["schema"] == schema);
    found
}

fn count(report: &Value, pointer: &str) -> u64 {
    report.pointer(pointer).and_then(Value::as_u64).unwrap_or_else(|| panic!("no {pointer} in {report:#}"))
}

#[test]
fn a_simulated_market_goes_all_the_way_to_s3_and_balances() {
    // At 300 market seconds a second, 20 seconds are 100 minutes of market.
    let (_, report) = up(&["--for", "20s", "--speed", "300", "--symbols", "MSFT,BRK.B", "--pairs", "BTC/USD,USD/JPY"]);
    assert_eq!((&report["version"], &report["balanced"]), (&json!(1), &json!(true)));
    assert_eq!(count(&report, "/s3/duplicates"), 0);
    assert_eq!(count(&report, "/dead_letters/entries"), 0);
    assert_eq!(report["refused"], json!({}), "{report:#}");
    let put = count(&report, "/stages/produce/put");
    let fired = count(&report, "/stages/process/alerts");
    let alerts = count(&report, "/stages/produce/alerts") + fired;
    assert_eq!(count(&report, "/stages/process/records"), put + alerts);
    let indicators = records(&report, "indicator.v1");
    assert_eq!(indicators.len() as u64, count(&report, "/s3/records_by_schema/indicator.v1"));
    assert_eq!(put + alerts + indicators.len() as u64, count(&report, "/stages/deliver/lines"));

    // Each reading follows from the bars before it: SMA(20) of an equity, recomputed from S3 alone.
    let of = |symbol: &str| indicators.iter().filter(|record| record["symbol"] == symbol).collect::<Vec<_>>();
    let equities = of("BRK.B");
    assert!(equities.len() > 80, "{} readings of BRK.B", equities.len());
    let mut bars: Vec<Value> = records(&report, "bar.v1");
    bars.retain(|bar| bar["symbol"] == "BRK.B" && bar["interval"] == "1min" && bar["final"] == true);
    bars.sort_by_key(|bar| (bar["timestamp"].as_str().unwrap().to_owned(), bar["rev"].as_u64()));
    let mut checked = 0;
    for reading in equities.iter().filter(|reading| reading["interval"] == "1min") {
        let Some(sma) = reading["values"]["SMA(20)"].as_f64() else { continue };
        let at = reading["timestamp"].as_str().unwrap();
        let until: Vec<f64> = bars
            .iter()
            .filter(|bar| bar["timestamp"].as_str().unwrap() <= at)
            .map(|bar| bar["close"].as_f64().unwrap())
            .collect();
        let naive = until[until.len() - 20..].iter().sum::<f64>() / 20.0;
        assert!((sma - naive).abs() <= 1e-9 * naive, "SMA(20) at {at} is {sma}, the bars say {naive}");
        checked += 1;
    }
    assert!(checked > 60, "{checked} readings of SMA(20)");
    // Days of a pair come spread over shards; the first value is that of the volumes, on the first day.
    let days = records(&report, "bar.v1");
    let days = days.iter().filter(|bar| bar["interval"] == "1day" && bar["final"] == true).count();
    let read = of("BTC/USD").iter().filter(|reading| reading["interval"] == "1day" && reading["rev"] == 0).count();
    assert_eq!(read, days, "{days} days");
    // A pair is sampled from rates, and read as soon as the first indicators are warm.
    assert!(
        of("BTC/USD").iter().any(|reading| reading["origin"] == "sampled" && reading["values"]["RSI(14)"].is_f64())
    );

    // Longer bars are built of the shorter ones, from the vendor's and from sampled ones.
    let longer = |symbol: &str| -> Vec<&Value> {
        of(symbol).into_iter().filter(|reading| reading["interval"] == "5min").collect()
    };
    assert!(!longer("USD/JPY").is_empty() && longer("USD/JPY").iter().all(|bar| bar["origin"] == "sampled"));
    let whole = |at: &str| -> Option<[f64; 4]> {
        let begin: Timestamp = at.parse().unwrap();
        let parts: Vec<&Value> = bars
            .iter()
            .filter(|bar| {
                let start: Timestamp = bar["timestamp"].as_str().unwrap().parse().unwrap();
                start >= begin && start < begin + Duration::from_secs(300) && bar["rev"] == 0
            })
            .collect();
        let price = |bar: &Value, name: &str| bar[name].as_f64().unwrap();
        let every = |name: &str, of: fn(f64, f64) -> f64| parts.iter().map(|bar| price(bar, name)).reduce(of);
        let (first, last) = (price(parts.first()?, "open"), price(parts.last()?, "close"));
        (parts.len() == 5).then_some([first, every("high", f64::max)?, every("low", f64::min)?, last])
    };
    let mut built = 0;
    for reading in longer("BRK.B") {
        let Some(expected) = whole(reading["timestamp"].as_str().unwrap()) else { continue };
        assert_eq!(
            ["open", "high", "low", "close"].map(|name| reading[name].as_f64().unwrap()),
            expected,
            "{reading:#}"
        );
        built += 1;
    }
    assert!(built > 10, "{built} bars of five minutes");

    // Each alert of a rule stands in the archive, once, beside the reading that it speaks of.
    let mut rules = records(&report, "alert.v1");
    rules.retain(|alert| alert["type"] == "rule");
    assert_eq!(rules.len() as u64, fired);
    assert!(rules.iter().any(|alert| alert["symbol"] == "BTC/USD"), "{fired} alerts");
    for alert in rules.iter().filter(|alert| alert["rule"] == "close crosses SMA(20) (sampled raw)") {
        let same = |name: &str, reading: &Value| reading[name] == alert[name];
        let reading = indicators.iter().find(|reading| {
            ["symbol", "interval", "timestamp"].iter().all(|name| same(name, reading))
                && (&reading["origin"], &reading["rev"]) == (&json!("sampled"), &json!(0))
        });
        let reading = reading.unwrap_or_else(|| panic!("no reading beside {alert:#}"));
        assert_eq!((&reading["close"], &reading["values"]["SMA(20)"]), (&alert["value"], &alert["threshold"]));
    }
}

/// A folder of recorded replies, made here in the vendor's shapes.
fn replies(folder: &Path) -> PathBuf {
    let series: Value = (0..40)
        .map(|minute| {
            let price = 100.0 + f64::from(minute % 7);
            let bar = json!({
                "1. open": format!("{price:.4}"), "2. high": format!("{:.4}", price + 1.0),
                "3. low": format!("{:.4}", price - 1.0), "4. close": format!("{price:.4}"), "5. volume": "1000",
            });
            (format!("2024-03-05 10:{minute:02}:00"), bar)
        })
        .collect::<serde_json::Map<_, _>>()
        .into();
    let meta = json!({
        "1. Information": "Intraday", "2. Symbol": "ACME", "3. Last Refreshed": "2024-03-05 10:39:00",
        "4. Interval": "1min", "5. Output Size": "Compact", "6. Time Zone": "US/Eastern",
    });
    let mut broken = series.clone();
    broken["2024-03-05 10:05:00"]["4. close"] = json!("-5");
    broken["2024-03-05 03:00:00"] = broken["2024-03-05 10:00:00"].clone();
    let quote = |symbol: &str, price: &str| {
        json!({"Global Quote": {
            "01. symbol": symbol, "02. open": "10.00", "03. high": "12.00", "04. low": "9.00", "05. price": price,
            "06. volume": "500", "07. latest trading day": "2024-03-05", "08. previous close": "10.00",
            "09. change": "1.0000", "10. change percent": "10.0000%"}})
    };
    let echo =
        format!("We have detected your API key as {KEY} and our standard API rate limit is 25 requests per day.");
    let cases = [
        (
            "bars.json",
            "TIME_SERIES_INTRADAY",
            200,
            "data",
            json!({"Meta Data": meta, "Time Series (1min)": series}).to_string(),
        ),
        (
            "broken-bars.json",
            "TIME_SERIES_INTRADAY",
            200,
            "data",
            json!({"Meta Data": meta, "Time Series (1min)": broken}).to_string(),
        ),
        (
            "other-interval.json",
            "TIME_SERIES_INTRADAY",
            200,
            "data",
            json!({"Meta Data": {"2. Symbol": "ACME", "4. Interval": "5min", "6. Time Zone": "US/Eastern"},
                "Time Series (5min)": {"2024-03-05 10:00:00": series["2024-03-05 10:00:00"].clone()}})
            .to_string(),
        ),
        ("quote.json", "GLOBAL_QUOTE", 200, "data", quote("acme", "11.00").to_string()),
        ("other-symbol.json", "GLOBAL_QUOTE", 200, "data", quote("EVIL", "11.00").to_string()),
        ("impossible.json", "GLOBAL_QUOTE", 200, "data", quote("ACME", "-11.00").to_string()),
        ("empty.json", "GLOBAL_QUOTE", 200, "unknown_symbol", json!({"Global Quote": {}}).to_string()),
        ("cut.json", "GLOBAL_QUOTE", 200, "unknown_shape", "{\"Global Quote\": {\"01. symbol\": \"AC".to_owned()),
        ("day.json", "any", 200, "limit_day", json!({"Information": echo}).to_string()),
        ("down.html", "any", 503, "transient", "<!DOCTYPE html><html>down</html>".to_owned()),
        ("news.json", "NEWS_SENTIMENT", 200, "data", json!({"feed": []}).to_string()),
    ];
    let mut index = Vec::new();
    for (file, function, status, expect, body) in &cases {
        fs::write(folder.join(file), body).unwrap();
        index.push(json!({"file": file, "function": function, "http_status": status, "expect": [expect]}));
    }
    fs::write(folder.join("index.json"), json!({"cases": index}).to_string()).unwrap();
    folder.to_owned()
}

#[test]
fn recorded_replies_are_each_one_counted_outcome_and_refusals_become_no_record() {
    let folder = tempfile::tempdir().unwrap();
    let replies = replies(folder.path());
    let (output, report) = up(&["--replies", replies.to_str().unwrap(), "--symbols", "ACME", "--pairs", "USD/JPY"]);
    assert_eq!(
        report["refused"],
        json!({"empty": 1, "limit_day": 7, "transient": 7, "unknown_shape": 1, "unknown_symbol": 1}),
        "{report:#}"
    );
    // 40 bars and a quote; the second reply repeats 39 bars and brings two that cannot be, as does a quote;
    // a bar of another interval and a quote of another symbol are nobody's.
    assert_eq!(count(&report, "/stages/produce/records"), 40 + 41 + 2 + 2);
    assert_eq!(count(&report, "/stages/produce/put"), 41);
    assert_eq!(count(&report, "/stages/produce/deduplicated"), 39);
    assert_eq!(count(&report, "/stages/produce/dead_lettered"), 5);
    assert_eq!(count(&report, "/dead_letters/entries"), 6, "and the reply that was cut");
    assert_eq!(count(&report, "/s3/records_by_schema/bar.v1"), 40);
    assert_eq!(count(&report, "/s3/records_by_schema/quote.v1"), 1);
    // Every seventh minute of the fixture the price falls by 5.7 %, which is unusual and stays so.
    assert_eq!(count(&report, "/s3/records_by_schema/alert.v1"), count(&report, "/stages/produce/alerts"));
    assert_eq!(count(&report, "/stages/produce/alerts"), 10);
    let of = |interval: &str| {
        records(&report, "indicator.v1").iter().filter(|reading| reading["interval"] == interval).count()
    };
    // The day is that of the quote.
    assert_eq!((of("1min"), of("5min"), of("1day")), (40, 8, 1), "volumes are read from the first bar on");
    assert_eq!(count(&report, "/stages/process/alerts"), 0, "what is years old raises no alert");
    assert!(records(&report, "bar.v1").iter().all(|bar| bar["flags"].as_array().unwrap().contains(&json!("stale"))));
    let spikes = |bar: &&Value| bar["flags"].as_array().unwrap().contains(&json!("price_spike"));
    assert!(records(&report, "bar.v1").iter().filter(spikes).count() >= 5);
    let reasons: Vec<String> =
        records(&report, "dead_letter.v1").iter().map(|letter| letter["reason"].as_str().unwrap().to_owned()).collect();
    assert!(reasons.iter().any(|reason| reason.contains("session")), "{reasons:?}");
    assert!(text(&output).contains("0 are of functions not in use"), "{}", text(&output));
}

#[test]
fn faults_of_the_market_are_counted_and_the_rest_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let faults = folder.path().join("faults.json");
    let list = json!([
        {"function": "GLOBAL_QUOTE", "times": 2, "answer": "limit_second"},
        {"function": "TIME_SERIES_INTRADAY", "times": 1, "answer": "cut"},
        {"function": "TIME_SERIES_INTRADAY", "times": 2, "answer": "http_503"},
        {"function": "TIME_SERIES_INTRADAY", "times": 1, "answer": "negative_price"},
        {"function": "TIME_SERIES_INTRADAY", "times": 1, "answer": "out_of_session"},
        {"function": "CURRENCY_EXCHANGE_RATE", "times": 1, "answer": "broken_json"},
        {"function": "CURRENCY_EXCHANGE_RATE", "times": 1, "answer": "wrong_symbol"},
    ]);
    fs::write(&faults, list.to_string()).unwrap();
    let (_, report) =
        up(&["--for", "6s", "--symbols", "MSFT", "--pairs", "BTC/USD", "--faults", faults.to_str().unwrap()]);
    let expected = json!({
        "limit_second": 2, "transient": 2, "unknown_shape": 1});
    assert_eq!(report["refused"], expected, "{report:#}");
    assert_eq!(count(&report, "/stages/poll/failed"), 1, "the connection that was cut");
    assert_eq!(count(&report, "/dead_letters/entries"), 4, "two bars that cannot be, a broken reply, another's rate");
    assert!(count(&report, "/stages/produce/put") > 100, "the rest goes on");
}

#[test]
fn wrong_arguments_are_refused_before_anything_starts() {
    for (arguments, expected) in [
        (&["up", "--symbols", "A*"][..], "symbol `A*` is not valid"),
        (&["up", "--pairs", "BTC"], "pair `BTC` is not valid"),
        (&["up", "--for", "90"], "write a number and its unit"),
        (&["up", "--speed", "0"], "--speed"),
        (&["up", "--indicators", "SMA(1)"], "`--indicators SMA(1)`: in `SMA(1)`: `SMA(1)`: parameter `period` is `1`"),
        (
            &["up", "--alerts", "SMA(21) > 1"],
            "`--alerts`: rule `SMA(21) > 1`: `SMA(21)` is not known; allowed: a number",
        ),
        (&["up", "--replies", "/nowhere"], "`--replies /nowhere` has no index.json"),
        (&["up", "--report", "/nowhere/report.json"], "its folder is not there"),
        (&["fly"], "unrecognized subcommand"),
    ] {
        let output = kinetick(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", text(&output));
        assert!(text(&output).contains(expected), "{arguments:?}: {}", text(&output));
    }
}

/// Reads standard error until a line holds the words; gives what was said so far.
fn until(child: &mut Child, words: &str) -> (String, std::thread::JoinHandle<String>) {
    let mut lines = BufReader::new(child.stderr.take().unwrap());
    let mut said = String::new();
    while !said.contains(words) {
        assert_ne!(lines.read_line(&mut said).unwrap(), 0, "it ended before it said `{words}`: {said}");
    }
    // Somebody must go on reading, or the process waits for it.
    let rest = std::thread::spawn(move || {
        let mut rest = String::new();
        drop(lines.read_to_string(&mut rest));
        rest
    });
    (said, rest)
}

fn signal(child: &Child, name: &str) {
    assert!(Command::new("kill").args([name, &child.id().to_string()]).status().unwrap().success());
}

fn endpoint(said: &str) -> String {
    said.split_whitespace().find(|word| word.starts_with("http://127.0.0.1:")).unwrap().to_owned()
}

fn answers(endpoint: &str) -> bool {
    std::net::TcpStream::connect(endpoint.trim_start_matches("http://")).is_ok()
}

/// The host's endpoint, which stands behind the emulator's.
fn functions(said: &str) -> String {
    endpoint(said.split_once("  functions ").unwrap().1)
}

/// Processes that were given this address: functions, for one. The kernel has that on Linux only.
fn processes_of(address: &str) -> Vec<String> {
    let Ok(all) = fs::read_dir("/proc") else { return Vec::new() };
    let given = |path: &Path| {
        let environment = fs::read(path.join("environ")).unwrap_or_default();
        environment.windows(address.len()).any(|part| part == address.as_bytes())
    };
    let pids = all.map(|entry| entry.unwrap().path()).filter(|path| given(path));
    pids.map(|path| path.display().to_string()).collect()
}

#[test]
fn ctrl_c_brings_everything_under_way_to_its_end() {
    let folder = tempfile::tempdir().unwrap();
    let report = folder.path().join("report.json");
    let mut child = kinetick(&["up", "--report", report.to_str().unwrap(), "--pairs", "BTC/USD", "--symbols", "MSFT"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let (said, rest) = until(&mut child, "put 1");
    let endpoint = endpoint(&said);
    let functions = functions(&said);
    assert!(answers(&endpoint) && answers(&functions));
    assert!(!Path::new("/proc").exists() || !processes_of(&functions).is_empty(), "no function runs in the host");
    signal(&child, "-INT");
    let output = child.wait_with_output().unwrap();
    let rest = rest.join().unwrap();
    assert!(output.status.success(), "{said}{rest}{}", String::from_utf8_lossy(&output.stdout));
    let report: Value = serde_json::from_slice(&fs::read(&report).unwrap()).unwrap();
    assert_eq!(report["balanced"], true, "{report:#}");
    assert!(!answers(&endpoint), "the emulator still runs");
    assert!(!answers(&functions), "the host still runs");
    assert_eq!(processes_of(&functions), Vec::<String>::new(), "a function still runs");
    let ran = |function: &str| &report["host"]["functions"][format!("realtime-financial-local-{function}")];
    assert!(ran("poll-crypto")["invocations"].as_u64() > Some(0), "{report:#}");
    let mapped = report["host"]["mappings"].as_array().unwrap().iter();
    // The queues of dead letters have mappings, too.
    let streams = mapped.filter(|mapping| mapping["source"].as_str().unwrap().contains(":kinesis:"));
    let records: u64 = streams.map(|mapping| mapping["records"].as_u64().unwrap()).sum();
    assert_eq!(records, count(&report, "/stages/process/records"), "{report:#}");
}

#[test]
fn what_is_kept_runs_on_until_down_ends_it() {
    // One at a time in a checkout: a run that somebody keeps is not ours to end.
    let kept = checkout().join(".kinetick/kept.json");
    assert!(!kept.exists(), "`kinetick up --keep` is running in this checkout: end it by `kinetick down` first");
    let output =
        kinetick(&["up", "--for", "2s", "--keep", "--symbols", "MSFT", "--pairs", "BTC/USD"]).output().unwrap();
    assert!(output.status.success(), "{}", text(&output));
    let endpoint = endpoint(String::from_utf8_lossy(&output.stdout).split("left running").nth(1).unwrap());
    assert!(answers(&endpoint), "{}", text(&output));
    let kept: Value = serde_json::from_slice(&fs::read(&kept).unwrap()).unwrap();
    let market = kept["simulator"]["url"].as_str().unwrap().to_owned();
    let again = kinetick(&["up", "--for", "1s"]).output().unwrap();
    assert!(text(&again).contains("end it by `kinetick down`"), "{}", text(&again));
    let down = kinetick(&["down"]).output().unwrap();
    assert!(down.status.success(), "{}", text(&down));
    let deadline = Instant::now() + Duration::from_secs(20);
    while answers(&endpoint) || answers(&market) {
        assert!(Instant::now() < deadline, "something still runs: {}", text(&down));
        std::thread::yield_now();
    }
    assert!(text(&kinetick(&["down"]).output().unwrap()).contains("nothing is running"));
}
