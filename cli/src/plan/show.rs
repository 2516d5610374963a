//! What of a day's plan is shown: as tables for a person, as JSON for a program.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
};

use jiff::{SignedDuration, Timestamp, civil::Date, tz::TimeZone};
use market::session::{self, DayKind, Hours};
use planner::{Allowance, DayPlan, Planned, Priority, Tier};
use serde_json::{Value, json};

use super::{
    jobs::Jobs,
    verdict::{Verdict, every},
};

/// A plan with all that is said about it.
pub(crate) struct Shown<'a> {
    pub(crate) date: Date,
    pub(crate) day: &'a DayPlan,
    pub(crate) jobs: &'a Jobs,
    pub(crate) allowance: &'a Allowance,
    pub(crate) verdict: &'a Verdict,
}

/// Calls of one job that follow each other at even distances.
struct Row<'a> {
    first: Timestamp,
    last: Timestamp,
    gap: Option<SignedDuration>,
    job: usize,
    function: &'static str,
    subjects: BTreeSet<&'a str>,
    calls_per_tick: usize,
    calls: usize,
}

impl Shown<'_> {
    /// Tables; `each` lists every call.
    pub(crate) fn text(&self, each: bool) -> String {
        let mut text = format!("{}\n{}\n\n", self.title(), self.budget());
        if each {
            table(&mut text, &["New York", "UTC", "job", "function", "asks for"], &self.call_rows());
        } else {
            let head = ["New York", "UTC", "every", "job", "function", "asks for", "calls"];
            table(&mut text, &head, &self.tick_rows());
        }
        let _ = writeln!(text, "\n{}", self.total());
        let not = self.not_fetched();
        if !not.is_empty() {
            text.push_str("\nNot fetched\n");
            table(&mut text, &["job", "why", "entries", "polls"], &not);
        }
        text.push_str("\nServed\n");
        table(&mut text, &["job", "entries", "each is asked", "wanted", "polls"], &self.served());
        let _ = writeln!(text, "\n{}", self.verdict.message);
        text
    }

    fn title(&self) -> String {
        let date = self.date;
        let weekday = date.strftime("%A");
        let hours = Hours::Regular.bounds_on(date).map(|(open, close)| {
            format!("session from {} to {} in New York", open.strftime("%H:%M"), close.strftime("%H:%M"))
        });
        let hours = hours.unwrap_or_else(|| "no session".to_owned());
        match session::day_kind(date) {
            DayKind::Weekend | DayKind::Full => format!("{weekday}, {date}: {hours}"),
            DayKind::Holiday(name) => format!("{weekday}, {date}: {name}, {hours}"),
            DayKind::HalfDay(name) => format!("{weekday}, {date}: half day ({name}), {hours}"),
        }
    }

    fn budget(&self) -> String {
        let Allowance { plan, per_minute, per_day, spacing, .. } = self.allowance;
        let spacing = spacing.as_secs_f64();
        match (plan.per_minute(), per_minute, plan.per_day(), per_day) {
            (_, _, Some(all), Some(used)) => {
                format!("Plan {plan}: {used} of {all} calls a day are used, one every {spacing} s")
            }
            (Some(all), Some(used), ..) => {
                format!("Plan {plan}: {used} of {all} calls a minute are used, one every {spacing} s")
            }
            _ => format!("Plan {plan}: one call every {spacing} s"),
        }
    }

    fn total(&self) -> String {
        let calls = &self.day.calls;
        let within = |call: &Planned| {
            let end = call.at + SignedDuration::from_mins(1);
            let from = calls.partition_point(|earlier| earlier.at < call.at);
            calls.partition_point(|later| later.at < end) - from
        };
        let busiest = calls.iter().map(within).max().unwrap_or(0);
        let allowed = |number: Option<u32>| number.map(|number| format!(" of {number}")).unwrap_or_default();
        let (day, minute) = (allowed(self.allowance.per_day), allowed(self.allowance.per_minute));
        format!("{}{day} calls, {busiest}{minute} in the fullest minute", calls.len())
    }

    fn rows(&self) -> Vec<Row<'_>> {
        let mut by_tick: BTreeMap<(usize, Timestamp), Vec<&Planned>> = BTreeMap::new();
        for call in &self.day.calls {
            by_tick.entry((call.job, call.tick)).or_default().push(call);
        }
        let mut rows: Vec<Row<'_>> = Vec::new();
        for ((job, tick), calls) in by_tick {
            let (function, number) = (calls[0].function, calls.len());
            let subjects: BTreeSet<&str> = calls.iter().flat_map(|call| &call.subjects).map(String::as_str).collect();
            let gap = |row: &Row<'_>| tick.duration_since(row.last);
            match rows.last_mut() {
                Some(row)
                    if row.job == job
                        && row.function == function
                        && row.calls_per_tick == number
                        && row.gap.unwrap_or(gap(row)) == gap(row) =>
                {
                    row.gap = Some(gap(row));
                    row.last = tick;
                    row.subjects.extend(subjects);
                    row.calls += number;
                }
                _ => rows.push(Row {
                    first: tick,
                    last: tick,
                    gap: None,
                    job,
                    function,
                    subjects,
                    calls_per_tick: number,
                    calls: number,
                }),
            }
        }
        rows.sort_by_key(|row| (row.first, row.job));
        rows
    }

    fn tick_rows(&self) -> Vec<Vec<String>> {
        let row = |row: Row<'_>| {
            let times = |zone: &TimeZone| {
                let (first, last) = (self.time(row.first, zone), self.time(row.last, zone));
                if row.first == row.last { first } else { format!("{first} to {last}") }
            };
            vec![
                times(&session::new_york()),
                times(&TimeZone::UTC),
                row.gap.map(every).unwrap_or_default(),
                self.jobs.jobs[row.job].name.clone(),
                row.function.to_owned(),
                named(&row.subjects),
                row.calls.to_string(),
            ]
        };
        self.rows().into_iter().map(row).collect()
    }

    fn call_rows(&self) -> Vec<Vec<String>> {
        let second = |at: Timestamp, zone: &TimeZone| zone.to_datetime(at).strftime("%H:%M:%S").to_string();
        let row = |call: &Planned| {
            vec![
                second(call.at, &session::new_york()),
                second(call.at, &TimeZone::UTC),
                self.jobs.jobs[call.job].name.clone(),
                call.function.to_owned(),
                named(&call.subjects.iter().map(String::as_str).collect()),
            ]
        };
        self.day.calls.iter().map(row).collect()
    }

    fn time(&self, at: Timestamp, zone: &TimeZone) -> String {
        let local = zone.to_datetime(at);
        let next = if local.date() > self.date { "+1" } else { "" };
        format!("{}{next}", local.strftime("%H:%M"))
    }

    fn not_fetched(&self) -> Vec<Vec<String>> {
        let mut by_why: BTreeMap<(usize, planner::Why), (usize, u32)> = BTreeMap::new();
        for skipped in &self.day.skipped {
            let (entries, polls) = by_why.entry((skipped.job, skipped.why)).or_default();
            *entries += 1;
            *polls += skipped.count;
        }
        let row = |((job, why), (entries, polls)): ((usize, planner::Why), (usize, u32))| {
            vec![self.jobs.jobs[job].name.clone(), why.to_string(), entries.to_string(), polls.to_string()]
        };
        by_why.into_iter().map(row).collect()
    }

    fn served(&self) -> Vec<Vec<String>> {
        let mut rows = Vec::new();
        for served in &self.day.served {
            for tier in &served.tiers {
                let hot = if tier.priority == Priority::Hot { " hot" } else { "" };
                rows.push(vec![
                    self.jobs.jobs[served.job].name.clone(),
                    format!("{}{hot}", tier.entries),
                    asked(tier),
                    if tier.expected == 0 { "not today".to_owned() } else { format!("every {}", every(tier.wanted)) },
                    format!("{} of {}", tier.done, tier.expected),
                ]);
            }
        }
        rows
    }

    /// One object.
    pub(crate) fn json(&self) -> Value {
        let Self { date, day, jobs, allowance, verdict } = self;
        let name = |job: usize| &jobs.jobs[job].name;
        let seconds = |duration: SignedDuration| duration.as_millis() as f64 / 1_000.0;
        let session = session::session(*date, Hours::Regular);
        let kind = match session::day_kind(*date) {
            DayKind::Weekend => "weekend",
            DayKind::Holiday(_) => "holiday",
            DayKind::HalfDay(_) => "half_day",
            DayKind::Full => "full",
        };
        let calls = day.calls.iter().map(|call| {
            json!({ "at": call.at.to_string(), "tick": call.tick.to_string(), "job": name(call.job), "function": call.function,
                    "subjects": call.subjects })
        });
        let skipped = day.skipped.iter().map(|skipped| {
            json!({ "job": name(skipped.job), "subject": skipped.subject, "why": skipped.why.as_str(),
                    "polls": skipped.count })
        });
        let served = day.served.iter().flat_map(|served| served.tiers.iter().map(move |tier| (served.job, tier)));
        let served = served.map(|(job, tier)| {
            json!({ "job": name(job), "kind": jobs.kinds[job], "hot": tier.priority == Priority::Hot,
                    "entries": tier.entries, "expected": tier.expected, "done": tier.done,
                    "wanted_s": seconds(tier.wanted), "every_s": tier.every.map(seconds) })
        });
        json!({
            "version": 1,
            "date": date.to_string(),
            "day": { "kind": kind, "open": session.map(|it| it.0.to_string()), "close": session.map(|it| it.1.to_string()) },
            "allowance": { "plan": allowance.plan.as_str(), "per_minute": allowance.per_minute,
                           "per_day": allowance.per_day, "spacing_s": seconds(allowance.spacing) },
            "calls": calls.collect::<Vec<_>>(),
            "skipped": skipped.collect::<Vec<_>>(),
            "served": served.collect::<Vec<_>>(),
            "accepted": verdict.accepted,
            "message": verdict.message,
        })
    }
}

fn asked(tier: &Tier) -> String {
    match tier.every {
        _ if tier.expected == 0 => "not today".to_owned(),
        None => "never".to_owned(),
        Some(interval) => format!("every {}", every(interval)),
    }
}

/// The names if they are few, their number otherwise.
fn named(subjects: &BTreeSet<&str>) -> String {
    const FEW: usize = 4;
    if subjects.len() > FEW {
        return format!("{} entries", subjects.len());
    }
    subjects.iter().copied().collect::<Vec<_>>().join(", ")
}

/// Columns as wide as their widest cell; the last one is not padded.
fn table(text: &mut String, head: &[&str], rows: &[Vec<String>]) {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count());
        cells.chain(head.get(column).map(|cell| cell.chars().count())).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    let mut line = |cells: &mut dyn Iterator<Item = &str>| {
        let padded: Vec<String> = cells.zip(&widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        let _ = writeln!(text, "  {}", padded.join("  ").trim_end());
    };
    line(&mut head.iter().copied());
    for row in rows {
        line(&mut row.iter().map(String::as_str));
    }
}
