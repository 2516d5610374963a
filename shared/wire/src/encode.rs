//! From facts and readings to the text of a record: one JSON object, `schema` first, fields in a fixed order.
//!
//! The canonical content, over which identity is computed, is that same text without `id`,
//! `ingested_at` and `flags`.

mod event;
mod text;

use std::fmt::Write;

use jiff::Timestamp;
use market::{
    Adjustment, Bar, Basis, ExtendedHours, Fact, Freshness, Interval, Observation, Origin, Pair, Quote, Rate, Subject,
    VendorBar,
};

use self::text::{push_all, push_date, push_decimal, push_millis, push_number};
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
    let mut text = String::with_capacity(24);
    push_millis(&mut text, at);
    text
}

/// A fact ready to be stamped with its revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    schema: &'static str,
    source: Source,
    key: Key,
    timestamp: String,
    flags: String,
    /// The fields of the body, from the first name to the last value, without braces.
    body: String,
    partition_key: PartitionKey,
}

impl Record {
    /// Which fact it states.
    pub fn key(&self) -> Key {
        self.key
    }

    /// The digest of what it says about that fact, whatever the revision: equal digests, nothing new.
    pub fn content(&self) -> Digest128 {
        self.digest(None)
    }

    /// The id that it has as this revision.
    pub fn id(&self, rev: u32) -> Id {
        self.digest(Some(rev))
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
        // The longest envelope, with some flags.
        let mut text = String::with_capacity(self.body.len() + 320);
        self.push_head(&mut text, Some(rev));
        push_all(&mut text, &[r#""id":""#, self.id(rev).hex().as_str(), r#"","source":""#, self.source.as_str()]);
        push_all(&mut text, &[r#"","timestamp":""#, &self.timestamp, r#"","ingested_at":""#]);
        push_millis(&mut text, ingested_at);
        push_all(&mut text, &[r#"","flags":["#, &self.flags, "],", &self.body, "}"]);
        text
    }

    /// The digest of the canonical text.
    fn digest(&self, rev: Option<u32>) -> Digest128 {
        let mut text = String::with_capacity(self.body.len() + 180);
        self.push_head(&mut text, rev);
        push_all(&mut text, &[r#""source":""#, self.source.as_str(), r#"","timestamp":""#, &self.timestamp]);
        push_all(&mut text, &[r#"","#, &self.body, "}"]);
        Digest128::of_text(&text)
    }

    /// How the text begins, up to the comma behind the revision.
    fn push_head(&self, text: &mut String, rev: Option<u32>) {
        push_all(text, &[r#"{"schema":""#, self.schema, r#"","key":""#, self.key.hex().as_str(), r#"","#]);
        if let Some(rev) = rev {
            push_all(text, &[r#""rev":"#]);
            push_decimal(text, rev.into());
            text.push(',');
        }
    }
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
    let (schema, basis, freshness, body) = match fact {
        Fact::Quote(quote) => ("quote.v1", Some(Basis::Raw), quote.freshness, quote_body(quote)),
        Fact::Bar(bar) => ("bar.v1", Some(bar.basis), bar.freshness, bar_body(bar)),
        Fact::Rate(rate) => ("rate.v1", None, rate.freshness, rate_body(rate)),
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
    let flags: Vec<String> = observation.flags.iter().map(|flag| format!("\"{flag}\"")).collect();
    Record {
        schema,
        source: Source::AlphaVantage,
        key: which.key(),
        partition_key: match &subject {
            Some(Subject::Pair(pair)) => partition::crypto(&pair.base, &timestamp),
            Some(Subject::Equity(symbol)) => partition::financial(symbol),
            // It can be shown and not be sent: no consumer takes a bar that names nobody.
            None => partition::event("unnamed", ""),
        },
        timestamp,
        flags: flags.join(","),
        body,
    }
}

// Symbols and codes hold no character that JSON escapes, and decimals are written as JSON numbers,
// so the bodies are put together as text. A test reads all of them back.

fn quote_body(quote: &Quote) -> String {
    let mut body = String::with_capacity(384);
    push_all(&mut body, &[r#""symbol":""#, quote.symbol.as_str(), r#"","trading_day":""#]);
    push_date(&mut body, quote.trading_day);
    push_all(&mut body, &[r#"","basis":""#, Basis::Raw.as_str(), r#"","freshness":""#, quote.freshness.as_str()]);
    push_all(&mut body, &[r#"","origin":""#, Origin::Vendor.as_str(), r#"""#]);
    for (name, value) in [
        ("open", quote.prices.open()),
        ("high", quote.prices.high()),
        ("low", quote.prices.low()),
        ("price", quote.price()),
    ] {
        push_number(&mut body, name, Some(value.get()));
    }
    push_number(&mut body, "volume", Some(quote.volume.get()));
    push_number(&mut body, "previous_close", quote.previous_close.map(market::Price::get));
    push_number(&mut body, "change", quote.change.map(|value| value.normalize()));
    push_number(&mut body, "change_percent", quote.change_percent.map(|value| value.normalize()));
    push_final(&mut body, quote.is_final);
    // Only where the vendor says so: a record without them keeps the text, and the id, that it always had.
    if let Some(at) = quote.quoted_at {
        let _ = write!(body, r#","quoted_at":"{}""#, rfc3339_millis(at));
    }
    if let Some(ExtendedHours { price, change, change_percent }) = &quote.extended_hours {
        let _ = write!(body, r#","extended_hours":{{"price":{price}"#);
        push_optional(&mut body, "change", change.map(|value| value.normalize()));
        push_optional(&mut body, "change_percent", change_percent.map(|value| value.normalize()));
        body.push('}');
    }
    body
}

fn bar_body(bar: &VendorBar) -> String {
    let Bar { interval, prices, volume, is_final, .. } = &bar.bar;
    let mut body = String::with_capacity(320);
    push_subject(&mut body, bar.subject.as_ref());
    push_all(&mut body, &[r#","interval":""#, interval.as_str(), r#"","basis":""#, bar.basis.as_str()]);
    push_all(
        &mut body,
        &[r#"","freshness":""#, bar.freshness.as_str(), r#"","origin":""#, Origin::Vendor.as_str(), "\""],
    );
    for (name, value) in
        [("open", prices.open()), ("high", prices.high()), ("low", prices.low()), ("close", prices.close())]
    {
        push_number(&mut body, name, Some(value.get()));
    }
    push_number(&mut body, "volume", volume.map(market::Volume::get));
    push_final(&mut body, *is_final);
    if let Some(Adjustment { adjusted_close, dividend, split_coefficient }) = &bar.adjustment {
        push_optional(&mut body, "adjusted_close", Some(adjusted_close));
        push_optional(&mut body, "dividend_amount", Some(dividend.normalize()));
        push_optional(&mut body, "split_coefficient", Some(split_coefficient.normalize()));
    }
    body
}

fn rate_body(rate: &Rate) -> String {
    let mut body = String::with_capacity(192);
    push_pair(&mut body, &rate.pair);
    push_all(
        &mut body,
        &[r#","freshness":""#, rate.freshness.as_str(), r#"","origin":""#, Origin::Vendor.as_str(), "\""],
    );
    for (name, value) in [("rate", Some(rate.rate)), ("bid", rate.bid), ("ask", rate.ask)] {
        push_number(&mut body, name, value.map(market::Price::get));
    }
    body
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

/// What an `indicator.v1` record says: the readings after one bar, with that bar.
#[derive(Debug, Clone)]
pub struct IndicatorBody<'a> {
    /// Whose bar.
    pub subject: &'a Subject,
    /// Its length.
    pub interval: Interval,
    /// Its begin.
    pub start: Timestamp,
    /// What its prices were corrected for.
    pub basis: Basis,
    /// How old it was when published.
    pub freshness: Freshness,
    /// Who made the bar.
    pub origin: Origin,
    /// How many bars of the series the indicators have seen, this one included.
    pub bars: u64,
    /// Open, high, low, close.
    pub prices: [f64; 4],
    /// Its volume, where there is one.
    pub volume: Option<f64>,
    /// Output names and values; `None` while an indicator is in warm-up.
    pub values: &'a [(&'a str, Option<f64>)],
}

/// The record of the readings after one bar: `indicator.v1`.
pub fn indicator(body: &IndicatorBody<'_>) -> Record {
    let timestamp = rfc3339_millis(body.start);
    let subject = body.subject.to_string();
    let which = Which {
        schema: "indicator.v1",
        source: Source::AlphaVantage,
        subject: &subject,
        timestamp: &timestamp,
        interval: Some(body.interval),
        basis: Some(body.basis),
        freshness: body.freshness,
        origin: body.origin,
    };
    let [open, high, low, close] = body.prices;
    let mut text = format!(
        r#"{},"interval":"{}","basis":"{}","freshness":"{}","origin":"{}","bars":{}"#,
        subject_fields(Some(body.subject)),
        body.interval,
        body.basis,
        body.freshness,
        body.origin,
        body.bars,
    );
    for (name, value) in [
        ("open", Some(open)),
        ("high", Some(high)),
        ("low", Some(low)),
        ("close", Some(close)),
        ("volume", body.volume),
    ] {
        push_optional(&mut text, name, value.and_then(json_number));
    }
    text.push_str(r#","values":{"#);
    for (at, (name, value)) in body.values.iter().enumerate() {
        let comma = if at == 0 { "" } else { "," };
        let value = value.and_then(json_number).unwrap_or_else(|| "null".to_owned());
        let _ = write!(text, r#"{comma}"{name}":{value}"#);
    }
    text.push('}');
    Record {
        schema: "indicator.v1",
        source: Source::AlphaVantage,
        key: which.key(),
        partition_key: partition::event("indicator", &subject),
        timestamp,
        flags: String::new(),
        body: text,
    }
}

/// The shortest text that reads back as the same f64; `None` for what JSON cannot write.
fn json_number(value: f64) -> Option<String> {
    serde_json::Number::from_f64(value).map(|number| number.to_string())
}
