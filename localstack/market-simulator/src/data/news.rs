//! News: each hour every ticker has one article of its own, which others may occur in.
//!
//! An article is a pure function of seed, ticker and hour, whoever finds it, so the same address
//! always stands for the same words.

use jiff::{SignedDuration, Timestamp, civil::DateTime, tz::TimeZone};

use super::{NoData, World};
use crate::{
    function::Query,
    seeded::{Kind, draw, key, mix, pick},
};

const HOUR: i64 = 3_600;
/// How far back articles are kept.
const ARCHIVE: SignedDuration = SignedDuration::from_hours(365 * 24);
/// Articles in a reply. A smaller `limit` changes nothing at the vendor (alphavantage/alpha_vantage_mcp#6).
const LIMIT_MIN: usize = 50;
const LIMIT_MAX: usize = 1_000;
/// Scores and relevances are in millionths.
const ONE: i64 = 1_000_000;
/// How `time_from` and `time_to` are written.
const MINUTE: &str = "%Y%m%dT%H%M";

/// What articles are about, in the vendor's words.
const TOPICS: [&str; 15] = [
    "blockchain",
    "earnings",
    "economy_fiscal",
    "economy_macro",
    "economy_monetary",
    "energy_transportation",
    "finance",
    "financial_markets",
    "ipo",
    "life_sciences",
    "manufacturing",
    "mergers_and_acquisitions",
    "real_estate",
    "retail_wholesale",
    "technology",
];

/// A ticker in an article, with numbers in millionths.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mention {
    pub(crate) ticker: String,
    pub(crate) relevance: i64,
    pub(crate) score: i64,
}

/// An article, without its words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Article {
    /// What its words and its address are drawn from.
    pub(crate) key: u64,
    pub(crate) at: Timestamp,
    /// Topics and how relevant they are.
    pub(crate) topics: Vec<(&'static str, i64)>,
    pub(crate) score: i64,
    /// The article's own ticker comes first.
    pub(crate) mentions: Vec<Mention>,
}

/// Which articles come first.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sort {
    Latest,
    Earliest,
    Relevance,
}

impl World {
    pub(super) fn news(&self, query: &Query, now: Timestamp) -> Result<Vec<Article>, NoData> {
        let bad = NoData::BadRequest;
        let tickers: Vec<String> =
            query.list("tickers").map(|asked| self.news_ticker(asked)).collect::<Result<_, _>>()?;
        let topics: Vec<&str> = query.list("topics").collect();
        if topics.iter().any(|topic| !TOPICS.contains(topic)) {
            return Err(bad);
        }
        let sort = match query.get("sort") {
            None | Some("LATEST") => Sort::Latest,
            Some("EARLIEST") => Sort::Earliest,
            Some("RELEVANCE") => Sort::Relevance,
            Some(_) => return Err(bad),
        };
        let limit = query.get("limit").map_or(Ok(LIMIT_MIN), str::parse::<usize>).map_err(|_| bad)?;
        let limit = limit.clamp(LIMIT_MIN, LIMIT_MAX);
        let (from, to) = (moment(query, "time_from")?, moment(query, "time_to")?);
        let (from, to) = (from.unwrap_or(Timestamp::MIN).max(now - ARCHIVE), to.unwrap_or(now).min(now));

        let known = self.in_the_news();
        let mut homes = known.clone();
        homes.extend(tickers.iter().cloned());
        homes.sort_unstable();
        homes.dedup();
        let is_wanted = |article: &Article| {
            from <= article.at
                && article.at <= to
                && tickers.iter().all(|ticker| article.mentions.iter().any(|mention| mention.ticker == *ticker))
                && topics.iter().all(|topic| article.topics.iter().any(|(own, _)| own == topic))
        };
        let hour = |hour: i64| {
            let mut articles: Vec<Article> =
                homes.iter().map(|home| article(self.seed, home, &known, hour)).filter(&is_wanted).collect();
            articles.sort_by_key(|article| (std::cmp::Reverse(article.at), article.key));
            articles
        };
        let hours = from.as_second().div_euclid(HOUR)..=to.as_second().div_euclid(HOUR);
        let mut found: Vec<Article> = match sort {
            Sort::Earliest => hours.flat_map(|at| hour(at).into_iter().rev()).take(limit).collect(),
            Sort::Latest => hours.rev().flat_map(hour).take(limit).collect(),
            // Of what is new; nobody asks for the most relevant one of a year.
            Sort::Relevance => hours.rev().flat_map(hour).take(LIMIT_MAX).collect(),
        };
        if sort == Sort::Relevance {
            let relevance = |article: &Article| {
                let of_ticker = |mention: &&Mention| tickers.first().is_none_or(|ticker| *ticker == mention.ticker);
                article.mentions.iter().find(of_ticker).map(|mention| mention.relevance)
            };
            found.sort_by_key(|article| std::cmp::Reverse(relevance(article)));
            found.truncate(limit);
        }
        if found.is_empty() { Err(NoData::NoArticles) } else { Ok(found) }
    }
}

/// A parameter that is a minute in UTC.
fn moment(query: &Query, name: &str) -> Result<Option<Timestamp>, NoData> {
    let read = |text: &str| {
        // Without this, fewer digits would do for a month or an hour.
        let local = DateTime::strptime(MINUTE, text).ok().filter(|_| text.len() == 13)?;
        TimeZone::UTC.to_timestamp(local).ok()
    };
    query.get(name).map(|text| read(text).ok_or(NoData::BadRequest)).transpose()
}

/// The article of a ticker in an hour since 1970.
fn article(seed: u64, home: &str, known: &[String], hour: i64) -> Article {
    let key = mix(key(seed, Kind::News, home) ^ mix(hour as u64));
    let score = draw(key, 1, 1_200_001) - 600_000;
    let mut mentions = vec![Mention { ticker: home.to_owned(), relevance: 600_000 + draw(key, 2, 400_001), score }];
    for number in 0..draw(key, 3, 4) as u64 {
        let Some(ticker) = pick(key, 10 + number, known) else { break };
        if mentions.iter().all(|mention| mention.ticker != *ticker) {
            mentions.push(Mention {
                ticker: ticker.clone(),
                relevance: 50_000 + draw(key, 20 + number, 800_001),
                score: (score + draw(key, 30 + number, 800_001) - 400_000).clamp(-ONE, ONE),
            });
        }
    }
    let mut topics: Vec<(&'static str, i64)> = Vec::new();
    for number in 0..=draw(key, 4, 3) as u64 {
        if let Some(topic) = pick(key, 40 + number, &TOPICS)
            && topics.iter().all(|(other, _)| other != topic)
        {
            topics.push((topic, 600_000 + draw(key, 50 + number, 350_000)));
        }
    }
    let at = Timestamp::from_second(hour * HOUR + draw(key, 5, HOUR as u64)).unwrap_or_default();
    Article { key, at, topics, score, mentions }
}
