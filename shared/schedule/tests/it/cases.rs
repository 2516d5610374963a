//! Tables: what fires when, what is refused and how, what the clocks' changes do.

use jiff::{Timestamp, tz::TimeZone};
use schedule::Schedule;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn zone(name: &str) -> TimeZone {
    TimeZone::get(name).unwrap()
}

/// Fires between two moments in a zone; a rate counts from the first of them.
fn check(expression: &str, zone_name: &str, span: (&str, &str), expected: &[&str]) {
    let (from, to) = (at(span.0), at(span.1));
    let zone = zone(zone_name);
    let schedule = Schedule::parse(expression).unwrap();
    let fires: Vec<Timestamp> = schedule.fires(&zone, from, from, to).collect();
    assert_eq!(fires, expected.iter().copied().map(at).collect::<Vec<_>>(), "{expression}");
}

#[test]
fn cron_speaks_of_local_time() {
    let week = ("2026-11-23T00:00:00Z", "2026-11-30T00:00:00Z");
    check(
        "cron(30 9 ? * MON-FRI *)",
        "America/New_York",
        week,
        &[
            "2026-11-23T14:30:00Z",
            "2026-11-24T14:30:00Z",
            "2026-11-25T14:30:00Z",
            "2026-11-26T14:30:00Z",
            "2026-11-27T14:30:00Z",
        ],
    );
    // From the 30th minute on, by five: six fires, not thirty.
    check(
        "cron(30/5 9 ? * MON-FRI *)",
        "America/New_York",
        ("2026-11-27T00:00:00Z", "2026-11-28T00:00:00Z"),
        &[
            "2026-11-27T14:30:00Z",
            "2026-11-27T14:35:00Z",
            "2026-11-27T14:40:00Z",
            "2026-11-27T14:45:00Z",
            "2026-11-27T14:50:00Z",
            "2026-11-27T14:55:00Z",
        ],
    );
    // The begin is included, the end is not.
    check("cron(0 12 * * ? *)", "UTC", ("2026-11-23T12:00:00Z", "2026-11-24T12:00:00Z"), &["2026-11-23T12:00:00Z"]);
    check("cron(0 12 * * ? *)", "UTC", ("2026-11-23T12:00:00.5Z", "2026-11-24T12:00:00Z"), &[]);
}

#[test]
fn days_are_named_in_many_ways() {
    let days = |field: &str, months: &str, expected: &[&str]| {
        let (of_month, of_week) = field.split_once(' ').unwrap();
        let expression = format!("cron(0 0 {of_month} {months} {of_week} 2026)");
        let expected: Vec<String> = expected.iter().map(|day| format!("2026-{day}T00:00:00Z")).collect();
        let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
        check(&expression, "UTC", ("2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z"), &expected);
    };
    days("L ?", "2,11,12", &["02-28", "11-30", "12-31"]);
    days("31 ?", "NOV,dec", &["12-31"]);
    days("29 ?", "FEB", &[]);
    days("10/10 ?", "NOV", &["11-10", "11-20", "11-30"]);
    days("1-3,30 ?", "NOV", &["11-01", "11-02", "11-03", "11-30"]);
    // Wednesday stays; Saturday goes back, Sunday on.
    days("4W ?", "NOV", &["11-04"]);
    days("14W ?", "NOV", &["11-13"]);
    days("15W ?", "NOV", &["11-16"]);
    // Neither leaves the month: Sunday the first goes on anyway, Saturday the first goes to the third.
    days("1W ?", "AUG,NOV", &["08-03", "11-02"]);
    days("31W ?", "MAY,OCT,NOV", &["05-29", "10-30"]);
    days("? L", "NOV", &["11-07", "11-14", "11-21", "11-28"]);
    days("? 6L", "NOV,DEC", &["11-27", "12-25"]);
    days("? FRIL", "NOV", &["11-27"]);
    days("? 3#2", "NOV", &["11-10"]);
    days("? THU#4", "NOV", &["11-26"]);
    days("? 1#5", "OCT,NOV", &["11-29"]);
    days("? 1,7", "2-2", &["02-01", "02-07", "02-08", "02-14", "02-15", "02-21", "02-22", "02-28"]);
    days("? sun", "FEB", &["02-01", "02-08", "02-15", "02-22"]);
}

