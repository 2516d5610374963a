//! The price process: a seed, an instrument and a moment enter, a price leaves.
//!
//! A price is a pure function of (seed, instrument, tick), and a tick is a quarter of a minute, so
//! a finished bar is the same whoever asks for it and whenever, and a bar in progress is a prefix
//! of the finished one. Integers only: the same on every machine. It knows no session; the caller
//! says which ticks were traded.

use jiff::Timestamp;
use market::{Currency, Pair, Symbol};

use crate::{
    currencies,
    seeded::{Kind, below, key, mix},
};

/// Seconds from one trade to the next.
pub(crate) const TICK_SECONDS: i64 = 15;

/// Decimals of an equity's price in replies.
pub(crate) const EQUITY_DECIMALS: u32 = 4;
/// Decimals of a rate, and of a digital currency's price and volume, in replies.
pub(crate) const CURRENCY_DECIMALS: u32 = 8;
/// Decimals of a rate's bars shorter than a day.
pub(crate) const CURRENCY_INTRADAY_DECIMALS: u32 = 5;

/// Layers of noise; each one is four times as slow as the one before and twice as high, as in a
/// random walk. The slowest turns once in half a year.
const OCTAVES: u32 = 11;
/// Noise lies in `-NOISE_ONE .. NOISE_ONE`.
const NOISE_BITS: u32 = 20;
const NOISE_ONE: i64 = 1 << NOISE_BITS;
const PPB: i128 = 1_000_000_000;

/// Weight of a tick's volume in the middle of the day; see [`Process::bar`].
pub(crate) const WEIGHT_ONE: i64 = 20;

/// Open, high, low, close and volume, in units of the last decimal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bar {
    pub(crate) start: Timestamp,
    pub(crate) open: i64,
    pub(crate) high: i64,
    pub(crate) low: i64,
    pub(crate) close: i64,
    pub(crate) volume: i64,
}

/// The prices of one instrument.
#[derive(Debug, Clone)]
pub(crate) struct Process {
    key: u64,
    /// The price around which all prices lie.
    base: i64,
    /// Height of the fastest layer of noise, in billionths of the base.
    amplitude: i64,
    /// Usual volume of a tick.
    volume: i64,
}

impl Process {
    /// The process of a share.
    pub(crate) fn equity(seed: u64, symbol: &Symbol) -> Self {
        Self::share(seed, symbol.as_str())
    }

    /// The process of a share by its ticker: around 10 to 500 dollars, at most a fifth up or down.
    /// A right or warrant (`CELG^`, `XMPL+`) costs one cent to two dollars and moves four times as much.
    pub(crate) fn share(seed: u64, ticker: &str) -> Self {
        let key = key(seed, Kind::Share, ticker);
        if ticker.ends_with(['^', '+']) {
            let base = 100 + below(mix(key ^ 1), 20_000);
            return Self { key, base, amplitude: 400_000, volume: 1 + below(mix(key ^ 2), 2_000) };
        }
        Self {
            key,
            base: 100_000 + below(mix(key ^ 1), 4_900_000),
            amplitude: 100_000,
            volume: 200 + below(mix(key ^ 2), 20_000),
        }
    }

    /// The process of a rate, around what the two currencies are worth.
    pub(crate) fn pair(seed: u64, pair: &Pair) -> Self {
        let key = key(seed, Kind::Pair, &pair.to_string());
        let (base, quote) = (worth(&pair.base), worth(&pair.quote));
        let one = 10_i128.pow(CURRENCY_DECIMALS);
        let digital = pair.base.is_digital() || pair.quote.is_digital();
        Self {
            key,
            // A rate below 0.00001 would have too few digits left to move.
            base: clamp(i128::from(base) * one / i128::from(quote)).max(1_000),
            amplitude: if digital { 200_000 } else { 30_000 },
            // Ten thousand dollars' worth.
            volume: clamp(10_000_000_000 * one / i128::from(base)),
        }
    }

    /// The price at a tick.
    pub(crate) fn price(&self, tick: i64) -> i64 {
        let deviation: i64 = (0..OCTAVES)
            .map(|octave| {
                let before = tick >> (2 * octave);
                self.layer(octave, tick, self.noise(octave, before), self.noise(octave, before + 1))
            })
            .sum();
        self.deviate(deviation)
    }

    /// What a layer adds at a tick, on the way from one of its points to the next.
    fn layer(&self, octave: u32, tick: i64, from: i64, to: i64) -> i64 {
        let shift = 2 * octave;
        let into = tick & ((1 << shift) - 1);
        let noise = from + (((to - from) * into) >> shift);
        ((self.amplitude << octave) * noise) >> NOISE_BITS
    }

    fn deviate(&self, deviation: i64) -> i64 {
        self.base + clamp(i128::from(self.base) * i128::from(deviation) / PPB)
    }

    /// The decimals of a bar shorter than a day: few, unless the rate is so low that they would hide it.
    pub(crate) fn intraday_decimals(&self) -> u32 {
        if self.base < 1_000_000 { CURRENCY_DECIMALS } else { CURRENCY_INTRADAY_DECIMALS }
    }

