//! Values to text: the vendor's JSON and CSV, key by key. Nearly every number is a string.

mod market;
mod news;
mod rates;
mod shares;

use jiff::{Timestamp, tz::TimeZone};
use rust_decimal::{Decimal, RoundingStrategy};
use serde::{Serialize, Serializer, ser::SerializeMap};

use crate::{data::Data, prices::Bar};

const DATE: &str = "%Y-%m-%d";
const DATE_TIME: &str = "%Y-%m-%d %H:%M:%S";
const JSON: &str = "application/json";
/// What the vendor sends CSV as.
const CSV: &str = "application/x-download";
/// Decimals of the percentages that are shown.
const PERCENT_DECIMALS: u32 = 4;

/// JSON that keeps its keys in order; `serde_json::Map` would sort them, and bars come newest first.
enum Node {
    Text(String),
    /// A number that is not a string.
    Integer(i64),
    Float(f64),
    List(Vec<Node>),
    Object(Vec<(String, Node)>),
}

impl Serialize for Node {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) => serializer.serialize_str(text),
            Self::Integer(number) => serializer.serialize_i64(*number),
            Self::Float(number) => serializer.serialize_f64(*number),
            Self::List(nodes) => serializer.collect_seq(nodes),
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

/// An object whose values are texts.
fn object<K: Into<String>, const N: usize>(entries: [(K, String); N]) -> Node {
    Node::Object(entries.into_iter().map(|(key, text)| (key.into(), Node::Text(text))).collect())
}

/// An object of any values.
fn nodes<const N: usize>(entries: [(&str, Node); N]) -> Node {
    Node::Object(entries.into_iter().map(|(key, node)| (key.to_owned(), node)).collect())
}

fn text(text: impl Into<String>) -> Node {
    Node::Text(text.into())
}

/// A reply's content type and body. What has no CSV is JSON whatever was asked for, as at the
/// vendor; the calendar has nothing but CSV.
pub(crate) fn render(data: &Data, wants_csv: bool) -> (&'static str, String) {
    match (data, wants_csv) {
        (Data::Quote(quote), true) => (CSV, shares::quote_csv(quote)),
        (Data::Bulk(quotes), true) => (CSV, shares::bulk_csv(quotes)),
        (Data::Series(series), true) => (CSV, shares::series_csv(series)),
        (Data::Days(days), true) => (CSV, shares::days_csv(days)),
        (Data::CurrencyBars(bars), true) => (CSV, rates::bars_csv(bars)),
        (Data::CurrencyDays(days), true) => (CSV, rates::days_csv(days)),
        (Data::Calendar(reports), _) => (CSV, market::calendar_csv(reports)),
        (Data::Quote(quote), false) => (JSON, json(&shares::quote_json(quote))),
        (Data::Bulk(quotes), false) => (JSON, json(&shares::bulk_json("success", quotes))),
        (Data::Series(series), false) => (JSON, json(&shares::series_json(series))),
        (Data::Days(days), false) => (JSON, json(&shares::days_json(days))),
        (Data::CurrencyBars(bars), false) => (JSON, json(&rates::bars_json(bars))),
        (Data::CurrencyDays(days), false) => (JSON, json(&rates::days_json(days))),
        (Data::Rate(rate), _) => (JSON, json(&rates::rate_json(rate))),
        (Data::News(articles), _) => (JSON, json(&news::news_json(articles))),
        (Data::Status(markets), _) => (JSON, json(&market::status_json(markets))),
        (Data::Movers(movers), _) => (JSON, json(&market::movers_json(movers))),
    }
}

/// A bulk reply to a key that may not have one: made up, whatever was asked for.
pub(crate) fn artificial_bulk(message: &str) -> String {
    json(&shares::bulk_json(message, &shares::sample()))
}

fn json(node: &Node) -> String {
    let mut text = Vec::new();
    let indent = serde_json::ser::PrettyFormatter::with_indent(b"    ");
    // Writing strings to memory cannot fail.
    let _ = node.serialize(&mut serde_json::Serializer::with_formatter(&mut text, indent));
    String::from_utf8(text).unwrap_or_default()
}

