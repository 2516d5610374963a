//! What happens around the market: articles, earnings dates, the status of markets, movers, alerts.
//!
//! They belong to no series of prices. Their texts are the vendor's own, kept as they are.

use std::fmt;

use jiff::{Timestamp, civil::Date};
use rust_decimal::Decimal;

use crate::{Interval, Price, Subject, Symbol, Volume};

/// How strongly an article is about something, from 0 to 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Topic {
    /// The vendor's name of the topic.
    pub name: String,
    /// From 0 to 1.
    pub relevance: Decimal,
}

/// What an article says about one instrument.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TickerSentiment {
    /// The instrument in the vendor's spelling, such as `AAPL`, `CRYPTO:BTC` or `FOREX:USD`.
    pub ticker: String,
    /// How much the article is about it, from 0 to 1.
    pub relevance: Decimal,
    /// From -1, bearish, to 1, bullish.
    pub score: Decimal,
    /// The vendor's word for the score.
    pub label: String,
}

/// An article with the vendor's opinion of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Article {
    /// Where it stands; it is what tells articles apart.
    pub url: String,
    /// Its headline.
    pub title: String,
    /// When it was published.
    pub at: Timestamp,
    /// Who wrote it.
    pub authors: Vec<String>,
    /// What it says, in short.
    pub summary: String,
    /// Where its picture stands.
    pub banner_image: Option<String>,
    /// Who published it.
    pub source: String,
    /// The publisher's domain.
    pub source_domain: Option<String>,
    /// The publisher's rubric.
    pub category: Option<String>,
    /// What it is about.
    pub topics: Vec<Topic>,
    /// From -1, bearish, to 1, bullish.
    pub sentiment_score: Option<Decimal>,
    /// The vendor's word for the score.
    pub sentiment_label: Option<String>,
    /// The instruments that it is about.
    pub tickers: Vec<TickerSentiment>,
}

/// The day on which a company reports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EarningsDate {
    /// Whose earnings.
    pub symbol: Symbol,
    /// The company's name.
    pub name: String,
    /// When it reports. Companies move it, so it is not part of the identity.
    pub report_date: Date,
    /// The last day of the period that it reports on.
    pub fiscal_date_ending: Date,
    /// Expected earnings per share, in `currency`.
    pub estimate: Option<Decimal>,
    /// The currency of the estimate.
    pub currency: Option<String>,
    /// `pre-market` or `post-market`, where the vendor says so.
    pub time_of_day: Option<String>,
}

/// Whether a market trades at the moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MarketStatus {
    /// The vendor's word: `Equity`, `Forex`, `Cryptocurrency`.
    pub market_type: String,
    /// The vendor's name of the region.
    pub region: String,
    /// Its exchanges, as the vendor lists them.
    pub primary_exchanges: String,
    /// When it opens, in its own time.
    pub local_open: Option<String>,
    /// When it closes, in its own time. The vendor writes 16:15 for the United States.
    pub local_close: Option<String>,
    /// Whether it is open.
    pub is_open: bool,
    /// The vendor's remarks.
    pub notes: Option<String>,
    /// The day in UTC on which the vendor said so; the reply has no time of its own.
    pub seen_on: Date,
}

/// One row of the list of movers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mover {
    /// Which list: `top_gainers`, `top_losers` or `most_actively_traded`.
    pub list: MoverList,
    /// Its place in the list, from 1.
    pub rank: u32,
    /// Who moved.
    pub symbol: Symbol,
    /// When the list was made.
    pub at: Timestamp,
    /// The latest price.
    pub price: Price,
    /// Price less previous close.
    pub change: Decimal,
    /// Change in percent of the previous close. 17,900 is real: warrants move so.
    pub change_percent: Decimal,
    /// Shares traded.
    pub volume: Volume,
}

/// The lists of movers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum MoverList {
    /// Those that rose most.
    TopGainers,
    /// Those that fell most.
    TopLosers,
    /// Those that changed hands most.
    MostActivelyTraded,
}

impl MoverList {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::TopGainers, Self::TopLosers, Self::MostActivelyTraded];

    /// The word in replies and records.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TopGainers => "top_gainers",
            Self::TopLosers => "top_losers",
            Self::MostActivelyTraded => "most_actively_traded",
        }
    }
}

impl fmt::Display for MoverList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Something that somebody should look at.
#[derive(Debug, Clone, PartialEq)]
pub struct Alert {
    /// What kind, in snake case: `price_spike`.
    pub kind: &'static str,
    /// `low` or `high`.
    pub severity: &'static str,
    /// What it is about.
    pub subject: Subject,
    /// The event time of the fact that raised it.
    pub at: Timestamp,
    /// The length of the bar that raised it, if it was one.
    pub interval: Option<Interval>,
    /// The rule that it is about, where people set it.
    pub rule: Option<String>,
    /// What was seen.
    pub value: f64,
    /// What would still have been usual, or what the rule compares with.
    pub threshold: f64,
    /// The alert in a sentence.
    pub text: String,
}

/// Something that happened around the market.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// An article.
    Article(Article),
    /// The day on which a company reports.
    EarningsDate(EarningsDate),
    /// Whether a market trades.
    MarketStatus(MarketStatus),
    /// A row of the list of movers.
    Mover(Mover),
    /// Something that somebody should look at.
    Alert(Alert),
}

impl Event {
    /// When it happened: an article's publication, the end of the period that is reported on, the day of a
    /// status, the time of a list, the time of what raised an alert. Days count from midnight UTC.
    pub fn event_time(&self) -> Timestamp {
        let midnight = |day: Date| {
            let zoned = day.to_zoned(jiff::tz::TimeZone::UTC);
            zoned.map_or(Timestamp::UNIX_EPOCH, |zoned| zoned.timestamp())
        };
        match self {
            Self::Article(article) => article.at,
            Self::EarningsDate(date) => midnight(date.fiscal_date_ending),
            Self::MarketStatus(status) => midnight(status.seen_on),
            Self::Mover(mover) => mover.at,
            Self::Alert(alert) => alert.at,
        }
    }

    /// The instrument that it is about, if it is about exactly one.
    pub fn subject(&self) -> Option<Subject> {
        match self {
            Self::Article(_) | Self::MarketStatus(_) => None,
            Self::EarningsDate(date) => Some(Subject::Equity(date.symbol.clone())),
            Self::Mover(mover) => Some(Subject::Equity(mover.symbol.clone())),
            Self::Alert(alert) => Some(alert.subject.clone()),
        }
    }

    /// What tells it from others of its kind at the same time.
    pub fn entity(&self) -> String {
        match self {
            Self::Article(article) => article.url.clone(),
            Self::EarningsDate(date) => date.symbol.to_string(),
            Self::MarketStatus(status) => format!("{}|{}", status.market_type, status.region),
            Self::Mover(mover) => format!("{}|{}", mover.list, mover.symbol),
            Self::Alert(alert) => match &alert.rule {
                Some(rule) => format!("{}|{}|{rule}", alert.kind, alert.subject),
                None => format!("{}|{}", alert.kind, alert.subject),
            },
        }
    }
}
