//! The ledger of calls against naive oracles.

use std::collections::BTreeMap;

use fastrand::Rng;
use jiff::{SignedDuration, Timestamp, civil::Date, tz::TimeZone};
use proptest::prelude::*;

use super::*;

const FREE: fn() -> Limits = || Limits::of_plan(1, None, Some(25));
const PAID: fn() -> Limits = || Limits::of_plan(5, Some(75), None);

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn ms(millis: i64) -> SignedDuration {
    SignedDuration::from_millis(millis)
}

/// The most calls in any 60 seconds.
fn busiest_minute(calls: &[Timestamp]) -> usize {
    let within = |start: &Timestamp| {
        calls.iter().filter(|call| (ms(0)..SignedDuration::from_mins(1)).contains(&call.duration_since(*start))).count()
    };
    calls.iter().map(within).max().unwrap_or(0)
}

/// The most calls in any day of a zone.
fn busiest_day(calls: &[Timestamp], zone: &TimeZone) -> usize {
    let mut days: BTreeMap<Date, usize> = BTreeMap::new();
    for call in calls {
        *days.entry(call.to_zoned(zone.clone()).date()).or_default() += 1;
    }
    days.into_values().max().unwrap_or(0)
}

fn both_zones() -> [TimeZone; 2] {
    [TimeZone::UTC, TimeZone::get("America/New_York").unwrap()]
}

/// Grants if it may, and sends the bytes round.
fn ask(state: &mut QuotaState, limits: &Limits, now: Timestamp) -> bool {
    if let Some(back) = state.set_back(now) {
        *state = back;
    }
    let granted = state.grant(limits, now, "GLOBAL_QUOTE");
    if let Ok(next) = &granted {
        *state = QuotaState::decode(&next.encode()).unwrap();
        assert_eq!(*state, *next);
    }
    granted.is_ok()
}

/// Around midnight in UTC and in New York, also where its clocks change.
const EDGES: [&str; 6] = [
    "2026-11-20T23:57:00Z",
    "2026-11-21T04:57:00Z",
    "2026-03-08T04:57:00Z",
    "2026-03-08T23:57:00Z",
    "2026-11-01T03:57:00Z",
    "2026-12-31T23:57:00Z",
];

