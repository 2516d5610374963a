//! The default set of indicators against its peers: the same bars, in turns, in one thread. Fails if a bound is broken.
//!
//! `make bench` from the checkout. All are built as functions are shipped (one codegen unit, link-time optimisation),
//! the peers and the indicators with opt-level 3. Time is processor time of the thread. On a busy machine single turns
//! are off by far, so the least of many counts. Before that it is checked that all compute the same.

#![allow(clippy::print_stdout, reason = "a program for a person to read")]

mod bars;
mod contestant;
#[path = "peers/kand.rs"]
mod peer_kand;
#[path = "peers/ta.rs"]
mod peer_ta;
#[path = "peers/talib.rs"]
mod peer_talib;
#[path = "peers/yata.rs"]
mod peer_yata;
mod state;

use std::process::ExitCode;

use anyhow::{Result, ensure};

use crate::contestant::{Contestant, Engine, Series, WARM_UP};

/// Bars of a turn, beside those before the first value of the last indicator.
const BARS: usize = 4_000;
/// Turns that count.
const ROUNDS: usize = 400;
/// Largest part of the time of TA-Lib's handles that the same ten may take.
const BOUND: f64 = 1.0;

fn main() -> Result<ExitCode> {
    let bars = Series::of(bars::walk(WARM_UP + BARS));
    let mut contestants: Vec<Box<dyn Contestant>> = vec![
        Box::new(Engine),
        Box::new(peer_talib::Handles),
        Box::new(peer_talib::Batch),
        Box::new(peer_kand::Kand),
        Box::new(peer_ta::Ta),
        Box::new(peer_yata::Yata),
    ];
    let expected = Engine.values(&bars)?;
    for contestant in &contestants[1..] {
        agrees(contestant.as_ref(), &contestant.values(&bars)?, &expected)?;
    }

    let mut least = vec![f64::INFINITY; contestants.len()];
    for round in 0..=ROUNDS {
        for (contestant, least) in contestants.iter_mut().zip(&mut least) {
            let seconds = contestant.turn(&bars)?.as_secs_f64();
            // The first turn warms up.
            if round > 0 {
                *least = least.min(seconds);
            }
        }
    }
    println!("\nThe default set, {BARS} bars, in turns; the least of {ROUNDS} turns.\n");
    println!(
        "| | ns per bar | its time, kinetick's = 1 | has | lacks | other formula or seed |\n|---|---:|---:|---:|---|---|"
    );
    for (contestant, seconds) in contestants.iter().zip(&least) {
        let (nanoseconds, ratio) = (1e9 * seconds / BARS as f64, seconds / least[0]);
        let (lacks, other) = (contestant.lacks(), contestant.other().join(", "));
        let (has, lacks) = (10 - lacks.len(), lacks.join(", "));
        println!("| {} | {nanoseconds:.1} | {ratio:.2} | {has} of 10 | {lacks} | {other} |", contestant.name());
    }
    let ratio = least[0] / least[1];
    println!("\nkinetick takes {ratio:.2} of the time of TA-Lib's handles (bound: {BOUND:.2}).");
    let state = state::measure(&bars)?;
    let slow = ratio > BOUND;
    if slow {
        println!("out of bounds: the time of an update");
    }
    Ok(if slow || !state { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Compares the values of each bar with ours. Who seeds otherwise is compared from where a seed is forgotten, and
/// outputs of another formula are not.
fn agrees(contestant: &dyn Contestant, values: &[[f64; 15]], expected: &[[f64; 15]]) -> Result<()> {
    let (skipped, tolerance) = contestant.agreement();
    ensure!(values.len() == expected.len(), "{} has {} bars", contestant.name(), values.len());
    for (index, (values, expected)) in values.iter().zip(expected).enumerate().skip(skipped) {
        for (output, (value, expected)) in values.iter().zip(expected).enumerate() {
            if contestant.leaves_out(output) {
                continue;
            }
            let error = (value - expected).abs() / expected.abs().max(1e-2);
            ensure!(
                error <= tolerance,
                "{}: output {output} at {index}: {value} instead of {expected}",
                contestant.name()
            );
        }
    }
    Ok(())
}