/// A header and rows.
fn csv(header: &str, rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut text = format!("{header}\r\n");
    for row in rows {
        text.push_str(&row.join(","));
        text.push_str("\r\n");
    }
    text
}

/// A number with all of its decimals: `101.5000`.
fn decimal(units: i64, decimals: u32) -> String {
    Decimal::new(units, decimals).to_string()
}

/// A number as Python writes it: `101.5`, `101.0`.
fn float(number: Decimal) -> String {
    let number = number.normalize();
    if number.scale() == 0 { format!("{number}.0") } else { number.to_string() }
}

/// `100 * part / whole`, rounded.
fn percent(part: i64, whole: i64, decimals: u32) -> Decimal {
    let exact = (Decimal::from(part) * Decimal::ONE_HUNDRED).checked_div(Decimal::from(whole)).unwrap_or_default();
    exact.round_dp_with_strategy(decimals, RoundingStrategy::MidpointAwayFromZero)
}

/// What the vendor adds to titles of delayed data.
fn delayed(is_delayed: bool) -> &'static str {
    if is_delayed { " - DATA DELAYED BY 15 MINUTES" } else { "" }
}

fn output_size(is_full: bool) -> String {
    if is_full { "Full size" } else { "Compact" }.to_owned()
}

fn stamp(at: Timestamp, zone: &TimeZone, format: &str) -> String {
    at.to_zoned(zone.clone()).strftime(format).to_string()
}

/// The begin of the first bar, which is the newest.
fn newest(bars: &[Bar], zone: &TimeZone, format: &str) -> String {
    bars.first().map(|bar| stamp(bar.start, zone, format)).unwrap_or_default()
}

/// Bars by label: open, high, low, close, and the volume where there is one.
fn bars_node(rows: impl IntoIterator<Item = (String, [String; 4], Option<Node>)>) -> Node {
    let names = ["1. open", "2. high", "3. low", "4. close"];
    let one = |(label, prices, volume): (String, [String; 4], Option<Node>)| {
        let prices = names.into_iter().zip(prices.map(Node::Text));
        let entries = prices.chain(volume.map(|volume| ("5. volume", volume)));
        (label, Node::Object(entries.map(|(name, node)| (name.to_owned(), node)).collect()))
    };
    Node::Object(rows.into_iter().map(one).collect())
}

/// The text of a volume in CSV.
fn volume_text(volume: Node) -> String {
    match volume {
        Node::Integer(number) => number.to_string(),
        Node::Text(text) => text,
        Node::Float(_) | Node::List(_) | Node::Object(_) => String::new(),
    }
}

/// The same bars as rows.
fn bars_rows(rows: impl IntoIterator<Item = (String, [String; 4], Option<Node>)>) -> String {
    let mut rows = rows.into_iter().peekable();
    let has_volume = rows.peek().is_none_or(|(_, _, volume)| volume.is_some());
    let header = if has_volume { "timestamp,open,high,low,close,volume" } else { "timestamp,open,high,low,close" };
    csv(
        header,
        rows.map(|(label, prices, volume)| [label].into_iter().chain(prices).chain(volume.map(volume_text)).collect()),
    )
}

fn series_node(meta: Node, key: String, bars: Node) -> Node {
    Node::Object(vec![("Meta Data".to_owned(), meta), (key, bars)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_the_vendor_writes_them() {
        for (units, decimals, padded, unpadded) in [
            (1_015_000, 4, "101.5000", "101.5"),
            (1_010_000, 4, "101.0000", "101.0"),
            (2, 4, "0.0002", "0.0002"),
            (0, 4, "0.0000", "0.0"),
            (-109_300, 4, "-10.9300", "-10.93"),
        ] {
            assert_eq!(decimal(units, decimals), padded);
            assert_eq!(float(Decimal::new(units, decimals)), unpadded);
        }
        assert_eq!(float(percent(179, 1, 4)), "17900.0");
        assert_eq!(percent(-6_600, 1_127_900, 4).to_string(), "-0.5852");
        assert_eq!(percent(1, 0, 4), Decimal::ZERO);
    }
}