proptest! {
    // Each case is thousands of calls already.
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Everybody asks all the time; the vendor hears of a call up to 450 ms later, by its own clock.
    #[test]
    fn the_vendor_never_counts_more_than_the_plan(
        seed: u64,
        edge in prop::sample::select(&EDGES),
        per_minute in prop::sample::select(vec![None, Some(75), Some(150)]),
        per_day in prop::sample::select(vec![None, Some(25), Some(100)]),
    ) {
        let mut rng = Rng::with_seed(seed);
        let limits = Limits::of_plan(1, per_minute, per_day);
        let mut state = QuotaState::default();
        let skews: Vec<i64> = (0..5).map(|_| rng.i64(-500..=500)).collect();
        let (mut now, mut calls) = (at(edge), Vec::new());
        for _ in 0..1_500 {
            now += if rng.u8(0..200) == 0 { ms(rng.i64(0..8_000_000)) } else { ms(rng.i64(0..400)) };
            if ask(&mut state, &limits, now + ms(rng.choice(&skews).copied().unwrap())) {
                calls.push(now + ms(rng.i64(0..450)));
            }
        }
        prop_assert!(limits.per_minute.is_none_or(|most| busiest_minute(&calls) <= most as usize));
        for zone in both_zones() {
            prop_assert!(limits.per_day.is_none_or(|most| busiest_day(&calls, &zone) <= most as usize));
        }
        prop_assert!(calls.len() > 20);
    }

    /// The clock is set back, now and again, by anything up to two days: no minute that really passed holds
    /// more than it may, and no day of the clock's does.
    #[test]
    fn a_clock_that_is_set_back_gains_nothing(seed: u64, per_day in prop::sample::select(vec![None, Some(25)])) {
        let mut rng = Rng::with_seed(seed);
        let limits = Limits { per_minute: Some(10), ..Limits::of_plan(1, None, per_day) };
        let mut state = QuotaState::default();
        let (mut clock, mut passed) = (at("2026-11-20T20:00:00Z"), Timestamp::UNIX_EPOCH);
        let (mut by_clock, mut really) = (Vec::new(), Vec::new());
        for _ in 0..3_000 {
            let step = if rng.u8(0..200) == 0 { ms(rng.i64(0..20_000_000)) } else { ms(rng.i64(0..4_000)) };
            clock += step;
            passed += step;
            if rng.u16(0..1_000) == 0 {
                let longest = rng.choice([3_000i64, 200_000, 50_000_000]).unwrap();
                clock -= ms(rng.i64(0..longest));
            }
            if ask(&mut state, &limits, clock) {
                by_clock.push(clock);
                really.push(passed);
            }
        }
        prop_assert!(busiest_minute(&really) <= 10);
        for zone in both_zones() {
            prop_assert!(per_day.is_none_or(|_| busiest_day(&by_clock, &zone) <= 24));
        }
    }

    /// Whatever clocks did before, one that goes on steadily is served soon.
    #[test]
    fn no_clock_stops_everything_for_long(seed: u64) {
        let mut rng = Rng::with_seed(seed);
        let mut state = QuotaState::default();
        let base = at("2026-11-20T20:00:00Z");
        let limits = Limits::of_plan(5, Some(75), Some(25));
        for _ in 0..300 {
            ask(&mut state, &limits, base + ms(rng.i64(-40_000_000_000..40_000_000_000)));
        }
        let clock = base + ms(rng.i64(-40_000_000_000..40_000_000_000));
        let soon = (0..74).any(|hour| ask(&mut state, &limits, clock + SignedDuration::from_hours(hour)));
        prop_assert!(soon, "{}", state.summary(&limits, clock));
        let paid = PAID();
        let clock = clock - ms(rng.i64(0..1_000_000_000));
        let soon = (0..250).any(|second| ask(&mut state, &paid, clock + SignedDuration::from_secs(second)));
        prop_assert!(soon, "{}", state.summary(&paid, clock));
    }

    /// What is told to wait until then, may then, if nobody else came.
    #[test]
    fn a_wait_is_long_enough_and_not_for_ever(seed: u64) {
        let mut rng = Rng::with_seed(seed);
        let limits = Limits::of_plan(1, rng.choice([None, Some(20)]).unwrap(), rng.choice([None, Some(25)]).unwrap());
        let mut state = QuotaState::default();
        let mut now = at(rng.choice(EDGES).unwrap());
        for _ in 0..300 {
            now += ms(rng.i64(0..3_000));
            if rng.u8(0..30) == 0 {
                let class = rng.choice(RefusalClass::ALL).unwrap();
                state = state.refused(&limits, class, "GLOBAL_QUOTE", now, None);
                prop_assert_eq!(QuotaState::decode(&state.encode()), Ok(state.clone()));
            }
            match state.grant(&limits, now, "GLOBAL_QUOTE") {
                Ok(next) => state = next,
                Err(mut wait) => {
                    prop_assert!(wait.until > now);
                    // One wait may end in another, of another kind.
                    for _ in 0..3 {
                        now = now.max(wait.until);
                        match state.grant(&limits, now, "GLOBAL_QUOTE") {
                            Ok(_) => break,
                            Err(other) => {
                                prop_assert!(other.until > now && other.why != wait.why);
                                wait = other;
                            }
                        }
                    }
                    prop_assert!(state.grant(&limits, now, "GLOBAL_QUOTE").is_ok());
                }
            }
        }
    }

    #[test]
    fn no_bytes_and_no_time_do_harm(mut bytes: Vec<u8>, seed: u64, millis: i64) {
        let mut rng = Rng::with_seed(seed);
        let mut good = QuotaState::default().refused(&FREE(), RefusalClass::Premium, "TIME_SERIES_DAILY", at(EDGES[0]), None);
        ask(&mut good, &FREE(), at(EDGES[1]));
        let mut spoilt = good.encode();
        for _ in 0..3 {
            let place = rng.usize(0..spoilt.len());
            spoilt[place] = rng.u8(..);
        }
        if !bytes.is_empty() {
            bytes[0] = 1;
        }
        for bytes in [bytes, spoilt] {
            let Ok(state) = QuotaState::decode(&bytes) else { continue };
            let now = Timestamp::from_millisecond(millis % 253_402_207_200_000).unwrap();
            for limits in [FREE(), PAID()] {
                let _ = state.grant(&limits, now, "f").map(|next| next.encode());
                let _ = (state.set_back(now), state.summary(&limits, now).to_string());
                for class in RefusalClass::ALL {
                    let refused = state.refused(&limits, class, "é".repeat(99).as_str(), now, Some(0));
                    let decoded = QuotaState::decode(&refused.encode());
                    prop_assert_eq!(decoded, Ok(refused));
                }
            }
        }
    }
}

