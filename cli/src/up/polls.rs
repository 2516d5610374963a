//! What schedules ask for, where they cannot: jobs that a fast market needs more often than a schedule fires.
//!
//! A schedule fires once a minute at most, and what it fires is queued. A rate that market time makes faster than that
//! is run here: at once, one after the other in a function, and what is late is left out, so that no queue grows. All
//! other schedules are the host's; their jobs run here once, at the beginning, so that nobody waits for the first.

use std::{collections::BTreeMap, time::Duration};

use aws_sdk_lambda::Client;
use emulator::functions::{Schedule, invoke};
use serde_json::Value;
use tokio::{sync::watch, task::JoinSet, time::MissedTickBehavior};

/// The shortest period of a schedule, on the wall.
/// <https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html>
const SCHEDULE_SHORTEST: Duration = Duration::from_secs(60);
/// The shortest time between two invocations of one job.
const SHORTEST: Duration = Duration::from_millis(250);

/// One job of a function.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Job {
    pub(crate) function: String,
    pub(crate) input: Value,
    /// How often, on the wall; none for a job that runs once here.
    pub(crate) every: Option<Duration>,
}

impl Job {
    /// The vendor's function that a poller's job asks; none for other functions' jobs.
    pub(crate) fn asks(&self) -> Option<&'static str> {
        match self.input.get("job")?.as_str()? {
            "quotes" => Some("GLOBAL_QUOTE"),
            "intraday" => Some("TIME_SERIES_INTRADAY"),
            "rates" => Some("CURRENCY_EXCHANGE_RATE"),
            "daily" => Some("DIGITAL_CURRENCY_DAILY"),
            "news" => Some("NEWS_SENTIMENT"),
            "movers" => Some("TOP_GAINERS_LOSERS"),
            "earnings" => Some("EARNINGS_CALENDAR"),
            "status" => Some("MARKET_STATUS"),
            _ => None,
        }
    }
}

/// Whether a job that asks that function makes one call, whatever is watched.
pub(crate) fn asks_once(function: &str) -> bool {
    matches!(function, "NEWS_SENTIMENT" | "TOP_GAINERS_LOSERS" | "EARNINGS_CALENDAR" | "MARKET_STATUS")
}

/// The functions that jobs ask when these are watched.
pub(crate) fn functions(options: &super::Options) -> Vec<&'static str> {
    let mut asked = vec!["NEWS_SENTIMENT", "TOP_GAINERS_LOSERS", "EARNINGS_CALENDAR", "MARKET_STATUS"];
    if !options.symbols.is_empty() {
        asked.extend(["GLOBAL_QUOTE", "TIME_SERIES_INTRADAY"]);
    }
    if !options.pairs.is_empty() {
        asked.push("CURRENCY_EXCHANGE_RATE");
    }
    if options.pairs.iter().any(market::Pair::is_crypto) {
        asked.push("DIGITAL_CURRENCY_DAILY");
    }
    asked
}

/// The jobs of the schedules that fire here, in market time.
pub(crate) fn jobs(schedules: &[Schedule], speed: u32) -> Vec<Job> {
    schedules
        .iter()
        .filter(|schedule| schedule.enabled)
        .map(|schedule| Job {
            function: schedule.function.clone(),
            input: schedule.input.clone(),
            every: too_often(schedule, speed),
        })
        .collect()
}

/// The period on the wall of a schedule that fires more often in market time than a schedule can; none for another,
/// which is the host's.
pub(crate) fn too_often(schedule: &Schedule, speed: u32) -> Option<Duration> {
    let period = rate(&schedule.expression)? / speed;
    (period < SCHEDULE_SHORTEST).then_some(period.max(SHORTEST))
}

/// The jobs of all schedules, whether they fire or not, each once.
pub(crate) fn distinct(schedules: &[Schedule]) -> Vec<Job> {
    let mut jobs: Vec<Job> = Vec::new();
    for Schedule { function, input, .. } in schedules {
        let job = Job { function: function.clone(), input: input.clone(), every: None };
        if !jobs.contains(&job) {
            jobs.push(job);
        }
    }
    jobs
}

