//! From facts and readings to the text of a record: one JSON object, `schema` first, fields in a fixed order.
//!
//! The canonical content, over which identity is computed, is that same text without `id`,
//! `ingested_at` and `flags`.

mod event;

use std::fmt::Write;

use jiff::Timestamp;
use market::{
    Adjustment, Bar, Basis, ExtendedHours, Fact, Freshness, Interval, Observation, Origin, Quote, Rate, Subject,
    VendorBar,
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
    format!("{at:.3}")
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
        Digest128::of_text(&self.canonical(None))
    }

    /// The id that it has as this revision.
    pub fn id(&self, rev: u32) -> Id {
        Digest128::of_text(&self.canonical(Some(rev)))
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
        format!(
            r#"{{"schema":"{}","key":"{}","rev":{rev},"id":"{}","source":"{}","timestamp":"{}","ingested_at":"{}","flags":[{}],{}}}"#,
            self.schema,
            self.key,
            self.id(rev),
            self.source.as_str(),
            self.timestamp,
            rfc3339_millis(ingested_at),
            self.flags,
            self.body,
        )
    }

    fn canonical(&self, rev: Option<u32>) -> String {
        let rev = rev.map(|rev| format!(r#""rev":{rev},"#)).unwrap_or_default();
        format!(
            r#"{{"schema":"{}","key":"{}",{rev}"source":"{}","timestamp":"{}",{}}}"#,
            self.schema,
            self.key,
            self.source.as_str(),
            self.timestamp,
            self.body,
        )
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
    let mut body = format!(
        r#""symbol":"{}","trading_day":"{}","basis":"{}","freshness":"{}","origin":"{}","open":{},"high":{},"low":{},"price":{},"volume":{}"#,
        quote.symbol,
        quote.trading_day,
        Basis::Raw,
        quote.freshness,
        Origin::Vendor,
        quote.prices.open(),
        quote.prices.high(),
        quote.prices.low(),
        quote.price(),
        quote.volume,
    );
    for (name, value) in [
        ("previous_close", quote.previous_close.map(market::Price::get)),
        ("change", quote.change),
        ("change_percent", quote.change_percent),
    ] {
        push_optional(&mut body, name, value.map(|value| value.normalize()));
    }
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
    let mut body = format!(
        r#"{},"interval":"{interval}","basis":"{}","freshness":"{}","origin":"{}","open":{},"high":{},"low":{},"close":{}"#,
        subject_fields(bar.subject.as_ref()),
        bar.basis,
        bar.freshness,
        Origin::Vendor,
        prices.open(),
        prices.high(),
        prices.low(),
        prices.close(),
    );
    push_optional(&mut body, "volume", *volume);
    push_final(&mut body, *is_final);
    if let Some(Adjustment { adjusted_close, dividend, split_coefficient }) = &bar.adjustment {
        push_optional(&mut body, "adjusted_close", Some(adjusted_close));
        push_optional(&mut body, "dividend_amount", Some(dividend.normalize()));
        push_optional(&mut body, "split_coefficient", Some(split_coefficient.normalize()));
    }
    body
}

fn rate_body(rate: &Rate) -> String {
    let mut body = format!(
        r#"{},"freshness":"{}","origin":"{}","rate":{}"#,
        subject_fields(Some(&Subject::Pair(rate.pair.clone()))),
        rate.freshness,
        Origin::Vendor,
        rate.rate,
    );
    push_optional(&mut body, "bid", rate.bid);
    push_optional(&mut body, "ask", rate.ask);
    body
}

/// `symbol`, and for a pair `base` and `quote`, which tell it from a symbol with a slash in it.
fn subject_fields(subject: Option<&Subject>) -> String {
    match subject {
        None => r#""symbol":null"#.to_owned(),
        Some(Subject::Equity(symbol)) => format!(r#""symbol":"{symbol}""#),
        Some(Subject::Pair(pair)) => format!(r#""symbol":"{pair}","base":"{}","quote":"{}""#, pair.base, pair.quote),
    }
}

fn push_optional(body: &mut String, name: &str, value: Option<impl std::fmt::Display>) {
    // Writing to a string cannot fail.
    let _ = match value {
        Some(value) => write!(body, r#","{name}":{value}"#),
        None => write!(body, r#","{name}":null"#),
    };
}

fn push_final(body: &mut String, is_final: bool) {
    let _ = write!(body, r#","final":{is_final}"#);
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
