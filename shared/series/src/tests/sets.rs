//! Another configuration: what stays goes on, what is new begins.

use super::*;

const BTC: &str = "pair|BTC/USD|vendor|raw|intraday";

#[test]
fn indicators_that_stay_go_on_and_new_ones_begin() {
    let id = id(BTC);
    let facts: Vec<_> = (0..60).map(|bar| version(bar, 1, true)).collect();
    let take = |writer: &mut Writer, range: std::ops::Range<usize>| {
        for at in range {
            writer.take(&id, &facts[at..=at], facts[at].start + MINUTE);
        }
    };
    let mut writer = Writer::new(with("EMA(4), SMA(3)", ""));
    take(&mut writer, 0..40);
    let before = writer.lines.clone();
    writer.deploy(with("SMA(3), RSI(5), EMA(4)", ""));
    take(&mut writer, 40..41);
    assert!(before.iter().all(|(key, line)| writer.lines[key] == *line), "what was read before stays");
    assert_eq!(writer.lines.len(), before.len() + 1, "nothing is read anew for the sake of it");
    take(&mut writer, 41..60);
    // The engine stood behind bar 23 then, and has taken the 16 bars behind it anew.
    let mut bars = finals(&facts, Interval::Min1);
    let old = computed(&id, Interval::Min1, &"EMA(4),SMA(3)".parse().unwrap(), bars.clone());
    let new = computed(&id, Interval::Min1, &"RSI(5)".parse().unwrap(), bars.split_off(&facts[24].start));
    let value = |line: &str, name: &str| {
        let from = line.find(&format!(r#""{name}":"#)).unwrap_or_else(|| panic!("{name} in {line}"));
        line[from..].split([',', '}']).next().unwrap().to_owned()
    };
    for (start, line) in writer.last().split_off(&facts[40].start) {
        for name in ["EMA(4)", "SMA(3)"] {
            assert_eq!(value(&line, name), value(&old[&start], name));
        }
        assert_eq!(value(&line, "RSI(5)"), value(&new[&start], "RSI(5)"));
        let bars = 1 + (start - facts[24].start) / MINUTE;
        let (_, bars_of) = line.split_once(r#""bars_of":"#).unwrap();
        assert_eq!(bars_of, format!(r#"{{"RSI(5)":{bars}}}}}"#), "{line}");
    }
}

#[test]
fn what_the_old_set_owes_is_delivered_as_it_was() {
    let (id, old, new) = (id(BTC), with("SMA(3), EMA(4)", ""), with("RSI(5)", ""));
    let mut item = Item::default();
    let mut written = Written::default();
    let mut facts: Vec<_> = (0..20).map(|bar| version(bar, 1, true)).collect();
    step(&id, &mut item, &mut facts, at(DAY), &old, &mut written);
    let mut item = Item::decode(&item.encode(), &new.sets).unwrap();
    stepped(&id, &mut item, &mut [version(20, 1, true)], at(DAY + MINUTE), &new);
    let mut item = Item::decode(&item.encode(), &new.sets).unwrap();
    stepped(&id, &mut item, &mut [version(21, 1, true)], at(DAY + MINUTE), &new);
    let mut lines = Lines::default();
    for owed in item.owed().iter().take(written.numbers.len()) {
        owed.push_line(&id, &mut lines);
    }
    assert_eq!(lines.bytes(), written.lines.bytes());
    assert_eq!(item.owed().len(), written.numbers.len() + 2);
}

#[test]
fn a_larger_set_holds_up_nothing() {
    let id = id(BTC);
    let mut writer = Writer::new(with("SMA(3)", ""));
    let facts: Vec<_> = (0..260).map(|bar| version(bar, 1, true)).collect();
    // More closed bars at once than the next set would keep.
    writer.take(&id, &facts[..CLOSED_BARS_MAX], DAY);
    assert_eq!(writer.item.lanes[0].slots.len(), CLOSED_BARS_MAX);
    let many: Vec<String> = (2..42).map(|period| format!("SMA({period})")).collect();
    writer.deploy(with(&many.join(","), ""));
    writer.take(&id, &facts[CLOSED_BARS_MAX..], DAY);
    assert!(writer.item.owed().is_empty());
    assert_eq!(writer.last().len(), 259, "one for all bars but the first");
    writer.deploy(with("none", ""));
    writer.take(&id, &[version(260, 1, true)], DAY);
    writer.deploy(with("SMA(3)", ""));
    writer.take(&id, &[version(261, 1, true)], DAY);
    assert!(writer.last().contains_key(&(DAY + 259 * MINUTE)));
}