#[test]
fn the_year_may_be_missing_and_bounds_the_rest() {
    let span = ("1960-01-01T00:00:00Z", "2300-01-01T00:00:00Z");
    let count = |expression: &str| {
        let schedule = Schedule::parse(expression).unwrap();
        schedule.fires(&TimeZone::UTC, Timestamp::UNIX_EPOCH, at(span.0), at(span.1)).count()
    };
    assert_eq!(count("cron(0 0 1 1 ? *)"), 230);
    assert_eq!(count("cron(0 0 1 1 ?)"), 230);
    assert_eq!(count("cron(0 0 1 1 ? 2026-2028,2199)"), 4);
    assert_eq!(count("cron(0 0 1 1 ? 2190/5)"), 2);
    assert_eq!(count("cron(0 0 30 2 ? *)"), 0);
    assert_eq!(count("cron(0 0 29 2 ? *)"), 56);
}

#[test]
fn local_times_that_the_clocks_skip_do_not_fire() {
    // The example of AWS: 02:30 in Los Angeles does not exist on 2026-03-08.
    let span = ("2026-03-07T00:00:00Z", "2026-03-10T00:00:00Z");
    check("cron(30 2 * * ? *)", "America/Los_Angeles", span, &["2026-03-07T10:30:00Z", "2026-03-09T09:30:00Z"]);
    check("at(2026-03-08T02:30:00)", "America/Los_Angeles", span, &[]);
    check("at(2026-03-08T03:00:00)", "America/Los_Angeles", span, &["2026-03-08T10:00:00Z"]);
}

#[test]
fn local_times_that_the_clocks_repeat_fire_once_and_first() {
    let span = ("2026-11-01T00:00:00Z", "2026-11-03T00:00:00Z");
    check("cron(30 1 * * ? *)", "America/New_York", span, &["2026-11-01T05:30:00Z", "2026-11-02T06:30:00Z"]);
    check("at(2026-11-01T01:30:00)", "America/New_York", span, &["2026-11-01T05:30:00Z"]);
    // Asked for in the repeated hour, it has fired already.
    let late = ("2026-11-01T06:00:00Z", "2026-11-01T07:30:00Z");
    check("cron(30 1 * * ? *)", "America/New_York", late, &[]);
    check("cron(0/30 * * * ? *)", "America/New_York", late, &["2026-11-01T07:00:00Z"]);
}

#[test]
fn days_of_a_rate_have_24_hours() {
    let span = ("2026-10-31T13:00:00Z", "2026-11-03T00:00:00Z");
    let expected = ["2026-10-31T13:00:00Z", "2026-11-01T13:00:00Z", "2026-11-02T13:00:00Z"];
    check("rate(1 days)", "America/New_York", span, &expected);
    check("rate(1 day)", "America/New_York", span, &expected);
    check("rate(24 hours)", "America/New_York", span, &expected);
    check("rate(1440 minute)", "UTC", span, &expected);
}

