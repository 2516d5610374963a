//! The options of `up`, checked before anything is started.

use std::{path::PathBuf, time::Duration};

use clap::Args;
use market::{Pair, Symbol};
use series::{Rules, Sets};

/// The options of `up`.
#[derive(Debug, Clone, Args)]
pub(crate) struct Options {
    /// Equities to poll, with commas.
    #[arg(long, value_delimiter = ',', default_value = "AAPL,MSFT,GOOGL,AMZN", value_name = "LIST")]
    pub(crate) symbols: Vec<Symbol>,
    /// Pairs of currencies to poll, with commas.
    #[arg(long, value_delimiter = ',', default_value = "BTC/USD,ETH/USD", value_name = "LIST")]
    pub(crate) pairs: Vec<Pair>,
    /// What is computed, as `SMA(20), RSI(14); 5min: SMA(20)`: for whatever bars arrive (else the default set), then
    /// for bars of one length, which are built from shorter ones.
    #[arg(long, default_value = "5min: SMA(5),EMA(9),RSI(14),VWAP", value_name = "LISTS")]
    pub(crate) indicators: String,
    /// What raises an alert, as `RSI(14) > 70; 5min: close crosses above SMA(5)`.
    #[arg(long, default_value = "close crosses SMA(20); RSI(14) > 80; RSI(14) < 20", value_name = "RULES")]
    pub(crate) alerts: String,
    /// Seed of the simulated prices: the same seed, the same market.
    #[arg(long, default_value_t = 42)]
    pub(crate) seed: u64,
    /// Market seconds per second of the simulated market.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..=3600))]
    pub(crate) speed: u32,
    /// End by itself after this time of polling, such as 90s, 5m or 1h. Without it, Ctrl-C ends it.
    #[arg(long = "for", value_name = "TIME", value_parser = duration)]
    pub(crate) run_for: Option<Duration>,
    /// Leave the emulator and the market running at the end; `kinetick down` ends them.
    #[arg(long)]
    pub(crate) keep: bool,
    /// Serve the recorded replies of this folder, each once, instead of simulated prices.
    #[arg(long, value_name = "DIR")]
    pub(crate) replies: Option<PathBuf>,
    /// Faults that the simulated market answers with, as a file of JSON; see its README.
    #[arg(long, value_name = "FILE")]
    pub(crate) faults: Option<PathBuf>,
    /// Write the account of the run there, as JSON.
    #[arg(long, value_name = "FILE")]
    pub(crate) report: Option<PathBuf>,
}

impl Options {
    pub(crate) fn symbols_text(&self) -> String {
        self.symbols.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
    }

    pub(crate) fn pairs_text(&self) -> String {
        self.pairs.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
    }

    /// What no single option shows to be wrong.
    pub(crate) fn problem(&self) -> Option<String> {
        let sets = match self.indicators.parse::<Sets>() {
            Ok(sets) => sets,
            Err(error) => return Some(format!("`--indicators {}`: {error}", self.indicators)),
        };
        if let Err(error) = Rules::parse(&self.alerts, &sets) {
            return Some(format!("`--alerts`: {error}"));
        }
        if let Some(folder) = &self.replies
            && !folder.join("index.json").is_file()
        {
            return Some(format!("`--replies {}` has no index.json", folder.display()));
        }
        if let Some(faults) = &self.faults
            && !faults.is_file()
        {
            return Some(format!("`--faults {}` is no file", faults.display()));
        }
        if let Some(report) = &self.report {
            let folder = report.parent().filter(|parent| !parent.as_os_str().is_empty());
            if folder.is_some_and(|folder| !folder.is_dir()) || report.is_dir() {
                return Some(format!("`--report {}` cannot be written: its folder is not there", report.display()));
            }
        }
        let spaced = self.symbols.iter().find(|symbol| symbol.as_str().contains(' '));
        spaced.map(|symbol| format!("symbol `{symbol}` has a space, which the template's parameter cannot hold"))
    }
}

/// A number and its unit, such as 90s, 5m or 1h.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        _ => return Err("write a number and its unit, such as 90s, 5m or 1h".to_owned()),
    };
    match number.parse::<u64>() {
        Ok(number @ 1..=86_400) => Ok(Duration::from_secs(number * seconds)),
        _ => Err("write a number from 1 to 86400 and its unit, such as 90s".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_units() {
        assert_eq!(duration("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("5m"), Ok(Duration::from_secs(300)));
        for wrong in ["90", "s", "-1s", "1d", "0s", "1.5h", "99999999999999999999s"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }
}
