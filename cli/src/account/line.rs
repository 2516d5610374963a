//! One record or line of the archive: bytes enter; who it is, what it says as a hash, and which bar it is about leave.
//!
//! Reads by itself and not by the pipeline's decoder, which is among what the account checks. Keeps no text.

use std::{borrow::Cow, fmt};

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};
use wire::{Digest128, Id, Key, SCHEMAS};

/// The schema of readings, which are no records of a stream.
pub(crate) const READINGS: &str = "indicator.v1";
/// What stands for a schema that is not known, and for a record that cannot be read.
pub(crate) const UNREADABLE: &str = "unreadable";
/// Length of a moment as records write it.
const MOMENT: usize = "2026-05-15T13:30:00.000Z".len();
/// Where its seconds begin.
const SECONDS_AT: usize = "2026-05-15T13:30:".len();

/// What the account keeps of a record or line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Line {
    /// Place in [`SCHEMAS`], or their number.
    pub(crate) schema: u8,
    /// Which fact, revision and content.
    pub(crate) id: Id,
    /// Which fact.
    pub(crate) key: Key,
    /// Its revision.
    pub(crate) rev: u32,
    /// Hash of what it says: of all but `ingested_at` and `flags`, which no identity depends on.
    pub(crate) content: u64,
    /// Hash of the bar that a fact or reading is about, if it is about one.
    pub(crate) bar: Option<u64>,
}

/// The name of a schema by its number.
pub(crate) fn schema_name(schema: u8) -> &'static str {
    SCHEMAS.get(usize::from(schema)).copied().unwrap_or(UNREADABLE)
}

/// Hash of bytes as they are.
pub(crate) fn hash(bytes: &[u8]) -> u64 {
    first_eight(Sha256::digest(bytes).into())
}

fn first_eight(hash: [u8; 32]) -> u64 {
    let mut first = [0; 8];
    first.copy_from_slice(&hash[..8]);
    u64::from_le_bytes(first)
}

impl Line {
    /// Reads it; `None` if it has no identity that can be read.
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        let Fields { schema, id, key, rev, content, parts } = serde_json::from_slice(bytes).ok()?;
        let schema = schema?;
        let number = SCHEMAS.iter().position(|known| *known == schema).unwrap_or(SCHEMAS.len());
        Some(Self {
            schema: u8::try_from(number).ok()?,
            id: id?.parse().ok()?,
            key: key?.parse().ok()?,
            rev: rev?,
            content,
            bar: parts.bar(&schema),
        })
    }

    /// Whether it is a reading.
    pub(crate) fn is_reading(&self) -> bool {
        schema_name(self.schema) == READINGS
    }
}

/// What tells a bar from others.
#[derive(Default)]
struct Parts<'a> {
    symbol: Option<Cow<'a, str>>,
    interval: Option<Cow<'a, str>>,
    basis: Option<Cow<'a, str>>,
    origin: Option<Cow<'a, str>>,
    timestamp: Option<Cow<'a, str>>,
}

impl Parts<'_> {
    /// A quote is about its trading day's bar, a rate about the sampled minute that it lies in.
    fn bar(&self, schema: &str) -> Option<u64> {
        let (symbol, timestamp) = (self.symbol.as_deref()?, self.timestamp.as_deref()?);
        let minute;
        let [interval, basis, origin, start] = match schema {
            "bar.v1" | READINGS => {
                [self.interval.as_deref()?, self.basis.as_deref()?, self.origin.as_deref()?, timestamp]
            }
            "quote.v1" => ["1day", self.basis.as_deref()?, self.origin.as_deref()?, timestamp],
            "rate.v1" => {
                let begin = timestamp.get(..SECONDS_AT).filter(|_| timestamp.len() == MOMENT)?;
                minute = format!("{begin}00.000Z");
                ["1min", "raw", "sampled", &minute]
            }
            _ => return None,
        };
        let parts = [symbol, interval, basis, origin, start].map(str::as_bytes);
        let [a, b, c, d, e, f, g, h, ..] = Digest128::of(&parts).0;
        Some(u64::from_le_bytes([a, b, c, d, e, f, g, h]))
    }
}

/// The fields that are looked at, and the hash over the others too.
#[derive(Default)]
struct Fields<'a> {
    schema: Option<Cow<'a, str>>,
    id: Option<Cow<'a, str>>,
    key: Option<Cow<'a, str>>,
    rev: Option<u32>,
    content: u64,
    parts: Parts<'a>,
}

impl<'de> Deserialize<'de> for Fields<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Read)
    }
}

struct Read;

impl<'de> Visitor<'de> for Read {
    type Value = Fields<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut fields = Fields::default();
        let mut content = Sha256::new();
        while let Some(Name(name)) = map.next_key()? {
            if matches!(&*name, "ingested_at" | "flags") {
                map.next_value::<IgnoredAny>()?;
                continue;
            }
            let value: &'de RawValue = map.next_value()?;
            for part in [name.as_bytes(), value.get().as_bytes()] {
                content.update((part.len() as u64).to_le_bytes());
                content.update(part);
            }
            let Parts { symbol, interval, basis, origin, timestamp } = &mut fields.parts;
            match &*name {
                "rev" => fields.rev = value.get().parse().ok(),
                "schema" => fields.schema = text(value),
                "id" => fields.id = text(value),
                "key" => fields.key = text(value),
                "symbol" => *symbol = text(value),
                "interval" => *interval = text(value),
                "basis" => *basis = text(value),
                "origin" => *origin = text(value),
                "timestamp" => *timestamp = text(value),
                _ => {}
            }
        }
        fields.content = first_eight(content.finalize().into());
        Ok(fields)
    }
}

