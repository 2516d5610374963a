//! From the bytes of a Kinesis record to a fact. What cannot be read says why, and is never guessed.
//!
//! What the encoder wrote is read in one go by `canonical`; all else field by field here, which alone decides what is
//! refused and why.

mod canonical;
mod scan;

use std::{borrow::Cow, str::FromStr};

use jiff::Timestamp;
use market::{
    Adjustment, Bar, BarError, Basis, Decimal, ExtendedHours, Fact, Freshness, Interval, NumberError, Ohlc, Pair,
    Price, Quote, Rate, Subject, VendorBar, Volume,
};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::identity::{Id, Key};

/// All schemas of records. The first three state facts of series; of the others only the envelope is read.
pub const SCHEMAS: [&str; 9] =
    ["quote.v1", "bar.v1", "rate.v1", "indicator.v1", "alert.v1", "news.v1", "calendar.v1", "mover.v1", "system.v1"];

/// A record that was read.
#[derive(Debug, Clone, PartialEq)]
pub struct Decoded {
    /// Which fact.
    pub key: Key,
    /// Its revision.
    pub rev: u32,
    /// Which fact, revision and content.
    pub id: Id,
    /// When it was taken in, which no identity depends on; `None` where it is not there or no moment.
    pub ingested_at: Option<Timestamp>,
    /// What it states, if that belongs to a series; `None` for what happens around the market, which
    /// is passed on as it is.
    pub fact: Option<Fact>,
}

/// Why bytes are no record.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// Not UTF-8.
    #[error("the record is not UTF-8: byte {0} starts no character; send JSON in UTF-8")]
    NotUtf8(usize),
    /// Not a JSON object of a record.
    #[error("the record is not a JSON object with an envelope: {0}; send one with schema, key, rev, id and timestamp")]
    NotJson(serde_json::Error),
    /// A schema that this consumer does not read.
    #[error("schema `{0}` is not read here; known: {known}", known = SCHEMAS.join(", "))]
    UnknownSchema(String),
    /// A field is not there.
    #[error("`{schema}` has no field `{field}`; add it and send the record again")]
    Missing {
        /// The record's schema.
        schema: &'static str,
        /// The field's name.
        field: &'static str,
    },
    /// A field is there, but its value cannot be.
    #[error("field `{field}` is wrong: {problem}; correct it and send the record again")]
    Field {
        /// The field's name.
        field: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// The prices do not fit together.
    #[error("the bar is impossible: {0}; correct it and send the record again")]
    Bar(#[from] BarError),
}

/// What stands in every record.
#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    schema: Cow<'a, str>,
    #[serde(borrow)]
    key: Cow<'a, str>,
    rev: u32,
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(borrow)]
    timestamp: Cow<'a, str>,
    #[serde(borrow, default)]
    ingested_at: Option<&'a RawValue>,
}

/// The fields of all bodies that state a fact of a series.
#[derive(Deserialize)]
struct Fields<'a> {
    #[serde(borrow, default)]
    symbol: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    base: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    quote: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    trading_day: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    interval: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    basis: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    freshness: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    open: Option<&'a RawValue>,
    #[serde(borrow, default)]
    high: Option<&'a RawValue>,
    #[serde(borrow, default)]
    low: Option<&'a RawValue>,
    #[serde(borrow, default)]
    close: Option<&'a RawValue>,
    #[serde(borrow, default)]
    price: Option<&'a RawValue>,
    #[serde(borrow, default)]
    volume: Option<&'a RawValue>,
    #[serde(borrow, default)]
    previous_close: Option<&'a RawValue>,
    #[serde(borrow, default)]
    change: Option<&'a RawValue>,
    #[serde(borrow, default)]
    change_percent: Option<&'a RawValue>,
    #[serde(borrow, default)]
    rate: Option<&'a RawValue>,
    #[serde(borrow, default)]
    bid: Option<&'a RawValue>,
    #[serde(borrow, default)]
    ask: Option<&'a RawValue>,
    #[serde(default, rename = "final")]
    is_final: Option<bool>,
    #[serde(borrow, default)]
    quoted_at: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    extended_hours: Option<ExtendedFields<'a>>,
    #[serde(borrow, default)]
    adjusted_close: Option<&'a RawValue>,
    #[serde(borrow, default)]
    dividend_amount: Option<&'a RawValue>,
    #[serde(borrow, default)]
    split_coefficient: Option<&'a RawValue>,
}

