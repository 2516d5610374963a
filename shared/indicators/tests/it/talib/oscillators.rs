//! Stochastics and other oscillators in bounds, and indicators of volume.

use ta_lib::MAType::SMA;

use super::{Columns, Expected, Oracle, never};

macro_rules! oracle {
    ($text:literal, $expected:expr) => {
        Oracle { text: $text, expected: $expected, exempt: never }
    };
}

/// None is exempt: bars of the shapes have their closes within their highs and lows.
pub(crate) const ORACLES: &[Oracle] = &[
    oracle!("STOCH(14,3,3)", |from| stoch(from, [14, 3, 3])),
    oracle!("STOCH(5,3,3)", |from| stoch(from, [5, 3, 3])),
    oracle!("STOCH(1,1,1)", |from| stoch(from, [1, 1, 1])),
    oracle!("STOCH(200,20,9)", |from| stoch(from, [200, 20, 9])),
    oracle!("STOCHF(5,3)", |from| stochf(from, [5, 3])),
    oracle!("STOCHF(2,1)", |from| stochf(from, [2, 1])),
    oracle!("STOCHF(100,30)", |from| stochf(from, [100, 30])),
    oracle!("STOCHRSI(14,5,3)", |from| stochrsi(from, [14, 5, 3])),
    oracle!("STOCHRSI(2,1,1)", |from| stochrsi(from, [2, 1, 1])),
    oracle!("STOCHRSI(30,30,10)", |from| stochrsi(from, [30, 30, 10])),
    oracle!("WILLR(14)", |from| willr(from, 14)),
    oracle!("WILLR(2)", |from| willr(from, 2)),
    oracle!("WILLR(300)", |from| willr(from, 300)),
    oracle!("ULTOSC(7,14,28)", |from| ultosc(from, [7, 14, 28])),
    oracle!("ULTOSC(1,2,3)", |from| ultosc(from, [1, 2, 3])),
    oracle!("ULTOSC(100,9,33)", |from| ultosc(from, [100, 9, 33])),
    oracle!("OBV", obv),
    oracle!("VWAP(cumulative)", vwap),
    oracle!("VWAP", vwap_of_sessions),
    oracle!("MFI(14)", |from| mfi(from, 14)),
    oracle!("MFI(2)", |from| mfi(from, 2)),
    oracle!("MFI(100)", |from| mfi(from, 100)),
    oracle!("AD", ad),
    oracle!("ADOSC(3,10)", |from| adosc(from, [3, 10])),
    oracle!("ADOSC(2,3)", |from| adosc(from, [2, 3])),
    oracle!("ADOSC(20,100)", |from| adosc(from, [20, 100])),
];

fn stoch(from: &Columns, [fast, k, d]: [i32; 3]) -> Expected {
    let (mut slowk, mut slowd) = (from.room(), from.room());
    let (high, low, close) = (&from.high, &from.low, &from.close);
    let out = (&mut slowk, &mut slowd);
    let range = from.core.stoch(0, from.last(), high, low, close, fast, k, SMA, d, SMA, out.0, out.1).unwrap();
    Expected::new(range, [slowk, slowd])
}

fn stochf(from: &Columns, [k, d]: [i32; 2]) -> Expected {
    let (mut fastk, mut fastd) = (from.room(), from.room());
    let (high, low, close) = (&from.high, &from.low, &from.close);
    let range = from.core.stochf(0, from.last(), high, low, close, k, d, SMA, &mut fastk, &mut fastd).unwrap();
    Expected::new(range, [fastk, fastd])
}

fn stochrsi(from: &Columns, [period, k, d]: [i32; 3]) -> Expected {
    let (mut fastk, mut fastd) = (from.room(), from.room());
    let range = from.core.stochrsi(0, from.last(), &from.close, period, k, d, SMA, &mut fastk, &mut fastd).unwrap();
    Expected::new(range, [fastk, fastd])
}

fn willr(from: &Columns, period: i32) -> Expected {
    let mut out = from.room();
    let range = from.core.willr(0, from.last(), &from.high, &from.low, &from.close, period, &mut out).unwrap();
    Expected::new(range, [out])
}

fn ultosc(from: &Columns, [one, two, three]: [i32; 3]) -> Expected {
    let mut out = from.room();
    let (high, low, close) = (&from.high, &from.low, &from.close);
    let range = from.core.ultosc(0, from.last(), high, low, close, one, two, three, &mut out).unwrap();
    Expected::new(range, [out])
}

fn obv(from: &Columns) -> Expected {
    let mut out = from.room();
    let range = from.core.obv(0, from.last(), &from.close, &from.volume, &mut out).unwrap();
    Expected::new(range, [out])
}

fn vwap(from: &Columns) -> Expected {
    let mut out = from.room();
    let (high, low, close) = (&from.high, &from.low, &from.close);
    let range = from.core.vwap(0, from.last(), high, low, close, &from.volume, &mut out).unwrap();
    Expected::new(range, [out])
}

/// The caller of TA-Lib begins a session. Its 0 while nothing was traded in it is our typical price.
fn vwap_of_sessions(from: &Columns) -> Expected {
    let (mut all, mut range, mut first) = (Vec::new(), None, 0);
    for session in from.session.chunk_by(|one, other| one == other) {
        let (end, mut out) = (first + session.len(), vec![0.0; session.len()]);
        let part = |column: &[f64]| column[first..end].to_vec();
        let (high, low, close, volume) = (part(&from.high), part(&from.low), part(&from.close), part(&from.volume));
        range = Some(from.core.vwap(0, session.len() - 1, &high, &low, &close, &volume, &mut out).unwrap());
        let traded = volume.iter().position(|volume| *volume > 0.0).unwrap_or(session.len());
        for (at, value) in out.iter_mut().enumerate().take(traded) {
            assert_eq!(*value, 0.0);
            *value = (high[at] + low[at] + close[at]) / 3.0;
        }
        all.extend(out);
        first = end;
    }
    let mut range = range.unwrap();
    (range.beg_idx, range.count) = (0, all.len());
    Expected::new(range, [all])
}

fn mfi(from: &Columns, period: i32) -> Expected {
    let mut out = from.room();
    let (high, low, close) = (&from.high, &from.low, &from.close);
    let range = from.core.mfi(0, from.last(), high, low, close, &from.volume, period, &mut out).unwrap();
    Expected::new(range, [out])
}

fn ad(from: &Columns) -> Expected {
    let mut out = from.room();
    let range = from.core.ad(0, from.last(), &from.high, &from.low, &from.close, &from.volume, &mut out).unwrap();
    Expected::new(range, [out])
}

fn adosc(from: &Columns, [fast, slow]: [i32; 2]) -> Expected {
    let mut out = from.room();
    let (high, low, close) = (&from.high, &from.low, &from.close);
    let range = from.core.adosc(0, from.last(), high, low, close, &from.volume, fast, slow, &mut out).unwrap();
    Expected::new(range, [out])
}