#[test]
fn a_rate_counts_from_its_anchor() {
    let schedule = Schedule::parse("rate(5 minutes)").unwrap();
    let utc = TimeZone::UTC;
    for (anchor, from, to, first, count) in [
        ("2026-11-20T00:02:30Z", "2026-11-20T10:00:00Z", "2026-11-20T10:10:00Z", "2026-11-20T10:02:30Z", 2),
        ("2026-11-20T00:02:30Z", "2026-11-20T10:02:30Z", "2026-11-20T10:12:30Z", "2026-11-20T10:02:30Z", 2),
        ("2026-11-20T00:02:30Z", "2026-11-20T10:02:30.1Z", "2026-11-20T10:12:31Z", "2026-11-20T10:07:30Z", 2),
        // Not before the anchor, and at it.
        ("2026-11-20T10:00:00.25Z", "2026-11-20T00:00:00Z", "2026-11-20T10:05:00Z", "2026-11-20T10:00:00.25Z", 1),
    ] {
        let fires: Vec<Timestamp> = schedule.fires(&utc, at(anchor), at(from), at(to)).collect();
        assert_eq!((fires[0], fires.len()), (at(first), count), "{anchor} {from}");
    }
    assert_eq!(schedule.fires(&utc, Timestamp::MIN, Timestamp::MAX, Timestamp::MAX).count(), 0);
    assert_eq!(Schedule::parse("rate(4294967295 days)").unwrap().next(&utc, Timestamp::MIN, Timestamp::MIN), None);
}

#[test]
fn next_is_later_than_what_it_is_asked_from() {
    let utc = TimeZone::UTC;
    let next = |expression: &str, after: &str| {
        Schedule::parse(expression).unwrap().next(&utc, at("2026-11-20T00:00:00Z"), at(after))
    };
    for (expression, after, expected) in [
        ("cron(0/5 * * * ? *)", "2026-11-20T10:00:00Z", Some("2026-11-20T10:05:00Z")),
        ("cron(0/5 * * * ? *)", "2026-11-20T10:04:59.999Z", Some("2026-11-20T10:05:00Z")),
        ("cron(0 0 29 2 ? *)", "2026-11-20T10:00:00Z", Some("2028-02-29T00:00:00Z")),
        ("cron(0 0 1 1 ? 2026)", "2026-11-20T10:00:00Z", None),
        ("cron(0 0 30 2 ? *)", "2026-11-20T10:00:00Z", None),
        ("rate(1 hour)", "2026-11-20T10:00:00Z", Some("2026-11-20T11:00:00Z")),
        ("rate(1 hour)", "2026-11-01T10:00:00Z", Some("2026-11-20T00:00:00Z")),
        ("at(2026-11-27T09:30:00)", "2026-11-20T10:00:00Z", Some("2026-11-27T09:30:00Z")),
        ("at(2026-11-27T09:30:00)", "2026-11-27T09:30:00Z", None),
    ] {
        assert_eq!(next(expression, after), expected.map(at), "{expression} {after}");
    }
    let every_minute = Schedule::parse("cron(* * * * ? *)").unwrap();
    assert_eq!(every_minute.next(&utc, Timestamp::UNIX_EPOCH, Timestamp::MAX), None);
    assert_eq!(every_minute.next(&utc, Timestamp::UNIX_EPOCH, Timestamp::MIN), Some(Timestamp::UNIX_EPOCH));
}