/// The fields of `extended_hours`.
#[derive(Deserialize)]
struct ExtendedFields<'a> {
    #[serde(borrow, default)]
    price: Option<&'a RawValue>,
    #[serde(borrow, default)]
    change: Option<&'a RawValue>,
    #[serde(borrow, default)]
    change_percent: Option<&'a RawValue>,
}

/// Reads one record.
pub fn decode(bytes: &[u8]) -> Result<Decoded, DecodeError> {
    let text = std::str::from_utf8(bytes).map_err(|error| DecodeError::NotUtf8(error.valid_up_to()))?;
    canonical::read(text).map_or_else(|| by_fields(text), Ok)
}

/// Reads one record, in whatever form its JSON is.
fn by_fields(text: &str) -> Result<Decoded, DecodeError> {
    let envelope: Envelope<'_> = serde_json::from_str(text).map_err(DecodeError::NotJson)?;
    let schema = SCHEMAS
        .into_iter()
        .find(|schema| *schema == envelope.schema)
        .ok_or_else(|| DecodeError::UnknownSchema(envelope.schema.chars().take(64).collect()))?;
    let timestamp = parse("timestamp", &envelope.timestamp)?;
    let (key, id) = (parse("key", &envelope.key)?, parse("id", &envelope.id)?);
    // No reason to refuse a record: few series ask for it.
    let ingested_at = envelope.ingested_at.and_then(|value| serde_json::from_str::<Cow<'_, str>>(value.get()).ok());
    let ingested_at = ingested_at.and_then(|text| text.parse().ok());
    let body = |read: fn(&Body<'_>) -> Result<Fact, DecodeError>| {
        let fields: Fields<'_> = serde_json::from_str(text).map_err(DecodeError::NotJson)?;
        read(&Body { schema, timestamp, fields: &fields }).map(Some)
    };
    let fact = match schema {
        "quote.v1" => body(quote)?,
        "bar.v1" => body(bar)?,
        "rate.v1" => body(rate)?,
        // Events are passed on as they are, so nothing in their bodies is a reason to refuse them here.
        _ => None,
    };
    Ok(Decoded { key, rev: envelope.rev, id, ingested_at, fact })
}

/// The fields of a body together with the schema that they are read by.
struct Body<'a> {
    schema: &'static str,
    timestamp: Timestamp,
    fields: &'a Fields<'a>,
}

impl Body<'_> {
    fn text<T>(&self, field: &'static str, value: &Option<Cow<'_, str>>) -> Result<T, DecodeError>
    where
        T: FromStr<Err: std::fmt::Display>,
    {
        parse(field, value.as_ref().ok_or(DecodeError::Missing { schema: self.schema, field })?)
    }

    fn number<T>(&self, field: &'static str, value: Option<&RawValue>) -> Result<T, DecodeError>
    where
        T: FromStr<Err: std::fmt::Display>,
    {
        optional_number(field, value)?.ok_or(DecodeError::Missing { schema: self.schema, field })
    }

    fn pair(&self) -> Result<Pair, DecodeError> {
        let (base, quote) = (&self.fields.base, &self.fields.quote);
        Ok(Pair { base: self.text("base", base)?, quote: self.text("quote", quote)? })
    }

    fn is_final(&self) -> Result<bool, DecodeError> {
        self.fields.is_final.ok_or(DecodeError::Missing { schema: self.schema, field: "final" })
    }

    fn prices(&self, close: &'static str, value: Option<&RawValue>) -> Result<Ohlc, DecodeError> {
        Ok(Ohlc::new(
            self.number("open", self.fields.open)?,
            self.number("high", self.fields.high)?,
            self.number("low", self.fields.low)?,
            self.number(close, value)?,
        )?)
    }
}

