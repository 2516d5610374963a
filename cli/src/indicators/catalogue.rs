//! What indicators there are, as a table for people.

use std::fmt::Write;

use indicators::{BadIndicator, Indicator, Indicators, catalogue};

/// A text that is no value of any parameter.
const NO_VALUE: &str = "?";

/// One indicator with its defaults.
struct Entry {
    indicator: Indicator,
    name: String,
    /// Their names, defaults and bounds.
    parameters: Vec<String>,
}

impl Entry {
    fn new(text: &str) -> Result<Self, BadIndicator> {
        let (name, defaults) = text.split_once('(').unwrap_or((text, ""));
        let defaults: Vec<&str> = defaults.trim_end_matches(')').split(',').filter(|text| !text.is_empty()).collect();
        let parameters = (0..).map_while(|place| parameter(name, &defaults, place)).collect();
        Ok(Self { indicator: text.parse()?, name: name.to_owned(), parameters })
    }

    fn outputs(&self) -> Vec<String> {
        let names = self.indicator.names();
        names.iter().filter_map(|name| Some(name.rsplit_once(").")?.1.to_owned())).collect()
    }

    fn cells(&self) -> [String; 6] {
        let or_dash = |text: String| if text.is_empty() { "-".to_owned() } else { text };
        [
            self.name.clone(),
            or_dash(self.parameters.join(", ")),
            or_dash(self.outputs().join(", ")),
            self.indicator.lookback().to_string(),
            self.indicator.warm_up().to_string(),
            if self.indicator.needs_volume() { "yes" } else { "-" }.to_owned(),
        ]
    }
}

/// The parameter of that place, `fast=12 (2 to 1000)`. Names and bounds stand in the refusal of a wrong value.
fn parameter(name: &str, defaults: &[&str], place: usize) -> Option<String> {
    // A word that may be left out has no default, and stands last.
    let before = defaults.get(..place)?;
    let text = format!("{name}({})", before.iter().chain(&[NO_VALUE]).copied().collect::<Vec<_>>().join(","));
    let Err(BadIndicator::Parameter { name, allowed, .. }) = text.parse::<Indicator>() else { return None };
    let bounds = allowed.rsplit_once("from ").map(|(_, bounds)| bounds);
    Some(match (defaults.get(place), bounds) {
        (Some(default), Some(bounds)) => format!("{name}={default} ({bounds})"),
        (Some(default), None) => format!("{name}={default}"),
        (None, _) => format!("{name} (or nothing)"),
    })
}

const HEAD: [&str; 6] = ["indicator", "parameters", "outputs", "first", "warm", "volume"];

fn rows() -> Result<Vec<[String; 6]>, BadIndicator> {
    catalogue().iter().map(|text| Ok(Entry::new(text)?.cells())).collect()
}

/// The table, its columns aligned.
pub(crate) fn list() -> Result<String, BadIndicator> {
    let mut rows = rows()?;
    rows.insert(0, HEAD.map(str::to_owned));
    let width = |column: usize| rows.iter().map(|row: &[String; 6]| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..HEAD.len()).map(width).collect();
    let mut text = String::new();
    for row in &rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            let _ = write!(line, "{cell:width$}  ");
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text.push_str(
        "\nfirst, warm: with the defaults, how many bars come before the first value, and before the first that hardly\n\
         hangs on where the series began. volume: bars without a volume are passed over.\n",
    );
    let _ = writeln!(text, "Without --set: {}", Indicators::default());
    Ok(text)
}

#[cfg(test)]
mod tests {
    use std::{fs, path::PathBuf};

    use super::*;

    const BEGIN: &str = "<!-- written by a test -->\n";
    const END: &str = "<!-- up to here -->\n";

    fn markdown() -> String {
        let row = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
        let mut text = row(&HEAD.map(str::to_owned));
        text.push_str("|---|---|---|---:|---:|---|\n");
        for mut cells in rows().unwrap() {
            cells[0] = format!("`{}`", cells[0]);
            text.push_str(&row(&cells));
        }
        format!("{text}\nWithout `--set` it is `{}`.\n", Indicators::default())
    }

    #[test]
    fn the_document_lists_all_indicators() {
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/indicators.md");
        let text = fs::read_to_string(&path).unwrap();
        let (before, rest) = text.split_once(BEGIN).unwrap();
        let (_, after) = rest.split_once(END).unwrap();
        let expected = format!("{before}{BEGIN}{}{END}{after}", markdown());
        if std::env::var_os("BLESS").is_some() {
            fs::write(path, expected).unwrap();
        } else {
            assert!(text == expected, "docs/indicators.md lists others than there are: `BLESS=1 cargo test -p cli`");
        }
    }

    #[test]
    fn parameters_are_listed_with_defaults_and_bounds() {
        for text in catalogue() {
            let entry = Entry::new(&text).unwrap();
            let defaults = text.split_once('(').map_or(0, |(_, defaults)| defaults.split(',').count());
            assert!(entry.parameters.len() >= defaults, "{text}: {:?}", entry.parameters);
            let outputs = entry.outputs().len();
            assert!(outputs == entry.indicator.outputs() || (outputs == 0 && entry.indicator.outputs() == 1), "{text}");
        }
        let macd = Entry::new("MACD(12,26,9)").unwrap();
        assert_eq!(macd.parameters, ["fast=12 (2 to 1000)", "slow=26 (2 to 1000)", "signal=9 (1 to 1000)"]);
        assert_eq!(macd.cells()[2..4], ["macd, signal, hist", "33"]);
    }
}
