//! `kinetick`: the command line. Arguments enter; what is shown, an exit code and files under
//! `.kinetick` leave.

// A command line speaks on standard output and standard error; that is what it is for.
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod account;
mod audit;
mod checkout;
mod down;
mod host;
mod indicators;
mod letters;
mod parse;
mod place;
mod plan;
mod poll;
mod redacted;
mod send;
mod up;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Real-time market data on AWS serverless: the pipeline on one machine, and tools for it.
#[derive(Debug, Parser)]
#[command(name = "kinetick", version, about)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the whole pipeline on this machine, from polls to S3, and show it at work.
    ///
    /// Exit codes: 0 all accounted for; 1 not, or something failed; 2 wrong arguments.
    Up(up::Options),
    /// List, show, redrive and discard dead letters: what functions and event source mappings gave up.
    ///
    /// docs/dead-letters.md says what each kind means and what to do.
    DeadLetters(Box<letters::Options>),
    /// End what `up --keep` left running.
    Down,
    /// Compute from streams, S3 and dead letters whether all that arrived in a window is accounted for; writes nothing.
    ///
    /// Offered = done, dead or expired, over sets of ids. Done is what stands in the archive; what was done of it can be
    /// told from outside in part only. A window is closed if its streams still hold it, no shard lags and no series owes
    /// anything. Memory: about 300 bytes for each record.
    ///
    /// Exit codes: 0 closed and balanced; 1 not; 2 wrong use; 3 something could not be read.
    Audit(Box<audit::Options>),
    /// Run the functions of a template as processes on this machine, fed by faithful event source mappings.
    ///
    /// Starts the emulator and deploys the template to it, unless an endpoint is given where that is done already. Then
    /// the emulator's own mappings and schedules are switched off, and the host reads streams and queues, fires schedules
    /// in their zones, and serves Lambda's Invoke API on its endpoint, with the emulator behind it. Any `provided.*`
    /// bootstrap runs. On standard output: `endpoint http://127.0.0.1:PORT`, then `ready` once the mappings poll; all
    /// else, and what functions log, on standard error. Ctrl-C ends it cleanly, twice at once.
    ///
    /// Exit codes: 0 ended by Ctrl-C or --for; 1 something failed; 2 wrong arguments.
    Host(host::Options),
    /// Show who is asked when on a day, and what is not fetched and why; calls nobody.
    ///
    /// Exit codes: 0 done, or with --check the plan serves the schedule; 1 with --check it does not;
    /// 2 wrong use.
    Plan(plan::Options),
    /// Make the emulator's Python environment in this checkout, if it is not there.
    Prepare,
    /// Show what the pipeline makes of replies of the vendor in files, without network and AWS.
    ///
    /// For each file one line of JSON: {"file", "verdict", "message" of a refusal, "records" as they would be sent
    /// the first time, "failures" with reason and payload}. Keys of the API are masked.
    ///
    /// Exit codes: 0 whatever the verdicts; 2 wrong arguments; 3 a file could not be read, the others were.
    Parse(parse::Options),
    /// Compute technical indicators over a CSV file of bars, one row out for each row in, without network and AWS.
    ///
    /// In: a header with timestamp,open,high,low,close,volume in any order, other columns are passed over; oldest row
    /// first. A volume may be empty. Times: RFC 3339, `YYYY-MM-DD`, `YYYY-MM-DD HH:MM:SS` or seconds since 1970; those
    /// without a zone are UTC. Out: the timestamp as it stands, and a column for each output, empty until its first value.
    /// A row that cannot be taken is named on standard error and has empty cells; the others go on.
    ///
    /// With --to-state the state after the last row is kept, and --from-state continues from it: the output of the parts
    /// is that of the whole, to the bit. Files appear under their names when they are complete, not before.
    ///
    /// Exit codes: 0 all rows were taken; 1 something could not be read to its end or written, or Ctrl-C; 2 wrong
    /// arguments, or no input, header or state to begin with; 3 rows were left out, the others done.
    Indicators(Box<indicators::Options>),
    /// Ask the vendor once, and send what it says to the streams of an environment.
    ///
    /// The key is taken from ALPHA_VANTAGE_API_KEY (with ALPHA_VANTAGE_PLAN and ALPHA_VANTAGE_ENTITLEMENT), or else from
    /// the environment's secret. Calls count in the ledger that the pollers share; market hours do not count. A dry run
    /// prints the records on standard output and says all else on standard error; with a key at hand it calls no AWS.
    /// Ctrl-C ends it: what is under way is brought to its end, and what was not asked is named.
    ///
    /// Exit codes: 0 all was asked, and all rows are accounted for; 1 something was refused, failed or not asked;
    /// 2 wrong arguments; 3 no access: no key, one that the vendor refuses, or no AWS.
    Poll(Box<poll::Options>),
    /// Send well-formed test records to the streams of an environment, and say how that went.
    ///
    /// They are about a symbol, a pair and a market that do not exist. The account needs kinesis:PutRecords.
    ///
    /// Exit codes: 0 all were taken; 1 one was not; 2 wrong arguments; 3 no credentials for AWS.
    Send(send::Options),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: cannot start: {error}");
            return ExitCode::FAILURE;
        }
    };
    let result = runtime.block_on(async {
        match arguments.command {
            Command::Up(options) => up::run(options).await,
            Command::Audit(options) => audit::run(&options).await,
            Command::DeadLetters(options) => letters::run(&options).await,
            Command::Down => down::run().await,
            Command::Host(options) => host::run(options).await,
            Command::Plan(options) => Ok(plan::run(&options)),
            Command::Prepare => prepare().await,
            Command::Parse(options) => parse::run(&options),
            Command::Indicators(options) => indicators::run(*options).await,
            Command::Poll(options) => poll::run(&options).await,
            Command::Send(options) => send::run(&options).await,
        }
    });
    result.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}

async fn prepare() -> anyhow::Result<ExitCode> {
    let checkout = checkout::Checkout::find()?;
    let venv = emulator::python::prepare(checkout.root(), |text| eprintln!("{text}")).await?;
    println!("{}", venv.root().display());
    Ok(ExitCode::SUCCESS)
}
