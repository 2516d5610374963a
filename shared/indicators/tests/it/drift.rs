//! Sums do not drift: against exact arithmetic over a million bars, or ten if `CASES` is set.
//!
//! Prices are whole numbers of a small power of two, so that every sum is one of integers and exact.

use fastrand::Rng;
use indicators::{Bar, IndicatorSet, Indicators, catalogue};

/// The window of all indicators here.
const PERIOD: usize = 20;
/// How many bars in between are compared, spread evenly.
const SAMPLES: usize = 6_000;
/// Largest error of a mean, as a part of it.
const MEAN: f64 = 1e-11;
/// Largest error of a standard deviation, as a part of it.
const DEVIATION: f64 = 1e-10;
/// After how many windows at the latest all sums were made anew.
const REBUILT: usize = 8;

/// What an indicator is of the prices of its window, oldest first, and how far it may be off.
struct Windowed {
    text: &'static str,
    /// Which part of the text's outputs is compared, as a number near the exact one.
    value: fn(&[f64]) -> f64,
    exact: fn(&[i128]) -> f64,
    tolerance: f64,
}

/// Those of them that the catalogue has are compared.
const WINDOWED: [Windowed; 5] = [
    Windowed { text: "SMA(20)", value: first, exact: mean, tolerance: MEAN },
    Windowed { text: "WMA(20)", value: first, exact: weighted_mean, tolerance: MEAN },
    Windowed { text: "BBANDS(20,2)", value: |values| values[1], exact: mean, tolerance: MEAN },
    // At a hundred deviations the bands are so far apart that their own rounding does not count.
    Windowed {
        text: "BBANDS(20,100)",
        value: |values| (values[0] - values[2]) / 200.0,
        exact: deviation,
        tolerance: DEVIATION,
    },
    Windowed { text: "STDDEV(20,1)", value: first, exact: deviation, tolerance: DEVIATION },
];

fn first(values: &[f64]) -> f64 {
    values[0]
}

fn mean(window: &[i128]) -> f64 {
    window.iter().sum::<i128>() as f64 / window.len() as f64
}

fn weighted_mean(window: &[i128]) -> f64 {
    let weighted = window.iter().zip(1..).map(|(price, weight)| price * weight).sum::<i128>();
    weighted as f64 / (1..=window.len()).sum::<usize>() as f64
}

fn deviation(window: &[i128]) -> f64 {
    // n² · variance, where the first price is taken for zero.
    let (n, prices) = (window.len() as i128, window.iter().map(|price| price - window[0]));
    let (sum, squares) = prices.fold((0, 0), |(sum, squares), price| (sum + price, squares + price * price));
    ((n * squares - sum * sum) as f64).sqrt() / n as f64
}

/// A series of closes in whole units.
struct Walk {
    name: &'static str,
    /// Two to this power is the unit.
    unit: i32,
    /// The bounds of the price.
    least: f64,
    most: f64,
    /// The largest move, as a part of the price.
    step: f64,
}

const WALKS: [Walk; 3] = [
    Walk { name: "4 to 2,000", unit: -20, least: 4.0, most: 2_000.0, step: 0.02 },
    Walk { name: "1e-8", unit: -62, least: 0.5e-8, most: 2e-8, step: 0.02 },
    Walk { name: "1e5 with moves of 0.01", unit: -20, least: 0.9999e5, most: 1.0001e5, step: 1e-7 },
];

/// Σ (high + low + close) · volume and Σ volume, in units.
#[derive(Default)]
struct Flow {
    prices: i128,
    volumes: i128,
}

impl Flow {
    fn add(&mut self, [high, low, close]: [i128; 3], volume: u32) {
        self.prices += (high + low + close) * i128::from(volume);
        self.volumes += i128::from(volume);
    }

    fn average(&self) -> f64 {
        self.prices as f64 / (3 * self.volumes) as f64
    }
}

fn has(text: &str) -> bool {
    let name = |text: &str| text.split('(').next().unwrap_or_default().to_owned();
    catalogue().iter().any(|known| name(known) == name(text))
}

