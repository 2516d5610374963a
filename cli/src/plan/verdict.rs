//! Whether a plan serves its schedule: a day's plan enters, a verdict in one sentence leaves.

use std::time::Duration;

use jiff::SignedDuration;
use planner::{Allowance, DayPlan, RESERVE, Tier, Why};

use super::jobs::{Jobs, Kind};

/// The verdict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) accepted: bool,
    pub(crate) message: String,
}

/// Whether every poll that is due is made, or at least one every `interval`.
pub(crate) fn verdict(day: &DayPlan, jobs: &Jobs, allowance: &Allowance, interval: Option<Duration>) -> Verdict {
    let plan = allowance.plan;
    let short: Vec<Short> = short(day, jobs);
    if short.is_empty() {
        let message =
            format!("the plan `{plan}` serves the schedule: {} polls in {} calls", day.expected(), day.calls.len());
        return Verdict { accepted: true, message };
    }
    if let Some(premium) = day.skipped.iter().find(|skipped| skipped.why == Why::PremiumOnly) {
        let job = &jobs.jobs[premium.job];
        let message = format!(
            "the plan `{plan}` does not answer {}, which `{}` asks: take a paid plan, or the job out of the schedule",
            job.function, job.name
        );
        return Verdict { accepted: false, message };
    }
    let served = served(&short);
    if let Some(interval) = interval
        && short.iter().all(|short| short.every.is_some_and(|every| rounded(every) <= interval))
    {
        let message = format!("the plan `{plan}` serves every entry within {}: {served}", span(interval));
        return Verdict { accepted: true, message };
    }
    let message = match allowance.per_day {
        Some(per_day) if day.expected() > per_day => of_a_day(day, jobs, allowance, per_day),
        _ => {
            let calls = match (plan.per_minute(), allowance.per_minute) {
                (Some(all), Some(used)) => format!("has {all} calls a minute, {used} used"),
                _ => format!("makes a call every {} s", allowance.spacing.as_secs_f64()),
            };
            let runs = short.iter().map(|short| &jobs.jobs[short.job]);
            let room = runs.map(|job| allowance.calls_within(job.timeout - RESERVE)).min().unwrap_or(0);
            format!("the plan `{plan}` {calls}, and a run has time for {room}: {served}")
        }
    };
    let longest = short.iter().map(|short| short.every.map(rounded)).try_fold(Duration::ZERO, |a, b| Some(a.max(b?)));
    let accept =
        longest.map(|longest| format!("; to accept that, say --interval {}", option(longest))).unwrap_or_default();
    Verdict { accepted: false, message: format!("{message}{accept}") }
}

/// Entries of a job that are served less often than the schedule wants.
struct Short<'a> {
    job: usize,
    name: &'a str,
    kind: Kind,
    tier: &'a Tier,
    hot: &'static str,
    every: Option<SignedDuration>,
}

fn short<'a>(day: &'a DayPlan, jobs: &'a Jobs) -> Vec<Short<'a>> {
    let mut short = Vec::new();
    for served in &day.served {
        for tier in served.tiers.iter().filter(|tier| tier.done < tier.expected) {
            let several = served.tiers.len() > 1;
            let hot = match tier.priority {
                planner::Priority::Hot if several => "hot ",
                planner::Priority::Normal if several => "other ",
                _ => "",
            };
            let (job, name, kind) = (served.job, jobs.jobs[served.job].name.as_str(), jobs.kinds[served.job]);
            short.push(Short { job, name, kind, tier, hot, every: tier.every });
        }
    }
    short
}

fn served(short: &[Short<'_>]) -> String {
    let one = |short: &Short<'_>| {
        let Short { name, kind, tier, hot, every, .. } = short;
        let (entries, one) = (tier.entries, kind.one());
        let plural = if entries == 1 { "" } else { "s" };
        let every = every.map_or("never".to_owned(), |every| format!("every {}", span(rounded(every))));
        format!("`{name}` asks {entries} {hot}{one}{plural} {every}, wanted every {}", span(rounded(tier.wanted)))
    };
    short.iter().map(one).collect::<Vec<_>>().join("; ")
}

