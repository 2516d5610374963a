//! News: filters, order, and that an article is always the same one.

use std::collections::BTreeMap;

use market_simulator::Plan;
use serde_json::Value;

use crate::client::{FRIDAY_NOON, Session};

async fn session() -> Session {
    Session::start(FRIDAY_NOON, |options| options.plan = Plan::P1200).await
}

async fn feed(session: &Session, parameters: &str) -> Vec<Value> {
    let reply = session.query(&format!("function=NEWS_SENTIMENT&{parameters}")).await;
    let json = reply.json();
    let feed = json["feed"].as_array().unwrap_or_else(|| panic!("{parameters}: {}", reply.body)).clone();
    assert_eq!(json["items"], feed.len().to_string().as_str(), "a string");
    feed
}

fn published(article: &Value) -> &str {
    article["time_published"].as_str().unwrap()
}

fn mentions(article: &Value) -> impl Iterator<Item = &str> {
    article["ticker_sentiment"].as_array().unwrap().iter().map(|mention| mention["ticker"].as_str().unwrap())
}

/// Six decimals in a string.
fn micro(value: &Value) -> f64 {
    let text = value.as_str().unwrap();
    assert_eq!(text.split_once('.').unwrap().1.len(), 6, "{text}");
    text.parse().unwrap()
}

#[tokio::test]
async fn articles_have_all_of_their_fields() {
    let session = session().await;
    let reply = session.query("function=NEWS_SENTIMENT&datatype=csv").await;
    assert_eq!((reply.status, reply.content_type.as_str()), (200, "application/json"), "news have no CSV");
    let json = reply.json();
    assert_eq!(json.as_object().unwrap().len(), 4);
    assert!(json["sentiment_score_definition"].as_str().unwrap().contains("0.15 <= x < 0.35: Somewhat_Bullish"));
    assert!(json["relevance_score_definition"].is_string());
    let names = [
        "title",
        "url",
        "time_published",
        "authors",
        "summary",
        "banner_image",
        "source",
        "category_within_source",
        "source_domain",
        "topics",
        "overall_sentiment_score",
        "overall_sentiment_label",
        "ticker_sentiment",
    ];
    let order: Vec<usize> = names.iter().map(|name| reply.body.find(&format!("\"{name}\": ")).unwrap()).collect();
    assert!(order.is_sorted());
    let feed = json["feed"].as_array().unwrap();
    assert_eq!(feed.len(), 50);
    let mut labels: BTreeMap<&str, usize> = BTreeMap::new();
    for article in feed {
        assert_eq!(article.as_object().unwrap().len(), names.len());
        let time = published(article);
        assert!(time.len() == 15 && &time[8..9] == "T" && time <= "20261120T170020", "{time}");
        assert!(article["authors"].is_array());
        let score = article["overall_sentiment_score"].as_f64().unwrap();
        assert!((-1.0..=1.0).contains(&score));
        let topics = article["topics"].as_array().unwrap();
        assert!((1..=3).contains(&topics.len()));
        assert!(
            topics.iter().all(|topic| topic.as_object().unwrap().len() == 2 && micro(&topic["relevance_score"]) <= 1.0)
        );
        for mention in article["ticker_sentiment"].as_array().unwrap() {
            assert_eq!(mention.as_object().unwrap().len(), 4);
            assert!((0.0..=1.0).contains(&micro(&mention["relevance_score"])));
            assert!((-1.0..=1.0).contains(&micro(&mention["ticker_sentiment_score"])));
        }
        *labels.entry(article["overall_sentiment_label"].as_str().unwrap()).or_default() += 1;
    }
    assert!(labels.len() >= 4 && labels.contains_key("Somewhat-Bullish"), "{labels:?}");
    assert!(feed.is_sorted_by(|newer, older| published(newer) >= published(older)));
}

#[tokio::test]
async fn all_tickers_and_topics_that_are_asked_for_occur() {
    let session = session().await;
    for tickers in [&["AAPL"][..], &["aapl", "MSFT"], &["CRYPTO:BTC"], &["ZZZZ"]] {
        for article in feed(&session, &format!("tickers={}", tickers.join(","))).await {
            for ticker in tickers {
                let ticker = ticker.to_ascii_uppercase();
                assert!(mentions(&article).any(|own| own == ticker), "{article}");
            }
        }
    }
    for article in feed(&session, "topics=technology,earnings").await {
        let topics: Vec<&str> =
            article["topics"].as_array().unwrap().iter().map(|topic| topic["topic"].as_str().unwrap()).collect();
        assert!(topics.contains(&"technology") && topics.contains(&"earnings"), "{topics:?}");
    }
}

