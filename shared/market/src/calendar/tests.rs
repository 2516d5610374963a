//! The table against the exchange's rules, and against the clock on the wall.

use std::collections::BTreeMap;

use jiff::{Span, Timestamp, ToSpan, civil::date};
use proptest::prelude::*;

use super::*;
use crate::session::new_york_date;

/// Unscheduled closings, which no rule gives.
const MOURNING: [(i16, i8, i8); 1] = [(2025, 1, 9)];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Exception {
    Closed,
    Early,
}

/// Easter Sunday by the anonymous Gregorian algorithm (Meeus, Astronomical Algorithms, chapter 8).
fn easter(year: i16) -> Date {
    let y = i32::from(year);
    let (a, b, c) = (y % 19, y / 100, y % 100);
    let (d, e) = (b / 4, b % 4);
    let g = (8 * b + 13) / 25;
    let h = (19 * a + b - d - g + 15) % 30;
    let (i, k) = (c / 4, c % 4);
    let l = (32 + 2 * e + 2 * i - h - k) % 7;
    let m = (a + 11 * h + 19 * l) / 433;
    let month = (h + l - 7 * m + 90) / 25;
    let day = (h + l - 7 * m + 33 * month + 19) % 32;
    date(year, month as i8, day as i8)
}

/// Saturday's holiday is kept on Friday, Sunday's on Monday.
fn observed(day: Date) -> Date {
    match day.weekday() {
        Weekday::Saturday => day - 1.day(),
        Weekday::Sunday => day + 1.day(),
        _ => day,
    }
}

/// What the exchange's rules say of a year: rule 7.2, and the early closes of every announcement so far.
fn by_rule(year: i16) -> BTreeMap<Date, Exception> {
    let nth = |month, weekday, n| date(year, month, 1).nth_weekday_of_month(n, weekday).unwrap();
    let thanksgiving = nth(11, Weekday::Thursday, 4);
    let mut closed = vec![
        nth(1, Weekday::Monday, 3),
        nth(2, Weekday::Monday, 3),
        easter(year) - 2.days(),
        nth(5, Weekday::Monday, -1),
        observed(date(year, 6, 19)),
        observed(date(year, 7, 4)),
        nth(9, Weekday::Monday, 1),
        thanksgiving,
        observed(date(year, 12, 25)),
    ];
    // A New Year's Day on a Saturday is not kept: the Friday before ends the old year's accounts.
    if date(year, 1, 1).weekday() != Weekday::Saturday {
        closed.push(observed(date(year, 1, 1)));
    }
    closed.extend(MOURNING.iter().map(|(y, m, d)| date(*y, *m, *d)).filter(|day| day.year() == year));
    let eves = [date(year, 7, 3), date(year, 12, 24)];
    let mut early: Vec<Date> = eves.into_iter().filter(|eve| is_weekday(*eve) && is_weekday(*eve + 1.day())).collect();
    early.push(thanksgiving + 1.day());
    let kinds = [(closed, Exception::Closed), (early, Exception::Early)];
    kinds.into_iter().flat_map(|(days, kind)| days.into_iter().map(move |day| (day, kind))).collect()
}

#[test]
fn the_table_agrees_with_the_rules_in_every_year() {
    let (first, last) = covered();
    assert_eq!((first.month(), first.day(), last.month(), last.day()), (1, 1, 12, 31), "whole years");
    for year in first.year()..=last.year() {
        let table: BTreeMap<Date, Exception> = date(year, 1, 1)
            .series(1.day())
            .take_while(|day| day.year() == year)
            .filter_map(|day| match day_kind(day) {
                DayKind::Holiday(_) => Some((day, Exception::Closed)),
                DayKind::HalfDay(_) => Some((day, Exception::Early)),
                DayKind::Weekend | DayKind::Full => None,
            })
            .collect();
        assert_eq!(table, by_rule(year), "{year}");
    }
}

#[test]
fn easter_moves_as_published() {
    for (year, month, day) in [(2000, 4, 23), (2024, 3, 31), (2025, 4, 20), (2026, 4, 5), (2027, 3, 28), (2038, 4, 25)]
    {
        assert_eq!(easter(year), date(year, month, day));
    }
}

#[test]
fn days_trade_as_announced() {
    use DayKind::{Full, HalfDay, Holiday, Weekend};
    for (day, kind) in [
        (date(2026, 11, 25), Full),
        (date(2026, 11, 26), Holiday("Thanksgiving Day")),
        (date(2026, 11, 27), HalfDay("day after Thanksgiving Day")),
        (date(2026, 11, 28), Weekend),
        (date(2026, 12, 24), HalfDay("Christmas Eve")),
        (date(2026, 12, 25), Holiday("Christmas Day")),
        (date(2026, 12, 31), Full),
        // July 4 is a Saturday, so it is kept on Friday and no early close is left.
        (date(2026, 7, 2), Full),
        (date(2026, 7, 3), Holiday("Independence Day (observed)")),
        (date(2026, 7, 4), Weekend),
        (date(2026, 6, 19), Holiday("Juneteenth National Independence Day")),
        (date(2025, 1, 9), Holiday("National Day of Mourning for Jimmy Carter")),
        (date(2025, 7, 3), HalfDay("day before Independence Day")),
        (date(2027, 6, 18), Holiday("Juneteenth National Independence Day (observed)")),
        (date(2027, 7, 2), Full),
        (date(2027, 12, 23), Full),
        (date(2027, 12, 24), Holiday("Christmas Day (observed)")),
        // New Year's Day of 2028 is a Saturday, which takes no other day's trade.
        (date(2027, 12, 31), Full),
        (date(2028, 1, 3), Full),
        (date(2028, 7, 3), HalfDay("day before Independence Day")),
        // Columbus Day and Veterans Day are days of trade.
        (date(2026, 10, 12), Full),
        (date(2026, 11, 11), Full),
        // Not covered: Christmas of a year long gone.
        (date(2023, 12, 25), Full),
        (date(2023, 12, 24), Weekend),
    ] {
        assert_eq!(day_kind(day), kind, "{day}");
        assert_eq!(is_trading_day(day), matches!(kind, Full | HalfDay(_)));
        assert_eq!(is_half_day(day), matches!(kind, HalfDay(_)));
        assert_eq!(holiday_name(day), if let Holiday(name) = kind { Some(name) } else { None });
    }
}

