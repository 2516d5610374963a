//! NEWS_SENTIMENT: rows become articles with the vendor's opinion of them.

use market::{Article, Event, TickerSentiment, Topic};
use serde_json::value::RawValue;

use crate::{
    Context, Reading, Reason,
    events::{self, optional},
    field::Row,
    json, number, time,
};

/// Reads the articles of a reply.
pub(crate) fn read(rows: &[Row<'_>], context: &Context) -> Reading {
    events::sort_out(rows, |row| {
        let at = time::stamp(row.required("time published")?)?;
        time::not_too_early(at.to_zoned(jiff::tz::TimeZone::UTC).date())?;
        time::not_in_the_future(at, context.now)?;
        let article = Article {
            url: row.required("url")?.to_owned(),
            title: row.required("title")?.to_owned(),
            at,
            authors: row.list("authors")?.into_iter().map(author).collect::<Result<_, _>>()?,
            summary: optional(row, "summary")?.unwrap_or_default(),
            banner_image: optional(row, "banner image")?,
            source: optional(row, "source")?.unwrap_or_default(),
            source_domain: optional(row, "source domain")?,
            category: optional(row, "category within source")?,
            topics: row.list("topics")?.into_iter().map(topic).collect::<Result<_, _>>()?,
            sentiment_score: row
                .text("overall sentiment score")?
                .map(|text| number::score("overall sentiment score", text, -1, 1))
                .transpose()?,
            sentiment_label: optional(row, "overall sentiment label")?,
            tickers: row.list("ticker sentiment")?.into_iter().map(ticker).collect::<Result<_, _>>()?,
        };
        Ok((Event::Article(article), Vec::new()))
    })
}

fn author(raw: &RawValue) -> Result<String, Reason> {
    json::string(raw).ok_or(Reason::NotAList("authors"))
}

fn topic(raw: &RawValue) -> Result<Topic, Reason> {
    let row = Row::json(String::new(), raw);
    let relevance = number::score("relevance score", row.required("relevance score")?, 0, 1)?;
    Ok(Topic { name: row.required("topic")?.to_owned(), relevance })
}

fn ticker(raw: &RawValue) -> Result<TickerSentiment, Reason> {
    let row = Row::json(String::new(), raw);
    Ok(TickerSentiment {
        ticker: row.required("ticker")?.to_owned(),
        relevance: number::score("relevance score", row.required("relevance score")?, 0, 1)?,
        score: number::score("ticker sentiment score", row.required("ticker sentiment score")?, -1, 1)?,
        label: optional(&row, "ticker sentiment label")?.unwrap_or_default(),
    })
}