/// The period of `rate(N unit)`; none for another expression.
fn rate(expression: &str) -> Option<Duration> {
    let (number, unit) = expression.strip_prefix("rate(")?.strip_suffix(')')?.split_once(' ')?;
    let seconds = match unit {
        "minute" | "minutes" => 60,
        "hour" | "hours" => 3_600,
        "day" | "days" => 86_400,
        _ => return None,
    };
    Some(Duration::from_secs(number.parse::<u64>().ok()? * seconds))
}

/// Runs jobs until `stop` says so: those of one function one after the other, functions side by side.
/// Gives the calls that failed as such, in words, with how often.
pub(crate) async fn run(client: &Client, jobs: Vec<Job>, stop: watch::Receiver<bool>) -> BTreeMap<String, u64> {
    let mut functions: BTreeMap<String, Vec<Job>> = BTreeMap::new();
    for job in jobs {
        functions.entry(job.function.clone()).or_default().push(job);
    }
    let mut running = JoinSet::new();
    for jobs in functions.into_values() {
        running.spawn(run_one_by_one(client.clone(), jobs, stop.clone()));
    }
    let mut failures = BTreeMap::new();
    while let Some(result) = running.join_next().await {
        for (failure, count) in result.unwrap_or_default() {
            *failures.entry(failure).or_default() += count;
        }
    }
    failures
}

async fn run_one_by_one(client: Client, jobs: Vec<Job>, mut stop: watch::Receiver<bool>) -> BTreeMap<String, u64> {
    let mut failures: BTreeMap<String, u64> = BTreeMap::new();
    let shortest = jobs.iter().filter_map(|job| job.every).min().unwrap_or(SHORTEST);
    let mut ticks = tokio::time::interval(shortest);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let begun = tokio::time::Instant::now();
    let mut runs = vec![0u32; jobs.len()];
    while !*stop.borrow() {
        tokio::select! {
            _ = ticks.tick() => {}
            _ = stop.changed() => break,
        }
        for (job, runs) in jobs.iter().zip(&mut runs) {
            let due = match job.every {
                Some(every) => begun.elapsed() >= every * *runs,
                None => *runs == 0,
            };
            if !due || *stop.borrow() {
                continue;
            }
            // A job that fell behind goes on from now; it does not catch up in a burst.
            *runs = job.every.map_or(1, |every| (begun.elapsed().as_secs_f64() / every.as_secs_f64()) as u32 + 1);
            if let Some(failure) = once(&client, job).await {
                *failures.entry(failure).or_default() += 1;
            }
        }
    }
    failures
}

/// Runs a job once; gives what went wrong, if the function itself failed.
pub(crate) async fn once(client: &Client, job: &Job) -> Option<String> {
    match invoke(client, &job.function, &job.input).await {
        Ok(invocation) => invocation.function_error.map(|kind| {
            let message = invocation.payload.get("errorMessage").and_then(Value::as_str).unwrap_or("no message");
            format!("{} failed ({kind}): {message}", job.function)
        }),
        Err(error) => Some(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_periods_and_nothing_else_is() {
        assert_eq!(rate("rate(1 minute)"), Some(Duration::from_secs(60)));
        assert_eq!(rate("rate(6 hours)"), Some(Duration::from_secs(21_600)));
        for other in ["cron(10 0 * * ? *)", "at(2026-11-21T00:00:00)", "rate(x minutes)", "rate(1 fortnight)"] {
            assert_eq!(rate(other), None, "{other}");
        }
    }

    #[test]
    fn only_what_is_too_fast_for_a_schedule_is_run_here() {
        let check = |expression: &str, speed: u32, expected: Option<u64>| {
            let schedule = Schedule {
                name: "s".to_owned(),
                expression: expression.to_owned(),
                time_zone: None,
                enabled: true,
                function: "f".to_owned(),
                input: Value::Null,
            };
            assert_eq!(too_often(&schedule, speed), expected.map(Duration::from_millis), "{expression} at {speed}");
            assert_eq!(jobs(&[schedule], speed)[0].every, expected.map(Duration::from_millis));
        };
        check("rate(1 minute)", 1, None);
        check("rate(1 minute)", 2, Some(30_000));
        check("rate(1 minute)", 3_600, Some(250));
        check("rate(1 hour)", 60, None);
        check("rate(1 hour)", 120, Some(30_000));
        check("cron(30 9 ? * MON-FRI *)", 3_600, None);
    }
}
