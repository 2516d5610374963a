//! Nobody starves, who is urgent goes first, and a crash repeats nothing.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use crate::{Cursor, CursorError, Priority, WatchList};

const MINUTE: SignedDuration = SignedDuration::from_mins(1);
/// No entry is ever overdue.
const NEVER: SignedDuration = SignedDuration::from_hours(24 * 365);

fn start() -> Timestamp {
    "2026-11-20T14:30:00Z".parse().unwrap()
}

fn list(hot: usize, normal: usize) -> WatchList<String> {
    // Hot ones stand among the others, so that the list's order does not do the tiers' work.
    let mut text: Vec<String> = (0..normal).map(|number| format!("N{number}")).collect();
    (0..hot).for_each(|number| text.insert((number * 2).min(text.len()), format!("H{number}!")));
    text.join(",").parse().unwrap()
}

fn is_hot(list: &WatchList<String>, index: usize) -> bool {
    list.get(index).unwrap().priority == Priority::Hot
}

/// The longest wait of any entry over that many cycles of a minute, in cycles, by tier: hot, normal.
fn longest_waits(
    list: &WatchList<String>,
    slots: usize,
    target: SignedDuration,
    cycles: usize,
    fails: impl Fn(usize) -> bool,
) -> (usize, usize) {
    let mut cursor = Cursor::new(list);
    let mut last: BTreeMap<usize, usize> = BTreeMap::new();
    let mut longest = (0, 0);
    for cycle in 0..cycles {
        let now = start() + MINUTE * cycle as i32;
        let picked = cursor.pick(list, now, slots, target, |_| true);
        assert!(picked.len() == slots.min(list.len()), "slots are left over though all are due");
        assert_eq!(picked.iter().collect::<BTreeSet<_>>().len(), picked.len(), "asked twice in a cycle");
        cursor.attempted(&picked, now);
        cursor = Cursor::decode(&cursor.encode(), list).unwrap();
        picked.iter().filter(|index| !fails(**index)).for_each(|index| cursor.succeeded(*index, now));
        for index in 0..list.len() {
            let wait = cycle + 1 - last.get(&index).copied().unwrap_or(0);
            let tier = if is_hot(list, index) { &mut longest.0 } else { &mut longest.1 };
            *tier = wait.max(*tier);
        }
        last.extend(picked.into_iter().map(|index| (index, cycle + 1)));
    }
    longest
}

#[test]
fn five_hundred_symbols_are_served_within_ten_minutes_hot_first() {
    for hot in [0, 10, 100, 300] {
        for target in [NEVER, MINUTE, MINUTE * 8] {
            let list = list(hot, 500 - hot);
            let mut cursor = Cursor::new(&list);
            let mut served = BTreeMap::new();
            for cycle in 0..10 {
                let now = start() + MINUTE * cycle;
                let picked = cursor.pick(&list, now, 67, target, |_| true);
                cursor.attempted(&picked, now);
                for index in picked {
                    cursor.succeeded(index, now);
                    served.entry(index).or_insert(cycle);
                }
            }
            if hot == 300 {
                // 20 calls a minute are left for the other 200.
                assert!((0..500).all(|index| !is_hot(&list, index) || served[&index] < 7), "{target:?}");
            } else if hot <= 10 {
                assert_eq!(served.len(), 500, "{hot} hot, {target:?}");
                assert!((0..500).all(|index| !is_hot(&list, index) || served[&index] == 0), "{target:?}");
            }
        }
    }
    // The plain case of the promise, with hot ones taking their part.
    assert_eq!(longest_waits(&list(0, 500), 67, NEVER, 40, |_| false).1, 8);
    let (hot, normal) = longest_waits(&list(10, 490), 67, NEVER, 40, |_| false);
    // In the first round hot ones go first, and again when all others had their turn.
    assert_eq!((hot, normal), (7, 9));
}

