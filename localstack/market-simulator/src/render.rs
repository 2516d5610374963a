//! Values to text: the vendor's JSON and CSV, key by key. Every number is a string.

use jiff::{Timestamp, tz::TimeZone};
use market::session;
use rust_decimal::{Decimal, RoundingStrategy};
use serde::{Serialize, Serializer, ser::SerializeMap};

use crate::{
    currencies,
    data::{Daily, Data, Quote, Rate, Series},
    prices::{Bar, CURRENCY_DECIMALS, EQUITY_DECIMALS},
};

const DATE: &str = "%Y-%m-%d";
const DATE_TIME: &str = "%Y-%m-%d %H:%M:%S";
const JSON: &str = "application/json";
/// What the vendor sends CSV as.
const CSV: &str = "application/x-download";

/// JSON that keeps its keys in order; `serde_json::Map` would sort them, and bars come newest first.
enum Node {
    Text(String),
    Object(Vec<(String, Node)>),
}

impl Serialize for Node {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) => serializer.serialize_str(text),
            Self::Object(entries) => {
                let mut map = serializer.serialize_map(Some(entries.len()))?;
                for (key, value) in entries {
                    map.serialize_entry(key, value)?;
                }
                map.end()
            }
        }
    }
}

fn object<K: Into<String>, const N: usize>(entries: [(K, String); N]) -> Node {
    Node::Object(entries.into_iter().map(|(key, text)| (key.into(), Node::Text(text))).collect())
}

/// A reply's content type and body. Rates have no CSV: the vendor answers with JSON all the same.
pub(crate) fn render(data: &Data, wants_csv: bool) -> (&'static str, String) {
    match (data, wants_csv) {
        (Data::Quote(quote), true) => (CSV, quote_csv(quote)),
        (Data::Series(series), true) => (CSV, bars_csv(&series.bars, Style::EQUITY)),
        (Data::Daily(daily), true) => (CSV, bars_csv(&daily.bars, Style::CURRENCY)),
        (Data::Quote(quote), false) => (JSON, json(&quote_json(quote))),
        (Data::Series(series), false) => (JSON, json(&series_json(series))),
        (Data::Daily(daily), false) => (JSON, json(&daily_json(daily))),
        (Data::Rate(rate), _) => (JSON, json(&rate_json(rate))),
    }
}

fn json(node: &Node) -> String {
    let mut text = Vec::new();
    let indent = serde_json::ser::PrettyFormatter::with_indent(b"    ");
    // Writing strings to memory cannot fail.
    let _ = node.serialize(&mut serde_json::Serializer::with_formatter(&mut text, indent));
    String::from_utf8(text).unwrap_or_default()
}

fn decimal(units: i64, decimals: u32) -> String {
    Decimal::new(units, decimals).to_string()
}

fn price(units: i64) -> String {
    decimal(units, EQUITY_DECIMALS)
}

/// The ten values of a quote, in the order that JSON and CSV share.
fn quote_values(quote: &Quote) -> [String; 10] {
    let Quote { symbol, day, bar, previous_close, .. } = quote;
    let change = bar.close - previous_close;
    let mut percent = (Decimal::from(change) * Decimal::ONE_HUNDRED / Decimal::from(*previous_close))
        .round_dp_with_strategy(EQUITY_DECIMALS, RoundingStrategy::MidpointAwayFromZero);
    percent.rescale(EQUITY_DECIMALS);
    [
        symbol.clone(),
        price(bar.open),
        price(bar.high),
        price(bar.low),
        price(bar.close),
        bar.volume.to_string(),
        day.to_string(),
        price(*previous_close),
        price(change),
        format!("{percent}%"),
    ]
}

fn quote_json(quote: &Quote) -> Node {
    let names = [
        "01. symbol",
        "02. open",
        "03. high",
        "04. low",
        "05. price",
        "06. volume",
        "07. latest trading day",
        "08. previous close",
        "09. change",
        "10. change percent",
    ];
    let values = names.into_iter().zip(quote_values(quote));
    let values = values.map(|(name, value)| (name.to_owned(), Node::Text(value))).collect();
    Node::Object(vec![(format!("Global Quote{}", delayed(quote.is_delayed)), Node::Object(values))])
}

fn quote_csv(quote: &Quote) -> String {
    let header = "symbol,open,high,low,price,volume,latestDay,previousClose,change,changePercent";
    format!("{header}\r\n{}\r\n", quote_values(quote).join(","))
}

/// What the vendor adds to titles of delayed data.
fn delayed(is_delayed: bool) -> &'static str {
    if is_delayed { " - DATA DELAYED BY 15 MINUTES" } else { "" }
}

