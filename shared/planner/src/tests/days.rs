//! Whole days, with the schedule that the template has.

use alphavantage::{Entitlement, Plan};
use jiff::{
    SignedDuration, Timestamp,
    civil::{Date, date, time},
};
use market::session::{Hours, instant, new_york, session};

use crate::{Allowance, DayPlan, Entry, Job, Priority, Reason, Tick, Trading, WatchList, Why, plan_day};

fn job(name: &str, function: &'static str, list: &str, trading: Trading) -> Job {
    let list: WatchList<String> = list.parse().unwrap();
    let list = list.map(|name| Entry { name, trading });
    Job { name: name.into(), function, list, timeout: SignedDuration::from_secs(55) }
}

fn quotes(list: &str) -> Job {
    job("quotes", "GLOBAL_QUOTE", list, Trading::Equities)
}

fn symbols(count: usize) -> String {
    (0..count).map(|number| format!("S{number}")).collect::<Vec<_>>().join(",")
}

/// Ticks of job 0 on those days in New York.
fn daily(days: &[Date], hours: impl Iterator<Item = (i8, i8)> + Clone) -> Vec<Tick> {
    let at = |day: &Date, (hour, minute)| instant(day.to_datetime(time(hour, minute, 0, 0)), &new_york()).unwrap();
    days.iter().flat_map(|day| hours.clone().map(|hour| Tick { at: at(day, hour), job: 0 })).collect()
}

/// Every minute from 09:30 to 17:29.
fn minutes() -> impl Iterator<Item = (i8, i8)> + Clone {
    (9 * 60 + 30..17 * 60 + 30).map(|minute: i16| ((minute / 60) as i8, (minute % 60) as i8))
}

fn skipped(plan: &DayPlan, why: Why) -> u32 {
    plan.skipped.iter().filter(|skipped| skipped.why == why).map(|skipped| skipped.count).sum()
}

const FRIDAY: Date = date(2026, 11, 20);

#[test]
fn a_day_that_fits_is_served_and_ends_with_the_final_state() {
    let allowance = Allowance::new(Plan::P75, None, None);
    let plan = plan_day(&daily(&[FRIDAY], minutes()), &[quotes("A!,B")], &allowance, FRIDAY);
    // 09:30 to 16:30, every minute; from 16:31 on the state of 16:30 is known.
    assert_eq!(plan.calls.len(), 2 * 421);
    assert!(plan.is_complete());
    assert_eq!(skipped(&plan, Why::NotDue(Reason::AfterClose)), 2 * 59);
    assert_eq!(plan.served[0].tiers.len(), 2);
    for tier in &plan.served[0].tiers {
        assert_eq!((tier.entries, tier.expected, tier.done), (1, 421, 421));
        assert_eq!(tier.every, Some(SignedDuration::from_mins(1)));
    }
    assert_eq!(plan.calls[0].subjects, ["A"]);
    assert_eq!(plan.calls[1].at.duration_since(plan.calls[0].at), allowance.spacing);
    let (_, close) = session(FRIDAY, Hours::Regular).unwrap();
    assert!(plan.calls.last().unwrap().at >= close + market::session::SETTLE);
}

#[test]
fn a_weekend_is_caught_up_once() {
    let saturday = date(2026, 11, 21);
    let allowance = Allowance::new(Plan::P75, None, None);
    let missed = plan_day(&daily(&[saturday], minutes()), &[quotes("A,B")], &allowance, saturday);
    assert_eq!(missed.calls.len(), 2);
    assert_eq!(skipped(&missed, Why::NotDue(Reason::Weekend)), 2 * 479);
    let fetched = plan_day(&daily(&[FRIDAY, saturday], minutes()), &[quotes("A,B")], &allowance, saturday);
    assert_eq!(fetched.calls, []);
}

#[test]
fn five_hundred_symbols_share_what_a_run_has_time_for() {
    let allowance = Allowance::new(Plan::P75, None, None);
    let schedule = daily(&[FRIDAY], minutes());
    let plan = plan_day(&schedule, &[quotes(&symbols(500))], &allowance, FRIDAY);
    assert!(!plan.is_complete());
    assert!(skipped(&plan, Why::NoTime) > 0);
    let tier = &plan.served[0].tiers[0];
    let every = tier.every.unwrap();
    // 51 calls a run: 500 symbols take 9.8 minutes.
    assert!(every > SignedDuration::from_secs(580) && every < SignedDuration::from_secs(600), "{every:?}");
    let longest = longest_gap(&plan, "S250");
    assert!(longest <= SignedDuration::from_mins(11), "{longest:?}");
    assert_limits(&plan, &allowance);

    let hot = plan_day(&schedule, &[quotes(&symbols(500).replace("S7,", "S7!,"))], &allowance, FRIDAY);
    let tiers = &hot.served[0].tiers;
    assert_eq!((tiers[0].priority, tiers[0].entries), (Priority::Hot, 1));
    // Where all others are overdue, it lets one of them go first while it is fresh itself.
    assert!(tiers[0].every.unwrap() < SignedDuration::from_secs(150), "{:?}", tiers[0].every);

    let bulk = Allowance::new(Plan::P600, Some(Entitlement::Realtime), None);
    let plan = plan_day(&schedule, &[quotes(&symbols(500))], &bulk, FRIDAY);
    assert!(plan.is_complete());
    assert_eq!(plan.calls.len(), 5 * 421);
    assert!(plan.calls.iter().all(|call| call.function == "REALTIME_BULK_QUOTES" && call.subjects.len() == 100));
}

