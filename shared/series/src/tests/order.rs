//! Facts in any order, in any batches, as often as they like: the last revisions are those of a serial run.

use super::*;

/// Versions of 80 bars, partial ones and corrections among them, each out of place by less than the
/// bars that can be revised, some of them twice, cut into batches.
fn history() -> impl Strategy<Value = (Vec<SeriesFact>, Vec<usize>)> {
    let fact = (0u32..3, any::<bool>(), 0i64..(REVISABLE_BARS as i64 - 2), any::<bool>());
    (prop::collection::vec(fact, 80), prop::collection::vec(1usize..40, 60)).prop_map(|(bars, cuts)| {
        let mut placed: Vec<(i64, SeriesFact)> = Vec::new();
        for (bar, (corrections, partial, shift, twice)) in (0..).zip(bars) {
            let finals = (1..=1 + corrections).map(|rev| version(bar, rev, true));
            let versions: Vec<_> = partial.then(|| version(bar, 0, false)).into_iter().chain(finals).collect();
            for (nth, fact) in versions.iter().enumerate() {
                placed.push((bar + (shift * (nth as i64 + 1)) % (REVISABLE_BARS as i64 - 2), *fact));
            }
            if twice {
                placed.push((bar + shift / 2, *versions.last().unwrap()));
            }
        }
        placed.sort_by_key(|(place, _)| *place);
        (placed.into_iter().map(|(_, fact)| fact).collect(), cuts)
    })
}

proptest! {
    #![proptest_config(cases(300))]

    #[test]
    fn the_last_revisions_do_not_depend_on_batches_order_or_repetition((facts, cuts) in history()) {
        let id = id("symbol|MSFT|vendor|raw|intraday");
        let mut cut = Writer::default();
        let mut rest = facts.as_slice();
        for (nth, size) in cuts.iter().cycle().enumerate() {
            if rest.is_empty() { break }
            let (batch, tail) = rest.split_at((*size).min(rest.len()));
            // Every third batch is delivered twice.
            for _ in 0..1 + usize::from(nth % 3 == 0) {
                cut.take(&id, batch, DAY + nth as i64 * MINUTE);
            }
            rest = tail;
        }
        let mut serial = Writer::default();
        let mut sorted = facts.clone();
        sorted.sort_by_key(|fact| fact.start);
        for fact in &sorted {
            serial.take(&id, std::slice::from_ref(fact), DAY);
        }
        let expected = naive(&id, &facts);
        // Once nothing is under way any more, both have the same bars behind them.
        for writer in [&mut cut, &mut serial] {
            writer.take(&id, &[], DAY + 1_000 * MINUTE);
        }
        prop_assert_eq!(&serial.last(), &expected);
        prop_assert_eq!(&cut.last(), &expected);
        prop_assert_eq!(&cut.item.lanes[0].engine, &serial.item.lanes[0].engine);
    }
}

#[test]
fn history_that_is_spread_over_shards_is_whole_whatever_the_order_of_shards() {
    let id = id("pair|BTC/USD|vendor|raw|intraday");
    let facts: Vec<_> = (0..120).map(|bar| version(bar, 1, true)).collect();
    let shard = |one: i64| -> Vec<SeriesFact> {
        let of = |fact: &&SeriesFact| (fact.start / MINUTE * 7919 / 13) % 3 == one;
        facts.iter().filter(of).copied().collect()
    };
    let mut writer = Writer::default();
    for one in [2, 0, 1] {
        writer.take(&id, &shard(one), DAY + one * 30_000);
    }
    assert_eq!(writer.late, 0);
    assert_eq!(writer.last(), naive(&id, &facts));
    // When nothing of it is under way any more, the series is as small as ever.
    writer.take(&id, &[version(120, 1, true)], DAY + 400_000);
    assert_eq!(writer.item.lanes[0].slots.len(), REVISABLE_BARS);
    assert!(writer.item.encode().len() < 3 * 1024);
}

#[test]
fn a_bar_that_never_becomes_final_does_not_hold_up_the_series() {
    let id = id("symbol|MSFT|vendor|raw|intraday");
    let mut facts: Vec<_> = (1..60).map(|bar| version(bar, 1, true)).collect();
    facts.push(version(0, 0, false));
    let mut item = Item::default();
    let first = stepped(&id, &mut item, &mut facts, at(DAY), &settings());
    assert_eq!((first.given_up, first.closed, first.late), (0, 59, 0), "what came together may still be under way");
    assert_eq!(first.readings as usize, naive(&id, &facts).len());
    let later = stepped(&id, &mut item, &mut [], at(DAY + 120_000), &settings());
    assert_eq!((later.given_up, item.lanes[0].slots.len()), (1, REVISABLE_BARS));
}