    /// A number of the trade at a tick, in `0 .. limit`, that says nothing about its price.
    pub(crate) fn trade(&self, tick: i64, limit: u64) -> i64 {
        below(mix(self.key ^ mix(Kind::Trade as u64 ^ mix(tick as u64))), limit)
    }

    /// What was traded at a tick, for a weight in units of [`WEIGHT_ONE`].
    fn traded(&self, tick: i64, weight: i64) -> i64 {
        let jitter = 512 + below(mix(self.key ^ mix(tick as u64)), 1_024);
        clamp(i128::from(self.volume) * i128::from(jitter) * i128::from(weight) / i128::from(1_024 * WEIGHT_ONE))
    }

    /// The bar of the ticks in `[start, end)` that have happened by `now`, or `None` if none has.
    ///
    /// `weigh` says how busy a moment, in seconds since 1970, is; [`WEIGHT_ONE`] is the usual.
    pub(crate) fn bar(
        &self,
        start: Timestamp,
        end: Timestamp,
        now: Timestamp,
        weigh: impl Fn(i64) -> i64,
    ) -> Option<Bar> {
        let first = first_tick(start);
        let last = (first_tick(end) - 1).min(tick_of(now));
        let open = (first <= last).then(|| self.price(first))?;
        let mut bar = Bar { start, open, high: open, low: open, close: open, volume: 0 };
        let mut walk = Walk::new(self);
        for tick in first..=last {
            bar.close = walk.price(tick);
            bar.high = bar.high.max(bar.close);
            bar.low = bar.low.min(bar.close);
            bar.volume = bar.volume.saturating_add(self.traded(tick, weigh(tick * TICK_SECONDS)));
        }
        Some(bar)
    }

    fn noise(&self, octave: u32, point: i64) -> i64 {
        below(mix(mix(self.key ^ u64::from(octave)) ^ point as u64), 2 * NOISE_ONE as u64) - NOISE_ONE
    }
}

/// Prices of one tick after the other, the same as [`Process::price`]: the points of a layer are
/// computed when it turns, not at each tick, which makes years of daily bars affordable.
struct Walk<'a> {
    process: &'a Process,
    /// The point before, the noise there and at the next one.
    layers: [Option<(i64, i64, i64)>; OCTAVES as usize],
}

impl<'a> Walk<'a> {
    fn new(process: &'a Process) -> Self {
        Self { process, layers: [None; OCTAVES as usize] }
    }

    fn price(&mut self, tick: i64) -> i64 {
        let mut deviation = 0;
        for (octave, layer) in (0..OCTAVES).zip(&mut self.layers) {
            let before = tick >> (2 * octave);
            let (_, from, to) = match *layer {
                Some(points) if points.0 == before => points,
                _ => {
                    *layer.insert((before, self.process.noise(octave, before), self.process.noise(octave, before + 1)))
                }
            };
            deviation += self.process.layer(octave, tick, from, to);
        }
        self.process.deviate(deviation)
    }
}

/// The latest tick at or before a moment.
pub(crate) fn tick_of(at: Timestamp) -> i64 {
    at.as_second().div_euclid(TICK_SECONDS)
}

/// The first tick at or after a moment.
fn first_tick(at: Timestamp) -> i64 {
    tick_of(at) + i64::from(at.as_nanosecond() > i128::from(tick_of(at) * TICK_SECONDS) * PPB)
}

/// What a currency is worth, in millionths of a dollar: by the table, or by its name for all others.
fn worth(currency: &Currency) -> i64 {
    currencies::find(currency.as_str()).map_or_else(
        || {
            let own = key(0, Kind::Worth, currency.as_str());
            if currency.is_digital() { 10_000 + below(own, 100_000_000) } else { 20_000 + below(own, 2_000_000) }
        },
        |known| known.micro_dollars,
    )
}

