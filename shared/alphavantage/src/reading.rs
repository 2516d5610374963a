//! From the bytes of a reply to a verdict, and from there to observations.
//!
//! The order is that of trust: the status and HTML first, then the key that holds the data, and only
//! without it the wording. Nothing here takes wording for data or data for granted.

use market::{Observation, Pair, Symbol, Timestamp};
use serde_json::value::RawValue;

use crate::{
    Entitlement, Reason, Request, Verdict, crypto_daily, csv, field,
    field::Row,
    intraday, json,
    json::Object,
    quote, rate,
    refusal::{classify, is_message},
    series::Series,
};

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

/// What a reply says. `observations` and `rejected` together are all rows of the body.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// What the reply is.
    pub verdict: Verdict,
    /// The vendor's words for a refusal, or what was wrong. It may hold the API key: redact it.
    pub message: Option<String>,
    /// What was said, in the order of the body.
    pub observations: Vec<Observation>,
    /// Rows that broke a rule, in the order of the body.
    pub rejected: Vec<Rejected>,
}

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
        Self { verdict, message: Some(message.into()), observations: Vec::new(), rejected: Vec::new() }
    }

    /// A reply with data, good or rejected.
    pub(crate) fn data(observations: Vec<Observation>, rejected: Vec<Rejected>) -> Self {
        Self { verdict: Verdict::Data, message: None, observations, rejected }
    }

    /// Data about something else.
    pub(crate) fn wrong(asked: &str, got: &str) -> Self {
        Self::without_data(Verdict::WrongSymbol, format!("asked for `{asked}`; the reply is about `{got}`"))
    }
}

/// Reads a reply to a request. Total: any bytes give a reading, and observations only come from under
/// the key that the request's function answers with.
pub fn read(request: &Request, reply: &Reply<'_>, context: &Context) -> Reading {
    if reply.status >= 500 {
        return Reading::without_data(Verdict::Transient, format!("status `{}`", reply.status));
    }
    let html = reply.content_type.is_some_and(|kind| kind.to_ascii_lowercase().contains("html"));
    let page = || Reading::without_data(Verdict::Transient, format!("status `{}` with a page of HTML", reply.status));
    let Ok(text) = std::str::from_utf8(reply.body) else {
        return if html { page() } else { unexplained(reply.status, "the body is not UTF-8 text") };
    };
    let text = text.trim_start().trim_start_matches('\u{feff}').trim();
    if text.starts_with('{') {
        return match json::object(text) {
            Ok(object) => read_object(request, reply.status, object, context),
            Err(_) if html => page(),
            Err(error) => unexplained(reply.status, &format!("the body is broken JSON: {error}")),
        };
    }
    if html || text.starts_with('<') {
        return page();
    }
    if is_success(reply.status)
        && let Some(table) = csv::table(text, needed_columns(request))
    {
        return read_table(request, &table, context);
    }
    match classify(text) {
        Some(verdict) => Reading::without_data(verdict, text),
        None if text.is_empty() => unexplained(reply.status, "the body is empty"),
        None => unexplained(reply.status, "the body is neither JSON nor HTML nor CSV with the expected columns"),
    }
}

fn is_success(status: u16) -> bool {
    (200..=299).contains(&status)
}

/// A reply that neither holds data nor words that are known: then the status decides, if it says anything.
fn unexplained(status: u16, what: &str) -> Reading {
    let verdict = match status {
        401 | 403 => Verdict::BadKey,
        408 | 425 => Verdict::Transient,
        429 => Verdict::LimitMinute,
        400..=499 => Verdict::BadRequest,
        _ => Verdict::UnknownShape,
    };
    if is_success(status) {
        return Reading::without_data(verdict, what);
    }
    Reading::without_data(verdict, format!("status `{status}`: {what}"))
}

