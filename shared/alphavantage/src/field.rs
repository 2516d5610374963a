//! Rows of a reply, JSON or CSV, as fields that are found by the words of their names.
//!
//! The number before a name (`05. price`, `5. price`, `1a. open (CNY)`) differs from function to
//! function and from year to year, so it is not looked at; nor are case, blanks and underscores.

use serde_json::value::RawValue;

use crate::{Reason, json, reason::excerpt};

/// What the vendor writes where it has no value.
fn is_blank(text: &str) -> bool {
    text.is_empty()
        || text == "-"
        || text == "--"
        || ["none", "null"].iter().any(|word| text.eq_ignore_ascii_case(word))
}

/// A name without the number before it: `1a. open (CNY)` becomes `open (CNY)`.
fn unnumbered(name: &str) -> &str {
    let name = name.trim();
    let after_digits = name.trim_start_matches(|c: char| c.is_ascii_digit());
    if after_digits.len() == name.len() {
        return name;
    }
    let after_letter = after_digits.strip_prefix(|c: char| c.is_ascii_lowercase()).unwrap_or(after_digits);
    after_letter.strip_prefix('.').map_or(name, str::trim)
}

/// A name and what stands in parentheses behind it: `Time Series (5min)` becomes `Time Series` and `5min`.
pub(crate) fn split_unit(name: &str) -> (&str, Option<&str>) {
    match name.trim_end().strip_suffix(')').and_then(|rest| rest.rsplit_once('(')) {
        Some((name, unit)) => (name.trim_end(), Some(unit.trim())),
        None => (name, None),
    }
}

fn letters(name: &str) -> impl Iterator<Item = char> {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase)
}

/// Letters and digits of a name in lower case, without the number before it: `07. latest trading day`
/// becomes `latesttradingday`.
pub(crate) fn word(name: &str) -> String {
    let word: String = letters(unnumbered(name)).collect();
    // The quote's CSV calls it `latestDay`.
    if word == "latestday" { "latesttradingday".to_owned() } else { word }
}

#[derive(Debug)]
enum Value {
    Text(String),
    Blank,
    /// A boolean, a list or an object: no value of ours.
    Other(String),
}

impl Value {
    fn text(text: String) -> Self {
        let trimmed = text.trim();
        match is_blank(trimmed) {
            true => Self::Blank,
            false if trimmed.len() == text.len() => Self::Text(text),
            false => Self::Text(trimmed.to_owned()),
        }
    }

    fn json(raw: &RawValue) -> Self {
        match raw.get().as_bytes().first() {
            Some(b'"') => json::string(raw).map_or_else(|| Self::Other(raw.get().to_owned()), Self::text),
            Some(b'-' | b'0'..=b'9') => Self::Text(raw.get().to_owned()),
            Some(b'n') => Self::Blank,
            _ => Self::Other(raw.get().to_owned()),
        }
    }
}

#[derive(Debug)]
struct Field {
    /// The vendor's spelling, with its number and without its unit.
    name: String,
    word: String,
    unit: Option<String>,
    value: Value,
}

impl Field {
    fn new(name: &str, value: Value) -> Self {
        let (name, unit) = split_unit(name);
        Self { name: name.to_owned(), word: word(name), unit: unit.map(str::to_owned), value }
    }
}

#[derive(Debug)]
enum Source<'a> {
    Json(&'a RawValue),
    Csv { columns: &'a [String], cells: Vec<String> },
}

/// One row with its label: a bar under its time, a quote or rate under its key.
#[derive(Debug)]
pub(crate) struct Row<'a> {
    pub(crate) label: String,
    fields: Result<Vec<Field>, Reason>,
    source: Source<'a>,
}

impl<'a> Row<'a> {
    /// A row of a JSON body.
    pub(crate) fn json(label: String, raw: &'a RawValue) -> Self {
        let fields = json::object(raw.get()).map_err(|_| Reason::NotAnObject).map(|object| {
            let field = |(name, value): (String, &RawValue)| Field::new(&name, Value::json(value));
            object.0.into_iter().map(field).collect()
        });
        Self { label, fields, source: Source::Json(raw) }
    }

