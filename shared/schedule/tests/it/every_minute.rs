//! The oracle: look at every minute of a span and ask each field of the expression's text.

use std::collections::HashSet;

use jiff::{
    SignedDuration, Span, Timestamp,
    civil::{Date, DateTime, Weekday, date},
    tz::TimeZone,
};
use proptest::{prelude::*, sample::select};
use schedule::Schedule;

const MINUTE: SignedDuration = SignedDuration::from_mins(1);

/// Longer than any clock is ever put back.
const LOOK_BACK: i64 = 4 * 60;

/// For each value up to the last, whether a field speaks of it, found by asking.
fn named(field: &str, values: std::ops::RangeInclusive<i16>) -> Vec<bool> {
    let number = |text: &str| {
        let names = "JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC SUN MON TUE WED THU FRI SAT";
        let at = names.split(' ').position(|name| name == text);
        at.map(|at| (at % 12 + 1) as i16).unwrap_or_else(|| text.parse().unwrap())
    };
    let last = *values.end();
    let says = |item: &str, value: i16| {
        let (range, step) = item.split_once('/').map_or((item, None), |(range, step)| (range, Some(step)));
        let (low, high) = match range.split_once('-') {
            Some((low, high)) => (number(low), number(high)),
            None if range == "*" => (*values.start(), last),
            None if step.is_some() => (number(range), last),
            None => (number(range), number(range)),
        };
        low <= value && value <= high && (value - low) % step.map_or(1, number) == 0
    };
    (0..=last).map(|value| values.contains(&value) && field.split(',').any(|item| says(item, value))).collect()
}

fn is_named_day(day: Date, of_month: &str, of_week: &str) -> bool {
    let of = |date: Date| i16::from(date.day());
    let weekday = |text: &str| Weekday::from_sunday_one_offset(text.parse().unwrap()).unwrap();
    let length = of(day.last_of_month());
    if of_week == "?" {
        if of_month == "L" {
            of(day) == length
        } else if let Some(wanted) = of_month.strip_suffix('W') {
            // Of all weekdays of the month, the closest.
            let wanted: i16 = wanted.parse().unwrap();
            let weekdays = (1..=length).map(|it| date(day.year(), day.month(), it as i8));
            let weekdays = weekdays.filter(|it| !matches!(it.weekday(), Weekday::Saturday | Weekday::Sunday));
            let closest = weekdays.min_by_key(|it| (of(*it) - wanted).abs());
            wanted <= length && closest == Some(day)
        } else {
            named(of_month, 1..=31)[of(day) as usize]
        }
    } else if of_week == "L" {
        day.weekday() == Weekday::Saturday
    } else if let Some(wanted) = of_week.strip_suffix('L') {
        day.weekday() == weekday(wanted) && of(day) + 7 > length
    } else if let Some((wanted, nth)) = of_week.split_once('#') {
        day.weekday() == weekday(wanted) && (of(day) - 1) / 7 + 1 == nth.parse::<i16>().unwrap()
    } else {
        named(of_week, 1..=7)[day.weekday().to_sunday_one_offset() as usize]
    }
}

/// Each minute of the span whose local time is named and has not been shown before.
fn naive(expression: &str, zone: &TimeZone, from: Timestamp, to: Timestamp) -> Vec<Timestamp> {
    let fields: Vec<&str> = expression.strip_prefix("cron(").unwrap().strip_suffix(')').unwrap().split(' ').collect();
    let (minutes, hours) = (named(fields[0], 0..=59), named(fields[1], 0..=23));
    let (months, years) = (named(fields[3], 1..=12), named(fields[5], 1970..=2199));
    let mut shown: HashSet<DateTime> = HashSet::new();
    let mut day = (Date::MIN, false);
    let mut fires = Vec::new();
    let mut at = from - SignedDuration::from_mins(LOOK_BACK);
    while at < to {
        let local = at.to_zoned(zone.clone()).datetime();
        if day.0 != local.date() {
            day = (local.date(), is_named_day(local.date(), fields[2], fields[4]));
        }
        let is_named = day.1
            && minutes[local.minute() as usize]
            && hours[local.hour() as usize]
            && months[local.month() as usize]
            && years[local.year() as usize];
        if is_named && shown.insert(local) && at >= from {
            fires.push(at);
        }
        at += MINUTE;
    }
    fires
}

fn agree(expression: &str, zone: &TimeZone, from: Timestamp, to: Timestamp) -> usize {
    let schedule = Schedule::parse(expression).unwrap_or_else(|error| panic!("{expression}: {error}"));
    let expected = naive(expression, zone, from, to);
    let fires: Vec<Timestamp> = schedule.fires(zone, Timestamp::UNIX_EPOCH, from, to).collect();
    assert_eq!(fires, expected, "{expression} {:?} {from} {to}", zone.iana_name());
    let next = schedule.next(zone, Timestamp::UNIX_EPOCH, from - SignedDuration::from_nanos(1));
    assert_eq!(next.filter(|next| *next < to), expected.first().copied(), "{expression}");
    expected.len()
}

#[test]
fn the_templates_schedules() {
    let zone = TimeZone::get("America/New_York").unwrap();
    let agree = |expression, from: &str, to: &str| agree(expression, &zone, from.parse().unwrap(), to.parse().unwrap());
    // A year of 261 weekdays.
    assert_eq!(agree("cron(30/5 9 ? * MON-FRI *)", "2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z"), 261 * 6);
    // Weeks with a change of the clocks: ten weekdays, and fourteen days less the repeated hour.
    let autumn = ("2026-10-26T00:00:00Z", "2026-11-09T00:00:00Z");
    assert_eq!(agree("cron(0/5 10-15 ? * MON-FRI *)", autumn.0, autumn.1), 10 * 72);
    assert_eq!(agree("cron(* * * * ? *)", autumn.0, autumn.1), 14 * 24 * 60 - 60);
    let spring = ("2026-03-02T00:00:00Z", "2026-03-16T00:00:00Z");
    assert_eq!(agree("cron(* * * * ? *)", spring.0, spring.1), 14 * 24 * 60);
}