/// Whether a key of the top level, as a word, holds the data of the request's function.
fn is_data_key(request: &Request, word: &str) -> bool {
    match request {
        Request::GlobalQuote { .. } => word.starts_with("globalquote"),
        Request::CurrencyExchangeRate { .. } => word.starts_with("realtimecurrencyexchangerate"),
        Request::TimeSeriesIntraday { .. } | Request::DigitalCurrencyDaily { .. } => word.contains("timeseries"),
        _ => false,
    }
}

/// How the data key is written, for messages.
fn data_key(request: &Request) -> &'static str {
    match request {
        Request::GlobalQuote { .. } => "Global Quote",
        Request::CurrencyExchangeRate { .. } => "Realtime Currency Exchange Rate",
        Request::TimeSeriesIntraday { .. } | Request::DigitalCurrencyDaily { .. } => "Time Series",
        _ => "data",
    }
}

/// The columns by which a CSV is known, as words. The rate has no CSV: asked for it, the vendor sends JSON.
fn needed_columns(request: &Request) -> &'static [&'static str] {
    match request {
        Request::GlobalQuote { .. } => &["symbol", "open", "high", "low", "price", "volume", "latesttradingday"],
        Request::CurrencyExchangeRate { .. } => &["fromcurrencycode", "tocurrencycode", "exchangerate"],
        Request::TimeSeriesIntraday { .. } | Request::DigitalCurrencyDaily { .. } => {
            &["timestamp", "open", "high", "low", "close"]
        }
        _ => &["not yet read"],
    }
}

fn read_object(request: &Request, status: u16, object: Object<'_>, context: &Context) -> Reading {
    let fields: Vec<(String, String, &RawValue)> =
        object.0.into_iter().map(|(name, value)| (field::word(&name), name, value)).collect();
    let words: Vec<String> =
        fields.iter().filter(|(word, ..)| is_message(word)).filter_map(|(.., value)| json::string(value)).collect();
    let words = words.join(" ");
    let mut data = fields.iter().filter(|(word, ..)| is_success(status) && is_data_key(request, word));
    let hollow = match (data.next(), data.next()) {
        (None, _) => false,
        (Some(_), Some(_)) => return unexplained(status, &format!("there is more than one `{}`", data_key(request))),
        (Some((_, key, value)), None) => match json::object(value.get()) {
            Err(_) => return unexplained(status, &format!("`{}` is not an object", data_key(request))),
            Ok(inside) if inside.0.is_empty() => true,
            Ok(inside) => {
                if is_artificial(&fields, &words) {
                    return Reading::without_data(Verdict::Artificial, words);
                }
                return read_data(request, key, value, inside, &fields, context);
            }
        },
    };
    if let Some(verdict) = classify(&words) {
        return Reading::without_data(verdict, words);
    }
    if !words.is_empty() {
        return unexplained(status, &format!("{words} (and there is no `{}`)", data_key(request)));
    }
    let has_meta = fields.iter().any(|(word, _, value)| word == "metadata" && json::object(value.get()).is_ok());
    match request {
        _ if !is_success(status) => unexplained(status, "a body without a message"),
        Request::TimeSeriesIntraday { .. } | Request::DigitalCurrencyDaily { .. } if hollow => {
            Reading::without_data(Verdict::Empty, "the series has no bars")
        }
        _ if hollow => Reading::without_data(Verdict::UnknownSymbol, format!("`{}` is empty", data_key(request))),
        _ if fields.is_empty() => Reading::without_data(Verdict::UnknownSymbol, "the reply is an empty object"),
        Request::TimeSeriesIntraday { .. } | Request::DigitalCurrencyDaily { .. } if has_meta => {
            Reading::without_data(Verdict::UnknownSymbol, "the reply has `Meta Data` and no series")
        }
        _ => {
            let names: Vec<_> = fields.iter().take(8).map(|(_, name, _)| format!("`{name}`")).collect();
            unexplained(status, &format!("the body has {} and no `{}`", names.join(", "), data_key(request)))
        }
    }
}

