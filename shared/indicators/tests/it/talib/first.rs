//! The indicators of the first set.

use ta_lib::MAType;

use super::{Columns, Expected, Oracle, never};

/// Moved only by something: TA-Lib's C gives 0 for an RSI without movement, its Rust crate 50 as we do.
pub(crate) const ORACLES: &[Oracle] = &[
    Oracle { text: "SMA(20)", expected: sma, exempt: never },
    Oracle { text: "EMA(20)", expected: ema, exempt: never },
    Oracle { text: "RSI(14)", expected: rsi, exempt: never },
    Oracle { text: "MACD(12,26,9)", expected: macd, exempt: never },
    Oracle { text: "BBANDS(20,2)", expected: bbands, exempt: never },
    Oracle { text: "ATR(14)", expected: atr, exempt: never },
];

fn sma(from: &Columns) -> Expected {
    let mut out = from.room();
    let range = from.core.sma(0, from.last(), &from.close, 20, &mut out).unwrap();
    Expected::new(range, [out])
}

fn ema(from: &Columns) -> Expected {
    let mut out = from.room();
    let range = from.core.ema(0, from.last(), &from.close, 20, &mut out).unwrap();
    Expected::new(range, [out])
}

fn rsi(from: &Columns) -> Expected {
    let mut out = from.room();
    let range = from.core.rsi(0, from.last(), &from.close, 14, &mut out).unwrap();
    Expected::new(range, [out])
}

fn macd(from: &Columns) -> Expected {
    let [mut line, mut signal, mut hist] = [(); 3].map(|()| from.room());
    let range = from.core.macd(0, from.last(), &from.close, 12, 26, 9, &mut line, &mut signal, &mut hist).unwrap();
    Expected::new(range, [line, signal, hist])
}

fn bbands(from: &Columns) -> Expected {
    let [mut upper, mut middle, mut lower] = [(); 3].map(|()| from.room());
    let (high, mid, low) = (&mut upper, &mut middle, &mut lower);
    let range = from.core.bbands(0, from.last(), &from.close, 20, 2.0, 2.0, MAType::SMA, high, mid, low).unwrap();
    Expected::new(range, [upper, middle, lower])
}

fn atr(from: &Columns) -> Expected {
    let mut out = from.room();
    let range = from.core.atr(0, from.last(), &from.high, &from.low, &from.close, 14, &mut out).unwrap();
    Expected::new(range, [out])
}
