//! `kinetick plan`: a day ahead. The template with its parameters enters; every call of the day, what is not
//! fetched and why, and whether the plan at the vendor suffices, leave.
//!
//! Nothing is called, and nothing that is deployed is looked at.

mod jobs;
mod options;
mod show;
mod verdict;

use std::{fs, path::PathBuf, process::ExitCode};

use alphavantage::Plan;
use anyhow::{Context, Result, anyhow};
use jiff::{
    Span, Timestamp,
    civil::{Date, Weekday},
};
use market::session::{self, DayKind};
use planner::{Allowance, plan_day};
use sam_template::{Given, Template};

use crate::checkout::Checkout;

pub(crate) use options::Options;

/// How many days are run ahead of the one that is planned: over a long weekend, the last session is there.
const DAYS_BEFORE: i32 = 4;
/// The exit code of wrong use, as of wrong options.
const WRONG_USE: u8 = 2;

/// Plans it. What cannot be planned is wrong use: 1 says that a plan does not serve its schedule.
pub(crate) fn run(options: &Options) -> ExitCode {
    planned(options, Timestamp::now()).unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::from(WRONG_USE)
    })
}

fn planned(options: &Options, now: Timestamp) -> Result<ExitCode> {
    let path = match &options.template {
        Some(path) => path.clone(),
        None => Checkout::find()?.root().join("template.yaml"),
    };
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read `{}`", path.display()))?;
    let at_path = || path.display().to_string();
    let template = Template::parse(&text).with_context(at_path)?;
    let given = given(options, &path, &template)?;
    let plan = plan(&given, &template)?;
    let functions = template.functions(&given).with_context(at_path)?;

    let date = match options.date {
        Some(date) => date,
        None if options.check => busiest_day(session::new_york_date(now)),
        None => session::new_york_date(now),
    };
    let midnight = |date: Date| Ok::<_, jiff::Error>(date.to_zoned(session::new_york())?.timestamp());
    let from = midnight(date.checked_sub(Span::new().days(DAYS_BEFORE))?)?;
    let jobs = jobs::jobs(&functions, from, midnight(date.tomorrow()?)?).with_context(at_path)?;
    let allowance = Allowance::new(plan, options.entitlement, options.per_second);
    let day = plan_day(&jobs.ticks, &jobs.jobs, &allowance, date);
    let verdict = verdict::verdict(&day, &jobs, &allowance, options.interval);

    let (first, last) = session::covered();
    if date < first || last < date {
        eprintln!("note: holidays are known from {first} to {last} only; {date} is taken as an ordinary day");
    }
    let shown = show::Shown { date, day: &day, jobs: &jobs, allowance: &allowance, verdict: &verdict };
    match options {
        Options { check: true, overrides, .. } => {
            if verdict.accepted && *overrides {
                eprintln!("{}", verdict.message);
                println!("{}", words(&given));
            } else if verdict.accepted {
                println!("{}", verdict.message);
            } else {
                eprintln!("error: {}", verdict.message);
                return Ok(ExitCode::FAILURE);
            }
        }
        Options { json: true, .. } => println!("{:#}", shown.json()),
        Options { calls, .. } => print!("{}", shown.text(*calls)),
    }
    Ok(ExitCode::SUCCESS)
}

fn given(options: &Options, template: &std::path::Path, read: &Template) -> Result<Given> {
    let samconfig = match &options.config_env {
        Some(_) => {
            let path: PathBuf = template.with_file_name("samconfig.toml");
            Some(fs::read_to_string(&path).with_context(|| format!("cannot read `{}`", path.display()))?)
        }
        None => None,
    };
    let mut parameters = options.parameters(samconfig.as_deref())?;
    // A template of somebody else need not have stages.
    if read.parameters().iter().any(|parameter| parameter.name == "Env") {
        parameters.entry("Env".to_owned()).or_insert_with(|| "dev".to_owned());
    }
    Ok(Given::parameters(parameters))
}

/// The plan that is given, or that the template has as its default.
fn plan(given: &Given, template: &Template) -> Result<Plan> {
    let default = || template.parameters().into_iter().find(|parameter| parameter.name == "Plan")?.default;
    let text = given.parameters.get("Plan").cloned().or_else(default);
    Ok(text.ok_or_else(|| anyhow!("the template has no parameter `Plan`: it needs one"))?.parse()?)
}

/// The parameters as one argument of `sam`, which takes it apart at blanks outside of quotes. The template
/// allows no quotes within a value.
fn words(given: &Given) -> String {
    let quote = |value: &str| if value.is_empty() || value.contains(char::is_whitespace) { "\"" } else { "" };
    let word = |(name, value): (&String, &String)| format!("{name}={quote}{value}{quote}", quote = quote(value));
    given.parameters.iter().map(word).collect::<Vec<_>>().join(" ")
}

/// The first day from that one on that asks as much as any: with a session of full length, and no Friday,
/// in whose evening currencies rest.
fn busiest_day(mut date: Date) -> Date {
    while session::day_kind(date) != DayKind::Full || date.weekday() == Weekday::Friday {
        let Ok(next) = date.tomorrow() else { break };
        date = next;
    }
    date
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn a_check_is_of_a_full_day() {
        for (from, expected) in [
            (date(2026, 11, 19), date(2026, 11, 19)),
            (date(2026, 11, 20), date(2026, 11, 23)),
            (date(2026, 11, 21), date(2026, 11, 23)),
            (date(2026, 11, 26), date(2026, 11, 30)),
        ] {
            assert_eq!(busiest_day(from), expected);
        }
    }
}
