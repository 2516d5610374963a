use proptest::prelude::*;

use super::*;

/// A fact about one bar, as it may arrive.
#[derive(Debug, Clone, Copy)]
enum Fact {
    Vendor(VendorPart),
    Reading(Reading),
}

/// Content follows from (key, rev, variant), as ids do, so that equal ids mean equal content. Few
/// keys, times and revisions: equal event times and corrections are frequent, volumes rise and fall.
fn fact() -> impl Strategy<Value = Fact> {
    (0u8..6, 0u32..3, 0u8..2, any::<bool>()).prop_map(|(key, rev, variant, vendor)| {
        let id = [key * 16 + rev as u8 * 4 + variant; 16];
        let price = 100.0 + f64::from((u32::from(key) * 37 + rev * 11 + u32::from(variant) * 5) % 17);
        if vendor {
            let prices = Ohlcv { open: price, high: price + 1.0, low: price - 1.0, close: price, volume: Some(price) };
            return Fact::Vendor(VendorPart { rev, id, is_final: variant == 1, freshness: 2, as_of: 0, prices });
        }
        Fact::Reading(Reading {
            key: [key; 16],
            rev,
            id,
            at: i64::from(key / 2),
            price,
            cumulative_volume: (key != 3).then_some(1000.0 - price),
        })
    })
}

fn bar_of(facts: &[Fact]) -> Bar {
    let mut bar = Bar::default();
    for fact in facts {
        match fact {
            Fact::Vendor(part) => bar.take_vendor(*part),
            Fact::Reading(reading) => {
                bar.sampled.take(*reading);
            }
        }
    }
    bar
}

fn joined(mut left: Bar, right: &Bar) -> Bar {
    left.join(right);
    left
}

/// The obviously right formula: the last correction of each reading, sorted by (event time, id).
fn naive(facts: &[Fact], before: Option<f64>) -> Option<Ohlcv> {
    let vendor = facts.iter().filter_map(|fact| match fact {
        Fact::Vendor(part) => Some(*part),
        Fact::Reading(_) => None,
    });
    if let Some(part) = vendor.max_by_key(|part| (part.is_final, part.rev, part.id)) {
        return Some(part.prices);
    }
    let readings: Vec<Reading> = facts
        .iter()
        .filter_map(|fact| match fact {
            Fact::Reading(reading) => Some(*reading),
            Fact::Vendor(_) => None,
        })
        .collect();
    let mut last: Vec<Reading> = readings
        .iter()
        .filter(|reading| {
            !readings.iter().any(|other| other.key == reading.key && (other.rev, other.id) > (reading.rev, reading.id))
        })
        .copied()
        .collect();
    last.sort_by_key(|reading| (reading.at, reading.id));
    let (first, end) = (last.first()?, last.last()?);
    let volume = end.cumulative_volume.map(|volume| (volume - before.unwrap_or(0.0)).max(0.0));
    Some(Ohlcv {
        open: first.price,
        high: last.iter().map(|reading| reading.price).fold(f64::MIN, f64::max),
        low: last.iter().map(|reading| reading.price).fold(f64::MAX, f64::min),
        close: end.price,
        volume,
    })
}

/// So many cases, or as many as `PROPTEST_CASES` says.
fn cases(usual: u32) -> ProptestConfig {
    let config = ProptestConfig::default();
    if std::env::var_os("PROPTEST_CASES").is_some() { config } else { ProptestConfig { cases: usual, ..config } }
}

proptest! {
    #![proptest_config(cases(2_000))]

    #[test]
    fn the_join_does_not_care_about_order_repetition_or_grouping(
        facts in prop::collection::vec(fact(), 0..14),
        shuffled in prop::collection::vec(any::<prop::sample::Index>(), 14),
        cuts in (0usize..15, 0usize..15),
        before in prop::option::of(850.0f64..950.0),
    ) {
        let mut order: Vec<usize> = (0..facts.len()).collect();
        for (at, index) in shuffled.iter().enumerate().take(facts.len()) {
            order.swap(at, index.index(facts.len()));
        }
        let reordered: Vec<Fact> = order.iter().map(|&at| facts[at]).collect();
        let whole = bar_of(&facts);
        prop_assert_eq!(&bar_of(&reordered), &whole, "order");

        let (first, second) = (cuts.0.min(facts.len()), cuts.1.min(facts.len()));
        let (first, second) = (first.min(second), first.max(second));
        let [a, b, c] = [bar_of(&facts[..first]), bar_of(&facts[first..second]), bar_of(&facts[second..])];
        prop_assert_eq!(joined(a.clone(), &b), joined(b.clone(), &a), "commutative");
        let left = joined(joined(a.clone(), &b), &c);
        prop_assert_eq!(&left, &joined(a.clone(), &joined(b.clone(), &c)), "associative");
        prop_assert_eq!(&left, &whole, "grouping");
        prop_assert_eq!(joined(whole.clone(), &whole), whole.clone(), "idempotent");
        prop_assert_eq!(joined(whole.clone(), &a), whole.clone(), "a part again");
        prop_assert_eq!(whole.show(before), naive(&facts, before), "what it shows");
    }

    #[test]
    fn late_readings_merge_into_a_closed_bar_in_any_order(
        prices in prop::collection::vec(1.0f64..100.0, 2..10), cut in 1usize..9, backwards: bool,
    ) {
        let reading = |at: usize| Reading {
            key: [at as u8; 16], rev: 0, id: [at as u8; 16], at: (at / 2) as i64, price: prices[at], cumulative_volume: None,
        };
        let cut = cut.min(prices.len() - 1);
        let mut all = Sampled::default();
        let mut closed = Sampled::default();
        (0..prices.len()).for_each(|at| { all.take(reading(at)); });
        (0..cut).for_each(|at| { closed.take(reading(at)); });
        closed.close();
        let mut late: Vec<usize> = (0..prices.len()).collect();
        if backwards { late.reverse(); }
        late.into_iter().for_each(|at| { closed.take(reading(at)); });
        prop_assert_eq!(closed.view(), all.view());
        all.close();
        let mut open = Sampled::default();
        open.take(reading(0));
        open.join(&closed);
        prop_assert_eq!(&open, &all);
    }
}

#[test]
fn a_full_bar_keeps_the_same_readings_whatever_their_order() {
    let reading = |at: u8| Reading { key: [at; 16], rev: 0, id: [at; 16], at: 0, price: 1.0, cumulative_volume: None };
    let (mut up, mut down) = (Sampled::default(), Sampled::default());
    let dropped: usize = (0..200).map(|at| usize::from(up.take(reading(at)))).sum();
    (0..200).rev().for_each(|at| {
        down.take(reading(at));
    });
    assert_eq!(dropped, 200 - READINGS_MAX);
    assert_eq!(up, down);
}

#[test]
fn a_fall_of_the_cumulative_volume_is_told_and_never_negative() {
    let mut sampled = Sampled::default();
    sampled.take(Reading { key: [0; 16], rev: 0, id: [0; 16], at: 0, price: 1.0, cumulative_volume: Some(10.0) });
    let view = sampled.view().unwrap();
    assert_eq!(
        (view.volume(Some(4.0)), view.volume(None), view.volume(Some(11.0))),
        (Ok(Some(6.0)), Ok(Some(10.0)), Err(0.0))
    );
    assert_eq!(view.ohlcv(Some(11.0)).volume, Some(0.0));
}
