//! The market simulator as a program: options enter, one JSON line on standard output says where it
//! listens, and it serves until it is told to end. Never prints an API key.

use std::{
    io::{self, Read, Write},
    net::SocketAddr,
    path::PathBuf,
    process::ExitCode,
    time::Duration,
};

use clap::Parser;
use jiff::Timestamp;
use market::{Pair, Symbol};
use market_simulator::{Fault, Function, MarketSimulator, Options, Plan, Split, StartError};
use secrecy::SecretString;
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::oneshot,
};

/// How long requests in progress may take after the end was asked for.
const PATIENCE: Duration = Duration::from_secs(2);
/// Exit code for wrong arguments, as clap has it.
const USAGE: u8 = 2;

/// Speaks Alpha Vantage's HTTP protocol on loopback, with prices from a seed and a clock of its own.
#[derive(Parser)]
#[command(name = "market-simulator", version)]
struct Arguments {
    /// Loopback address to listen on; port 0 takes a free one.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Seed of all prices.
    #[arg(long, default_value_t = 42)]
    seed: u64,
    /// Market seconds for one second.
    #[arg(long, default_value_t = 60)]
    speed: u32,
    /// Market time at the start, RFC 3339; by default the latest weekday's 11:30 in New York.
    #[arg(long, value_name = "TIME")]
    start: Option<Timestamp>,
    /// Limits to enforce: free, p75, p150, p300, p600 or p1200.
    #[arg(long, default_value_t = Plan::P75)]
    plan: Plan,
    /// Serve real bulk quotes whatever the plan; p600 and p1200 have them anyway.
    #[arg(long)]
    bulk: bool,
    /// Accept this key only; by default any but none and `demo`.
    #[arg(long, value_name = "KEY")]
    api_key: Option<SecretString>,
    /// Symbols that exist, separated by commas; by default all.
    #[arg(long, value_delimiter = ',', value_name = "SYMBOLS")]
    symbols: Vec<Symbol>,
    /// Pairs that exist, BASE/QUOTE, separated by commas; by default all.
    #[arg(long, value_delimiter = ',', value_name = "PAIRS")]
    pairs: Vec<Pair>,
    /// Symbols and pairs that do not exist, separated by commas.
    #[arg(long, value_delimiter = ',', value_name = "NAMES")]
    unknown: Vec<String>,
    /// Splits, SYMBOL@YYYY-MM-DD@N for N new shares for an old one, separated by commas.
    #[arg(long, value_delimiter = ',', value_name = "SPLITS")]
    splits: Vec<Split>,
    /// JSON list of faults in force from the start.
    #[arg(long, value_name = "FILE")]
    faults: Option<PathBuf>,
    /// Folder with an index.json: serve each of its replies once, to the symbols and pairs named.
    #[arg(long, value_name = "DIR")]
    replies: Option<PathBuf>,
    /// With --replies, the functions that will be asked for, separated by commas; by default quotes, intraday bars,
    /// rates and days of digital currencies, as far as symbols and pairs are named for them.
    #[arg(long, value_delimiter = ',', value_name = "FUNCTIONS", requires = "replies", value_parser = function)]
    functions: Vec<Function>,
    /// End when standard input is closed, so that a parent that dies takes this along.
    #[arg(long)]
    until_stdin_closes: bool,
}

fn function(name: &str) -> Result<Function, String> {
    Function::find(name).ok_or_else(|| {
        let all: Vec<&str> = Function::ALL.iter().map(|function| function.as_str()).collect();
        format!("function `{name}` is not served; allowed: {}", all.join(", "))
    })
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(arguments).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            let _ = writeln!(io::stderr(), "error: {}", failure.message);
            ExitCode::from(failure.code)
        }
    }
}

/// Why the program ends early.
struct Failure {
    code: u8,
    message: String,
}

async fn run(arguments: Arguments) -> Result<(), Failure> {
    let until_stdin_closes = arguments.until_stdin_closes;
    // Before the first line is written: whoever read it may send a signal.
    let ended = ended(until_stdin_closes).map_err(|error| Failure { code: 1, message: error.to_string() })?;
    let running = MarketSimulator::start(options(arguments)?).await.map_err(|error| Failure {
        code: if matches!(error, StartError::Listen { .. }) { 1 } else { USAGE },
        message: error.to_string(),
    })?;
    let line = serde_json::json!({"listening": running.url, "clock": running.clock.to_string()});
    writeln!(io::stdout(), "{line}")
        .and_then(|()| io::stdout().flush())
        .map_err(|error| Failure { code: 1, message: format!("standard output cannot be written: {error}") })?;

    ended.await;
    // A delayed answer may take longer than anyone wants to wait for an end.
    let _ = tokio::time::timeout(PATIENCE, running.stop()).await;
    Ok(())
}

fn options(arguments: Arguments) -> Result<Options, Failure> {
    let usage = |message| Failure { code: USAGE, message };
    let faults = match &arguments.faults {
        None => Vec::new(),
        Some(path) => {
            let text = std::fs::read(path)
                .map_err(|error| usage(format!("faults file `{}` cannot be read: {error}", path.display())))?;
            Fault::parse_list(&text).map_err(|error| usage(format!("faults file `{}`: {error}", path.display())))?
        }
    };
    Ok(Options {
        listen: arguments.listen,
        seed: arguments.seed,
        speed: arguments.speed,
        start: arguments.start,
        plan: arguments.plan,
        bulk: arguments.bulk,
        api_key: arguments.api_key,
        symbols: arguments.symbols,
        pairs: arguments.pairs,
        unknown: arguments.unknown,
        splits: arguments.splits,
        faults,
        replies: arguments.replies,
        functions: arguments.functions,
        ..Options::default()
    })
}

/// Completes at SIGTERM, SIGINT or, if asked for, the end of standard input.
fn ended(until_stdin_closes: bool) -> io::Result<impl Future<Output = ()>> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let (closed, stdin_closed) = oneshot::channel();
    if until_stdin_closes {
        // A thread of its own: a read of standard input cannot be cancelled.
        std::thread::spawn(move || {
            let mut ignored = [0; 512];
            loop {
                match io::stdin().read(&mut ignored) {
                    Ok(1..) => {}
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Ok(0) | Err(_) => break,
                }
            }
            let _ = closed.send(());
        });
    }
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
            _ = stdin_closed, if until_stdin_closes => {}
        }
    })
}
