//! What it costs to save the state of the default set and to continue from it.

use std::{hint::black_box, time::Duration};

use anyhow::{Result, ensure};
use indicators::Indicators;

use crate::contestant::{Series, WARM_UP, timed};

/// Most bytes of the state of the default set.
const BYTES: usize = 1_024;
/// Most nanoseconds to write a kilobyte of state and to continue from it, together. The latter makes and frees a set.
const NANOSECONDS: f64 = 200.0;
const ROUNDS: usize = 10_000;
/// How often within a turn.
const TIMES: u32 = 64;

/// Prints sizes and times, and says whether they are within their bounds.
pub(crate) fn measure(series: &Series) -> Result<bool> {
    let indicators = Indicators::default();
    let mut set = indicators.start();
    for bar in &series.bars[..WARM_UP] {
        set.update(bar)?;
    }
    let mut bytes = Vec::new();
    set.encode(&mut bytes);
    ensure!(indicators.resume(&bytes)? == set, "a state does not continue as it was");
    let size = bytes.len();
    let [mut encode, mut resume] = [Duration::MAX; 2];
    for _ in 0..ROUNDS {
        encode = encode.min(timed(|| {
            for _ in 0..TIMES {
                bytes.clear();
                black_box(&set).encode(&mut bytes);
                black_box(&mut bytes);
            }
            Ok(())
        })?);
        resume = resume.min(timed(|| {
            for _ in 0..TIMES {
                black_box(&black_box(&indicators).resume(black_box(&bytes))?);
            }
            Ok(())
        })?);
    }
    let per_kilobyte = |time: Duration| time.as_secs_f64() * 1e9 / f64::from(TIMES) / (size as f64 / 1024.0);
    let [encode, resume] = [encode, resume].map(per_kilobyte);
    println!(
        "\nIts state has {size} bytes (bound: less than {BYTES}). Per KB it takes {encode:.0} ns to write it and \
         {resume:.0} ns to continue from it (bound: {NANOSECONDS:.0} together)."
    );
    let good = size < BYTES && encode + resume <= NANOSECONDS;
    if !good {
        println!("out of bounds: the state");
    }
    Ok(good)
}
