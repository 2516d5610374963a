//! Configuration from the environment. It is read once, at the start, and becomes data; all of its
//! problems are reported together, each with what to do.
//!
//! Settings that serve a local run alone (a simulated clock, another vendor's URL, limits that are
//! noted and not respected) are refused anywhere else.

use std::{collections::BTreeMap, fmt, str::FromStr};

use jiff::SignedDuration;
use market::SimulatedTime;
use series::{Rules, Sets, Settings};

/// Where the vendor answers.
pub const VENDOR_URL: &str = "https://www.alphavantage.co/query";

/// Where a function runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Environment {
    /// On one machine, against an emulator.
    Local,
    /// On AWS, to try things.
    Dev,
    /// On AWS, for good.
    Prod,
}

impl FromStr for Environment {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "local" => Ok(Self::Local),
            "dev" => Ok(Self::Dev),
            "prod" => Ok(Self::Prod),
            _ => Err("allowed: local, dev, prod".to_owned()),
        }
    }
}

/// The name of a resource: not empty, of letters, digits and `. _ - : /`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name(String);

impl Name {
    /// The name's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Name {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let good = |byte: u8| byte.is_ascii_alphanumeric() || b"._-:/".contains(&byte);
        if !text.is_empty() && text.bytes().all(good) {
            Ok(Self(text.to_owned()))
        } else {
            Err("a name has letters, digits and . _ - : / only")
        }
    }
}

/// A list, written with commas, of at least one entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct List<T>(pub Vec<T>);

impl<T: FromStr<Err: fmt::Display>> FromStr for List<T> {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let entries = text.split(',').map(str::trim).filter(|entry| !entry.is_empty());
        let (mut good, mut bad) = (Vec::new(), Vec::new());
        for entry in entries {
            match entry.parse() {
                Ok(entry) => good.push(entry),
                Err(error) => bad.push(T::Err::to_string(&error)),
            }
        }
        match (bad.is_empty(), good.is_empty()) {
            (true, false) => Ok(Self(good)),
            (true, true) => Err("the list is empty; separate its entries by commas".to_owned()),
            (false, _) => Err(bad.join("; ")),
        }
    }
}

/// A whole number of seconds, at most a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seconds(pub SignedDuration);

impl FromStr for Seconds {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.parse() {
            Ok(seconds @ 1..=86_400) => Ok(Self(SignedDuration::from_secs(seconds))),
            _ => Err("write a whole number of seconds from 1 to 86400"),
        }
    }
}

/// Everything that is wrong with a configuration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the configuration has {} problem(s):{}", .0.len(), .0.iter().map(|one| format!("\n- {one}")).collect::<String>())]
pub struct Problems(pub Vec<String>);

/// Reads settings one by one and collects what is wrong with them.
#[derive(Debug)]
pub struct Reader {
    variables: BTreeMap<String, String>,
    environment: Option<Environment>,
    problems: Vec<String>,
}

impl Reader {
    /// Over these variables; an empty one counts as absent.
    pub fn new(variables: impl IntoIterator<Item = (String, String)>) -> Self {
        let variables = variables.into_iter().filter(|(_, value)| !value.trim().is_empty()).collect();
        let mut reader = Self { variables, environment: None, problems: Vec::new() };
        reader.environment = reader.required("KINETICK_ENV");
        reader
    }

    /// Over the process' environment.
    pub fn from_process() -> Self {
        Self::new(std::env::vars())
    }

    /// A setting that must be there.
    pub fn required<T: FromStr<Err: fmt::Display>>(&mut self, name: &str) -> Option<T> {
        if !self.variables.contains_key(name) {
            self.problems.push(format!("`{name}` is not set"));
        }
        self.optional(name)
    }

    /// A setting that may be left out.
    pub fn optional<T: FromStr<Err: fmt::Display>>(&mut self, name: &str) -> Option<T> {
        let value = self.variables.get(name)?;
        match value.trim().parse() {
            Ok(value) => Some(value),
            Err(error) => {
                // Values are shown: settings hold names and numbers; the only secret is fetched by name.
                let shown: String = value.chars().take(64).collect();
                self.problems.push(format!("`{name}` is `{shown}`: {error}"));
                None
            }
        }
    }

    /// A setting that may be given on a local run alone.
    pub fn local_only<T: FromStr<Err: fmt::Display>>(&mut self, name: &str, usual: &str) -> Option<T> {
        let given = self.variables.get(name).is_some_and(|value| value.trim() != usual);
        if given && self.environment != Some(Environment::Local) {
            let allowed =
                if usual.is_empty() { "leave it out".to_owned() } else { format!("leave it out or at `{usual}`") };
            self.problems.push(format!("`{name}` serves local runs alone: {allowed} unless `KINETICK_ENV` is `local`"));
        }
        self.optional(name)
    }

    /// Adds a problem that no single setting shows.
    pub fn refuse(&mut self, problem: impl Into<String>) {
        self.problems.push(problem.into());
    }

