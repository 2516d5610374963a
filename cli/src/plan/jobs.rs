//! What a template polls: an evaluated template enters, jobs and the moments at which they start leave.

use anyhow::{Context, Result, anyhow, bail};
use jiff::{SignedDuration, Timestamp};
use market::{Pair, Symbol, session};
use planner::{Entry, Job, Tick, Trading, WatchList};
use sam_template::{Event, Function};
use schedule::Schedule;

/// Jobs with their ticks.
#[derive(Debug)]
pub(crate) struct Jobs {
    pub(crate) jobs: Vec<Job>,
    /// Of each job, what it asks for.
    pub(crate) kinds: Vec<Kind>,
    pub(crate) ticks: Vec<Tick>,
}

/// What a job asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    Symbols,
    Pairs,
}

/// A job that the pollers know.
struct Known {
    name: &'static str,
    kind: Kind,
    function: &'static str,
    /// Whether it asks only for pairs whose base is a digital currency, which are traded always.
    crypto: bool,
}

const KNOWN: &[Known] = &[
    Known { name: "quotes", kind: Kind::Symbols, function: "GLOBAL_QUOTE", crypto: false },
    Known { name: "intraday", kind: Kind::Symbols, function: "TIME_SERIES_INTRADAY", crypto: false },
    Known { name: "daily", kind: Kind::Symbols, function: "TIME_SERIES_DAILY", crypto: false },
    Known { name: "rates", kind: Kind::Pairs, function: "CURRENCY_EXCHANGE_RATE", crypto: false },
    Known { name: "daily", kind: Kind::Pairs, function: "DIGITAL_CURRENCY_DAILY", crypto: true },
];

/// The variable that every function has which asks the vendor.
const ASKS_VENDOR: &str = "API_KEY_SECRET";
/// What Lambda gives a function that names none. <https://docs.aws.amazon.com/lambda/latest/dg/configuration-timeout.html>
const DEFAULT_TIMEOUT: SignedDuration = SignedDuration::from_secs(3);

/// The jobs of these functions and when they start, from `from` on and before `to`.
pub(crate) fn jobs(functions: &[Function], from: Timestamp, to: Timestamp) -> Result<Jobs> {
    let mut found = Jobs { jobs: Vec::new(), kinds: Vec::new(), ticks: Vec::new() };
    let mut owners: Vec<&str> = Vec::new();
    let polls = |function: &&Function| function.environment().iter().any(|(name, _)| name == ASKS_VENDOR);
    for function in functions.iter().filter(polls) {
        for event in function.events.iter().filter(|event| event.kind == "ScheduleV2") {
            let place = || format!("line {}: event `{}` of `{}`", event.line, event.id, function.id);
            let name = job_name(event).with_context(place)?;
            let known = (0..found.jobs.len()).find(|job| owners[*job] == function.id && found.jobs[*job].name == name);
            let job = match known {
                Some(job) => job,
                None => {
                    let (kind, job) = job(function, &name).with_context(place)?;
                    found.jobs.push(job);
                    found.kinds.push(kind);
                    owners.push(&function.id);
                    found.jobs.len() - 1
                }
            };
            let fires = fires(event, from, to).with_context(place)?;
            found.ticks.extend(fires.into_iter().map(|at| Tick { at, job }));
        }
    }
    if found.jobs.is_empty() {
        bail!("the template polls nothing: no function with the variable `{ASKS_VENDOR}` has a `ScheduleV2`");
    }
    // Two functions may have jobs of the same name.
    let names: Vec<String> = found.jobs.iter().map(|job| job.name.clone()).collect();
    for (index, job) in found.jobs.iter_mut().enumerate() {
        if names.iter().filter(|name| **name == job.name).count() > 1 {
            job.name = format!("{} of {}", job.name, owners[index]);
        }
    }
    Ok(found)
}

fn job_name(event: &Event) -> Result<String> {
    let input = event.properties.get("Input").and_then(sam_template::Value::text);
    let input = input.ok_or_else(|| anyhow!("it has no `Input`: write `{{\"job\":\"...\"}}`"))?;
    let input: serde_json::Value = serde_json::from_str(input).context("its `Input` is no JSON")?;
    let job = input.get("job").and_then(serde_json::Value::as_str);
    Ok(job.ok_or_else(|| anyhow!("its `Input` names no job: write `{{\"job\":\"...\"}}`"))?.to_owned())
}

fn job(function: &Function, name: &str) -> Result<(Kind, Job)> {
    let has = |known: &&Known| known.name == name && function.variable(known.kind.variable()).is_some();
    let Some(known) = KNOWN.iter().find(has) else {
        let names: Vec<String> =
            KNOWN.iter().map(|known| format!("{} with {}", known.name, known.kind.variable())).collect();
        bail!("job `{name}` is not known; known are: {}", names.join(", "));
    };
    let variable = known.kind.variable();
    let text = function.variable(variable).unwrap_or_default();
    let list = match known.kind {
        Kind::Symbols => {
            let list: WatchList<Symbol> = text.parse().with_context(|| format!("`{variable}`"))?;
            list.map(|symbol| Entry { name: symbol.to_string(), trading: Trading::Equities })
        }
        Kind::Pairs => {
            let list: WatchList<Pair> = text.parse().with_context(|| format!("`{variable}`"))?;
            let list = list.filter(|pair| !known.crypto || pair.is_crypto());
            let trading = |pair: &Pair| if known.crypto { Trading::Always } else { Trading::of_pair(pair) };
            list.map(|pair| Entry { name: pair.to_string(), trading: trading(&pair) })
        }
    };
    let timeout = function.properties.get("Timeout").and_then(sam_template::Value::integer);
    let timeout = timeout.map_or(DEFAULT_TIMEOUT, SignedDuration::from_secs);
    Ok((known.kind, Job { name: name.to_owned(), function: known.function, list, timeout }))
}

impl Kind {
    fn variable(self) -> &'static str {
        match self {
            Self::Symbols => "SYMBOLS",
            Self::Pairs => "PAIRS",
        }
    }

    pub(crate) fn one(self) -> &'static str {
        match self {
            Self::Symbols => "symbol",
            Self::Pairs => "pair",
        }
    }
}

fn fires(event: &Event, from: Timestamp, to: Timestamp) -> Result<Vec<Timestamp>> {
    let property = |name: &str| match event.properties.get(name) {
        None => Ok(None),
        Some(value) => value.text().map(Some).ok_or_else(|| anyhow!("its `{name}` is `{value}` and no text")),
    };
    if property("State")? == Some("DISABLED") {
        return Ok(Vec::new());
    }
    let expression = property("ScheduleExpression")?.ok_or_else(|| anyhow!("it has no `ScheduleExpression`"))?;
    let zone = session::zone(property("ScheduleExpressionTimezone")?.unwrap_or("UTC"))?;
    // When a rate begins is known once it is deployed; midnight in UTC stands for it.
    Ok(Schedule::parse(expression)?.fires(&zone, Timestamp::UNIX_EPOCH, from, to).collect())
}