#[test]
fn hot_ones_have_seven_of_ten_calls_and_lend_what_they_do_not_need() {
    for (hot, normal, slots, expected) in [
        (50, 50, 10, (7, 3)),
        (50, 50, 67, (47, 20)),
        (50, 50, 5, (4, 1)),
        (2, 50, 10, (2, 8)),
        (50, 1, 10, (9, 1)),
        (50, 0, 10, (10, 0)),
        (0, 50, 10, (0, 10)),
        (3, 3, 10, (3, 3)),
        (3, 3, 0, (0, 0)),
    ] {
        let list = list(hot, normal);
        let picked = Cursor::new(&list).pick(&list, start(), slots, NEVER, |_| true);
        let of_hot = picked.iter().filter(|index| is_hot(&list, **index)).count();
        assert_eq!((of_hot, picked.len() - of_hot), expected, "{hot} {normal} {slots}");
        // Wherever a run stops, the shares hold.
        for calls in 0..=picked.len() {
            let asked = picked[..calls].iter().filter(|index| is_hot(&list, **index)).count();
            let (share, others) = ((7 * calls).div_ceil(10), calls - asked);
            assert!(asked == share || (asked < share && asked == hot) || (asked > share && others == normal));
        }
    }
}

#[test]
fn an_overdue_entry_jumps_the_queue_once_per_target() {
    let list: WatchList<String> = "A,B,C,D".parse().unwrap();
    let mut cursor = Cursor::new(&list);
    let at = |minute| start() + MINUTE * minute;
    cursor.attempted(&[3], at(1));
    cursor.attempted(&[0, 1, 2], at(0));
    [0, 1, 2].into_iter().for_each(|index| cursor.succeeded(index, at(9)));
    cursor.succeeded(3, at(0));
    let next = |cursor: &Cursor, minute| cursor.pick(&list, at(minute), 1, MINUTE * 5, |_| true);
    assert_eq!(next(&cursor, 10), [0], "a last success two targets ago is not overdue yet");
    assert_eq!(next(&cursor, 11), [3]);
    // It fails, and waits like everybody until a target has passed.
    cursor.attempted(&[3], at(11));
    assert_eq!(next(&cursor, 12), [0]);
    assert_eq!(next(&cursor, 16), [0]);
    assert_eq!(next(&cursor, 17), [3]);
    assert_eq!(cursor.pick(&list, at(17), 4, MINUTE * 5, |index| index != 3), [0, 1, 2], "who is not due is not asked");
}

#[test]
fn a_clock_that_was_ahead_holds_nobody_back() {
    let list: WatchList<String> = "A,B,C".parse().unwrap();
    let mut cursor = Cursor::new(&list);
    cursor.attempted(&[0], start() + SignedDuration::from_hours(24));
    cursor.attempted(&[1, 2], start());
    assert_eq!(cursor.pick(&list, start() + MINUTE, 1, NEVER, |_| true), [0]);
    // Clocks of two machines differ by seconds; that is no fault.
    cursor.attempted(&[0], start() + SignedDuration::from_secs(90));
    assert_eq!(cursor.pick(&list, start() + MINUTE, 1, NEVER, |_| true), [1]);
}