/// The largest error of anything so far, with its name.
struct Worst(Vec<(&'static str, f64)>);

impl Worst {
    fn compare(&mut self, text: &'static str, at: (&str, usize), value: f64, exact: f64, tolerance: f64) {
        let error = (value - exact).abs() / exact.abs();
        assert!(error <= tolerance, "{text} on {} at {}: {value} instead of {exact}, off by {error:e}", at.0, at.1);
        match self.0.iter_mut().find(|(known, _)| *known == text) {
            Some((_, worst)) => *worst = worst.max(error),
            None => self.0.push((text, error)),
        }
    }
}

fn start(text: &str) -> IndicatorSet {
    text.parse::<Indicators>().unwrap().start()
}

fn check(walk: &Walk, bars: usize, misprints: &[usize]) {
    let unit = 2.0_f64.powi(walk.unit);
    let [least, most] = [walk.least, walk.most].map(|price| (price / unit) as i128);
    let random = &mut Rng::with_seed(42);
    let mut sets: Vec<_> = WINDOWED.iter().filter(|one| has(one.text)).map(|one| (one, start(one.text))).collect();
    let (mut session, mut cumulative) = (start("VWAP"), start("VWAP(cumulative)"));
    let (mut flow_of_session, mut flow) = (Flow::default(), Flow::default());
    let (mut close, mut window) = ((least + most) / 2, vec![0_i128; PERIOD]);
    let (mut worst, mut values) = (Worst(Vec::new()), Vec::new());
    let mut misprinted = None;
    for index in 0..bars {
        let move_most = (close as f64 * walk.step) as i64;
        let mut part = || i128::from(random.i64(-move_most..=move_most));
        let (step, up, down) = (part(), part().abs(), part().abs());
        // The bounds throw it back.
        close = if (least..=most).contains(&(close + step)) { close + step } else { close - step };
        let misprint = misprints.contains(&index);
        let printed = if misprint { (1e9 / unit) as i128 } else { close };
        let (prices, volume) = ([printed + up, printed - down, printed], random.u32(..1_000_000));
        let [high, low, price] = prices.map(|price| price as f64 * unit);
        let (volumes, day) = (Some(volume.into()), index as u32 / 390);
        let bar = Bar { open: price, high, low, close: price, volume: volumes, session: day };
        if index % 390 == 0 {
            flow_of_session = Flow::default();
        }
        flow_of_session.add(prices, volume);
        flow.add(prices, volume);
        window.rotate_left(1);
        window[PERIOD - 1] = printed;
        misprinted = if misprint { Some(index) } else { misprinted };

        // Right after a misprint every bar is compared as soon as all sums must have been made anew.
        let since = index - misprinted.unwrap_or(0);
        let sampled = index % (bars / SAMPLES).max(1) == 0 || misprinted.is_some() && since < 20 * PERIOD;
        let rebuilt = misprinted.is_none() || since > (1 + REBUILT) * PERIOD;
        let compared = sampled && index >= PERIOD && rebuilt;
        let at = (walk.name, index);
        for (one, set) in &mut sets {
            let readings = set.update(&bar).unwrap();
            if compared {
                values.clear();
                values.extend(readings.values().flatten());
                worst.compare(one.text, at, (one.value)(&values), (one.exact)(&window) * unit, one.tolerance);
            }
        }
        for (text, set, flow) in
            [("VWAP", &mut session, &flow_of_session), ("VWAP(cumulative)", &mut cumulative, &flow)]
        {
            let value = set.update(&bar).unwrap().value(0).unwrap();
            if compared && flow.volumes > 0 {
                worst.compare(text, at, value, flow.average() * unit, MEAN);
            }
        }
    }
    let worst: Vec<String> = worst.0.iter().map(|(text, error)| format!("{text} {error:.1e}")).collect();
    println!("{} over {bars} bars, {} misprints: {}", walk.name, misprints.len(), worst.join(", "));
}

fn bars() -> usize {
    if std::env::var_os("CASES").is_some() { 10_000_000 } else { 1_000_000 }
}

#[test]
fn sums_do_not_drift_over_millions_of_bars() {
    for walk in &WALKS {
        check(walk, bars(), &[]);
    }
}

/// Misprints of 1e9 at several places of the ring, one of them shortly behind another.
#[test]
fn a_misprint_leaves_no_trace_once_sums_are_made_anew() {
    for walk in &WALKS {
        check(walk, 50_000, &[10_007, 20_150, 30_000, 30_003]);
    }
}