#[test]
fn refusals_say_which_field_and_what_is_allowed() {
    for (expression, message) in [
        ("", "schedule `` is of no known form; allowed: cron(...), rate(...), at(...)"),
        ("every(5 minutes)", "schedule `every(5 minutes)` is of no known form"),
        ("cron(* * * * ? *", "of no known form"),
        ("cron(* * * ?)", "cron has 4 fields; allowed: minutes hours day-of-month"),
        ("cron(0 0 * * * ? *)", "cron has 7 fields"),
        ("cron(60 * * * ? *)", "field `minutes` of cron has `60`; allowed: 0-59, with , - * /"),
        ("cron(? * * * ? *)", "field `minutes` of cron has `?`"),
        ("cron(-5 * * * ? *)", "field `minutes` of cron has ``"),
        ("cron(+5 * * * ? *)", "field `minutes` of cron has `+5`"),
        ("cron(1,,2 * * * ? *)", "field `minutes` of cron has ``"),
        ("cron(*/0 * * * ? *)", "field `minutes` of cron has `/0`; allowed: steps from 1 to 59"),
        ("cron(*/60 * * * ? *)", "has `/60`; allowed: steps from 1 to 59"),
        ("cron(0/5/5 * * * ? *)", "has `/5/5`; allowed: steps"),
        ("cron(0 24 * * ? *)", "field `hours` of cron has `24`; allowed: 0-23, with , - * /"),
        ("cron(0 22-2 * * ? *)", "field `hours` of cron has `22-2`; allowed: ranges that ascend; write `22-23,0-2`"),
        ("cron(0 0 32 * ? *)", "field `day-of-month` of cron has `32`; allowed: 1-31, with , - * ? / L W"),
        ("cron(0 0 0W * ? *)", "field `day-of-month` of cron has `0W`; allowed: `L` or `W` once"),
        ("cron(0 0 LW * ? *)", "has `LW`; allowed: `L` or `W` once in the field, as in `L` or `15W`"),
        ("cron(0 0 1W,15W * ? *)", "has `1W,15W`; allowed: `L` or `W` once"),
        ("cron(0 0 1,L * ? *)", "has `1,L`; allowed: `L` or `W` once"),
        ("cron(0 0 1 13 ? *)", "field `month` of cron has `13`; allowed: 1-12 or JAN-DEC, with , - * /"),
        ("cron(0 0 1 JANUARY ? *)", "field `month` of cron has `JANUARY`"),
        ("cron(0 0 ? * 0 *)", "field `day-of-week` of cron has `0`; allowed: 1-7 or SUN-SAT, with , - * ? L #"),
        ("cron(0 0 ? * FRI-MON *)", "has `FRI-MON`; allowed: ranges that ascend; write `6-7,1-2`"),
        ("cron(0 0 ? * 2/2 *)", "field `day-of-week` of cron has `2/2`"),
        ("cron(0 0 ? * 3#1,6#3 *)", "has `3#1,6#3`; allowed: `L` or `#` once in the field, as in `L`, `6L` or `3#2`"),
        ("cron(0 0 ? * 3#6 *)", "has `3#6`; allowed: `L` or `#` once"),
        ("cron(0 0 ? * 2,6L *)", "has `2,6L`; allowed: `L` or `#` once"),
        ("cron(0 0 ? * L,2 *)", "has `L,2`; allowed: `L` or `#` once"),
        ("cron(0 0 1 1 ? 1969)", "field `year` of cron has `1969`; allowed: 1970-2199, with , - * /"),
        ("cron(0 9 * * MON-FRI *)", "are `*` and `MON-FRI`; put `?` in one of them, and only in one"),
        ("cron(0 9 ? * ? *)", "are `?` and `?`; put `?` in one of them"),
        ("rate(0 minutes)", "rate is `0 minutes`; allowed: a number of 1 or more and minutes, hours or days"),
        ("rate(-1 minutes)", "rate is `-1 minutes`"),
        ("rate(+1 minutes)", "rate is `+1 minutes`"),
        ("rate(5 seconds)", "rate is `5 seconds`"),
        ("rate(5)", "rate is `5`"),
        ("rate(5 minutes UTC)", "rate is `5 minutes UTC`"),
        ("rate(4294967296 days)", "rate is `4294967296 days`"),
        ("at(2026-11-27)", "at is `2026-11-27`; allowed: a local time `yyyy-mm-ddThh:mm:ss`"),
        ("at(2026-11-27T09:30:00Z)", "at is `2026-11-27T09:30:00Z`"),
        ("at(2026-11-27T09:30-05)", "at is"),
        ("at(2026-02-30T09:30:00)", "at is"),
        ("at(2026-11-27 09:30:00)", "at is"),
    ] {
        let error = Schedule::parse(expression).unwrap_err().to_string();
        assert!(error.contains(message), "{expression}: {error}");
    }
    let endless = format!("cron({} * * * ? *)", "x".repeat(1 << 16));
    assert!(Schedule::parse(&endless).unwrap_err().to_string().len() < 200);
}