fn zones() -> impl Strategy<Value = TimeZone> {
    // Half an hour of change in Lord Howe, a change at midnight in Havana, none in UTC, and a zone
    // west of Greenwich and one east of it whose clocks change on other days.
    select(vec!["America/New_York", "Europe/Berlin", "Australia/Lord_Howe", "America/Havana", "Asia/Kolkata", "UTC"])
        .prop_map(|name| TimeZone::get(name).unwrap())
}

fn field(first: i16, last: i16) -> impl Strategy<Value = String> {
    let item = (first..=last, first..=last, 1..=(last - first), 0..6_u8).prop_map(move |(a, b, step, kind)| {
        let (low, high) = (a.min(b), a.max(b));
        match kind {
            0 => "*".to_owned(),
            1 => format!("{low}-{high}"),
            2 => format!("{low}-{high}/{step}"),
            3 => format!("{a}/{step}"),
            4 => format!("*/{step}"),
            _ => a.to_string(),
        }
    });
    prop::collection::vec(item, 1..3).prop_map(|items| items.join(","))
}

fn days() -> impl Strategy<Value = (String, String)> {
    let any = || "?".to_owned();
    let weekdays = select(vec!["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT", "MON-FRI", "1,7", "2-4,SAT", "*", "L"]);
    prop_oneof![
        field(1, 31).prop_map(move |days| (days, any())),
        Just(("L".to_owned(), any())),
        (1..=31).prop_map(move |day| (format!("{day}W"), any())),
        weekdays.prop_map(move |days| (any(), days.to_owned())),
        (1..=7).prop_map(move |day| (any(), format!("{day}L"))),
        (1..=7, 1..=5).prop_map(move |(day, nth)| (any(), format!("{day}#{nth}"))),
    ]
}

/// A moment at a change of the clocks of 2026, or any other from 2024 on.
fn moments() -> impl Strategy<Value = Timestamp> {
    let changes = vec![date(2026, 3, 8), date(2026, 11, 1), date(2026, 3, 29), date(2026, 10, 25), date(2026, 4, 5)];
    let days = prop_oneof![select(changes), (0..1_500).prop_map(|days| date(2024, 1, 1) + Span::new().days(days)),];
    (days, -24 * 60..24 * 60_i64).prop_map(|(day, minutes)| {
        day.to_zoned(TimeZone::UTC).unwrap().timestamp() + SignedDuration::from_mins(minutes)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn fires_are_what_looking_at_every_minute_finds(
        (minutes, hours, months) in (field(0, 59), field(0, 23), field(1, 12)),
        (of_month, of_week) in days(),
        from in moments(),
        length in 1..3 * 24 * 60_i64,
        zone in zones(),
    ) {
        let expression = format!("cron({minutes} {hours} {of_month} {months} {of_week} *)");
        agree(&expression, &zone, from, from + SignedDuration::from_mins(length));
        // Any month and many hours, so that something fires around the clocks' change.
        agree(&format!("cron({minutes} 0-5 * * ? *)"), &zone, from, from + SignedDuration::from_mins(length));
    }

    #[test]
    fn days_are_what_looking_at_every_day_finds(
        months in field(1, 12), (of_month, of_week) in days(), years in field(2020, 2032),
    ) {
        let schedule = Schedule::parse(&format!("cron(0 0 {of_month} {months} {of_week} {years})")).unwrap();
        let at = |day: Date| day.to_zoned(TimeZone::UTC).unwrap().timestamp();
        let (first, end) = (date(2023, 11, 1), date(2029, 2, 1));
        let (months, years) = (named(&months, 1..=12), named(&years, 1970..=2199));
        let expected: Vec<Timestamp> = first
            .series(Span::new().days(1))
            .take_while(|day| *day < end)
            .filter(|day| months[day.month() as usize] && years[day.year() as usize])
            .filter(|day| is_named_day(*day, &of_month, &of_week))
            .map(at)
            .collect();
        let utc = TimeZone::UTC;
        let fires = schedule.fires(&utc, Timestamp::UNIX_EPOCH, at(first), at(end));
        prop_assert_eq!(fires.collect::<Vec<_>>(), expected);
    }

    #[test]
    fn a_rate_is_what_adding_finds(
        anchor in 0..100_000_i64, every in 1..500_u32, from in 0..100_000_i64, length in 0..9_000_i64,
    ) {
        let at = |second| Timestamp::from_second(second).unwrap();
        let schedule = Schedule::parse(&format!("rate({every} minutes)")).unwrap();
        let expected: Vec<Timestamp> = (anchor..from + length)
            .step_by(60 * every as usize)
            .filter(|second| *second >= from)
            .map(at)
            .collect();
        let utc = TimeZone::UTC;
        let fires = schedule.fires(&utc, at(anchor), at(from), at(from + length));
        prop_assert_eq!(fires.collect::<Vec<_>>(), expected);
    }

    #[test]
    fn any_text_is_read_or_refused(text in "(cron|rate|at)\\(([0-9*?LW#/,A-Z-]{0,6} ?){0,7}\\)|.{0,40}") {
        if let Ok(schedule) = Schedule::parse(&text) {
            let from = Timestamp::from_second(1_795_000_000).unwrap();
            let _ = schedule.next(&TimeZone::UTC, from, from);
        }
    }
}