    /// A line of a CSV body.
    pub(crate) fn csv(label: String, columns: &'a [String], cells: Vec<String>) -> Self {
        let fields = if cells.len() == columns.len() {
            let field = |(name, cell): (&String, &String)| Field::new(name, Value::text(cell.clone()));
            Ok(columns.iter().zip(&cells).map(field).collect())
        } else {
            Err(Reason::Columns { cells: cells.len(), columns: columns.len() })
        };
        Self { label, fields, source: Source::Csv { columns, cells } }
    }

    /// Whether no field has a value.
    pub(crate) fn is_blank(&self) -> bool {
        self.fields.as_ref().is_ok_and(|fields| fields.iter().all(|field| matches!(field.value, Value::Blank)))
    }

    /// The text of a field; `None` where it is absent or blank.
    pub(crate) fn text(&self, name: &'static str) -> Result<Option<&str>, Reason> {
        self.text_in(name, &[])
    }

    /// As [`Row::text`], but of fields with a unit, such as `open (CNY)`, only those in one of the `units`.
    /// No units: all fields of that name.
    pub(crate) fn text_in(&self, name: &'static str, units: &[&str]) -> Result<Option<&str>, Reason> {
        let in_units = |field: &&Field| match &field.unit {
            Some(unit) if !units.is_empty() => units.iter().any(|wanted| wanted.eq_ignore_ascii_case(unit)),
            _ => true,
        };
        let fields = self.fields.as_ref().map_err(Clone::clone)?;
        let mut found: Option<&str> = None;
        for field in fields.iter().filter(|field| letters(name).eq(field.word.chars())).filter(in_units) {
            match &field.value {
                Value::Blank => {}
                Value::Text(text) if found.is_none_or(|found| found == text) => found = Some(text),
                Value::Text(_) => return Err(Reason::Contradiction(name)),
                Value::Other(raw) => {
                    return Err(Reason::NotAValue { field: name, text: excerpt(raw) });
                }
            }
        }
        Ok(found)
    }

    /// The text of a field that must be there.
    pub(crate) fn required(&self, name: &'static str) -> Result<&str, Reason> {
        self.text(name)?.ok_or(Reason::Missing(name))
    }

    /// The values of a field that is a list; none where it is absent or blank. Lists come in JSON only.
    pub(crate) fn list(&self, name: &'static str) -> Result<Vec<&RawValue>, Reason> {
        let fields = self.fields.as_ref().map_err(Clone::clone)?;
        let mut found = fields.iter().filter(|field| letters(name).eq(field.word.chars()));
        match (found.next().map(|field| &field.value), found.next()) {
            (None | Some(Value::Blank), None) => Ok(Vec::new()),
            (Some(Value::Other(raw)), None) => json::list(raw).ok_or(Reason::NotAList(name)),
            (_, None) => Err(Reason::NotAList(name)),
            (_, Some(_)) => Err(Reason::Contradiction(name)),
        }
    }

    /// Fields whose words are not among the known ones, in the vendor's spelling.
    pub(crate) fn unknown<'s>(&'s self, known: &'s [&str]) -> impl Iterator<Item = &'s str> {
        let fields = self.fields.as_deref().unwrap_or_default().iter();
        fields.filter(|field| !known.contains(&field.word.as_str())).map(|field| field.name.as_str())
    }

