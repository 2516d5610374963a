//! The value that a pattern is held against: JSON that is parsed as far as someone looks, or fields put together.

use std::borrow::Cow;

use serde::{
    Deserialize,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;

/// A value, not parsed before it is looked at.
#[derive(Debug, Clone)]
pub enum Node<'a> {
    /// A JSON text.
    Json(&'a RawValue),
    /// A string.
    Text(Cow<'a, str>),
    /// A number, as it is written.
    Number(String),
    /// An object.
    Fields(Vec<(Cow<'a, str>, Node<'a>)>),
}

/// One level of a value.
#[derive(Debug)]
pub(crate) enum View<'a> {
    Null,
    Bool(bool),
    Number(Cow<'a, str>),
    Text(Cow<'a, str>),
    Array(Vec<Node<'a>>),
    Object(Vec<(Cow<'a, str>, Node<'a>)>),
}

impl<'a> Node<'a> {
    /// The value of bytes that are JSON; none if they are not.
    pub fn json(bytes: &'a [u8]) -> Option<Self> {
        serde_json::from_slice::<&RawValue>(bytes).ok().map(Self::Json)
    }

    /// Whether this is an object or an array.
    pub fn is_composed(&self) -> bool {
        match self {
            Self::Json(raw) => raw.get().starts_with(['{', '[']),
            Self::Fields(_) => true,
            Self::Text(_) | Self::Number(_) => false,
        }
    }

    pub(crate) fn view(&self) -> View<'a> {
        match self {
            Self::Json(raw) => view(raw),
            Self::Text(text) => View::Text(text.clone()),
            Self::Number(text) => View::Number(text.clone().into()),
            Self::Fields(fields) => View::Object(fields.clone()),
        }
    }
}

fn view(raw: &RawValue) -> View<'_> {
    let text = raw.get();
    match text.as_bytes().first() {
        Some(b'{') => View::Object(serde_json::from_str::<Object<'_>>(text).map(|object| object.0).unwrap_or_default()),
        Some(b'[') => {
            let items = serde_json::from_str::<Vec<&RawValue>>(text).unwrap_or_default();
            View::Array(items.into_iter().map(Node::Json).collect())
        }
        Some(b'"') => View::Text(serde_json::from_str::<Key<'_>>(text).map(|key| key.0).unwrap_or_default()),
        Some(b't') => View::Bool(true),
        Some(b'f') => View::Bool(false),
        Some(b'n') | None => View::Null,
        Some(_) => View::Number(Cow::Borrowed(text)),
    }
}

/// A string that is borrowed where it has no escapes.
#[derive(Deserialize)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

struct Object<'a>(Vec<(Cow<'a, str>, Node<'a>)>);

impl<'de: 'a, 'a> Deserialize<'de> for Object<'a> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;

        impl<'de> Visitor<'de> for Fields {
            type Value = Object<'de>;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object<'de>, A::Error> {
                let mut fields = Vec::new();
                while let Some((Key(name), raw)) = map.next_entry::<Key<'de>, &'de RawValue>()? {
                    fields.push((name, Node::Json(raw)));
                }
                Ok(Object(fields))
            }
        }

        deserializer.deserialize_map(Fields)
    }
}
