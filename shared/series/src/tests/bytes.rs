//! Items as bytes: what is written is read, and what is no item is refused.

use super::*;

proptest! {
    #![proptest_config(cases(300))]

    #[test]
    fn no_bytes_make_a_wrong_state_or_a_panic(at in any::<prop::sample::Index>(), byte: u8, noise in prop::collection::vec(any::<u8>(), 0..64)) {
        let id = id("pair|BTC/USD|sampled|raw|intraday");
        let settings = with("SMA(3),RSI(14);5min:EMA(3)", "close crosses SMA(3)");
        let mut item = Item::default();
        let mut facts: Vec<_> = (0..30).map(|bar| reading(bar, 7, 100.0 + (bar * 37 % 11) as f64)).collect();
        stepped(&id, &mut item, &mut facts, self::at(DAY + 30 * MINUTE), &settings);
        let mut bytes = item.encode();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if let Ok(mut read) = Item::decode(&bytes, &settings.sets) {
            let mut facts = [reading(31, 0, 5.0)];
            stepped(&id, &mut read, &mut facts, self::at(DAY + 40 * MINUTE), &settings);
            for owed in read.owed() {
                owed.push_line(&id, &mut Lines::default());
                owed.entry(&id);
            }
        }
        prop_assert!(Item::decode(&bytes[..at], &settings.sets).is_err());
        let _ = Item::decode(&noise, &settings.sets);
    }
}

/// An item with everything in it.
fn full_item(settings: &Settings) -> Item {
    let mut item = Item::default();
    let mut facts: Vec<_> = (0..50).map(|bar| version(bar, bar as u32 % 2, true)).collect();
    facts.push(version(50, 0, false));
    facts.push(vendor(Interval::Min5, DAY + 10 * MINUTE, 0, true, flat(100.0)));
    facts.push(SeriesFact { interval: Interval::Day, start: DAY, about: About::Split(Split { day: DAY, ratio: 2.0 }) });
    stepped(&id("symbol|MSFT|vendor|split_adjusted|intraday"), &mut item, &mut facts, at(DAY + 50 * MINUTE), settings);
    stepped(&id("symbol|MSFT|vendor|split_adjusted|intraday"), &mut item, &mut [], at(DAY + 55 * MINUTE), settings);
    item
}

proptest! {
    #![proptest_config(cases(1_000))]

    #[test]
    fn no_change_of_bytes_ends_in_a_panic(
        changes in prop::collection::vec((any::<prop::sample::Index>(), prop::sample::select(vec![0u8, 1, 2, 0x7f, 0x80, 0xff]), 1usize..9), 1..4),
    ) {
        let id = id("symbol|MSFT|vendor|split_adjusted|intraday");
        let settings = with("SMA(3),RSI(14);5min:EMA(3)", "close crosses SMA(3)");
        let mut bytes = FULL.with(|item| item.get_or_init(|| full_item(&settings).encode()).clone());
        for (at, byte, length) in changes {
            let at = at.index(bytes.len());
            let end = (at + length).min(bytes.len());
            bytes[at..end].fill(byte);
        }
        if let Ok(mut read) = Item::decode(&bytes, &settings.sets) {
            prop_assert_eq!(&read.encode()[..1], &bytes[..1]);
            let mut facts = [
                version(51, 0, true),
                version(49, 7, true),
                SeriesFact { interval: Interval::Day, start: DAY, about: About::Split(Split { day: DAY + 1, ratio: 3.0 }) },
            ];
            read.due(&settings);
            stepped(&id, &mut read, &mut facts, at(DAY + 60 * MINUTE), &settings);
            for owed in read.owed() {
                owed.push_line(&id, &mut Lines::default());
                owed.entry(&id);
            }
            stepped(&id, &mut read, &mut [], at(DAY + 600 * MINUTE), &settings);
            // What is written again can be read again.
            let again = Item::decode(&read.encode(), &settings.sets);
            prop_assert!(again.as_ref() == Ok(&read), "{:?}", again);
        }
    }
}

thread_local! {
    static FULL: std::cell::OnceCell<Vec<u8>> = const { std::cell::OnceCell::new() };
}

#[test]
fn an_item_with_everything_in_it_reads_back() {
    let settings = with("SMA(3),RSI(14);5min:EMA(3)", "close crosses SMA(3)");
    let item = full_item(&settings);
    let [minutes, longer] = &item.lanes[..] else { panic!("{} lanes", item.lanes.len()) };
    assert!(minutes.folded.is_some() && !minutes.sides.is_empty() && minutes.slots.iter().any(|slot| !slot.closed));
    assert!(longer.slots.iter().any(|slot| slot.base.is_some()) && !item.owed().is_empty());
    assert_eq!(Item::decode(&item.encode(), &settings.sets), Ok(item.clone()));
    // What nobody counts on to the end.
    let mut bytes = item.encode();
    bytes[1..9].fill(0xff);
    assert_eq!(Item::decode(&bytes, &settings.sets), Err(StateError::Corrupt("next")));
    let mut worn = item;
    let emitted = worn.lanes[0].slots.iter_mut().find_map(|slot| slot.emitted.as_mut());
    emitted.unwrap().rev = u32::MAX;
    worn.rest();
    assert_eq!(Item::decode(&worn.encode(), &settings.sets), Err(StateError::Corrupt("emitted")));
}

#[test]
fn states_of_other_formats_are_refused_in_plain_words() {
    let mut bytes = Item::default().encode();
    bytes[0] = 200;
    let error = Item::decode(&bytes, &Sets::default()).unwrap_err();
    assert_eq!(error, StateError::UnknownFormat(200));
    assert!(error.to_string().contains("deploy the version that wrote it"));
    assert!(matches!(Item::decode(&[], &Sets::default()), Err(StateError::Corrupt("format"))));
}

#[test]
fn series_have_names_that_read_back() {
    for text in ["symbol|BRK/B|vendor|raw|daily", "pair|BTC/USD|sampled|raw|intraday"] {
        assert_eq!(id(text).to_string(), text);
    }
    for text in [
        "",
        "symbol|MSFT",
        "pair|MSFT|vendor|raw|daily",
        "symbol|MSFT|vendor|raw|weekly",
        "symbol|A|B|vendor|raw|daily",
    ] {
        assert!(text.parse::<SeriesId>().is_err(), "{text}");
    }
}
