//! What `docs/records.md` says of records is so: its examples are written by the encoder, and its tables
//! name the fields of the examples, all of them and no other, with their types. `BLESS=1` writes the
//! examples anew; the tables are written by hand.

use std::{collections::BTreeMap, path::PathBuf};

use jiff::{SignedDuration, Timestamp};
use market::{Basis, Date, Decimal, Event, Fact, Flag, Freshness, Interval, Origin, Subject};
use serde_json::Value;
use wire::{IndicatorBody, IndicatorFlag, IndicatorReading, SCHEMAS, SeriesText, indicator, observation};

use crate::sample;

fn document() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/records.md")
}

/// The example lines of a schema, in the order of the document.
fn examples(schema: &str) -> Vec<String> {
    let facts = match schema {
        "quote.v1" => vec![Fact::Quote(sample::quote()), Fact::Quote(sample::bulk_quote())],
        "bar.v1" => vec![Fact::Bar(sample::adjusted_bar()), Fact::Bar(sample::crypto_bar())],
        "rate.v1" => vec![Fact::Rate(sample::rate())],
        "alert.v1" => {
            vec![Fact::Event(Event::Alert(sample::alert())), Fact::Event(Event::Alert(sample::rule_alert()))]
        }
        "news.v1" => vec![Fact::Event(Event::Article(sample::article()))],
        "calendar.v1" => vec![Fact::Event(Event::EarningsDate(sample::earnings()))],
        "mover.v1" => vec![Fact::Event(Event::Mover(sample::mover()))],
        "system.v1" => vec![Fact::Event(Event::MarketStatus(sample::status()))],
        "indicator.v1" => return vec![readings()],
        other => panic!("no example of `{other}`"),
    };
    facts
        .into_iter()
        .map(|fact| {
            let flags: &[Flag] =
                if matches!(&fact, Fact::Bar(bar) if !bar.bar.is_final) { &[Flag::Partial] } else { &[] };
            let received = match &fact {
                Fact::Quote(quote) if quote.quoted_at.is_some() => sample::at("2024-10-31T00:00:12.480Z"),
                Fact::Rate(rate) => rate.at + SignedDuration::from_millis(3_117),
                fact => fact.event_time() + SignedDuration::from_hours(7),
            };
            observation(&sample::seen(fact, flags)).to_json(0, received)
        })
        .collect()
}

fn readings() -> String {
    let subject = Subject::Pair("BTC/EUR".parse().unwrap());
    let reading = |name: &str, value, warm, bars| IndicatorReading {
        name: Box::leak(Box::new(wire::OutputName::new(name))),
        value,
        warm,
        bars,
    };
    let record = indicator(&IndicatorBody {
        series: &SeriesText::new(&subject, Interval::Min1, Basis::Raw, Origin::Sampled),
        start: sample::at("2026-05-15T15:31:00Z"),
        freshness: Freshness::Realtime,
        bars: 26,
        prices: [97883.18, 98040.37, 97854.95, 97886.73],
        volume: None,
        readings: &[
            reading("SMA(20)", Some(97_880.141_25), true, 26),
            reading("EMA(20)", Some(97_879.300_3), false, 26),
            reading("RSI(14)", Some(58.302_117_4), false, 18),
            reading("MACD(12,26,9).signal", None, false, 26),
        ],
        flags: &[IndicatorFlag::GapBefore],
    });
    record.to_json(0, sample::at("2026-05-15T15:32:15.202Z"))
}

/// Title and text of the parts that headings begin.
fn sections(text: &str) -> Vec<(&str, &str)> {
    text.split("\n## ").skip(1).filter_map(|section| section.split_once('\n')).collect()
}

const FENCE: &str = "```json\n";

/// The document with the encoder's examples in it.
fn with_examples(text: &str) -> String {
    SCHEMAS.iter().fold(text.to_owned(), |text, schema| {
        let begin = text.find(&format!("\n## `{schema}`\n")).unwrap_or_else(|| panic!("no section on `{schema}`")) + 1;
        let end = text[begin..].find("\n## ").map_or(text.len(), |at| begin + at);
        let mut blocks = text[begin..end].split(FENCE);
        let mut section = blocks.next().unwrap_or_default().to_owned();
        let (blocks, examples): (Vec<&str>, _) = (blocks.collect(), examples(schema));
        assert_eq!(blocks.len(), examples.len(), "examples in the section on `{schema}`");
        for (block, example) in blocks.iter().zip(examples) {
            let after = &block[block.find("```").expect("an example ends with ```")..];
            section.push_str(&format!("{FENCE}{example}\n{after}"));
        }
        format!("{}{section}{}", &text[..begin], &text[end..])
    })
}

#[test]
fn the_examples_are_what_is_written() {
    let text = std::fs::read_to_string(document()).unwrap();
    let expected = with_examples(&text);
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(document(), expected).unwrap();
    } else {
        let wrong = text.lines().zip(expected.lines()).find(|(one, two)| one != two);
        assert!(
            text == expected,
            "docs/records.md is not what is written, see `BLESS=1 cargo test -p wire`: {wrong:#?}"
        );
    }
}

/// A row of a table.
struct Row<'a> {
    kind: &'a str,
    absence: &'a str,
}