fn wait_after(class: RefusalClass, now: &str, function: &str) -> Option<(String, Reason)> {
    let state = QuotaState::default().refused(&FREE(), class, "GLOBAL_QUOTE", at(now), None);
    state.grant(&FREE(), at(now), function).err().map(|wait| (wait.until.to_string(), wait.why))
}

#[test]
fn each_class_closes_what_it_should_for_as_long_as_it_should() {
    use RefusalClass::*;
    let check = |class, now, until: &str| {
        let expected = Some((until.to_owned(), Reason::Cooldown(class)));
        assert_eq!(wait_after(class, now, "CURRENCY_EXCHANGE_RATE"), expected, "{class} at {now}");
    };
    check(Second, "2026-11-20T15:00:10.5Z", "2026-11-20T15:00:12.5Z");
    check(Minute, "2026-11-20T15:00:10Z", "2026-11-20T15:01:05Z");
    check(Minute, "2026-11-20T15:01:00Z", "2026-11-20T15:02:05Z");
    // Midnight in New York is the later one in the evening of UTC, and in UTC it is in the morning.
    check(Day, "2026-11-20T15:00:00Z", "2026-11-21T05:05:00Z");
    check(Day, "2026-11-21T02:00:00Z", "2026-11-22T00:05:00Z");
    check(Day, "2026-11-21T06:00:00Z", "2026-11-22T05:05:00Z");
    // The day on which clocks go forward, and the one on which they go back.
    check(Day, "2026-03-08T15:00:00Z", "2026-03-09T04:05:00Z");
    check(Day, "2026-11-01T15:00:00Z", "2026-11-02T05:05:00Z");
    check(BadKey, "2026-11-20T15:00:00Z", "2026-11-20T15:10:00Z");
    check(DemoKey, "2026-11-20T15:00:00Z", "2026-11-20T15:10:00Z");
    for class in [Premium, Artificial] {
        let closed = Some(("2026-11-21T15:00:00Z".to_owned(), Reason::FunctionClosed));
        assert_eq!(wait_after(class, "2026-11-20T15:00:00Z", "GLOBAL_QUOTE"), closed);
        assert_eq!(wait_after(class, "2026-11-20T15:00:00Z", "CURRENCY_EXCHANGE_RATE"), None);
    }
}

#[test]
fn the_minute_twice_in_a_row_is_the_day() {
    let day_is_closed = |gap: i64, success: bool| {
        let first = at("2026-11-20T15:00:00Z");
        let refuse = |state: &QuotaState, at| state.refused(&FREE(), RefusalClass::Minute, "GLOBAL_QUOTE", at, None);
        let mut state = refuse(&QuotaState::default(), first);
        if success {
            state = state.accepted().unwrap();
        }
        state = refuse(&state, first + ms(gap));
        state.left_today(&FREE(), first + ms(gap)) == Some(0)
    };
    assert!(day_is_closed(65_000, false));
    assert!(!day_is_closed(64_999, false));
    assert!(!day_is_closed(65_000, true));
    assert_eq!(QuotaState::default().accepted(), None);
}

#[test]
fn a_figure_that_the_vendor_names_lowers_the_rate_until_a_person_changes_the_plan() {
    let limits = Limits::of_plan(5, Some(1_200), None);
    let refuse =
        |state: &QuotaState, named| state.refused(&limits, RefusalClass::Second, "GLOBAL_QUOTE", at(EDGES[0]), named);
    let state = refuse(&QuotaState::default(), None);
    assert_eq!(state.spacing(&limits), ms(300));
    let state = refuse(&state, Some(3));
    assert_eq!(state.spacing(&limits), ms(500));
    for higher in [Some(4), Some(30), Some(0), None] {
        assert_eq!(refuse(&state, higher).spacing(&limits), ms(500));
    }
    let other = Limits::of_plan(15, Some(1_200), None);
    assert_eq!(state.spacing(&other), ms(100));
    assert_eq!(state.spacing(&PAID()), PAID().spacing, "the minute's spacing is longer");
}

