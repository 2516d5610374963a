//! From facts and readings to the text of a record: one JSON object, `schema` first, fields in a fixed order.
//!
//! The canonical content, over which identity is computed, is that same text without `id`,
//! `ingested_at` and `flags`.

mod canonical;
mod event;
mod indicator;
mod text;

use std::fmt::Write;

use jiff::Timestamp;
use market::{
    Adjustment, Bar, Basis, ExtendedHours, Fact, Flag, Freshness, Interval, Observation, Origin, Pair, Quote, Rate,
    Subject, VendorBar,
};

pub use self::indicator::{
    IndicatorBody, IndicatorFlag, IndicatorReading, IndicatorWriter, OutputName, Rendered, SeriesText, indicator,
};
use self::{
    canonical::Canonical,
    text::{Millis, push_all, push_date, push_number},
};
use crate::{
    identity::{Digest128, Id, Key},
    partition::{self, PartitionKey},
};

/// Who stated the fact. The vendor, never the sender.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// Alpha Vantage, or what is computed from its data.
    AlphaVantage,
}

impl Source {
    /// The word in records.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AlphaVantage => "alphavantage",
        }
    }
}

/// A moment as records write it: RFC 3339 in UTC with milliseconds.
pub fn rfc3339_millis(at: Timestamp) -> String {
    Millis::new(at).as_str().to_owned()
}

/// A fact ready to be stamped with its revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    schema: &'static str,
    key: Key,
    canonical: Canonical,
    flags: String,
    partition_key: PartitionKey,
}

impl Record {
    /// Which fact it states.
    pub fn key(&self) -> Key {
        self.key
    }

    /// The digest of what it says about that fact, whatever the revision: equal digests, nothing new.
    pub fn content(&self) -> Digest128 {
        self.canonical.digest(None)
    }

    /// The id that it has as this revision.
    pub fn id(&self, rev: u32) -> Id {
        self.canonical.digest(Some(rev))
    }

    /// Its partition key in the stream where it belongs.
    pub fn partition_key(&self) -> &PartitionKey {
        &self.partition_key
    }

    /// Whether it must not overtake another record of its partition key: what replaces the value before it, or is a
    /// step of something. Bars are joined by their revision, readings of indicators by their bar, and news stand alone.
    pub fn is_ordered(&self) -> bool {
        matches!(self.schema, "quote.v1" | "rate.v1" | "alert.v1" | "system.v1")
    }

    /// The record's text as this revision: one line, without the newline.
    pub fn to_json(&self, rev: u32, ingested_at: Timestamp) -> String {
        let named = (rev, self.id(rev));
        self.canonical.with_line(named, ingested_at, &self.flags, |pieces| pieces.concat())
    }
}

/// Words of flags as they stand between the brackets.
fn flag_words(flags: &[Flag]) -> String {
    flags.iter().map(|flag| format!("\"{flag}\"")).collect::<Vec<_>>().join(",")
}

/// Which fact: the parts of its identity, hashed.
struct Which<'a> {
    schema: &'a str,
    source: Source,
    subject: &'a str,
    timestamp: &'a str,
    interval: Option<Interval>,
    basis: Option<Basis>,
    freshness: Freshness,
    origin: Origin,
}

impl Which<'_> {
    fn key(&self) -> Key {
        Digest128::of(&[
            self.schema.as_bytes(),
            self.source.as_str().as_bytes(),
            self.subject.as_bytes(),
            self.timestamp.as_bytes(),
            self.interval.map_or("", Interval::as_str).as_bytes(),
            self.basis.map_or("", Basis::as_str).as_bytes(),
            self.freshness.as_str().as_bytes(),
            self.origin.as_str().as_bytes(),
        ])
    }
}

/// The record of something that the vendor said: any schema but `indicator.v1`.
pub fn observation(observation: &Observation) -> Record {
    let fact = &observation.fact;
    let timestamp = rfc3339_millis(fact.event_time());
    let subject = fact.subject();
    let subject_text = subject.as_ref().map(ToString::to_string).unwrap_or_default();
    let mut canonical = Canonical::default();
    let text = canonical.begin(Source::AlphaVantage, &timestamp);
    let (schema, basis, freshness) = match fact {
        Fact::Quote(quote) => {
            push_quote(text, quote);
            ("quote.v1", Some(Basis::Raw), quote.freshness)
        }
        Fact::Bar(bar) => {
            push_bar(text, bar);
            ("bar.v1", Some(bar.basis), bar.freshness)
        }
        Fact::Rate(rate) => {
            push_rate(text, rate);
            ("rate.v1", None, rate.freshness)
        }
        Fact::Event(event) => return event::record(event, &observation.flags),
    };
    let which = Which {
        schema,
        source: Source::AlphaVantage,
        subject: &subject_text,
        timestamp: &timestamp,
        interval: fact.interval(),
        basis,
        freshness,
        origin: Origin::Vendor,
    };
    let key = which.key();
    canonical.end(schema, key);
    Record {
        schema,
        key,
        canonical,
        flags: flag_words(&observation.flags),
        partition_key: match &subject {
            Some(Subject::Pair(pair)) => partition::crypto(&pair.base, &timestamp),
            Some(Subject::Equity(symbol)) => partition::financial(symbol),
            // It can be shown and not be sent: no consumer takes a bar that names nobody.
            None => partition::event("unnamed", ""),
        },
    }
}

