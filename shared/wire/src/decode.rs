//! From the bytes of a Kinesis record to a fact. What cannot be read says why, and is never guessed.

use std::{borrow::Cow, str::FromStr};

use jiff::Timestamp;
use market::{
    Bar, BarError, Basis, Decimal, Fact, Freshness, Interval, NumberError, Ohlc, Pair, Price, Quote, Rate, Subject,
    VendorBar, Volume,
};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::identity::{Id, Key};

/// A record that was read.
#[derive(Debug, Clone, PartialEq)]
pub struct Decoded {
    /// Which fact.
    pub key: Key,
    /// Its revision.
    pub rev: u32,
    /// Which fact, revision and content.
    pub id: Id,
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
    #[error("schema `{0}` is not read here; known: quote.v1, bar.v1, rate.v1")]
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

/// The envelope and all fields of all bodies.
#[derive(Deserialize)]
struct Fields<'a> {
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
}

/// Reads one record.
pub fn decode(bytes: &[u8]) -> Result<Decoded, DecodeError> {
    let text = std::str::from_utf8(bytes).map_err(|error| DecodeError::NotUtf8(error.valid_up_to()))?;
    let fields: Fields<'_> = serde_json::from_str(text).map_err(DecodeError::NotJson)?;
    let fact = match &*fields.schema {
        "quote.v1" => Some(quote(&Body { schema: "quote.v1", fields: &fields })?),
        "bar.v1" => Some(bar(&Body { schema: "bar.v1", fields: &fields })?),
        "rate.v1" => Some(rate(&Body { schema: "rate.v1", fields: &fields })?),
        other => return Err(DecodeError::UnknownSchema(other.chars().take(64).collect())),
    };
    Ok(Decoded { key: parse("key", &fields.key)?, rev: fields.rev, id: parse("id", &fields.id)?, fact })
}

/// The fields of a body together with the schema that they are read by.
struct Body<'a> {
    schema: &'static str,
    fields: &'a Fields<'a>,
}

impl Body<'_> {
    fn timestamp(&self) -> Result<Timestamp, DecodeError> {
        parse("timestamp", &self.fields.timestamp)
    }

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
    match value.map(RawValue::get) {
        None | Some("null") => Ok(None),
        Some(text) => parse(field, text).map(Some),
    }
}

fn quote(body: &Body<'_>) -> Result<Fact, DecodeError> {
    let fields = body.fields;
    let decimal = |field, value| -> Result<Option<Decimal>, DecodeError> {
        Ok(optional_number::<SignedNumber>(field, value)?.map(|number| number.0))
    };
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
        quoted_at: None,
        extended_hours: None,
    }))
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
            start: body.timestamp()?,
            interval,
            prices: body.prices("close", fields.close)?,
            volume: optional_number::<Volume>("volume", fields.volume)?,
            is_final: body.is_final()?,
        },
        adjustment: None,
    }))
}

fn rate(body: &Body<'_>) -> Result<Fact, DecodeError> {
    let fields = body.fields;
    Ok(Fact::Rate(Rate {
        pair: body.pair()?,
        at: body.timestamp()?,
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
        text.parse().map(Self).map_err(|_| NumberError::NotANumber(text.chars().take(64).collect()))
    }
}

#[cfg(test)]
mod tests;