/// Whether the vendor says of its own data that it is made up: `message` is anything but `success`,
/// or any of the words says so.
fn is_artificial(fields: &[(String, String, &RawValue)], words: &str) -> bool {
    let unsuccessful = fields
        .iter()
        .filter(|(word, ..)| word == "message")
        .any(|(.., value)| json::string(value).is_none_or(|message| !message.trim().eq_ignore_ascii_case("success")));
    unsuccessful || words.to_lowercase().contains("artificial")
}

/// Reads what stands under the data key: `value`, which is the object `inside`.
fn read_data(
    request: &Request,
    key: &str,
    value: &RawValue,
    inside: Object<'_>,
    fields: &[(String, String, &RawValue)],
    context: &Context,
) -> Reading {
    let meta = || {
        let found = fields.iter().find(|(word, ..)| word == "metadata");
        found.map(|(_, name, value)| Row::json(name.clone(), value))
    };
    let rows = || inside.0.into_iter().map(|(label, row)| Row::json(label, row)).collect();
    match request {
        Request::GlobalQuote { symbol } => one_quote(symbol, vec![Row::json(key.to_owned(), value)], &[key], context),
        Request::CurrencyExchangeRate { pair } => one_rate(pair, Row::json(key.to_owned(), value), context),
        Request::TimeSeriesIntraday { symbol, interval, hours, .. } => {
            let Some(meta) = meta() else { return unexplained(200, "there is a series and no `Meta Data`") };
            let series = Series { named: Some((key, meta)), rows: rows() };
            intraday::read(&intraday::Asked { symbol, interval: *interval, hours: *hours }, series, context)
        }
        Request::DigitalCurrencyDaily { pair } => {
            let Some(meta) = meta() else { return unexplained(200, "there is a series and no `Meta Data`") };
            crypto_daily::read(pair, Series { named: Some((key, meta)), rows: rows() }, context)
        }
        _ => unexplained(200, "replies of this function are not read yet"),
    }
}

/// Reads a CSV. A series names neither its symbol nor its interval nor its time zone there, so those
/// of the request are taken unchecked: ask for CSV only where that is good enough.
fn read_table(request: &Request, table: &csv::Table, context: &Context) -> Reading {
    let label = match request {
        Request::GlobalQuote { .. } | Request::CurrencyExchangeRate { .. } => None,
        _ => Some("timestamp"),
    };
    let rows: Vec<Row<'_>> = table
        .lines
        .iter()
        .map(|line| {
            let label = label.map_or(data_key(request), |word| table.cell(line, word).unwrap_or_default());
            Row::csv(label.to_owned(), &table.columns, line.clone())
        })
        .collect();
    match request {
        Request::GlobalQuote { .. } | Request::CurrencyExchangeRate { .. } if rows.is_empty() => {
            Reading::without_data(Verdict::UnknownSymbol, "the CSV has a header and no line")
        }
        _ if rows.is_empty() => Reading::without_data(Verdict::Empty, "the CSV has a header and no line"),
        Request::GlobalQuote { symbol } => one_quote(symbol, rows, &[], context),
        Request::CurrencyExchangeRate { .. } => unexplained(200, "a rate came as CSV, which the vendor does not have"),
        Request::TimeSeriesIntraday { symbol, interval, hours, .. } => {
            let asked = intraday::Asked { symbol, interval: *interval, hours: *hours };
            intraday::read(&asked, Series { named: None, rows }, context)
        }
        Request::DigitalCurrencyDaily { pair } => crypto_daily::read(pair, Series { named: None, rows }, context),
        _ => unexplained(200, "replies of this function are not read yet"),
    }
}

fn one_quote(symbol: &Symbol, rows: Vec<Row<'_>>, marks: &[&str], context: &Context) -> Reading {
    if rows.iter().all(Row::is_blank) {
        return Reading::without_data(Verdict::UnknownSymbol, "all fields of the quote are blank");
    }
    quote::read(symbol, rows, marks, context)
}

fn one_rate(pair: &Pair, row: Row<'_>, context: &Context) -> Reading {
    if row.is_blank() {
        return Reading::without_data(Verdict::UnknownSymbol, "all fields of the rate are blank");
    }
    rate::read(pair, row, context)
}
