//! Records of what happens around the market: `news.v1`, `calendar.v1`, `system.v1`, `mover.v1`, `alert.v1`.
//!
//! Texts of the vendor enter as they are and leave escaped, numbers as its decimals. Nothing is cut:
//! a record that is too large for a stream is refused where records are sent.

use std::fmt::Write;

use market::{Alert, Article, Decimal, EarningsDate, Event, Flag, MarketStatus, Mover, Subject};
use serde_json::Value;

use super::{
    Canonical, Record, Source, flag_words, rfc3339_millis, subject_fields,
    text::{push_all, push_float_field},
};
use crate::{identity::Digest128, partition};

/// The `type` of a record of `system.v1` that says whether a market trades.
const MARKET_STATUS: &str = "market_status";

/// The record of an event, for the events stream.
pub(super) fn record(event: &Event, flags: &[Flag]) -> Record {
    let timestamp = rfc3339_millis(event.event_time());
    let (schema, kind, body) = match event {
        Event::Article(article) => ("news.v1", "news", article_body(article)),
        Event::EarningsDate(date) => ("calendar.v1", "calendar", earnings_body(date)),
        Event::MarketStatus(status) => ("system.v1", MARKET_STATUS, status_body(status)),
        Event::Mover(mover) => ("mover.v1", "mover", mover_body(mover)),
        Event::Alert(alert) => ("alert.v1", alert.kind, alert_body(alert)),
    };
    let entity = event.entity();
    // An article is its address: if the vendor corrects when it was published, that is a revision.
    let happened = if matches!(event, Event::Article(_)) { "" } else { &timestamp };
    let interval = match event {
        Event::Alert(alert) => alert.interval.map_or("", market::Interval::as_str),
        _ => "",
    };
    let source = Source::AlphaVantage;
    // The places of basis, freshness and origin, which no event has, stay empty.
    let parts = [schema, source.as_str(), &entity, happened, interval, "", "", ""];
    let key = Digest128::of(&parts.map(str::as_bytes));
    // What a shard is chosen by: the instrument, or else what tells the event apart.
    let about = event.subject().map_or(entity, |subject| subject.to_string());
    let mut canonical = Canonical::default();
    canonical.begin(source, &timestamp).push_str(&body);
    canonical.end(schema, key);
    Record { schema, key, canonical, flags: flag_words(flags), partition_key: partition::event(kind, &about) }
}

/// What JSON allows in a text as it is, but not every reader takes so: U+0085, U+2028 and U+2029 end a
/// line for some (`str.splitlines` in Python), and the other control characters steer terminals.
fn is_escaped_here(c: char) -> bool {
    c.is_control() || c == '\u{2028}' || c == '\u{2029}'
}

/// A text as JSON writes it, escaped and in quotes.
fn quoted(text: &str) -> String {
    let json = Value::from(text).to_string();
    if !json.contains(is_escaped_here) {
        return json;
    }
    json.chars().fold(String::with_capacity(json.len() + 8), |mut out, c| {
        // All of them have four hex digits; writing to a string cannot fail.
        let _ = if is_escaped_here(c) { write!(out, "\\u{:04x}", u32::from(c)) } else { out.write_char(c) };
        out
    })
}

fn quoted_list(texts: &[String]) -> String {
    format!("[{}]", texts.iter().map(|text| quoted(text)).collect::<Vec<_>>().join(","))
}

fn optional(text: Option<&str>) -> String {
    text.map_or_else(|| "null".to_owned(), quoted)
}

fn number(value: Decimal) -> String {
    value.normalize().to_string()
}

fn article_body(article: &Article) -> String {
    let topics: Vec<String> = article
        .topics
        .iter()
        .map(|topic| format!(r#"{{"topic":{},"relevance":{}}}"#, quoted(&topic.name), number(topic.relevance)))
        .collect();
    let tickers: Vec<String> = article
        .tickers
        .iter()
        .map(|of| {
            format!(
                r#"{{"ticker":{},"relevance":{},"sentiment_score":{},"sentiment_label":{}}}"#,
                quoted(&of.ticker),
                number(of.relevance),
                number(of.score),
                quoted(&of.label),
            )
        })
        .collect();
    format!(
        r#""url":{},"title":{},"summary":{},"authors":{},"publisher":{},"publisher_domain":{},"category":{},"banner_image":{},"sentiment_score":{},"sentiment_label":{},"topics":[{}],"tickers":[{}]"#,
        quoted(&article.url),
        quoted(&article.title),
        quoted(&article.summary),
        quoted_list(&article.authors),
        quoted(&article.source),
        optional(article.source_domain.as_deref()),
        optional(article.category.as_deref()),
        optional(article.banner_image.as_deref()),
        article.sentiment_score.map_or_else(|| "null".to_owned(), number),
        optional(article.sentiment_label.as_deref()),
        topics.join(","),
        tickers.join(","),
    )
}

fn earnings_body(date: &EarningsDate) -> String {
    format!(
        r#""type":"earnings","symbol":"{}","name":{},"report_date":"{}","fiscal_date_ending":"{}","estimate":{},"currency":{},"time_of_day":{}"#,
        date.symbol,
        quoted(&date.name),
        date.report_date,
        date.fiscal_date_ending,
        date.estimate.map_or_else(|| "null".to_owned(), number),
        optional(date.currency.as_deref()),
        optional(date.time_of_day.as_deref()),
    )
}

fn status_body(status: &MarketStatus) -> String {
    format!(
        r#""type":"{MARKET_STATUS}","market_type":{},"region":{},"primary_exchanges":{},"local_open":{},"local_close":{},"status":"{}","notes":{}"#,
        quoted(&status.market_type),
        quoted(&status.region),
        quoted(&status.primary_exchanges),
        optional(status.local_open.as_deref()),
        optional(status.local_close.as_deref()),
        if status.is_open { "open" } else { "closed" },
        optional(status.notes.as_deref()),
    )
}

fn mover_body(mover: &Mover) -> String {
    format!(
        r#""symbol":"{}","list":"{}","rank":{},"price":{},"change":{},"change_percent":{},"volume":{}"#,
        mover.symbol,
        mover.list,
        mover.rank,
        mover.price,
        number(mover.change),
        number(mover.change_percent),
        mover.volume,
    )
}

fn alert_body(alert: &Alert) -> String {
    let subject: &Subject = &alert.subject;
    let mut body = format!(
        r#""type":{},"severity":{},{},"interval":{}"#,
        quoted(alert.kind),
        quoted(alert.severity),
        subject_fields(Some(subject)),
        optional(alert.interval.map(market::Interval::as_str)),
    );
    if let Some(rule) = &alert.rule {
        push_all(&mut body, &[r#","rule":"#, &quoted(rule)]);
    }
    push_float_field(&mut body, "value", Some(alert.value));
    push_float_field(&mut body, "threshold", Some(alert.threshold));
    body.push_str(r#","text":"#);
    body.push_str(&quoted(&alert.text));
    body
}