fn clamp(wide: i128) -> i64 {
    i64::try_from(wide).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::SignedDuration;
    use proptest::prelude::*;

    fn seconds(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn processes(seed: u64) -> Vec<Process> {
        let mut all: Vec<Process> = ["MSFT", "AAPL", "BRK.B", "CELG^"]
            .iter()
            .map(|text| Process::equity(seed, &text.parse().unwrap()))
            .collect();
        all.extend(
            ["BTC/USD", "USD/JPY", "BTC/VND", "DOGE/BTC", "FOO/BAR"]
                .iter()
                .map(|text| Process::pair(seed, &text.parse().unwrap())),
        );
        all
    }

    proptest! {
        #[test]
        fn a_bar_in_progress_grows_towards_the_finished_one(
            seed: u64, start in 0_i64..4_000_000_000, length in 1_i64..7_200, steps in prop::collection::vec(0_i64..900, 1..12),
        ) {
            let (start, end) = (seconds(start), seconds(start + length));
            for process in processes(seed) {
                let finished = process.bar(start, end, Timestamp::MAX, |_| WEIGHT_ONE);
                let mut now = start;
                let mut before: Option<Bar> = None;
                for step in &steps {
                    now += SignedDuration::from_secs(*step);
                    let bar = process.bar(start, end, now, |_| WEIGHT_ONE);
                    if let (Some(before), Some(bar)) = (before, bar) {
                        prop_assert_eq!(before.open, bar.open);
                        prop_assert!(before.high <= bar.high && before.low >= bar.low && before.volume <= bar.volume);
                    }
                    if let (Some(bar), Some(finished)) = (bar, finished) {
                        prop_assert!(0 < bar.low && bar.low <= bar.open.min(bar.close) && bar.open.max(bar.close) <= bar.high);
                        prop_assert!(bar.high <= finished.high && bar.low >= finished.low && bar.volume <= finished.volume);
                    }
                    if now >= end {
                        prop_assert_eq!(bar, finished);
                    }
                    // Nothing of it lies in the future: it is the finished bar of the time until now.
                    let so_far = (now + SignedDuration::from_nanos(1)).min(end);
                    prop_assert_eq!(bar, process.bar(start, so_far, Timestamp::MAX, |_| WEIGHT_ONE));
                    before = bar;
                }
            }
        }

        #[test]
        fn a_walk_meets_the_price_of_every_tick(seed: u64, start in -5_000_000_i64..300_000_000, steps in prop::collection::vec(1_i64..70, 1..200)) {
            for process in processes(seed) {
                let (mut walk, mut tick) = (Walk::new(&process), start);
                for step in &steps {
                    // Mostly the next tick, now and then a leap.
                    tick += if *step < 60 { 1 } else { step * step };
                    prop_assert_eq!(walk.price(tick), process.price(tick));
                }
            }
        }

        #[test]
        fn a_long_bar_is_the_fold_of_its_minutes(seed: u64, minute in 0_i64..60_000_000, minutes in 1_i64..90) {
            let at = |minute: i64| seconds(minute * 60);
            for process in processes(seed) {
                let long = process.bar(at(minute), at(minute + minutes), Timestamp::MAX, |_| 7).unwrap();
                let short: Vec<Bar> = (minute..minute + minutes)
                    .map(|m| process.bar(at(m), at(m + 1), Timestamp::MAX, |_| 7).unwrap())
                    .collect();
                prop_assert_eq!(long.open, short[0].open);
                prop_assert_eq!(long.close, short[short.len() - 1].close);
                prop_assert_eq!(long.high, short.iter().map(|bar| bar.high).max().unwrap());
                prop_assert_eq!(long.low, short.iter().map(|bar| bar.low).min().unwrap());
                prop_assert_eq!(long.volume, short.iter().map(|bar| bar.volume).sum::<i64>());
            }
        }
    }

    #[test]
    fn prices_depend_on_seed_and_instrument_and_on_nothing_else() {
        let symbol: Symbol = "MSFT".parse().unwrap();
        let path = |seed: u64, symbol: &Symbol| -> Vec<i64> {
            let process = Process::equity(seed, symbol);
            (118_000_000..118_000_100).map(|tick| process.price(tick)).collect()
        };
        assert_eq!(path(1, &symbol), path(1, &symbol));
        assert_ne!(path(1, &symbol), path(2, &symbol));
        assert_ne!(path(1, &symbol), path(1, &"AAPL".parse().unwrap()));
        // Written down, so that a change of the process does not go unseen: runs with a seed must be repeatable.
        assert_eq!(path(42, &symbol)[..4], [1_125_255, 1_125_183, 1_125_177, 1_125_266]);
    }

    #[test]
    fn prices_move_as_prices_do() {
        // Mean size of the move from one day to the next over two years, as a fraction of the price.
        let day = 24 * 3600 / TICK_SECONDS;
        for process in processes(7) {
            let closes: Vec<f64> = (0..500).map(|n| process.price(118_000_000 + n * day) as f64).collect();
            let mean = closes.windows(2).map(|pair| (pair[1] / pair[0]).ln().abs()).sum::<f64>() / 499.0;
            let relative = mean * 100_000.0 / process.amplitude as f64;
            assert!((0.002..0.03).contains(&relative), "{mean}");
        }
    }

    #[test]
    fn a_bar_has_no_tick_before_its_begin() {
        let process = Process::equity(1, &"MSFT".parse().unwrap());
        let (start, end) = (seconds(60), seconds(120));
        assert_eq!(process.bar(start, end, seconds(59), |_| 1), None);
        assert_eq!(process.bar(start, start, Timestamp::MAX, |_| 1), None);
        let first = process.bar(start, end, start, |_| WEIGHT_ONE).unwrap();
        assert_eq!((first.open, first.high, first.low), (first.close, first.close, first.close));
        assert_eq!(first_tick("1970-01-01T00:00:15.000000001Z".parse().unwrap()), 2);
        assert_eq!(first_tick("1970-01-01T00:00:15Z".parse().unwrap()), 1);
    }
}