fn parse<T>(field: &'static str, text: &str) -> Result<T, DecodeError>
where
    T: FromStr<Err: std::fmt::Display>,
{
    text.parse().map_err(|error: T::Err| DecodeError::Field { field, problem: error.to_string() })
}

fn optional_number<T>(field: &'static str, value: Option<&RawValue>) -> Result<Option<T>, DecodeError>
where
    T: FromStr<Err: std::fmt::Display>,
{
    match value {
        Some(value) if !is_null(Some(value)) => parse(field, value.get()).map(Some),
        _ => Ok(None),
    }
}

fn is_null(value: Option<&RawValue>) -> bool {
    value.is_none_or(|value| value.get() == "null")
}

fn decimal(field: &'static str, value: Option<&RawValue>) -> Result<Option<Decimal>, DecodeError> {
    Ok(optional_number::<SignedNumber>(field, value)?.map(|number| number.0))
}

fn quote(body: &Body<'_>) -> Result<Fact, DecodeError> {
    let fields = body.fields;
    Ok(Fact::Quote(Quote {
        symbol: body.text("symbol", &fields.symbol)?,
        trading_day: body.text("trading_day", &fields.trading_day)?,
        prices: body.prices("price", fields.price)?,
        previous_close: optional_number("previous_close", fields.previous_close)?,
        change: decimal("change", fields.change)?,
        change_percent: decimal("change_percent", fields.change_percent)?,
        volume: body.number("volume", fields.volume)?,
        freshness: body.text("freshness", &fields.freshness)?,
        is_final: body.is_final()?,
        quoted_at: fields.quoted_at.as_ref().map(|text| parse("quoted_at", text)).transpose()?,
        extended_hours: fields.extended_hours.as_ref().map(|extended| extended_hours(body, extended)).transpose()?,
    }))
}

fn extended_hours(body: &Body<'_>, fields: &ExtendedFields<'_>) -> Result<ExtendedHours, DecodeError> {
    Ok(ExtendedHours {
        price: body.number("extended_hours.price", fields.price)?,
        change: decimal("extended_hours.change", fields.change)?,
        change_percent: decimal("extended_hours.change_percent", fields.change_percent)?,
    })
}

fn bar(body: &Body<'_>) -> Result<Fact, DecodeError> {
    let fields = body.fields;
    let subject = match &fields.base {
        Some(_) => Subject::Pair(body.pair()?),
        None => Subject::Equity(body.text("symbol", &fields.symbol)?),
    };
    let interval: Interval = body.text("interval", &fields.interval)?;
    Ok(Fact::Bar(VendorBar {
        subject: Some(subject),
        basis: body.text::<Basis>("basis", &fields.basis)?,
        freshness: body.text::<Freshness>("freshness", &fields.freshness)?,
        bar: Bar {
            start: body.timestamp,
            interval,
            prices: body.prices("close", fields.close)?,
            volume: optional_number::<Volume>("volume", fields.volume)?,
            is_final: body.is_final()?,
        },
        adjustment: adjustment(body)?,
    }))
}

/// All three fields or none of them.
fn adjustment(body: &Body<'_>) -> Result<Option<Adjustment>, DecodeError> {
    let Fields { adjusted_close, dividend_amount, split_coefficient, .. } = *body.fields;
    if [adjusted_close, dividend_amount, split_coefficient].iter().all(|value| is_null(*value)) {
        return Ok(None);
    }
    Ok(Some(Adjustment {
        adjusted_close: body.number("adjusted_close", adjusted_close)?,
        dividend: body.number::<SignedNumber>("dividend_amount", dividend_amount)?.0,
        split_coefficient: body.number::<SignedNumber>("split_coefficient", split_coefficient)?.0,
    }))
}

fn rate(body: &Body<'_>) -> Result<Fact, DecodeError> {
    let fields = body.fields;
    Ok(Fact::Rate(Rate {
        pair: body.pair()?,
        at: body.timestamp,
        rate: body.number::<Price>("rate", fields.rate)?,
        bid: optional_number("bid", fields.bid)?,
        ask: optional_number("ask", fields.ask)?,
        freshness: body.text("freshness", &fields.freshness)?,
    }))
}

/// A decimal of any sign.
struct SignedNumber(Decimal);

impl FromStr for SignedNumber {
    type Err = NumberError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let read = if text.contains(['e', 'E']) { Decimal::from_scientific(text) } else { text.parse() };
        read.map(Self).map_err(|_| NumberError::NotANumber(text.chars().take(64).collect()))
    }
}

#[cfg(test)]
mod tests;