#[test]
fn a_cursor_survives_as_bytes_and_follows_its_list() {
    let old: WatchList<String> = "A,B!,C".parse().unwrap();
    let mut cursor = Cursor::new(&old);
    cursor.attempted(&[0, 1, 2], start());
    cursor.succeeded(1, start() + MINUTE);
    assert_eq!(Cursor::decode(&cursor.encode(), &old).unwrap(), cursor);

    let new: WatchList<String> = "D,B,A!".parse().unwrap();
    let read = Cursor::decode(&cursor.encode(), &new).unwrap();
    let second = start() + SignedDuration::from_millis(1);
    assert_eq!([0, 1, 2].map(|index| read.attempted_at(index)), [None, Some(second), Some(start())]);
    assert_eq!([0, 1, 2].map(|index| read.succeeded_at(index)), [None, Some(start() + MINUTE), None]);
    assert_eq!(read.encode().len(), 62);
    assert_eq!(Cursor::new(&list(100, 400)).encode().len(), 10_002);

    let bytes = cursor.encode();
    assert_eq!(Cursor::decode(&bytes[..61], &old), Err(CursorError::Damaged(61)));
    assert_eq!(Cursor::decode(&[], &old), Err(CursorError::Damaged(0)));
    assert_eq!(Cursor::decode(&[2, 0], &old), Err(CursorError::UnknownFormat(2)));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    /// While nobody is overdue, each tier goes round in its part of the calls.
    #[test]
    fn nobody_starves(hot in 0usize..30, normal in 0usize..60, slots in 1usize..25) {
        let (hot, normal) = if hot + normal == 0 { (1, 0) } else { (hot, normal) };
        let waits = longest_waits(&list(hot, normal), slots, NEVER, 250, |_| false);
        let bound = |entries: usize, share: f64| (entries as f64 / (share * slots as f64)).ceil() as usize + 3;
        prop_assert!(normal == 0 || waits.1 <= bound(normal, 0.3), "normal ones wait {} cycles", waits.1);
        // In the first round they wait for those that were never asked; rounding adds what it adds to a bound.
        let first_round = (hot + normal).div_ceil(slots) + 3;
        prop_assert!(hot == 0 || waits.0 <= bound(hot, 0.7).max(first_round), "hot ones wait {} cycles", waits.0);
    }

    /// Nor when entries fail for ever, or all are overdue, whatever the target is.
    #[test]
    fn failing_entries_starve_nobody(
        hot in 1usize..20, normal in 1usize..40, slots in 1usize..20, target in 1i32..40, failing in 0usize..8,
    ) {
        let waits = longest_waits(&list(hot, normal), slots, MINUTE * target, 400, |index| index % 8 < failing);
        let least = (0.3 * slots as f64).min(slots as f64);
        let bound = 2 * target as usize + 2 * ((hot.max(normal) as f64 / least).ceil() as usize) + 3;
        prop_assert!(waits.0.max(waits.1) <= bound, "{waits:?} beyond {bound}");
    }

    /// A run that picks all and has to stop after a few calls serves them as if it had picked so many.
    #[test]
    fn a_run_that_stops_early_starves_nobody(hot in 1usize..40, normal in 1usize..40, calls in 1usize..30) {
        let list = list(hot, normal);
        let (mut whole, mut few) = (Cursor::new(&list), Cursor::new(&list));
        for cycle in 0..60 {
            let now = start() + MINUTE * cycle;
            let mut picked = whole.pick(&list, now, list.len(), NEVER, |_| true);
            picked.truncate(calls);
            prop_assert_eq!(&picked, &few.pick(&list, now, calls, NEVER, |_| true));
            whole.attempted(&picked, now);
            few.attempted(&picked, now);
        }
    }

    /// A run that ends between noting and sending skips its entries: none comes again before all others had a turn.
    #[test]
    fn a_crash_skips_and_repeats_nothing(
        hot in 0usize..20, normal in 1usize..40, slots in 1usize..20, crashes in prop::collection::vec(any::<bool>(), 60),
    ) {
        let list = list(hot, normal);
        let mut cursor = Cursor::new(&list);
        let mut asked: [BTreeSet<usize>; 2] = Default::default();
        for (cycle, crash) in crashes.into_iter().enumerate() {
            let now = start() + MINUTE * cycle as i32;
            let picked = cursor.pick(&list, now, slots, NEVER, |_| true);
            cursor.attempted(&picked, now);
            cursor = Cursor::decode(&cursor.encode(), &list).unwrap();
            for index in picked {
                let (tier, size) = if is_hot(&list, index) { (0, hot) } else { (1, normal) };
                prop_assert!(asked[tier].insert(index), "{index} again within the round of its tier");
                if asked[tier].len() == size {
                    asked[tier].clear();
                }
                if !crash {
                    cursor.succeeded(index, now);
                }
            }
        }
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
        let list = list(1, 2);
        if let Ok(cursor) = Cursor::decode(&bytes, &list) {
            prop_assert!(cursor.pick(&list, start(), 9, MINUTE, |_| true).len() == 3);
            prop_assert_eq!(Cursor::decode(&cursor.encode(), &list).unwrap(), cursor);
        }
    }
}
