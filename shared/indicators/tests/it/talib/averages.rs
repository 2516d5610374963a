//! Averages, and what is made of them or of two closes.

use ta_lib::MAType;

use super::{Columns, Expected, Oracle, never};

/// `VWMA` differs where no bar of the window has a volume: TA-Lib gives NaN, we the simple mean.
pub(crate) const ORACLES: &[Oracle] = &[
    Oracle { text: "WMA(30)", expected: wma::<30>, exempt: never },
    Oracle { text: "WMA(2)", expected: wma::<2>, exempt: never },
    Oracle { text: "WMA(400)", expected: wma::<400>, exempt: never },
    Oracle { text: "RMA(30)", expected: rma::<30>, exempt: never },
    Oracle { text: "RMA(2)", expected: rma::<2>, exempt: never },
    Oracle { text: "RMA(300)", expected: rma::<300>, exempt: never },
    Oracle { text: "DEMA(30)", expected: dema::<30>, exempt: never },
    Oracle { text: "DEMA(2)", expected: dema::<2>, exempt: never },
    Oracle { text: "DEMA(200)", expected: dema::<200>, exempt: never },
    Oracle { text: "TEMA(30)", expected: tema::<30>, exempt: never },
    Oracle { text: "TEMA(2)", expected: tema::<2>, exempt: never },
    Oracle { text: "TEMA(200)", expected: tema::<200>, exempt: never },
    Oracle { text: "KAMA(30)", expected: kama::<30>, exempt: never },
    Oracle { text: "KAMA(2)", expected: kama::<2>, exempt: never },
    Oracle { text: "KAMA(10)", expected: kama::<10>, exempt: never },
    Oracle { text: "KAMA(300)", expected: kama::<300>, exempt: never },
    Oracle { text: "HMA(20)", expected: hma::<20>, exempt: never },
    Oracle { text: "HMA(2)", expected: hma::<2>, exempt: never },
    Oracle { text: "HMA(15)", expected: hma::<15>, exempt: never },
    Oracle { text: "HMA(200)", expected: hma::<200>, exempt: never },
    Oracle { text: "VWMA(20)", expected: vwma::<20>, exempt: no_volume::<20> },
    Oracle { text: "VWMA(2)", expected: vwma::<2>, exempt: no_volume::<2> },
    Oracle { text: "VWMA(250)", expected: vwma::<250>, exempt: no_volume::<250> },
    Oracle { text: "TRIX(30)", expected: trix::<30>, exempt: never },
    Oracle { text: "TRIX(1)", expected: trix::<1>, exempt: never },
    Oracle { text: "TRIX(150)", expected: trix::<150>, exempt: never },
    Oracle { text: "APO(12,26)", expected: apo::<12, 26>, exempt: never },
    Oracle { text: "APO(2,3)", expected: apo::<2, 3>, exempt: never },
    Oracle { text: "APO(50,200)", expected: apo::<50, 200>, exempt: never },
    Oracle { text: "PPO(12,26)", expected: ppo::<12, 26>, exempt: never },
    Oracle { text: "PPO(2,3)", expected: ppo::<2, 3>, exempt: never },
    Oracle { text: "PPO(50,200)", expected: ppo::<50, 200>, exempt: never },
    Oracle { text: "MOM(10)", expected: mom::<10>, exempt: never },
    Oracle { text: "MOM(1)", expected: mom::<1>, exempt: never },
    Oracle { text: "MOM(300)", expected: mom::<300>, exempt: never },
    Oracle { text: "ROC(10)", expected: roc::<10>, exempt: never },
    Oracle { text: "ROC(1)", expected: roc::<1>, exempt: never },
    Oracle { text: "ROC(300)", expected: roc::<300>, exempt: never },
    Oracle { text: "ROCR(10)", expected: rocr::<10>, exempt: never },
    Oracle { text: "ROCR(1)", expected: rocr::<1>, exempt: never },
    Oracle { text: "ROCR(300)", expected: rocr::<300>, exempt: never },
    Oracle { text: "CMO(14)", expected: cmo::<14>, exempt: never },
    Oracle { text: "CMO(2)", expected: cmo::<2>, exempt: never },
    Oracle { text: "CMO(100)", expected: cmo::<100>, exempt: never },
    Oracle { text: "BOP", expected: bop, exempt: never },
];

/// Those of one period over the close.
macro_rules! of_the_close {
    ($($name:ident),+) => {
        $(fn $name<const PERIOD: i32>(from: &Columns) -> Expected {
            let mut out = from.room();
            let range = from.core.$name(0, from.last(), &from.close, PERIOD, &mut out).unwrap();
            Expected::new(range, [out])
        })+
    };
}

of_the_close!(wma, rma, dema, tema, kama, hma, trix, mom, roc, rocr, cmo);

fn vwma<const PERIOD: i32>(from: &Columns) -> Expected {
    let mut out = from.room();
    let range = from.core.vwma(0, from.last(), &from.close, &from.volume, PERIOD, &mut out).unwrap();
    Expected::new(range, [out])
}

/// Whether no bar of the window has a volume.
fn no_volume<const PERIOD: usize>(from: &Columns, index: usize) -> bool {
    from.volume[..=index].iter().rev().take(PERIOD).all(|volume| *volume == 0.0)
}

fn apo<const FAST: i32, const SLOW: i32>(from: &Columns) -> Expected {
    let mut out = from.room();
    let range = from.core.apo(0, from.last(), &from.close, FAST, SLOW, MAType::DEFAULT, &mut out).unwrap();
    Expected::new(range, [out])
}

fn ppo<const FAST: i32, const SLOW: i32>(from: &Columns) -> Expected {
    let mut out = from.room();
    let range = from.core.ppo(0, from.last(), &from.close, FAST, SLOW, MAType::DEFAULT, &mut out).unwrap();
    Expected::new(range, [out])
}

fn bop(from: &Columns) -> Expected {
    let mut out = from.room();
    let range = from.core.bop(0, from.last(), &from.open, &from.high, &from.low, &from.close, &mut out).unwrap();
    Expected::new(range, [out])
}
