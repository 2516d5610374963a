//! Runs seeds from the command line: a seed or many enter, a line for each leaves, and what is wrong with it.

use std::process::ExitCode;

use clap::Parser;
use simulation::{Shape, simulate};

/// Runs the pipeline in a simulated world and checks what is left of it.
#[derive(Parser)]
struct Arguments {
    /// The seed, or the first of them.
    #[arg(long)]
    seed: u64,
    /// How many seeds.
    #[arg(long, default_value_t = 1)]
    seeds: u64,
    /// How many rows pollers are given.
    #[arg(long, default_value_t = 20_000)]
    records: usize,
    /// How many symbols and pairs there are.
    #[arg(long, default_value_t = 2_000)]
    keys: usize,
}

#[allow(clippy::print_stdout, reason = "what a command line is for")]
fn main() -> ExitCode {
    let Arguments { seed, seeds, records, keys } = Arguments::parse();
    for seed in seed..seed.saturating_add(seeds) {
        let report = simulate(seed, Shape { records, keys });
        print!("{report}");
        if !report.findings.is_empty() {
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}
