//! Splits on series whose history is adjusted when one happens.

use super::*;

const ADJUSTED: &str = "symbol|TSCO.LON|vendor|split_adjusted|daily";
const SETS: &str = "SMA(3),RSI(5),EMA(4),VWMA(3),ATR(3),MACD(3,6,3)";
const LENGTH: i64 = 86_400_000;
/// The first day on which the new shares are traded.
const EX: i64 = 40;

fn start(day: i64) -> i64 {
    DAY + day * LENGTH
}

fn divided(prices: Ohlcv, ratio: f64) -> Ohlcv {
    split::divided(prices, ratio)
}

/// The bar of a day as the vendor tells it the evening of a day.
fn told(day: i64, evening: i64, ratio: f64, rev: u32) -> SeriesFact {
    let old = prices(day, 0);
    let prices = if evening >= EX { divided(old, ratio) } else { old };
    let mut fact = vendor(Interval::Day, start(day), rev, true, prices);
    if let About::Bar(Part::Vendor(part)) = &mut fact.about {
        part.as_of = start(evening) + LENGTH / 2;
        part.id = [day as u8 ^ (rev as u8) << 6; 16];
    }
    fact
}

fn split(ratio: f64) -> SeriesFact {
    let day = start(EX) - LENGTH / 4;
    SeriesFact { interval: Interval::Day, start: day, about: About::Split(Split { day, ratio }) }
}

/// Sixty days, each told on its evening, the split told before the day of that number, or after it.
fn run(ratio: f64, told_at: &[i64]) -> Writer {
    let id = id(ADJUSTED);
    let mut writer = Writer::new(with(SETS, ""));
    for day in 0..60 {
        for _ in told_at.iter().filter(|at| **at == day) {
            writer.take(&id, &[split(ratio)], start(day) + LENGTH / 2);
        }
        writer.take(&id, &[told(day, day, ratio, 0)], start(day) + LENGTH / 2);
    }
    writer
}

/// The last readings of the whole history in new shares.
fn expected(ratio: f64) -> BTreeMap<i64, String> {
    let bars = (0..60).map(|day| (start(day), divided(prices(day, 0), ratio)));
    let mut all = computed(&id(ADJUSTED), Interval::Day, &SETS.parse().unwrap(), bars);
    all.split_off(&start(EX))
}

fn last(writer: &Writer) -> BTreeMap<i64, String> {
    writer.last_of(Interval::Day).split_off(&start(EX))
}

#[test]
fn after_a_split_readings_are_those_of_the_whole_history_in_new_shares() {
    // Before any bar, the evening before, in time, twice, as late as can be.
    for told_at in [&[0][..], &[39], &[40], &[41, 44, 59], &[40, 40, 41], &[55]] {
        let writer = run(2.0, told_at);
        assert_eq!(writer.late, 0, "{told_at:?}");
        assert_eq!(last(&writer), expected(2.0), "{told_at:?}");
    }
    let late = run(2.0, &[58]);
    assert_eq!(late.late, 1, "bars of the new shares are folded with the old ones");
    assert_ne!(last(&late), expected(2.0));
    assert_ne!(last(&run(2.0, &[])), expected(2.0), "nobody told");
}