#[test]
fn the_free_plan_ends_with_its_day() {
    let allowance = Allowance::new(Plan::Free, None, None);
    let evening = [(18, 30)].into_iter();
    let days: Vec<Date> = (16..=20).map(|day| date(2026, 11, day)).collect();
    let plan = plan_day(&daily(&days, evening.clone()), &[quotes(&symbols(40))], &allowance, FRIDAY);
    assert_eq!(plan.calls.len(), 24);
    assert_eq!(skipped(&plan, Why::DayCallsSpent), 16);
    let tier = &plan.served[0].tiers[0];
    assert_eq!(tier.every, Some(SignedDuration::from_hours(40)), "40 symbols at 24 a day");
    assert_limits(&plan, &allowance);

    let fits = plan_day(&daily(&days, evening.clone()), &[quotes(&symbols(24))], &allowance, FRIDAY);
    assert!(fits.is_complete());
    let short = Job { timeout: SignedDuration::from_secs(25), ..quotes(&symbols(24)) };
    let short = plan_day(&daily(&days, evening), &[short], &allowance, FRIDAY);
    // 15 seconds at 1.5 seconds each.
    assert_eq!((short.calls.len(), skipped(&short, Why::NoTime)), (11, 13));
}

#[test]
fn jobs_that_start_together_take_turns() {
    let allowance = Allowance::new(Plan::P75, None, None);
    let jobs = [quotes(&symbols(100)), job("rates", "CURRENCY_EXCHANGE_RATE", "BTC/USD,ETH/USD", Trading::Always)];
    let mut schedule = daily(&[FRIDAY], [(12, 0), (12, 1)].into_iter());
    schedule.extend(schedule.clone().iter().map(|tick| Tick { job: 1, ..*tick }));
    let plan = plan_day(&schedule, &jobs, &allowance, FRIDAY);
    assert_eq!(plan.served[1].tiers[0].done, 4, "two rates are not put off by a hundred quotes");
    assert_limits(&plan, &allowance);
}

#[test]
fn what_cannot_be_asked_is_named() {
    let allowance = Allowance::new(Plan::Free, None, None);
    let schedule = daily(&[FRIDAY], [(12, 0)].into_iter());
    let premium = job("daily", "TIME_SERIES_DAILY_ADJUSTED", "A,B", Trading::Equities);
    let plan = plan_day(&schedule, &[premium], &allowance, FRIDAY);
    assert_eq!((plan.calls.len(), skipped(&plan, Why::PremiumOnly)), (0, 2));
    assert_eq!(plan.served[0].tiers[0].every, None);

    // Five minutes of calls, every minute.
    let slow = Job { timeout: SignedDuration::from_mins(5), ..quotes(&symbols(150)) };
    let schedule = daily(&[FRIDAY], [(12, 0), (12, 1), (12, 3), (12, 4)].into_iter());
    let plan = plan_day(&schedule, &[slow], &allowance, FRIDAY);
    assert!(skipped(&plan, Why::RunUnderWay) == 0 && skipped(&plan, Why::DayCallsSpent) > 0);
    let slow = Job { timeout: SignedDuration::from_mins(5), ..quotes(&symbols(150)) };
    let paid = plan_day(&schedule, &[slow], &Allowance::new(Plan::P75, None, None), FRIDAY);
    assert_eq!(skipped(&paid, Why::RunUnderWay), 2 * 150);
}

fn longest_gap(plan: &DayPlan, subject: &str) -> SignedDuration {
    let asked: Vec<Timestamp> =
        plan.calls.iter().filter(|call| call.subjects == [subject]).map(|call| call.at).collect();
    asked.windows(2).map(|pair| pair[1].duration_since(pair[0])).max().unwrap()
}

/// No window of a minute, and no day, holds more calls than the plan allows.
fn assert_limits(plan: &DayPlan, allowance: &Allowance) {
    for (index, call) in plan.calls.iter().enumerate() {
        let within = plan.calls[index..].iter().take_while(|later| later.at < call.at + SignedDuration::from_mins(1));
        assert!(within.count() <= allowance.per_minute.unwrap_or(60) as usize, "at {}", call.at);
        assert!(call.at <= call.tick + SignedDuration::from_secs(45));
    }
    assert!(plan.calls.len() <= allowance.per_day.unwrap_or(u32::MAX) as usize);
}