/// Fails half a year before the program no longer knows the holidays.
#[test]
fn the_table_lasts_for_half_a_year() {
    let today = new_york_date(Timestamp::now());
    let (_, last) = covered();
    assert!(
        today.saturating_add(6.months()) <= last,
        "the calendar ends on {last}: append the years that the exchange has announced since to \
         shared/market/data/nyse.csv and move the end of `covers` there \
         (https://www.nyse.com/markets/hours-calendars)"
    );
}

#[test]
fn the_table_covers_the_years_that_it_must() {
    let (first, last) = covered();
    assert!(first <= date(2024, 1, 1));
    assert!(date(2026, 11, 21).saturating_add(2.years()) <= last);
}

#[test]
fn lines_that_cannot_be_right_are_refused() {
    const HEAD: &str = "# why\ncovers,2026-01-01,2026-12-31\ndate,kind,name\n";
    let check = |table: String, line: usize, what: &str| {
        let error = Calendar::parse(Box::leak(table.into_boxed_str())).unwrap_err();
        assert_eq!(error.line, line, "{error}");
        assert!(error.to_string().contains(what), "{error}");
    };
    check(String::new(), 1, "covers,FIRST,LAST");
    check("covers,2026-01-01\n".to_owned(), 1, "covers,FIRST,LAST");
    check("covers,2026-12-31,2026-01-01\n".to_owned(), 1, "covers,FIRST,LAST");
    check("covers,2026-01-01,2026-12-31\n2026-12-25,closed,X\n".to_owned(), 2, "date,kind,name");
    for (line, what) in [
        ("2026-12-25,closed", "less than three cells"),
        ("", "less than three cells"),
        ("2026-12-32,closed,Christmas Day", "no date"),
        ("2026-11-26,closed,Thanksgiving Day", "not later"),
        ("2026-11-25,closed,Thanksgiving Day", "not later"),
        ("2027-01-01,closed,New Year's Day", "outside of `covers`"),
        ("2026-12-26,closed,Boxing Day", "weekend"),
        ("2026-12-25,closed,", "no name"),
        ("2026-12-25,closed, Christmas Day", "spaces"),
        ("2026-12-25,shut,Christmas Day", "neither `closed`"),
    ] {
        check(format!("{HEAD}2026-11-26,closed,Thanksgiving Day\n{line}\n"), 5, what);
    }
    let good = format!("{HEAD}2026-11-27,early close,day after Thanksgiving\n");
    assert_eq!(Calendar::parse(Box::leak(good.into_boxed_str())).unwrap().early_closes.len(), 1);
}

/// Run time falls back to a table that covers nothing, so that this is where a bad line must be seen.
#[test]
fn the_table_parses() {
    let calendar = Calendar::parse(TABLE).unwrap();
    let data = TABLE.lines().filter(|line| line.starts_with("20")).count();
    assert_eq!(calendar.closed.len() + calendar.early_closes.len(), data);
    assert!(data > 50);
}

#[test]
fn trading_days_are_counted() {
    for (from, to, days) in [
        (date(2026, 11, 20), date(2026, 11, 20), 0),
        (date(2026, 11, 20), date(2026, 11, 23), 1),
        (date(2026, 11, 18), date(2026, 11, 23), 3),
        (date(2026, 11, 23), date(2026, 11, 20), 0),
        // Over Thanksgiving: the holiday does not count, the half day does.
        (date(2026, 11, 25), date(2026, 11, 27), 1),
        (date(2026, 11, 25), date(2026, 11, 26), 0),
        (date(2026, 11, 26), date(2026, 11, 27), 1),
        (date(2024, 12, 31), date(2025, 12, 31), 250),
        (date(2025, 12, 31), date(2026, 12, 31), 251),
        (date(2018, 6, 1), date(2023, 12, 29), 1455),
    ] {
        assert_eq!(trading_days_between(from, to), days, "{from} {to}");
        assert_eq!(naive_count(from, to), days, "{from} {to}");
    }
    // The longest range that there is takes no walk over its days.
    let weekdays = (Date::MAX - Date::MIN).get_days() as u32 / 7 * 5;
    let holidays = CALENDAR.closed.len() as u32;
    assert!((weekdays - holidays..weekdays - holidays + 5).contains(&trading_days_between(Date::MIN, Date::MAX)));
}

fn naive_count(from: Date, to: Date) -> u32 {
    std::iter::successors(Some(from), |day| day.tomorrow().ok())
        .skip(1)
        .take_while(|day| *day <= to)
        .filter(|day| is_trading_day(*day))
        .count() as u32
}

proptest! {
    #[test]
    fn counting_is_what_walking_finds(start in 0..14_600_i32, length in -30..7_300_i32) {
        let from = date(2000, 1, 1) + Span::new().days(start);
        let to = from + Span::new().days(length);
        prop_assert_eq!(trading_days_between(from, to), naive_count(from, to));
    }
}
