//! Records of what happens around the market: `news.v1`, `calendar.v1`, `system.v1`, `mover.v1`, `alert.v1`.

use market::{Alert, Article, Decimal, EarningsDate, Event, Flag, MarketStatus, Mover, Subject};
use serde_json::Value;

use super::{Record, Source, json_number, push_optional, rfc3339_millis, subject_fields};
use crate::{identity::Digest128, partition};

/// The record of an event, for the events stream.
pub(super) fn record(event: &Event, flags: &[Flag]) -> Record {
    let timestamp = rfc3339_millis(event.event_time());
    let (schema, kind, body) = match event {
        Event::Article(article) => ("news.v1", "news", article_body(article)),
        Event::EarningsDate(date) => ("calendar.v1", "calendar", earnings_body(date)),
        Event::MarketStatus(status) => ("system.v1", "system", status_body(status)),
        Event::Mover(mover) => ("mover.v1", "mover", mover_body(mover)),
        Event::Alert(alert) => ("alert.v1", alert.kind, alert_body(alert)),
    };
    let entity = event.entity();
    let interval = match event {
        Event::Alert(alert) => alert.interval.map_or("", market::Interval::as_str),
        _ => "",
    };
    let source = Source::AlphaVantage;
    let key = Digest128::of(&[
        schema.as_bytes(),
        source.as_str().as_bytes(),
        entity.as_bytes(),
        timestamp.as_bytes(),
        interval.as_bytes(),
        b"",
        b"",
        b"",
    ]);
    // What a shard is chosen by: the instrument, or else what tells the event apart.
    let about = event.subject().map_or(entity, |subject| subject.to_string());
    let flags: Vec<String> = flags.iter().map(|flag| format!("\"{flag}\"")).collect();
    Record {
        schema,
        source,
        key,
        partition_key: partition::event(kind, &about),
        timestamp,
        flags: flags.join(","),
        body,
    }
}

/// A text as JSON writes it, escaped and in quotes.
fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

fn quoted_list(texts: &[String]) -> String {
    Value::from(texts).to_string()
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
        r#""type":"market_status","market_type":{},"region":{},"primary_exchanges":{},"local_open":{},"local_close":{},"status":"{}","notes":{}"#,
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
    push_optional(&mut body, "value", json_number(alert.value));
    push_optional(&mut body, "threshold", json_number(alert.threshold));
    body.push_str(r#","text":"#);
    body.push_str(&quoted(&alert.text));
    body
}