#[test]
fn people_are_told_what_is_left_and_what_is_closed() {
    let now = at("2026-11-20T15:00:00Z");
    let mut state = QuotaState::default();
    for second in 0..3 {
        assert!(ask(&mut state, &FREE(), now + SignedDuration::from_secs(10 * second)));
    }
    let later = now + SignedDuration::from_mins(10);
    assert_eq!(state.left_today(&FREE(), later), Some(21));
    assert_eq!(state.left_today(&PAID(), later), None);
    state = state.refused(&FREE(), RefusalClass::Premium, "TIME_SERIES_DAILY", later, None);
    assert_eq!(
        state.summary(&FREE(), later).to_string(),
        "0 calls in the last minute; today 3 (UTC), 3 (New York), 21 left; one call every 1500 ms; \
         TIME_SERIES_DAILY is closed until 2026-11-21T15:10:00Z (class `premium`)"
    );
}

#[test]
fn other_formats_and_damage_are_told() {
    let bytes = QuotaState::default().encode();
    assert!(bytes.len() < 256, "{}", bytes.len());
    assert_eq!(QuotaState::decode(&[9]), Err(QuotaStateError::UnknownFormat(9)));
    for cut in 0..bytes.len() {
        assert!(matches!(QuotaState::decode(&bytes[..cut]), Err(QuotaStateError::Corrupt(_))));
    }
}

#[test]
fn nothing_is_granted_where_two_clocks_may_see_two_days() {
    let reason = |limits: Limits, now: &str| {
        QuotaState::default().grant(&limits, at(now), "GLOBAL_QUOTE").err().map(|wait| (wait.until, wait.why))
    };
    for midnight in ["2026-11-21T00:00:00Z", "2026-11-21T05:00:00Z", "2026-03-08T05:00:00Z", "2026-03-09T04:00:00Z"] {
        for (offset, refused) in [(-2_000, false), (-1_999, true), (0, true), (1_999, true), (2_000, false)] {
            let now = (at(midnight) + ms(offset)).to_string();
            let expected = refused.then(|| (at(midnight) + ms(2_000), Reason::DayEdge));
            assert_eq!(reason(FREE(), &now), expected, "{now}");
            assert_eq!(reason(PAID(), &now), None, "{now}: no day has a limit");
        }
    }
}

/// Spends that many calls, an hour's worth apart from any edge.
fn spend(state: &mut QuotaState, noon: &str, calls: u32) {
    for nth in 0..i64::from(calls) {
        assert!(ask(state, &FREE(), at(noon) + SignedDuration::from_secs(nth)), "call {nth} after {noon}");
    }
}

#[test]
fn a_ledger_that_is_set_back_takes_everything_along() {
    let mut state = QuotaState::default();
    spend(&mut state, "2026-11-20T15:00:00Z", 20);
    // The clock goes back by a day. Either it was wrong before, and these are calls of today; or it is
    // wrong now, and what is spent now counts in the day that comes again.
    spend(&mut state, "2026-11-19T15:00:00Z", 4);
    assert_eq!(state.left_today(&FREE(), at("2026-11-19T16:00:00Z")), Some(0));
    assert_eq!(state.left_today(&FREE(), at("2026-11-20T16:00:00Z")), Some(0));
    assert_eq!(state.left_today(&FREE(), at("2026-11-21T16:00:00Z")), Some(24));

    // A clock that is ten years ahead is refused for the day; for the others that is one day, not ten years.
    let refused = QuotaState::default().refused(&FREE(), RefusalClass::Day, "f", at("2036-11-20T15:00:00Z"), None);
    let now = at("2026-11-20T15:00:00Z");
    let behind = Wait { until: now, why: Reason::ClockBehind };
    assert_eq!(refused.grant(&FREE(), now, "f"), Err(behind));
    let set_back = refused.set_back(now).unwrap();
    let expected = Wait { until: at("2026-11-21T05:05:00Z"), why: Reason::Cooldown(RefusalClass::Day) };
    assert_eq!(set_back.grant(&FREE(), now, "f"), Err(expected));
    assert_eq!(set_back.set_back(now - ms(100_000)), None, "it will catch up");
    let wait = Wait { until: now - ms(2_000), why: Reason::ClockBehind };
    assert_eq!(set_back.grant(&PAID(), now - ms(100_000), "f"), Err(wait));
}