#[tokio::test]
async fn a_window_and_an_order_can_be_asked_for() {
    let session = session().await;
    let window = "tickers=AAPL&time_from=20261101T0000&time_to=20261110T1230";
    let latest = feed(&session, &format!("{window}&limit=1000")).await;
    assert!(latest.len() > 200 && latest.len() < 1_000, "{}", latest.len());
    assert!(latest.iter().all(|article| ("20261101T000000"..="20261110T123000").contains(&published(article))));
    let mut earliest = feed(&session, &format!("{window}&limit=1000&sort=EARLIEST")).await;
    assert_eq!(earliest.iter().map(published).min(), Some(published(&earliest[0])));
    earliest.reverse();
    assert_eq!(earliest, latest);
    assert_eq!(
        feed(&session, &format!("{window}&sort=EARLIEST")).await[..],
        earliest.iter().rev().take(50).cloned().collect::<Vec<_>>()
    );
    // Fewer than 50 cannot be had, nor more than 1,000.
    assert_eq!(feed(&session, "limit=3").await.len(), 50);
    assert_eq!(feed(&session, "limit=5000").await.len(), 1_000);
    let relevant = feed(&session, "tickers=AAPL&sort=RELEVANCE").await;
    let relevance = |article: &Value| {
        article["ticker_sentiment"]
            .as_array()
            .unwrap()
            .iter()
            .find(|mention| mention["ticker"] == "AAPL")
            .map(|mention| micro(&mention["relevance_score"]))
            .unwrap()
    };
    assert!(relevant.is_sorted_by(|before, after| relevance(before) >= relevance(after)));
}

#[tokio::test]
async fn an_article_is_the_same_for_whoever_finds_it_and_later() {
    let session = session().await;
    let mut seen: BTreeMap<String, Value> = BTreeMap::new();
    for hours in [0, 1, 30] {
        session.clock.advance(hours * 3_600_000);
        for query in ["limit=1000", "tickers=AAPL&limit=1000", "tickers=MSFT&sort=EARLIEST", "topics=finance"] {
            for article in feed(&session, query).await {
                let url = article["url"].as_str().unwrap().to_owned();
                assert_eq!(*seen.entry(url).or_insert_with(|| article.clone()), article);
            }
        }
    }
    assert!(seen.len() > 2_000, "{}", seen.len());
    let other = Session::start(FRIDAY_NOON, |options| options.seed = 43).await;
    assert!(
        feed(&other, "limit=1000").await.iter().all(|article| !seen.contains_key(article["url"].as_str().unwrap()))
    );
}

#[tokio::test]
async fn wrong_inputs_and_empty_results_are_told_apart() {
    let session = Session::start(FRIDAY_NOON, |options| {
        options.plan = Plan::P1200;
        options.symbols = vec!["MSFT".parse().unwrap(), "IBM".parse().unwrap()];
        options.pairs = vec!["BTC/USD".parse().unwrap()];
        options.unknown = vec!["IBM".to_owned()];
    })
    .await;
    let invalid = "Invalid inputs. Please refer to the API documentation";
    for (parameters, words) in [
        ("tickers=AAPL", invalid),
        ("tickers=IBM", invalid),
        ("tickers=MSFT,*", invalid),
        ("tickers=CRYPTO:ETH", invalid),
        ("tickers=CRYPTO:", invalid),
        ("topics=gossip", invalid),
        ("sort=newest", invalid),
        ("limit=many", invalid),
        ("time_from=2026-11-01", invalid),
        ("time_from=20261301T0000", invalid),
        ("time_from=20261101T000", invalid),
        ("tickers=MSFT&time_from=20261120T1701", "No articles found"),
        ("time_from=20261110T0000&time_to=20261101T0000", "No articles found"),
        ("time_to=20200101T0000", "No articles found"),
    ] {
        let reply = session.query(&format!("function=NEWS_SENTIMENT&{parameters}")).await;
        assert_eq!((reply.status, reply.content_type.as_str()), (200, "application/json"));
        assert!(reply.json()["Information"].as_str().unwrap().contains(words), "{parameters}: {}", reply.body);
    }
    // Only what this simulator is about is in the news.
    for article in feed(&session, "limit=1000").await {
        assert!(mentions(&article).all(|ticker| ["MSFT", "CRYPTO:BTC"].contains(&ticker)), "{article}");
    }
    assert_eq!(feed(&session, "tickers=FOREX:USD").await.len(), 50);
    let answers = session.running.status()["calls"]["by_answer"].clone();
    assert_eq!(
        (&answers["no_articles"], &answers["unknown_symbol"], &answers["bad_request"]),
        (&3.into(), &5.into(), &6.into())
    );
}
