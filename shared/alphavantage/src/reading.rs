//! What a reply says, and the way there: from bytes to a verdict, and from there to observations.
//!
//! The order is that of trust: the status and HTML first, then the key that holds the data (`body`),
//! and only without it the wording. Nothing here takes wording for data or data for granted.

use market::{Observation, Timestamp};

use crate::{Entitlement, Expected, Reason, Verdict, body, csv, json, refusal, shape};

/// What came over the wire.
#[derive(Debug, Clone, Copy)]
pub struct Reply<'a> {
    /// The status of HTTP.
    pub status: u16,
    /// The header `Content-Type`, if there was one.
    pub content_type: Option<&'a str>,
    /// The body, uncompressed.
    pub body: &'a [u8],
}

/// What a reply does not say of itself.
#[derive(Debug, Clone, Copy)]
pub struct Context {
    /// When the reply was fetched, by the clock that the market follows.
    pub now: Timestamp,
    /// The entitlement that was asked for.
    pub entitlement: Option<Entitlement>,
}

/// What a reply says. `observations` and `rejected` together are all rows of the body, and of bulk quotes
/// the symbols besides that were asked for and are missing.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// What the reply is.
    pub verdict: Verdict,
    /// The vendor's words for a refusal, or what was wrong. It may hold the API key: redact it, then cut it.
    pub message: Option<String>,
    /// What was said, in the order of the body.
    pub observations: Vec<Observation>,
    /// Rows that broke a rule, in the order of the body.
    pub rejected: Vec<Rejected>,
    /// Fields of data that nothing here reads: a sign that the vendor has changed its format. Sorted, each once,
    /// at most [`UNKNOWN_FIELDS_MAX`]. They may hold the API key: redact them.
    pub unknown_fields: Vec<String>,
}

/// How many unknown fields are named.
pub const UNKNOWN_FIELDS_MAX: usize = 16;

/// A row that is no observation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejected {
    /// Which rule it breaks.
    pub reason: Reason,
    /// The row as the vendor wrote it, in a JSON object under its label, such as its time. Its numbers may
    /// be beyond floating point, so pass it on as text. It may hold the API key: redact it.
    pub payload: String,
}

impl Reading {
    /// A reply without data.
    pub(crate) fn without_data(verdict: Verdict, message: impl Into<String>) -> Self {
        Self { message: Some(message.into()), ..Self::empty(verdict) }
    }

    /// A reply with data, good or rejected.
    pub(crate) fn data(observations: Vec<Observation>, rejected: Vec<Rejected>) -> Self {
        Self { observations, rejected, ..Self::empty(Verdict::Data) }
    }

    fn empty(verdict: Verdict) -> Self {
        let (observations, rejected, unknown_fields) = (Vec::new(), Vec::new(), Vec::new());
        Self { verdict, message: None, observations, rejected, unknown_fields }
    }

    /// A reply that neither holds data nor words that are known: then the status decides, if it says anything.
    pub(crate) fn unexplained(status: u16, what: &str) -> Self {
        let verdict = match status {
            401 | 403 => Verdict::BadKey,
            408 | 425 => Verdict::Transient,
            429 => Verdict::LimitMinute,
            400..=499 => Verdict::BadRequest,
            _ => Verdict::UnknownShape,
        };
        if is_success(status) {
            return Self::without_data(verdict, what);
        }
        Self::without_data(verdict, format!("status `{status}`: {what}"))
    }

    /// The calls per second that a refusal for too many of them names: what the key may really do.
    pub fn named_per_second(&self) -> Option<u32> {
        (self.verdict == Verdict::LimitSecond).then(|| refusal::per_second(self.message.as_deref()?)).flatten()
    }
}

pub(crate) fn is_success(status: u16) -> bool {
    (200..=299).contains(&status)
}

/// Reads a reply, knowing its request or whatever is known of it. Total: any bytes give a reading, and
/// observations only come from under the key that the function answers with.
pub fn read(expected: impl Into<Expected>, reply: &Reply<'_>, context: &Context) -> Reading {
    read_expected(&expected.into(), reply, context)
}

fn read_expected(expected: &Expected, reply: &Reply<'_>, context: &Context) -> Reading {
    let status = reply.status;
    if status >= 500 {
        return Reading::without_data(Verdict::Transient, format!("status `{status}`"));
    }
    let html = reply.content_type.is_some_and(|kind| kind.to_ascii_lowercase().contains("html"));
    let page = || Reading::without_data(Verdict::Transient, format!("status `{status}` with a page of HTML"));
    let Ok(text) = std::str::from_utf8(reply.body) else {
        // Pages of error come in any encoding.
        let is_page = html || reply.body.trim_ascii_start().starts_with(b"<");
        return if is_page { page() } else { Reading::unexplained(status, "the body is not UTF-8 text") };
    };
    let text = text.trim_start().trim_start_matches('\u{feff}').trim();
    if text.starts_with('{') {
        return match json::object(text) {
            Ok(object) => body::read_object(expected, status, object, context),
            Err(_) if html => page(),
            Err(error) => Reading::unexplained(status, &format!("the body is broken JSON: {error}")),
        };
    }
    if html || text.starts_with('<') {
        return page();
    }
    if let Some(function) = expected.function.filter(|_| is_success(status))
        && let Some(table) = csv::Table::read(text, shape::columns(function), shape::may_be_adjusted(function))
    {
        return body::read_table(function, expected, &table, context);
    }
    let words = refusal::spaced(text);
    match refusal::classify(&words) {
        Some(verdict) => Reading::without_data(verdict, words),
        None if text.is_empty() => Reading::unexplained(status, "the body is empty"),
        None => {
            let what = "the body is neither JSON nor HTML nor CSV with the expected columns";
            Reading::unexplained(status, what)
        }
    }
}
