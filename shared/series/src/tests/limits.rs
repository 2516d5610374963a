//! How large an item becomes, and that it never gets stuck.

use super::*;

#[test]
fn what_is_owed_stays_until_it_is_acknowledged_and_bounds_the_item() {
    let id = id("symbol|MSFT|vendor|raw|intraday");
    let settings = settings();
    let mut item = Item::default();
    let mut facts: Vec<_> = (0..1000).map(|bar| version(bar, 1, true)).collect();
    let mut taken = 0;
    loop {
        let step = stepped(&id, &mut item, &mut facts[taken..], at(DAY), &settings);
        taken += step.taken;
        if step.taken == 0 {
            break;
        }
    }
    assert!(taken > 200 && taken < 1000, "{taken} facts fill the room");
    let outputs = Indicators::default().names().len();
    assert!(item.owed().len() * codec::owed_bytes(outputs) <= OWED_BYTES_MAX);
    // Full: nothing changes any more, whatever comes.
    let before = item.clone();
    let again = stepped(&id, &mut item, &mut [version(3000, 1, true)], at(DAY), &settings);
    assert_eq!((again.taken, again.changed, &item), (0, false, &before));
    // Another writer leaves it alone while its own writer may still deliver it.
    let next = item.next_number();
    assert_eq!(item.deliverable(next, at(DAY + 119_999), &settings).count(), 0);
    assert_eq!(item.deliverable(next, at(DAY + 120_000), &settings).count(), item.owed().len());
    assert_eq!(item.due(&settings), Some(at(DAY + 120_000)));
    // Acknowledgements may leave gaps: what was not acknowledged stays.
    let all: Vec<u64> = item.owed().iter().map(|owed| owed.number).collect();
    item.acknowledge(&all[1..]);
    assert_eq!(item.owed().len(), 1);
    assert!(stepped(&id, &mut item, &mut facts[taken..], at(DAY), &settings).taken > 50, "there is room again");
}

/// As many outputs, lanes and rules as there can be.
fn largest(sets: &str) -> Settings {
    let rules: Vec<String> = (0..RULES_MAX).map(|nth| format!("close crosses SMA({})", 2 + nth)).collect();
    with(sets, &rules.join("; "))
}

fn outputs(count: usize) -> String {
    (2..2 + count).map(|period| format!("SMA({period})")).collect::<Vec<_>>().join(",")
}

/// History of bars of every length at once, in one batch or in many, and then again with corrections.
fn flood(settings: &Settings, intervals: &[Interval], batch: usize) {
    let id = id("pair|BTC/USD|vendor|raw|intraday");
    let mut writer = Writer::new(settings.clone());
    let end = DAY + 400 * 3_600_000;
    let mut facts: Vec<SeriesFact> = Vec::new();
    for interval in intervals {
        let length = interval.duration().as_millis() as i64;
        // Each is an edge for every rule.
        let bars = (0..300).map(|nth| (nth, end - (300 - nth) * length));
        facts.extend(bars.map(|(nth, start)| vendor(*interval, start, 0, true, flat(100.0 + (nth % 2) as f64 * 50.0))));
    }
    for facts in facts.chunks(batch) {
        writer.take(&id, facts, end);
        // Lanes share the room, or what a correction of all of them owes would not fit.
        let bars: usize = writer.item.lanes.iter().map(|lane| lane.slots.len()).sum();
        let least = writer.item.lanes.len() * (REVISABLE_BARS + 1);
        assert!(bars <= (settings.sets.owed_max() * 3 / 4).max(least), "{bars} bars");
    }
    let mut again = facts.clone();
    for fact in &mut again {
        if let About::Bar(Part::Vendor(part)) = &mut fact.about {
            (part.rev, part.prices) = (1, flat(part.prices.open + 1.0));
        }
    }
    writer.take(&id, &again, end);
    writer.take(&id, &[], end + 300 * 3_600_000);
    assert!(writer.item.owed().is_empty());
    for lane in &writer.item.lanes {
        assert!(lane.slots.len() <= REVISABLE_BARS, "{}: {} bars", lane.interval, lane.slots.len());
        assert!(!writer.last_of(lane.interval).is_empty());
    }
}

#[test]
fn the_largest_series_never_gets_stuck() {
    let all = &Interval::ALL[..5];
    for batch in [7, 100, 10_000] {
        // `Writer` looks at the size of the item after each step.
        flood(&largest(&outputs(OUTPUTS_MAX)), all, batch);
        flood(&settings(), all, batch);
        let built = format!("{0}; 5min|15min|30min|60min: {0}", outputs(21));
        flood(&largest(&built), all, batch);
        flood(&largest(&built), &[Interval::Min1], batch);
    }
}

#[test]
fn with_one_set_what_is_owed_is_bounded_whatever_comes() {
    let id = id("pair|BTC/USD|vendor|raw|intraday");
    for settings in [with(&outputs(OUTPUTS_MAX), ""), with("SMA(2); 5min|15min|30min|60min: SMA(2)", "")] {
        let mut item = Item::default();
        for round in 0..4 {
            let mut facts: Vec<_> = (0..600).map(|bar| version(bar, round, true)).collect();
            stepped(&id, &mut item, &mut facts, at(DAY), &settings);
            let bytes = item.encode().len();
            item.owed.iter().for_each(|owed| assert!(matches!(owed.what, What::Readings(_))));
            assert!(item.owed.len() <= settings.sets.owed_max(), "{} readings", item.owed.len());
            assert!(bytes < 100 * 1024, "{bytes} bytes");
        }
    }
}