/// A day's calls do not suffice: how seldom all can be asked, or how many as the schedule has it.
fn of_a_day(day: &DayPlan, jobs: &Jobs, allowance: &Allowance, per_day: u32) -> String {
    let needs = day.expected();
    let of_kind = |kind: Kind| day.served.iter().filter(move |served| jobs.kinds[served.job] == kind);
    let polls = |kind: Kind| of_kind(kind).flat_map(|served| &served.tiers).map(|tier| tier.expected).sum::<u32>();
    // Which list needs most of the calls is the one to shorten.
    let kind = Kind::LISTS.into_iter().rev().max_by_key(|kind| polls(*kind)).unwrap_or(Kind::Symbols);
    let (own, others) = (polls(kind), needs - polls(kind));
    let entries = of_kind(kind).map(|served| served.tiers.iter().map(|tier| tier.entries).sum::<usize>()).max();
    let entries = entries.unwrap_or(0) as u64;
    let days = needs.div_ceil(per_day);
    let each = if days == 1 { "once a day".to_owned() } else { format!("once every {days} days") };
    let fit = (u64::from(per_day.saturating_sub(others)) * entries).checked_div(u64::from(own)).unwrap_or(0);
    let one = kind.one();
    let or = match fit {
        0 => String::new(),
        1 => format!(", or 1 {one} as scheduled"),
        _ => format!(", or {fit} {one}s as scheduled"),
    };
    let plan = allowance.plan;
    format!(
        "the plan `{plan}` has {per_day} usable calls a day, the schedule needs {needs}: each {one} can be polled {each}{or}"
    )
}

/// Up to whole minutes, from an hour on to whole hours, from two days on to whole days.
fn rounded(duration: SignedDuration) -> Duration {
    let seconds = duration.as_secs_f64().max(0.0);
    let step = match seconds {
        ..=60.0 => 1.0,
        ..=7_200.0 => 60.0,
        ..=172_800.0 => 3_600.0,
        _ => 86_400.0,
    };
    // A rounding error is no further step.
    Duration::from_secs(((seconds / step - 1e-6).ceil() * step) as u64)
}

/// As a person says it.
pub(crate) fn span(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let (number, unit) = match seconds {
        172_800.. if seconds.is_multiple_of(86_400) => (seconds / 86_400, "day"),
        86_400 => (1, "day"),
        3_600.. if seconds.is_multiple_of(3_600) => (seconds / 3_600, "hour"),
        60.. if seconds.is_multiple_of(60) => (seconds / 60, "minute"),
        _ => (seconds, "second"),
    };
    if number == 1 { unit.to_owned() } else { format!("{number} {unit}s") }
}

/// How often something happens, rounded.
pub(crate) fn every(duration: SignedDuration) -> String {
    span(rounded(duration))
}

fn option(duration: Duration) -> String {
    match duration.as_secs() {
        seconds if seconds.is_multiple_of(86_400) => format!("{}d", seconds / 86_400),
        seconds if seconds.is_multiple_of(3_600) => format!("{}h", seconds / 3_600),
        seconds if seconds.is_multiple_of(60) => format!("{}m", seconds / 60),
        seconds => format!("{seconds}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_rounded_up_and_said_in_words() {
        for (seconds, words, text) in [
            (0.2, "second", "1s"),
            (45.0, "45 seconds", "45s"),
            (60.0, "minute", "1m"),
            (61.0, "2 minutes", "2m"),
            (588.0, "10 minutes", "10m"),
            (600.000_000_1, "10 minutes", "10m"),
            (3_600.0, "hour", "1h"),
            (5_400.0, "90 minutes", "90m"),
            (21_600.0, "6 hours", "6h"),
            (86_400.0, "day", "1d"),
            (100_000.0, "28 hours", "28h"),
            (200_000.0, "3 days", "3d"),
        ] {
            let duration = rounded(SignedDuration::from_secs_f64(seconds));
            assert_eq!((span(duration).as_str(), option(duration).as_str()), (words, text), "{seconds}");
        }
    }
}