/// All numbers of a line behind the name of an object.
fn numbers(line: &str) -> Vec<f64> {
    let values = &line[line.find(r#""open":"#).unwrap()..line.find(r#","warming""#).unwrap_or(line.len())];
    let values = values.split(['{', ',', '}']).filter_map(|part| part.rsplit_once(':').map(|(_, number)| number));
    values.filter_map(|number| number.parse().ok()).collect()
}

#[test]
fn a_split_by_three_is_right_up_to_rounding() {
    for told_at in [0, 40, 50] {
        let (found, expected) = (last(&run(3.0, &[told_at])), expected(3.0));
        assert!(found.keys().eq(expected.keys()) && found.len() == 20);
        let (found, expected): (Vec<_>, Vec<_>) =
            (found.values().map(|line| numbers(line)).collect(), expected.values().map(|line| numbers(line)).collect());
        for at in 0..expected[0].len() {
            let rms = (expected.iter().map(|row| row[at] * row[at]).sum::<f64>() / 20.0).sqrt();
            for (found, expected) in found.iter().zip(&expected) {
                let allowed = 1e-12 * expected[at].abs().max(0.01 * rms);
                assert!((found[at] - expected[at]).abs() <= allowed, "{at}: {} {}", found[at], expected[at]);
            }
        }
        assert!(expected[0].len() > 10);
    }
}

#[test]
fn history_that_is_told_again_in_new_shares_is_divided_once() {
    let id = id(ADJUSTED);
    for (first, second) in [(true, false), (false, true), (true, true)] {
        let mut writer = Writer::new(with(SETS, ""));
        (0..45).for_each(|day| writer.take(&id, &[told(day, day, 2.0, 0)], start(day) + LENGTH / 2));
        let again: Vec<_> = (31..45).map(|day| told(day, 45, 2.0, 1)).collect();
        for told in [first.then_some(vec![split(2.0)]), Some(again), second.then_some(vec![split(2.0)])] {
            writer.take(&id, &told.unwrap_or_default(), start(45) + LENGTH / 2);
        }
        (45..60).for_each(|day| writer.take(&id, &[told(day, day, 2.0, 0)], start(day) + LENGTH / 2));
        assert_eq!(last(&writer), expected(2.0));
        assert_eq!(writer.item.splits.0.len(), 1);
    }
}

#[test]
fn bars_that_are_built_are_divided_too() {
    let id = id("symbol|MSFT|vendor|split_adjusted|intraday");
    let settings = with("SMA(3); 5min: SMA(3); 15min: EMA(3)", "");
    let day = DAY - 9 * 3_600_000;
    // A session of old shares, and on the next day one of new ones.
    let fact = |bar: i64, new: bool| {
        let begin = if new { DAY } else { DAY - LENGTH };
        let minute = begin + bar * MINUTE;
        let prices = if new { divided(prices(bar, 0), 2.0) } else { prices(bar, 0) };
        let mut fact = vendor(Interval::Min1, minute, 0, true, prices);
        if let About::Bar(Part::Vendor(part)) = &mut fact.about {
            part.as_of = minute + MINUTE;
        }
        fact
    };
    let all: Vec<_> = (0..60).map(|bar| fact(bar, false)).chain((0..30).map(|bar| fact(bar, true))).collect();
    let split = SeriesFact { interval: Interval::Day, start: day, about: About::Split(Split { day, ratio: 2.0 }) };
    // The last time it is too late for minutes, of which some new ones are folded, but not for what is built of them.
    for told_at in [0, 1, 47, 58, 60, 64, 70, 79] {
        let mut writer = Writer::new(settings.clone());
        for (at, fact) in all.iter().enumerate() {
            if at == told_at {
                writer.take(&id, &[split], fact.start + MINUTE);
            }
            writer.take(&id, &[*fact], fact.start + MINUTE);
        }
        let minutes = all.iter().enumerate().map(|(at, fact)| {
            let About::Bar(Part::Vendor(part)) = fact.about else { unreachable!() };
            (fact.start, if at < 60 { divided(part.prices, 2.0) } else { part.prices })
        });
        let minutes: BTreeMap<i64, Ohlcv> = minutes.collect();
        let late = told_at == 79;
        for interval in [Interval::Min1, Interval::Min5, Interval::Min15].into_iter().skip(late.into()) {
            let length = interval.duration().as_millis() as i64;
            let bars = built::aggregated(&minutes, interval);
            let closed = bars.into_iter().filter(|(start, _)| start + length <= DAY + 30 * MINUTE);
            let expected = computed(&id, interval, settings.sets.of(interval).unwrap(), closed).split_off(&DAY);
            assert_eq!(writer.last_of(interval).split_off(&DAY), expected, "{interval}, told before {told_at}");
        }
        assert_eq!(writer.late, u32::from(late));
    }
}