/// How bars are written.
#[derive(Clone)]
struct Style {
    zone: fn() -> TimeZone,
    format: &'static str,
    prices: u32,
    volumes: u32,
}

impl Style {
    const EQUITY: Self = Self { zone: session::new_york, format: DATE_TIME, prices: EQUITY_DECIMALS, volumes: 0 };
    const CURRENCY: Self =
        Self { zone: || TimeZone::UTC, format: DATE, prices: CURRENCY_DECIMALS, volumes: CURRENCY_DECIMALS };

    /// Label, open, high, low, close, volume.
    fn values<'a>(self, bars: &'a [Bar]) -> impl Iterator<Item = (String, [String; 5])> + 'a {
        let zone = (self.zone)();
        bars.iter().map(move |bar| {
            let prices = [bar.open, bar.high, bar.low, bar.close].map(|units| decimal(units, self.prices));
            let [open, high, low, close] = prices;
            (stamp(bar.start, &zone, self.format), [open, high, low, close, decimal(bar.volume, self.volumes)])
        })
    }
}

fn stamp(at: Timestamp, zone: &TimeZone, format: &str) -> String {
    at.to_zoned(zone.clone()).strftime(format).to_string()
}

fn bars_json(bars: &[Bar], style: Style) -> Node {
    let names = ["1. open", "2. high", "3. low", "4. close", "5. volume"];
    let one = |(label, values): (String, [String; 5])| {
        (label, Node::Object(names.into_iter().map(str::to_owned).zip(values.map(Node::Text)).collect()))
    };
    Node::Object(style.values(bars).map(one).collect())
}

fn bars_csv(bars: &[Bar], style: Style) -> String {
    let mut text = "timestamp,open,high,low,close,volume\r\n".to_owned();
    for (label, values) in style.values(bars) {
        text.push_str(&label);
        for value in values {
            text.push(',');
            text.push_str(&value);
        }
        text.push_str("\r\n");
    }
    text
}

fn series_json(series: &Series) -> Node {
    let Series { symbol, is_delayed, interval, is_full, bars } = series;
    let newest = bars.first().map(|bar| stamp(bar.start, &session::new_york(), DATE_TIME)).unwrap_or_default();
    let title = format!("Intraday ({interval}) open, high, low, close prices and volume{}", delayed(*is_delayed));
    let meta = object([
        ("1. Information", title),
        ("2. Symbol", symbol.clone()),
        ("3. Last Refreshed", newest),
        ("4. Interval", interval.to_string()),
        ("5. Output Size", if *is_full { "Full size" } else { "Compact" }.to_owned()),
        ("6. Time Zone", "US/Eastern".to_owned()),
    ]);
    Node::Object(vec![
        ("Meta Data".to_owned(), meta),
        (format!("Time Series ({interval})"), bars_json(bars, Style::EQUITY)),
    ])
}

fn daily_json(daily: &Daily) -> Node {
    let Daily { pair, bars } = daily;
    let (base, quote) = (pair.base.as_str(), pair.quote.as_str());
    let today = bars.first().map(|bar| stamp(bar.start, &TimeZone::UTC, DATE_TIME)).unwrap_or_default();
    let meta = object([
        ("1. Information", "Daily Prices and Volumes for Digital Currency".to_owned()),
        ("2. Digital Currency Code", base.to_owned()),
        ("3. Digital Currency Name", currencies::name(base).to_owned()),
        ("4. Market Code", quote.to_owned()),
        ("5. Market Name", currencies::name(quote).to_owned()),
        ("6. Last Refreshed", today),
        ("7. Time Zone", "UTC".to_owned()),
    ]);
    Node::Object(vec![
        ("Meta Data".to_owned(), meta),
        ("Time Series (Digital Currency Daily)".to_owned(), bars_json(bars, Style::CURRENCY)),
    ])
}

fn rate_json(rate: &Rate) -> Node {
    let (base, quote) = (rate.pair.base.as_str(), rate.pair.quote.as_str());
    let values = object([
        ("1. From_Currency Code", base.to_owned()),
        ("2. From_Currency Name", currencies::name(base).to_owned()),
        ("3. To_Currency Code", quote.to_owned()),
        ("4. To_Currency Name", currencies::name(quote).to_owned()),
        ("5. Exchange Rate", decimal(rate.rate, CURRENCY_DECIMALS)),
        ("6. Last Refreshed", stamp(rate.at, &TimeZone::UTC, DATE_TIME)),
        ("7. Time Zone", "UTC".to_owned()),
        ("8. Bid Price", decimal(rate.bid, CURRENCY_DECIMALS)),
        ("9. Ask Price", decimal(rate.ask, CURRENCY_DECIMALS)),
    ]);
    Node::Object(vec![("Realtime Currency Exchange Rate".to_owned(), values)])
}