// Symbols and codes hold no character that JSON escapes, and decimals are written as JSON numbers,
// so the bodies are put together as text. A test reads all of them back.

fn push_quote(body: &mut String, quote: &Quote) {
    push_all(body, &[r#""symbol":""#, quote.symbol.as_str(), r#"","trading_day":""#]);
    push_date(body, quote.trading_day);
    push_all(body, &[r#"","basis":""#, Basis::Raw.as_str(), r#"","freshness":""#, quote.freshness.as_str()]);
    push_all(body, &[r#"","origin":""#, Origin::Vendor.as_str(), r#"""#]);
    for (name, value) in [
        ("open", quote.prices.open()),
        ("high", quote.prices.high()),
        ("low", quote.prices.low()),
        ("price", quote.price()),
    ] {
        push_number(body, name, Some(value.get()));
    }
    push_number(body, "volume", Some(quote.volume.get()));
    push_number(body, "previous_close", quote.previous_close.map(market::Price::get));
    push_number(body, "change", quote.change.map(|value| value.normalize()));
    push_number(body, "change_percent", quote.change_percent.map(|value| value.normalize()));
    push_final(body, quote.is_final);
    // Only where the vendor says so: a record without them keeps the text, and the id, that it always had.
    if let Some(at) = quote.quoted_at {
        let _ = write!(body, r#","quoted_at":"{}""#, rfc3339_millis(at));
    }
    if let Some(ExtendedHours { price, change, change_percent }) = &quote.extended_hours {
        let _ = write!(body, r#","extended_hours":{{"price":{price}"#);
        push_optional(body, "change", change.map(|value| value.normalize()));
        push_optional(body, "change_percent", change_percent.map(|value| value.normalize()));
        body.push('}');
    }
}

fn push_bar(body: &mut String, bar: &VendorBar) {
    let Bar { interval, prices, volume, is_final, .. } = &bar.bar;
    push_subject(body, bar.subject.as_ref());
    push_all(body, &[r#","interval":""#, interval.as_str(), r#"","basis":""#, bar.basis.as_str()]);
    push_all(body, &[r#"","freshness":""#, bar.freshness.as_str(), r#"","origin":""#, Origin::Vendor.as_str(), "\""]);
    for (name, value) in
        [("open", prices.open()), ("high", prices.high()), ("low", prices.low()), ("close", prices.close())]
    {
        push_number(body, name, Some(value.get()));
    }
    push_number(body, "volume", volume.map(market::Volume::get));
    push_final(body, *is_final);
    if let Some(Adjustment { adjusted_close, dividend, split_coefficient }) = &bar.adjustment {
        push_optional(body, "adjusted_close", Some(adjusted_close));
        push_optional(body, "dividend_amount", Some(dividend.normalize()));
        push_optional(body, "split_coefficient", Some(split_coefficient.normalize()));
    }
}

fn push_rate(body: &mut String, rate: &Rate) {
    push_pair(body, &rate.pair);
    push_all(body, &[r#","freshness":""#, rate.freshness.as_str(), r#"","origin":""#, Origin::Vendor.as_str(), "\""]);
    for (name, value) in [("rate", Some(rate.rate)), ("bid", rate.bid), ("ask", rate.ask)] {
        push_number(body, name, value.map(market::Price::get));
    }
}

/// `symbol`, and for a pair `base` and `quote`, which tell it from a symbol with a slash in it.
fn push_subject(text: &mut String, subject: Option<&Subject>) {
    match subject {
        None => text.push_str(r#""symbol":null"#),
        Some(Subject::Equity(symbol)) => push_all(text, &[r#""symbol":""#, symbol.as_str(), r#"""#]),
        Some(Subject::Pair(pair)) => push_pair(text, pair),
    }
}

fn push_pair(text: &mut String, Pair { base, quote }: &Pair) {
    let (base, quote) = (base.as_str(), quote.as_str());
    push_all(text, &[r#""symbol":""#, base, "/", quote, r#"","base":""#, base, r#"","quote":""#, quote, r#"""#]);
}

fn subject_fields(subject: Option<&Subject>) -> String {
    let mut text = String::new();
    push_subject(&mut text, subject);
    text
}

fn push_optional(body: &mut String, name: &str, value: Option<impl std::fmt::Display>) {
    // Writing to a string cannot fail.
    let _ = match value {
        Some(value) => write!(body, r#","{name}":{value}"#),
        None => write!(body, r#","{name}":null"#),
    };
}

fn push_final(body: &mut String, is_final: bool) {
    body.push_str(if is_final { r#","final":true"# } else { r#","final":false"# });
}
