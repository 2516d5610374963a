//! Longer bars that are built from shorter ones, against a plain aggregation of the last versions.

use super::*;

const LONGER: [Interval; 4] = [Interval::Min5, Interval::Min15, Interval::Min30, Interval::Min60];
const SETS: &str = "SMA(3); 5min: SMA(3),EMA(2); 15min: EMA(3); 30min: SMA(2); 60min: SMA(2),RSI(2)";

fn length(interval: Interval) -> i64 {
    interval.duration().as_millis() as i64
}

/// First open, highest high, lowest low, last close, all volume.
pub(super) fn aggregated(minutes: &BTreeMap<i64, Ohlcv>, interval: Interval) -> BTreeMap<i64, Ohlcv> {
    let mut parts: BTreeMap<i64, Vec<Ohlcv>> = BTreeMap::new();
    for (start, prices) in minutes {
        parts.entry(start - start.rem_euclid(length(interval))).or_default().push(*prices);
    }
    let whole = |parts: Vec<Ohlcv>| Ohlcv {
        open: parts[0].open,
        high: parts.iter().map(|part| part.high).fold(f64::MIN, f64::max),
        low: parts.iter().map(|part| part.low).fold(f64::MAX, f64::min),
        close: parts[parts.len() - 1].close,
        volume: parts.iter().map(|part| part.volume).reduce(|sum, part| Some(sum? + part?)).flatten(),
    };
    parts.into_iter().map(|(start, parts)| (start, whole(parts))).collect()
}

/// What is to be read after the bars of that length: the vendor's own where it made one, else built ones.
fn expected(id: &SeriesId, facts: &[SeriesFact], interval: Interval, sets: &Sets) -> BTreeMap<i64, String> {
    let mut bars = aggregated(&finals(facts, Interval::Min1), interval);
    bars.extend(finals(facts, interval));
    computed(id, interval, sets.of(interval).unwrap(), bars)
}

/// Facts with the place at which they come, a minute for each.
type Placed = Vec<(i64, SeriesFact)>;

/// Two hundred minutes, some missing, some corrected, out of place by less than can be revised; and now and then the
/// vendor's own bar of five minutes, which may remain a partial one.
fn minutes() -> impl Strategy<Value = Placed> {
    let minute = (0u32..8, 0u32..3, 0i64..12, 0i64..12);
    let own = (0u32..6, 0i64..8);
    (prop::collection::vec(minute, 200), prop::collection::vec(own, 40)).prop_map(|(minutes, own)| {
        let mut placed = vec![(0, version(0, 1, true))];
        for (bar, (kind, corrections, first, later)) in (1..).zip(minutes) {
            match kind {
                0 => {}
                1 => placed.push((bar + first, version(bar, 0, false))),
                _ => {
                    placed.push((bar + first, version(bar, 1, true)));
                    placed.extend((0..corrections).map(|rev| (bar + later, version(bar, 2 + rev, true))));
                }
            }
        }
        for (nth, (kind, shift)) in (0..).zip(own) {
            let start = DAY + 5 * nth * MINUTE;
            let at = 5 * nth + shift;
            match kind {
                0 => placed.push((at, vendor(Interval::Min5, start, 1, true, prices(nth + 700, 1)))),
                1 => placed.push((at, vendor(Interval::Min5, start, 0, false, prices(nth + 700, 0)))),
                _ => {}
            }
        }
        placed.sort_by_key(|(place, fact)| (*place, fact.start % 7));
        placed
    })
}

fn run(id: &SeriesId, placed: &Placed, settings: Settings, batch: i64) -> Writer {
    let mut writer = Writer::new(settings);
    let last = placed.last().unwrap().0;
    for first in (0..=last).step_by(batch as usize) {
        let facts: Vec<_> =
            placed.iter().filter(|(at, _)| (first..first + batch).contains(at)).map(|(_, fact)| *fact).collect();
        writer.take(id, &facts, DAY + (first + batch) * MINUTE);
    }
    // By then the clock has closed what no minute closes any more.
    writer.take(id, &[], DAY + (last + 180) * MINUTE);
    writer
}

proptest! {
    #![proptest_config(large_cases(40))]

    #[test]
    fn built_bars_are_those_of_the_last_versions_of_their_minutes(placed in minutes(), batch in 1i64..20) {
        let id = id("pair|BTC/USD|vendor|raw|intraday");
        let facts: Vec<_> = placed.iter().map(|(_, fact)| *fact).collect();
        for sets in [SETS, "1min: none; 5min: SMA(3); 15min: SMA(2); 30min: SMA(2); 60min: SMA(2)"] {
            let settings = with(sets, "");
            let writer = run(&id, &placed, settings.clone(), batch);
            prop_assert_eq!(writer.late, 0);
            for interval in LONGER {
                let expected = expected(&id, &facts, interval, &settings.sets);
                prop_assert_eq!(writer.last_of(interval), expected, "{}", interval);
            }
            match settings.sets.of(Interval::Min1) {
                None => prop_assert!(writer.last().is_empty(), "minutes are only there to build of"),
                Some(set) => {
                    let expected = computed(&id, Interval::Min1, set, finals(&facts, Interval::Min1));
                    prop_assert_eq!(writer.last(), expected);
                }
            }
        }
    }
}

