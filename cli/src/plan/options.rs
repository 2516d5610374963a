//! The options of `plan`, and the parameters that the template gets from them.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use alphavantage::{Entitlement, Plan};
use anyhow::{Context, Result, bail};
use clap::Args;
use jiff::civil::Date;
use market::{Pair, Symbol};
use planner::WatchList;

/// The options of `plan`.
#[derive(Debug, Clone, Args)]
pub(crate) struct Options {
    /// The day in New York. Without it today, with --check the next trading day, Mondays to Thursdays, of full length.
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub(crate) date: Option<Date>,
    /// Plan at Alpha Vantage: free, or its calls per minute, such as 75 or p75.
    #[arg(long, value_parser = plan)]
    pub(crate) plan: Option<Plan>,
    /// Equities to poll, with commas; `!` behind one marks it as hot.
    #[arg(long, value_name = "LIST")]
    pub(crate) symbols: Option<WatchList<Symbol>>,
    /// Pairs to poll, with commas; `!` behind one marks it as hot.
    #[arg(long, value_name = "LIST")]
    pub(crate) pairs: Option<WatchList<Pair>>,
    /// Which prices of equities the plan may see: delayed, realtime.
    #[arg(long)]
    pub(crate) entitlement: Option<Entitlement>,
    /// Calls per second, if they are known to differ from the plan's.
    #[arg(long, value_name = "CALLS", value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub(crate) per_second: Option<u32>,
    /// The template; without it, that of the checkout.
    #[arg(long, value_name = "FILE")]
    pub(crate) template: Option<PathBuf>,
    /// The template's parameter Env [default: dev].
    #[arg(long)]
    pub(crate) env: Option<String>,
    /// Take the parameters that samconfig.toml beside the template has for this environment; options win.
    #[arg(long, value_name = "NAME")]
    pub(crate) config_env: Option<String>,
    /// List every call.
    #[arg(long)]
    pub(crate) calls: bool,
    /// Print the plan as JSON.
    #[arg(long, conflicts_with = "calls")]
    pub(crate) json: bool,
    /// Say whether the plan serves the schedule, by the exit code too.
    #[arg(long, conflicts_with_all = ["calls", "json"])]
    pub(crate) check: bool,
    /// Accept a schedule if every entry is polled at least that often, such as 10m, 1h or 2d.
    #[arg(long, value_name = "TIME", value_parser = interval, requires = "check")]
    pub(crate) interval: Option<Duration>,
    /// If the schedule is accepted, print the parameters as `sam deploy --parameter-overrides` takes them.
    #[arg(long, requires = "check")]
    pub(crate) overrides: bool,
}

fn plan(text: &str) -> Result<Plan, String> {
    let name = if text.starts_with(|c: char| c.is_ascii_digit()) { format!("p{text}") } else { text.to_owned() };
    name.parse().map_err(|_| format!("plan `{text}` is not known; allowed: free, 75, 150, 300, 600, 1200"))
}

fn interval(text: &str) -> Result<Duration, String> {
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return Err("write a number and its unit, such as 90s, 10m, 1h or 2d".to_owned()),
    };
    match number.parse::<u64>() {
        Ok(number @ 1..=100_000) => Ok(Duration::from_secs(number * seconds)),
        _ => Err("write a number from 1 to 100000 and its unit, such as 10m".to_owned()),
    }
}

impl Options {
    /// The template's parameters: of `samconfig`, then of the options, which win.
    pub(crate) fn parameters(&self, samconfig: Option<&str>) -> Result<BTreeMap<String, String>> {
        let mut parameters = match (&self.config_env, samconfig) {
            (Some(name), Some(text)) => overrides(text, name)?,
            _ => BTreeMap::new(),
        };
        let mut set = |name: &str, value: Option<String>| {
            parameters.extend(value.map(|value| (name.to_owned(), value)));
        };
        set("Plan", self.plan.map(|plan| plan.to_string()));
        set("Symbols", self.symbols.as_ref().map(WatchList::to_string));
        set("Pairs", self.pairs.as_ref().map(WatchList::to_string));
        set("Env", self.env.clone());
        Ok(parameters)
    }
}

/// The parameters that `sam deploy --config-env` would take from a samconfig.toml.
fn overrides(samconfig: &str, name: &str) -> Result<BTreeMap<String, String>> {
    let config: toml::Table = samconfig.parse().context("samconfig.toml cannot be read")?;
    let Some(section) = config.get(name).and_then(toml::Value::as_table) else {
        let names: Vec<&str> =
            config.iter().filter(|(_, value)| value.is_table()).map(|(name, _)| name.as_str()).collect();
        bail!("samconfig.toml has no `[{name}...]`; it has: {}", names.join(", "));
    };
    let of = |command: &str| section.get(command)?.get("parameters")?.get("parameter_overrides");
    let words = match of("deploy").or_else(|| of("global")) {
        None => Vec::new(),
        Some(toml::Value::String(text)) => words(text),
        Some(toml::Value::Array(items)) => items.iter().filter_map(|item| Some(item.as_str()?.to_owned())).collect(),
        Some(_) => bail!("`parameter_overrides` of `{name}` is neither a text nor a list of texts"),
    };
    let pair = |word: &String| match word.split_once('=') {
        Some((name, value)) if name != "ParameterKey" => Ok((name.to_owned(), value.to_owned())),
        _ => bail!("`parameter_overrides` of `{name}` has `{word}`: write Name=value"),
    };
    words.iter().map(pair).collect()
}

/// As a shell takes them apart: quotes hold blanks together.
fn words(text: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), String::new(), None);
    for c in text.chars() {
        match (quote, c) {
            (Some(open), _) if open == c => quote = None,
            (None, '"' | '\'') => quote = Some(c),
            (None, _) if c.is_whitespace() => words.push(std::mem::take(&mut word)),
            _ => word.push(c),
        }
    }
    words.push(word);
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plans_are_named_with_or_without_their_letter() {
        for (text, expected) in [("free", Plan::Free), ("75", Plan::P75), ("p1200", Plan::P1200), ("1200", Plan::P1200)]
        {
            assert_eq!(plan(text), Ok(expected));
        }
        for wrong in ["76", "p", "", "Free"] {
            assert!(plan(wrong).unwrap_err().contains("allowed: free, 75"), "{wrong}");
        }
    }

    #[test]
    fn samconfig_gives_its_overrides() {
        let text = r#"
            [default.deploy.parameters]
            parameter_overrides = "Env=dev  Plan='p75' Text=\"a b\""
            [list.deploy.parameters]
            parameter_overrides = ["Env=prod", "Symbols=AAPL!,MSFT"]
            [none.global.parameters]
            region = "us-east-1"
            [old.deploy.parameters]
            parameter_overrides = "ParameterKey=Env,ParameterValue=dev"
        "#;
        let check = |name: &str, expected: &[(&str, &str)]| {
            let expected: BTreeMap<_, _> =
                expected.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
            assert_eq!(overrides(text, name).unwrap(), expected);
        };
        check("default", &[("Env", "dev"), ("Plan", "p75"), ("Text", "a b")]);
        check("list", &[("Env", "prod"), ("Symbols", "AAPL!,MSFT")]);
        check("none", &[]);
        assert!(overrides(text, "old").unwrap_err().to_string().contains("write Name=value"));
        let error = overrides(text, "prod").unwrap_err().to_string();
        assert_eq!(error, "samconfig.toml has no `[prod...]`; it has: default, list, none, old");
    }
}
