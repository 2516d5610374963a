//! What a template polls: an evaluated template enters, jobs and the moments at which they start leave.

use alphavantage::NewsTopic;
use anyhow::{Context, Result, anyhow, bail};
use jiff::{SignedDuration, Timestamp};
use market::{Pair, Symbol, session};
use planner::{Entry, Job, Priority, Tick, Trading, WatchList};
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
    Topics,
    /// One thing, which no list names.
    Single,
}

/// A job that the pollers know.
struct Known {
    name: &'static str,
    kind: Kind,
    function: &'static str,
    /// When its entries move, where they do not say it themselves.
    trading: Trading,
}

const KNOWN: &[Known] = {
    use {Kind::*, Trading::*};
    const fn known(name: &'static str, kind: Kind, function: &'static str, trading: Trading) -> Known {
        Known { name, kind, function, trading }
    }
    &[
        known("quotes", Symbols, "GLOBAL_QUOTE", Equities),
        known("intraday", Symbols, "TIME_SERIES_INTRADAY", Equities),
        known("daily", Symbols, "TIME_SERIES_DAILY", Equities),
        known("rates", Pairs, "CURRENCY_EXCHANGE_RATE", ForeignExchange),
        known("daily", Pairs, CRYPTO_ONLY, Always),
        known("news", Topics, "NEWS_SENTIMENT", Always),
        known("movers", Single, "TOP_GAINERS_LOSERS", Equities),
        known("earnings", Single, "EARNINGS_CALENDAR", Always),
        known("status", Single, "MARKET_STATUS", Always),
    ]
};

/// Knows only pairs whose base is a digital currency.
const CRYPTO_ONLY: &str = "DIGITAL_CURRENCY_DAILY";
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
    let text = |kind: Kind| kind.variable().map_or(Some(""), |variable| function.variable(variable));
    let found = KNOWN.iter().find_map(|known| Some((known, (known.name == name).then(|| text(known.kind))??)));
    let Some((known, text)) = found else {
        let with = |kind: Kind| kind.variable().map(|variable| format!(" with {variable}")).unwrap_or_default();
        let names: Vec<String> = KNOWN.iter().map(|known| format!("{}{}", known.name, with(known.kind))).collect();
        bail!("job `{name}` is not known; known are: {}", names.join(", "));
    };
    let trading = known.trading;
    let list = list(known, text).with_context(|| format!("`{}`", known.kind.variable().unwrap_or_default()))?;
    let list = list.map(|(name, own)| Entry { name, trading: own.unwrap_or(trading) });
    let timeout = function.properties.get("Timeout").and_then(sam_template::Value::integer);
    let timeout = timeout.map_or(DEFAULT_TIMEOUT, SignedDuration::from_secs);
    Ok((known.kind, Job { name: name.to_owned(), function: known.function, list, timeout }))
}

/// The names of a job's entries, with the hours of those that have their own.
fn list(known: &Known, text: &str) -> Result<WatchList<(String, Option<Trading>)>> {
    Ok(match known.kind {
        Kind::Symbols => text.parse::<WatchList<Symbol>>()?.map(|symbol| (symbol.to_string(), None)),
        Kind::Topics => text.parse::<WatchList<NewsTopic>>()?.map(|topic| (topic.to_string(), None)),
        Kind::Single => WatchList::single((known.name.to_owned(), None), Priority::Normal),
        Kind::Pairs => {
            let crypto = known.function == CRYPTO_ONLY;
            let pairs = text.parse::<WatchList<Pair>>()?.filter(|pair| !crypto || pair.is_crypto());
            pairs.map(|pair| (pair.to_string(), (!crypto).then(|| Trading::of_pair(&pair))))
        }
    })
}

impl Kind {
    /// Those of which there can be several.
    pub(crate) const LISTS: [Self; 3] = [Self::Symbols, Self::Pairs, Self::Topics];

    /// The variable that names the entries.
    fn variable(self) -> Option<&'static str> {
        match self {
            Self::Symbols => Some("SYMBOLS"),
            Self::Pairs => Some("PAIRS"),
            Self::Topics => Some("NEWS_TOPICS"),
            Self::Single => None,
        }
    }

    pub(crate) fn one(self) -> &'static str {
        match self {
            Self::Symbols => "symbol",
            Self::Pairs => "pair",
            Self::Topics => "topic",
            Self::Single => "thing",
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