#[test]
fn a_built_bar_closes_with_its_last_minute_a_later_minute_or_the_clock() {
    let id = id("pair|BTC/USD|vendor|raw|intraday");
    let new = || Writer::new(with("SMA(2); 5min: SMA(2)", ""));
    let five = |writer: &Writer| writer.lines.keys().filter(|(interval, _, _)| *interval == Interval::Min5).count();
    let upto = |bars: i64| -> Vec<_> { (0..bars).map(|bar| version(bar, 1, true)).collect() };
    let mut writer = new();
    writer.take(&id, &upto(9), DAY + 9 * MINUTE);
    assert_eq!(five(&writer), 0);
    writer.take(&id, &[version(9, 1, true)], DAY + 10 * MINUTE);
    assert_eq!(five(&writer), 1, "the last minute");
    // Minutes 8 and 9 have no trade: minute 10 says that they are over.
    let mut writer = new();
    writer.take(&id, &upto(8), DAY + 9 * MINUTE);
    writer.take(&id, &[version(10, 0, false)], DAY + 11 * MINUTE);
    assert_eq!(five(&writer), 0, "a minute that is open says nothing");
    writer.take(&id, &[version(10, 1, true)], DAY + 11 * MINUTE);
    assert_eq!(five(&writer), 1, "a later minute");
    // Nothing comes any more: an hour after its end the clock closes it. Somebody looks from the end on.
    let mut writer = new();
    writer.take(&id, &upto(8), DAY + 9 * MINUTE);
    assert_eq!(writer.item.due(&writer.settings), Some(at(DAY + 10 * MINUTE + 125_000)));
    writer.take(&id, &[], DAY + 70 * MINUTE - 1);
    assert_eq!(five(&writer), 0);
    writer.take(&id, &[], DAY + 70 * MINUTE);
    assert_eq!((five(&writer), writer.item.due(&writer.settings)), (1, None), "the clock");
    // What comes then is a revision.
    writer.take(&id, &[version(8, 1, true)], DAY + 71 * MINUTE);
    assert!(writer.lines.contains_key(&(Interval::Min5, DAY + 5 * MINUTE, 1)));
}

#[test]
fn bars_built_of_sampled_ones_close_by_the_clock() {
    let id = id("pair|BTC/USD|sampled|raw|intraday");
    let mut writer = Writer::new(with("SMA(2); 5min: SMA(2)", ""));
    for bar in [0, 1, 2, 3, 4, 5, 6, 7] {
        writer.take(&id, &[reading(bar, 5, 100.0 + bar as f64), reading(bar, 50, 90.0)], DAY + bar * MINUTE + 55_000);
    }
    writer.take(&id, &[], DAY + 8 * MINUTE + 125_000);
    assert_eq!(writer.item.due(&writer.settings), Some(at(DAY + 10 * MINUTE + 125_000)));
    writer.take(&id, &[], DAY + 10 * MINUTE + 124_999);
    assert!(writer.last_of(Interval::Min5).is_empty());
    writer.take(&id, &[], DAY + 10 * MINUTE + 125_000);
    let last = writer.last_of(Interval::Min5);
    assert_eq!(last.keys().collect::<Vec<_>>(), [&(DAY + 5 * MINUTE)]);
    let line = &last[&(DAY + 5 * MINUTE)];
    assert!(line.contains(r#""open":105.0,"high":107.0,"low":90.0,"close":90.0,"volume":null"#), "{line}");
    assert_eq!(writer.item.due(&writer.settings), None);
}

#[test]
fn an_interval_that_is_added_begins_with_the_first_bar_whose_parts_are_all_there() {
    let id = id("pair|BTC/USD|vendor|raw|intraday");
    let facts: Vec<_> = (0..90).map(|bar| version(bar, 1, true)).collect();
    let mut writer = Writer::new(with("SMA(3)", ""));
    for (bar, fact) in (0..).zip(&facts[..48]) {
        writer.take(&id, &[*fact], DAY + (bar + 1) * MINUTE);
    }
    // Minutes 0 to 31 are folded: the bar from 30 on would be without its begin.
    assert_eq!(writer.item.lanes[0].folded, Some(DAY + 31 * MINUTE));
    writer.deploy(with("SMA(3); 5min: SMA(2)", ""));
    for (bar, fact) in (48..).zip(&facts[48..]) {
        writer.take(&id, &[*fact], DAY + (bar + 1) * MINUTE);
    }
    let minutes: BTreeMap<i64, Ohlcv> = finals(&facts, Interval::Min1).split_off(&(DAY + 35 * MINUTE));
    let bars = aggregated(&minutes, Interval::Min5);
    let expected = computed(&id, Interval::Min5, &"SMA(2)".parse().unwrap(), bars);
    assert_eq!(writer.last_of(Interval::Min5), expected);
}

#[test]
fn a_longer_bar_waits_for_its_minutes_whatever_stands_behind_it() {
    let id = id("pair|BTC/USD|vendor|raw|intraday");
    let settings = with("SMA(3); 5min: SMA(2)", "");
    let mut facts: Vec<_> = (0..15).map(|bar| version(bar, 1, true)).collect();
    // From then on only the vendor's own bars.
    facts.extend((3..40).map(|nth| vendor(Interval::Min5, DAY + 5 * nth * MINUTE, 1, true, prices(nth, 1))));
    facts.push(version(4, 2, true));
    let mut writer = Writer::new(settings.clone());
    for (nth, fact) in (0..).zip(&facts) {
        writer.take(&id, &[*fact], DAY + (200 + 3 * nth) * MINUTE);
    }
    assert_eq!(writer.late, 0);
    assert_eq!(writer.last_of(Interval::Min5), expected(&id, &facts, Interval::Min5, &settings.sets));
}