    /// The row as a JSON object under its label, as the vendor wrote it.
    pub(crate) fn payload(&self) -> String {
        let quoted = |text: &str| serde_json::Value::from(text).to_string();
        let row = match &self.source {
            Source::Json(raw) => raw.get().to_owned(),
            Source::Csv { columns, cells } if columns.len() == cells.len() => {
                let fields: Vec<_> = columns
                    .iter()
                    .zip(cells)
                    .map(|(name, cell)| format!("{}:{}", quoted(name), quoted(cell)))
                    .collect();
                format!("{{{}}}", fields.join(","))
            }
            Source::Csv { cells, .. } => serde_json::Value::from(cells.as_slice()).to_string(),
        };
        format!("{{{}:{row}}}", quoted(&self.label))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_compared_by_their_words() {
        for name in ["05. price", "5. price", "price", "PRICE ", "5a. Price", "12.price"] {
            assert_eq!(word(name), "price", "{name:?}");
        }
        assert_eq!(word("1. From_Currency Code"), "fromcurrencycode");
        assert_eq!(word("latestDay"), word("07. latest trading day"));
        // Not numbers before a name.
        assert_eq!(word("52 week high"), "52weekhigh");
        assert_eq!(word("5"), "5");
        assert_eq!(split_unit("1b. open (USD)"), ("1b. open", Some("USD")));
        assert_eq!(split_unit("Weekly Time Series"), ("Weekly Time Series", None));
    }

    #[test]
    fn values_are_texts_or_numbers_or_blank() {
        let raw = r#"{"a":"-","b":null,"c":"None","d":"","e":"--","f":12.50,"g":" 7 ","h":true,
                      "i (X)":"1","i (Y)":"2","j":"3","J":"3"}"#;
        let raw: &RawValue = serde_json::from_str(raw).unwrap();
        let row = Row::json("row".to_owned(), raw);
        for name in ["a", "b", "c", "d", "e", "z"] {
            assert_eq!(row.text(name), Ok(None), "{name}");
        }
        assert_eq!(row.text("f"), Ok(Some("12.50")));
        assert_eq!(row.text("g"), Ok(Some("7")));
        assert!(row.text("h").is_err());
        assert_eq!(row.unknown(&["a", "b", "c", "d", "e", "f", "g", "i"]).collect::<Vec<_>>(), ["h", "j", "J"]);
        assert_eq!(row.text("i"), Err(Reason::Contradiction("i")));
        assert_eq!(row.text_in("i", &["y"]), Ok(Some("2")));
        assert_eq!(row.text_in("i", &["q"]), Ok(None));
        assert_eq!(row.text("j"), Ok(Some("3")));
    }

    #[test]
    fn lists_are_lists_or_absent() {
        let raw: &RawValue = serde_json::from_str(r#"{"a":[1,{}],"b":null,"c":{},"d":"x","e":[],"E":[]}"#).unwrap();
        let row = Row::json("row".to_owned(), raw);
        assert_eq!(row.list("a").unwrap().iter().map(|raw| raw.get()).collect::<Vec<_>>(), ["1", "{}"]);
        assert!(row.list("b").unwrap().is_empty() && row.list("z").unwrap().is_empty());
        assert_eq!(row.list("c").unwrap_err(), Reason::NotAList("c"));
        assert_eq!(row.list("d").unwrap_err(), Reason::NotAList("d"));
        assert_eq!(row.list("e").unwrap_err(), Reason::Contradiction("e"));
    }

    #[test]
    fn payloads_are_json_under_the_label() {
        let raw: &RawValue = serde_json::from_str(r#"{"1. open":1.10}"#).unwrap();
        assert_eq!(Row::json("a\"b".to_owned(), raw).payload(), r#"{"a\"b":{"1. open":1.10}}"#);
        let columns = ["timestamp".to_owned(), "open".to_owned()];
        let line = |cells: &[&str]| Row::csv("t".to_owned(), &columns, cells.iter().map(|c| c.to_string()).collect());
        assert_eq!(line(&["t", "1.10"]).payload(), r#"{"t":{"timestamp":"t","open":"1.10"}}"#);
        assert_eq!(line(&["t"]).payload(), r#"{"t":["t"]}"#);
        assert_eq!(line(&["t"]).text("open"), Err(Reason::Columns { cells: 1, columns: 2 }));
    }
}
