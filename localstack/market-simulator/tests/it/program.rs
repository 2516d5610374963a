//! The binary: its first line, its exit codes, its end; and where the library refuses to listen.

use std::{fs, process::Stdio, time::Duration};

use market_simulator::{MarketSimulator, Options, StartError};
use serde_json::Value;
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    net::TcpStream,
    process::{Child, Command},
    time::timeout,
};

use crate::client::exchange;

const DEADLINE: Duration = Duration::from_secs(20);

fn program(arguments: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_market-simulator"))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap()
}

async fn first_line(program: &mut Child) -> Value {
    let mut line = String::new();
    let stdout = program.stdout.as_mut().unwrap();
    timeout(DEADLINE, BufReader::new(stdout).read_line(&mut line)).await.unwrap().unwrap();
    serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line:?}"))
}

#[tokio::test]
async fn it_says_where_it_listens_and_ends_with_its_parent() {
    let mut program = program(&["--until-stdin-closes", "--speed", "7", "--start", "2026-11-20T16:30:00Z"]);
    let line = first_line(&mut program).await;
    let url = line["listening"].as_str().unwrap();
    assert!(url.starts_with("http://127.0.0.1:"));
    let clock: market::SimulatedTime = line["clock"].as_str().unwrap().parse().unwrap();
    assert_eq!((clock.speed, clock.market.to_string()), (7, "2026-11-20T16:30:00Z".to_owned()));
    let reply = exchange(url, "GET", "/query?apikey=K&function=GLOBAL_QUOTE&symbol=MSFT", "").await;
    assert!(reply.body.contains("05. price"));

    drop(program.stdin.take());
    assert!(timeout(DEADLINE, program.wait()).await.unwrap().unwrap().success());
    assert!(TcpStream::connect(url.strip_prefix("http://").unwrap()).await.is_err());
}

#[tokio::test]
async fn it_ends_cleanly_when_told_to_and_not_before() {
    for signal in ["-TERM", "-INT"] {
        let mut program = program(&[]);
        let line = first_line(&mut program).await;
        // Without the option, the end of standard input means nothing.
        drop(program.stdin.take());
        let reply = exchange(line["listening"].as_str().unwrap(), "GET", "/control/status", "").await;
        assert_eq!(reply.json()["clock"]["text"], line["clock"]);
        // A connection that stays open does not keep it alive.
        let _idle =
            TcpStream::connect(line["listening"].as_str().unwrap().strip_prefix("http://").unwrap()).await.unwrap();
        let pid = program.id().unwrap().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().await.unwrap().success());
        assert!(timeout(DEADLINE, program.wait()).await.unwrap().unwrap().success());
    }
}

#[tokio::test]
async fn wrong_arguments_end_with_2_and_no_key_is_printed() {
    let folder = TempDir::new().unwrap();
    let faults = folder.path().join("faults.json");
    fs::write(&faults, r#"[{"answer":"melt"}]"#).unwrap();
    let (faults, folder) = (faults.to_str().unwrap(), folder.path().to_str().unwrap());
    for (arguments, words) in [
        (&["--listen", "0.0.0.0:0"][..], "`0.0.0.0:0` is not a loopback address"),
        (&["--speed", "0"], "speed `0` is not one of 1 to 100000"),
        (&["--splits", "MSFT@2026-11-20"], "write it as SYMBOL@YYYY-MM-DD@N"),
        (&["--replies", folder, "--functions", "NEWS"], "function `NEWS` is not served; allowed: GLOBAL_QUOTE"),
        (&["--plan", "gold"], "allowed: free, p75"),
        (&["--start", "yesterday"], "yesterday"),
        (&["--symbols", "A,*"], "symbol `*` is not valid"),
        (&["--pairs", "BTC"], "write it as BASE/QUOTE"),
        (&["--faults", "/nowhere/faults.json"], "cannot be read"),
        (&["--faults", faults], "answer `melt` is not known"),
        (&["--replies", folder, "--symbols", "A"], "index.json` cannot be read"),
        (&["--replies", folder], "name the symbols or pairs, or the functions"),
    ] {
        let all: Vec<&str> = arguments.iter().chain(&["--api-key", "SECRET9"]).copied().collect();
        let output = timeout(DEADLINE, program(&all).wait_with_output()).await.unwrap().unwrap();
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{text}");
        assert!(text.contains(words), "{text}");
        assert!(!text.contains("SECRET9") && output.stdout.is_empty());
    }
}

#[tokio::test]
async fn the_library_refuses_any_address_but_loopback() {
    for address in ["0.0.0.0:0", "192.0.2.1:80", "[::]:0"] {
        let options = Options { listen: address.parse().unwrap(), ..Options::default() };
        assert!(matches!(MarketSimulator::start(options).await, Err(StartError::NotLoopback(_))), "{address}");
    }
    // An address that is taken is an error of its own.
    let running = MarketSimulator::start(Options::default()).await.unwrap();
    let listen = running.url.strip_prefix("http://").unwrap().parse().unwrap();
    assert!(matches!(
        MarketSimulator::start(Options { listen, ..Options::default() }).await,
        Err(StartError::Listen { .. })
    ));
    running.stop().await;
}
