//! The indicators of trends and ranges.

use ta_lib::{Core, OutRange, RetCode};

use super::{Columns, Expected, Oracle, never};

/// Each with its defaults, a short and a long period. TA-Lib adds up the prices of a CCI as they are; over 100
/// nearly flat ones the rounding errors of its mean reach the tolerance.
pub(crate) const ORACLES: &[Oracle] = &[
    Oracle { text: "TRANGE", expected: trange, exempt: never },
    Oracle { text: "NATR(14)", expected: |from| bars(from, 14, Core::natr), exempt: never },
    Oracle { text: "NATR(2)", expected: |from| bars(from, 2, Core::natr), exempt: never },
    Oracle { text: "NATR(100)", expected: |from| bars(from, 100, Core::natr), exempt: never },
    Oracle { text: "PLUS_DI(14)", expected: |from| bars(from, 14, Core::plus_di), exempt: never },
    Oracle { text: "PLUS_DI(2)", expected: |from| bars(from, 2, Core::plus_di), exempt: never },
    Oracle { text: "PLUS_DI(100)", expected: |from| bars(from, 100, Core::plus_di), exempt: never },
    Oracle { text: "MINUS_DI(14)", expected: |from| bars(from, 14, Core::minus_di), exempt: never },
    Oracle { text: "MINUS_DI(2)", expected: |from| bars(from, 2, Core::minus_di), exempt: never },
    Oracle { text: "MINUS_DI(100)", expected: |from| bars(from, 100, Core::minus_di), exempt: never },
    Oracle { text: "DX(14)", expected: |from| bars(from, 14, Core::dx), exempt: never },
    Oracle { text: "DX(2)", expected: |from| bars(from, 2, Core::dx), exempt: never },
    Oracle { text: "DX(100)", expected: |from| bars(from, 100, Core::dx), exempt: never },
    Oracle { text: "ADX(14)", expected: |from| bars(from, 14, Core::adx), exempt: never },
    Oracle { text: "ADX(2)", expected: |from| bars(from, 2, Core::adx), exempt: never },
    Oracle { text: "ADX(100)", expected: |from| bars(from, 100, Core::adx), exempt: never },
    Oracle { text: "ADXR(14)", expected: |from| bars(from, 14, Core::adxr), exempt: never },
    Oracle { text: "ADXR(2)", expected: |from| bars(from, 2, Core::adxr), exempt: never },
    Oracle { text: "ADXR(100)", expected: |from| bars(from, 100, Core::adxr), exempt: never },
    Oracle { text: "CCI(14)", expected: |from| bars(from, 14, Core::cci), exempt: never },
    Oracle { text: "CCI(5)", expected: |from| bars(from, 5, Core::cci), exempt: never },
    Oracle { text: "CCI(50)", expected: |from| bars(from, 50, Core::cci), exempt: never },
    Oracle { text: "AROON(14)", expected: |from| aroon(from, 14), exempt: never },
    Oracle { text: "AROON(2)", expected: |from| aroon(from, 2), exempt: never },
    Oracle { text: "AROON(100)", expected: |from| aroon(from, 100), exempt: never },
    Oracle { text: "AROONOSC(14)", expected: |from| ranges(from, 14, Core::aroonosc), exempt: never },
    Oracle { text: "AROONOSC(2)", expected: |from| ranges(from, 2, Core::aroonosc), exempt: never },
    Oracle { text: "AROONOSC(100)", expected: |from| ranges(from, 100, Core::aroonosc), exempt: never },
    Oracle { text: "MIDPOINT(14)", expected: |from| midpoint(from, 14), exempt: never },
    Oracle { text: "MIDPOINT(2)", expected: |from| midpoint(from, 2), exempt: never },
    Oracle { text: "MIDPOINT(100)", expected: |from| midpoint(from, 100), exempt: never },
    Oracle { text: "MIDPRICE(14)", expected: |from| ranges(from, 14, Core::midprice), exempt: never },
    Oracle { text: "MIDPRICE(2)", expected: |from| ranges(from, 2, Core::midprice), exempt: never },
    Oracle { text: "MIDPRICE(100)", expected: |from| ranges(from, 100, Core::midprice), exempt: never },
    Oracle { text: "SAR(0.02,0.2)", expected: |from| sar(from, 0.02, 0.2), exempt: never },
    Oracle { text: "SAR(0.1,0.5)", expected: |from| sar(from, 0.1, 0.5), exempt: never },
    Oracle { text: "SAR(0.3,0.1)", expected: |from| sar(from, 0.3, 0.1), exempt: never },
    Oracle { text: "DONCHIAN(20)", expected: donchian, exempt: never },
];

type OfBars = fn(&Core, usize, usize, &[f64], &[f64], &[f64], i32, &mut [f64]) -> Result<OutRange, RetCode>;

/// What reads high, low and close.
fn bars(from: &Columns, period: i32, of: OfBars) -> Expected {
    let mut out = from.room();
    let range = of(&from.core, 0, from.last(), &from.high, &from.low, &from.close, period, &mut out).unwrap();
    Expected::new(range, [out])
}

type OfRanges = fn(&Core, usize, usize, &[f64], &[f64], i32, &mut [f64]) -> Result<OutRange, RetCode>;

/// What reads high and low.
fn ranges(from: &Columns, period: i32, of: OfRanges) -> Expected {
    let mut out = from.room();
    let range = of(&from.core, 0, from.last(), &from.high, &from.low, period, &mut out).unwrap();
    Expected::new(range, [out])
}

fn trange(from: &Columns) -> Expected {
    let mut out = from.room();
    let range = from.core.trange(0, from.last(), &from.high, &from.low, &from.close, &mut out).unwrap();
    Expected::new(range, [out])
}

fn aroon(from: &Columns, period: i32) -> Expected {
    let [mut down, mut up] = [(); 2].map(|()| from.room());
    let range = from.core.aroon(0, from.last(), &from.high, &from.low, period, &mut down, &mut up).unwrap();
    Expected::new(range, [down, up])
}

fn midpoint(from: &Columns, period: i32) -> Expected {
    let mut out = from.room();
    let range = from.core.midpoint(0, from.last(), &from.close, period, &mut out).unwrap();
    Expected::new(range, [out])
}

fn sar(from: &Columns, acceleration: f64, maximum: f64) -> Expected {
    let mut out = from.room();
    let range = from.core.sar(0, from.last(), &from.high, &from.low, acceleration, maximum, &mut out).unwrap();
    Expected::new(range, [out])
}

/// TA-Lib has it under three names.
fn donchian(from: &Columns) -> Expected {
    let [mut upper, mut middle, mut lower] = [(); 3].map(|()| from.room());
    let range = from.core.max(0, from.last(), &from.high, 20, &mut upper).unwrap();
    from.core.midprice(0, from.last(), &from.high, &from.low, 20, &mut middle).unwrap();
    from.core.min(0, from.last(), &from.low, 20, &mut lower).unwrap();
    Expected::new(range, [upper, middle, lower])
}