/// The name of a field, which borrows unless it has escapes.
struct Name<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Name<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Texts;
        impl<'de> Visitor<'de> for Texts {
            type Value = Name<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the name of a field")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Name(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Name(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(Texts)
    }
}

fn text<'de>(value: &'de RawValue) -> Option<Cow<'de, str>> {
    serde_json::from_str::<Name<'de>>(value.get()).ok().map(|Name(text)| text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> Line {
        Line::read(text.as_bytes()).unwrap_or_else(|| panic!("{text}"))
    }

    fn with(fields: &str) -> String {
        format!(r#"{{"schema":"bar.v1","key":"{0}","rev":2,"id":"{0}"{fields}}}"#, "ab".repeat(16))
    }

    #[test]
    fn when_it_was_taken_in_and_remarks_are_no_content() {
        let one = line(&with(r#","close":1,"ingested_at":"x","flags":["stale"]"#));
        assert_eq!(one, line(&with(r#","ingested_at":"y","close":1,"flags":[]"#)));
        assert_eq!((one.rev, one.id, one.is_reading()), (2, "ab".repeat(16).parse().unwrap(), false));
        assert_ne!(one.content, line(&with(r#","close":2"#)).content);
        // What a name ends with is not what a value begins with.
        assert_ne!(line(&with(r#","a":"b""#)).content, line(&with(r#","a\"":"b""#)).content);
    }

    #[test]
    fn a_fact_is_about_the_bar_that_a_reading_is_of() {
        let about = |text: &str| line(text).bar.unwrap_or_else(|| panic!("{text}"));
        let of = |schema: &str, fields: &str| with(fields).replace("bar.v1", schema);
        let bar = |schema: &str, symbol: &str, interval: &str, origin: &str, start: &str| {
            let fields = format!(
                r#","symbol":"{symbol}","interval":"{interval}","basis":"raw","origin":"{origin}","timestamp":"{start}""#
            );
            about(&of(schema, &fields))
        };
        let (minute, day) = ("2026-05-15T13:30:00.000Z", "2026-05-15T04:00:00.000Z");
        let reading = |symbol, interval, origin, start| bar(READINGS, symbol, interval, origin, start);
        assert_eq!(bar("bar.v1", "IBM", "1min", "vendor", minute), reading("IBM", "1min", "vendor", minute));
        assert_ne!(bar("bar.v1", "IBM", "5min", "vendor", minute), reading("IBM", "1min", "vendor", minute));
        let quote = format!(r#","symbol":"IBM","basis":"raw","origin":"vendor","timestamp":"{day}""#);
        assert_eq!(about(&of("quote.v1", &quote)), reading("IBM", "1day", "vendor", day));
        let rate = r#","symbol":"BTC/EUR","origin":"vendor","timestamp":"2026-05-15T13:30:44.120Z""#;
        assert_eq!(about(&of("rate.v1", rate)), reading("BTC/EUR", "1min", "sampled", minute));
        assert_eq!(line(&of("news.v1", rate)).bar, None);
        // A symbol may be absent, and times may be nonsense that no one may trip over.
        assert_eq!(line(&of("rate.v1", r#","symbol":"A","timestamp":"ääääääääääää""#)).bar, None);
    }

    #[test]
    fn what_has_no_identity_is_none() {
        for text in [
            "",
            "17",
            "[]",
            "{}",
            "{\"schema\":\"bar.v1\"}",
            &with("").replace("\"rev\":2", "\"rev\":-2"),
            &with("").replace("\"rev\":2", "\"rev\":4294967296"),
            &with("").replace("ab", "AB"),
            &with("")[..60],
            &format!("{}x", with("")),
        ] {
            assert_eq!(Line::read(text.as_bytes()), None, "{text}");
        }
        assert_eq!(Line::read(b"{\"schema\":\"\xff\"}"), None);
        let unknown = line(&with("").replace("bar.v1", "bar.v9"));
        assert_eq!(schema_name(unknown.schema), UNREADABLE);
    }

    #[test]
    fn records_of_the_encoder_are_read() {
        let texts = [
            r#"{"schema":"rate.v1","key":"543b6c5d2a6e976a022e87e79d9f94df","rev":0,"id":"b7d5d1610d1a1eed13f8c361b55114da","source":"alphavantage","timestamp":"2026-05-17T17:12:44.000Z","ingested_at":"2026-05-17T17:12:47.117Z","flags":[],"symbol":"USD/JPY","base":"USD","quote":"JPY","freshness":"realtime","origin":"vendor","rate":158.73166867,"bid":158.72838292,"ask":158.73495442}"#,
        ];
        for text in texts {
            let decoded = wire::decode(text.as_bytes()).unwrap();
            let read = line(text);
            assert_eq!((read.id, read.key, read.rev), (decoded.id, decoded.key, decoded.rev));
            assert!(read.bar.is_some());
        }
    }
}