/// The fields of the table of a section.
fn table(section: &str) -> BTreeMap<&str, Row<'_>> {
    section
        .lines()
        .filter_map(|line| line.strip_prefix("| `"))
        .map(|line| {
            let cells: Vec<&str> = line.trim_end_matches('|').split(" | ").map(str::trim).collect();
            assert_eq!(cells.len(), 4, "field, type, unit, null: {line}");
            (cells[0].trim_end_matches('`'), Row { kind: cells[1], absence: cells[3] })
        })
        .collect()
}

/// Every field of an object by its path: `extended_hours.price`, `topics[].topic`, `values.*`.
fn fields<'a>(prefix: &str, object: &'a Value, found: &mut Vec<(String, &'a Value)>) {
    for (name, value) in object.as_object().into_iter().flatten() {
        // Objects whose names are those of outputs.
        let is_by_output = ["values.", "bars_of."].contains(&prefix);
        let path = if is_by_output { format!("{prefix}*") } else { format!("{prefix}{name}") };
        fields(&format!("{path}."), value, found);
        for element in value.as_array().into_iter().flatten() {
            fields(&format!("{path}[]."), element, found);
        }
        found.push((path, value));
    }
}

fn is_of(kind: &str, value: &Value) -> bool {
    let text = value.as_str();
    let all = |is: fn(&Value) -> bool| value.as_array().is_some_and(|list| list.iter().all(is));
    match kind {
        "text" => text.is_some(),
        "time" => text.is_some_and(|text| text.len() == 24 && text.ends_with('Z') && text.parse::<Timestamp>().is_ok()),
        "date" => text.is_some_and(|text| text.len() == 10 && text.parse::<Date>().is_ok()),
        "decimal" => value.is_number() && value.to_string().parse::<Decimal>().is_ok(),
        "float" => value.is_number(),
        "integer" => value.is_u64(),
        "boolean" => value.is_boolean(),
        "object" => value.is_object(),
        "list of text" => all(Value::is_string),
        "list of object" => all(Value::is_object),
        other => panic!("`{other}` is no type of the document"),
    }
}

#[test]
fn the_tables_name_every_field_and_no_other() {
    let text = std::fs::read_to_string(document()).unwrap();
    let sections: BTreeMap<&str, &str> = sections(&text).into_iter().collect();
    let envelope = table(sections["The envelope"]);
    for schema in SCHEMAS {
        let body = table(sections[format!("`{schema}`").as_str()]);
        let row = |path: &str| envelope.get(path).or_else(|| body.get(path));
        let mut named: Vec<&str> = Vec::new();
        for example in examples(schema) {
            let json: Value = serde_json::from_str(&example).unwrap();
            let mut found = Vec::new();
            fields("", &json, &mut found);
            for (path, value) in &found {
                let Row { kind, absence } = row(path).unwrap_or_else(|| panic!("`{schema}` has no row on `{path}`"));
                let is_null_allowed = value.is_null() && absence.starts_with("null");
                assert!(
                    is_null_allowed || is_of(kind, value),
                    "`{schema}`: `{path}` is {value}, not {kind} ({absence})"
                );
            }
            for (path, Row { absence, .. }) in envelope.iter().chain(&body) {
                let is_there = found.iter().any(|(found, _)| found == path);
                // What is in an object can only be there if the object is.
                let parent = path.rsplit_once('.').map(|(parent, _)| parent.trim_end_matches("[]"));
                let is_possible = parent.is_none_or(|parent| found.iter().any(|(found, _)| found == parent));
                assert!(
                    is_there || !is_possible || absence.starts_with("absent"),
                    "`{schema}` lacks `{path}`: {example}"
                );
                if is_there {
                    named.push(path);
                }
            }
        }
        // A field of one kind of instrument stands in the example of another schema.
        let never: Vec<_> =
            body.keys().filter(|path| !named.contains(path) && !["base", "quote"].contains(path)).collect();
        assert!(never.is_empty(), "no example of `{schema}` has {never:?}");
    }
    let headings: Vec<_> = sections.keys().filter_map(|title| title.strip_prefix('`')?.strip_suffix('`')).collect();
    assert_eq!(headings.len(), SCHEMAS.len(), "{headings:?}");
}

#[test]
fn every_word_of_a_label_is_explained() {
    let text = std::fs::read_to_string(document()).unwrap();
    let words = sections(&text)[0].1;
    let labels = [
        Freshness::ALL.iter().map(|label| label.as_str()).collect::<Vec<_>>(),
        Basis::ALL.iter().map(|label| label.as_str()).collect(),
        Origin::ALL.iter().map(|label| label.as_str()).collect(),
        Interval::ALL.iter().map(|interval| interval.as_str()).collect(),
        FLAGS.iter().map(|flag| flag.as_str()).collect(),
        IndicatorFlag::ALL.iter().map(|flag| flag.as_str()).collect(),
    ];
    for label in labels.concat() {
        assert!(words.contains(&format!("`{label}`")), "`{label}` is not explained");
    }
}

const FLAGS: [Flag; 11] = [
    Flag::Stale,
    Flag::Rounded,
    Flag::EndLabelled,
    Flag::Partial,
    Flag::SymbolUnknown,
    Flag::PriceSpike,
    Flag::RevertedSpike,
    Flag::VolumeSpike,
    Flag::FlatLine,
    Flag::Split,
    Flag::SplitSuspected,
];
