//! News articles: their words are made from their key, so that the same article always reads the same.

use jiff::tz::TimeZone;

use super::{Node, decimal, nodes, object, stamp, text};
use crate::{
    data::{Article, Mention},
    seeded::{draw, pick},
};

/// Decimals of scores and relevances.
const SCORE_DECIMALS: u32 = 6;
const PUBLISHED: &str = "%Y%m%dT%H%M%S";
/// The vendor's definitions; the labels in articles have a hyphen where one of these has an underscore.
const SCORES: &str = "x <= -0.35: Bearish; -0.35 < x <= -0.15: Somewhat-Bearish; -0.15 < x < 0.15: Neutral; \
                      0.15 <= x < 0.35: Somewhat_Bullish; x >= 0.35: Bullish";
const RELEVANCES: &str = "0 < x <= 1, with a higher score indicating higher relevance.";

const SOURCES: [&str; 5] = ["Invented Wire", "Paper Tape", "The Daily Tick", "Made-up Markets", "Seed & Noise"];
const AUTHORS: [&str; 4] = ["A. Noise", "B. Walk", "C. Drift", "Desk"];
const SUBJECTS: [&str; 6] = ["Analysts", "Holders", "Two funds", "Regulators", "Suppliers", "Option traders"];
const PREDICATES: [&str; 6] = [
    "look again at",
    "change their mind about",
    "ask questions about",
    "keep faith in",
    "cannot agree on",
    "say little of",
];

/// The label of a score in millionths.
fn label(score: i64) -> &'static str {
    match score {
        ..=-350_000 => "Bearish",
        -349_999..=-150_000 => "Somewhat-Bearish",
        -149_999..150_000 => "Neutral",
        150_000..350_000 => "Somewhat-Bullish",
        350_000.. => "Bullish",
    }
}

fn micro(units: i64) -> String {
    decimal(units, SCORE_DECIMALS)
}

pub(super) fn news_json(articles: &[Article]) -> Node {
    nodes([
        ("items", text(articles.len().to_string())),
        ("sentiment_score_definition", text(SCORES)),
        ("relevance_score_definition", text(RELEVANCES)),
        ("feed", Node::List(articles.iter().map(article_json).collect())),
    ])
}

fn article_json(article: &Article) -> Node {
    let Article { key, at, topics, score, mentions } = article;
    let word = |number: u64, list: &[&'static str]| pick(*key, number, list).copied().unwrap_or_default();
    let own = mentions.first().map(|mention| mention.ticker.as_str()).unwrap_or_default();
    let (subject, predicate) = (word(100, &SUBJECTS), word(101, &PREDICATES));
    let others: Vec<&str> = mentions.iter().skip(1).map(|mention| mention.ticker.as_str()).collect();
    let beside =
        if others.is_empty() { "No one else is named".to_owned() } else { format!("Beside it: {}", others.join(", ")) };
    // Some articles have no author, and some no picture.
    let authors = AUTHORS.iter().skip(draw(*key, 102, 5) as usize).take(1).map(|author| text(*author)).collect();
    let banner = if draw(*key, 103, 4) == 0 { String::new() } else { format!("https://news.example/{key:016x}.png") };
    let topic = |(topic, relevance): &(&str, i64)| {
        object([("topic", (*topic).to_owned()), ("relevance_score", micro(*relevance))])
    };
    let mention = |mention: &Mention| {
        object([
            ("ticker", mention.ticker.clone()),
            ("relevance_score", micro(mention.relevance)),
            ("ticker_sentiment_score", micro(mention.score)),
            ("ticker_sentiment_label", label(mention.score).to_owned()),
        ])
    };
    nodes([
        ("title", text(format!("{subject} {predicate} {own}"))),
        ("url", text(format!("https://news.example/{key:016x}"))),
        ("time_published", text(stamp(*at, &TimeZone::UTC, PUBLISHED))),
        ("authors", Node::List(authors)),
        ("summary", text(format!("{subject} {predicate} \"{own}\", a simulator says. {beside}."))),
        ("banner_image", text(banner)),
        ("source", text(word(104, &SOURCES))),
        ("category_within_source", text(word(105, &["General", "Markets", "n/a"]))),
        ("source_domain", text("news.example")),
        ("topics", Node::List(topics.iter().map(topic).collect())),
        ("overall_sentiment_score", Node::Float(*score as f64 / 1e6)),
        ("overall_sentiment_label", text(label(*score))),
        ("ticker_sentiment", Node::List(mentions.iter().map(mention).collect())),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_follow_the_definition() {
        for (score, expected) in [
            (-1_000_000, "Bearish"),
            (-350_000, "Bearish"),
            (-349_999, "Somewhat-Bearish"),
            (-150_000, "Somewhat-Bearish"),
            (-149_999, "Neutral"),
            (149_999, "Neutral"),
            (150_000, "Somewhat-Bullish"),
            (349_999, "Somewhat-Bullish"),
            (350_000, "Bullish"),
        ] {
            assert_eq!(label(score), expected, "{score}");
        }
    }
}