    /// The simulated market time of a local run; none where the clock on the wall is the market's.
    pub fn simulated_time(&mut self) -> Option<SimulatedTime> {
        self.local_only("MARKET_CLOCK", "")
    }

    /// How series act: when bars close, what is computed of them, and what raises an alert.
    pub fn series_settings(&mut self) -> Option<Settings> {
        let close_after: Option<Seconds> = self.required("CLOSE_AFTER_SECONDS");
        let redeliver_after: Option<Seconds> = self.required("REDELIVER_AFTER_SECONDS");
        let sets = match self.variables.contains_key("INDICATORS") {
            true => self.optional("INDICATORS")?,
            false => Sets::default(),
        };
        let rules = self.variables.get("ALERTS").map_or("", String::as_str);
        let rules = match Rules::parse(rules, &sets) {
            Ok(rules) => rules,
            Err(error) => {
                self.problems.push(format!("`ALERTS`: {error}"));
                return None;
            }
        };
        Some(Settings { close_after: close_after?.0, redeliver_after: redeliver_after?.0, sets, rules })
    }

    /// The configuration, or everything that is wrong.
    pub fn finish<T>(mut self, configuration: Option<T>) -> Result<T, Problems> {
        match configuration {
            Some(configuration) if self.problems.is_empty() => Ok(configuration),
            _ => {
                self.problems.sort();
                Err(Problems(self.problems))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reader(variables: &[(&str, &str)]) -> Reader {
        Reader::new(variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
    }

    #[test]
    fn indicators_and_alerts_are_read_together() {
        let mut from = reader(&[
            ("KINETICK_ENV", "dev"),
            ("CLOSE_AFTER_SECONDS", "125"),
            ("REDELIVER_AFTER_SECONDS", "120"),
            ("INDICATORS", "RSI(14); 5min: SMA(20)"),
            ("ALERTS", "RSI(14) > 70"),
        ]);
        let settings = from.series_settings().unwrap();
        assert_eq!(settings.sets, "RSI(14); 5min: SMA(20)".parse().unwrap());
        let check = |indicators: &str, alerts: &str, expected: &str| {
            let mut from = reader(&[
                ("KINETICK_ENV", "dev"),
                ("CLOSE_AFTER_SECONDS", "125"),
                ("REDELIVER_AFTER_SECONDS", "120"),
                ("INDICATORS", indicators),
                ("ALERTS", alerts),
            ]);
            let settings = from.series_settings();
            let Problems(problems) = from.finish(settings).unwrap_err();
            assert_eq!(problems.len(), 1, "{problems:?}");
            assert!(problems[0].starts_with(expected), "{problems:?}");
        };
        check("RSI(0)", "", "`INDICATORS` is `RSI(0)`: in `RSI(0)`: `RSI(0)`: parameter `period` is `0`; allowed: ");
        check("RSI(14)", "SMA(20) > 1", "`ALERTS`: rule `SMA(20) > 1`: `SMA(20)` is not known; allowed: ");
    }

    #[test]
    fn all_problems_are_reported_together() {
        let mut from = reader(&[
            ("KINETICK_ENV", "production"),
            ("SYMBOLS", "MSFT,A*,Ü"),
            ("CLOSE_AFTER_SECONDS", "soon"),
            ("STATE_TABLE", " "),
        ]);
        let symbols: Option<List<market::Symbol>> = from.required("SYMBOLS");
        let close: Option<Seconds> = from.required("CLOSE_AFTER_SECONDS");
        let table: Option<Name> = from.required("STATE_TABLE");
        let read = from.finish(symbols.zip(close).zip(table));
        let text = read.unwrap_err().to_string();
        assert!(text.starts_with("the configuration has 4 problem(s):\n- "), "{text}");
        for part in [
            "`KINETICK_ENV` is `production`: allowed: local, dev, prod",
            "`SYMBOLS` is `MSFT,A*,Ü`: symbol `A*` is not valid",
            "symbol `Ü` is not valid",
            "`CLOSE_AFTER_SECONDS` is `soon`: write a whole number of seconds",
            "`STATE_TABLE` is not set",
        ] {
            assert!(text.contains(part), "{part} in {text}");
        }
    }

    #[test]
    fn local_settings_are_refused_elsewhere() {
        let clock = "2026-11-21T03:00:00Z,2026-11-20T16:00:00Z,60";
        for (env, good) in [("local", true), ("dev", false), ("prod", false)] {
            let mut from = reader(&[("KINETICK_ENV", env), ("MARKET_CLOCK", clock), ("VENDOR_URL", VENDOR_URL)]);
            let (clock, url) = (from.simulated_time(), from.local_only::<String>("VENDOR_URL", VENDOR_URL));
            assert!(clock.is_some() && url.is_some());
            assert_eq!(from.finish(Some(())).is_ok(), good, "{env}");
        }
        let mut from = reader(&[("KINETICK_ENV", "prod"), ("VENDOR_URL", "http://127.0.0.1:1/query")]);
        from.local_only::<String>("VENDOR_URL", VENDOR_URL);
        assert!(from.finish(Some(())).is_err());
    }
}
