//! Quotes, bars and trading days of shares.

use jiff::Timestamp;
use market::session;
use rust_decimal::Decimal;

use super::{
    DATE_TIME, Node, PERCENT_DECIMALS, bars_node, bars_rows, csv, decimal, delayed, float, newest, object, output_size,
    percent, series_node, stamp, text,
};
use crate::{
    data::{BulkQuote, Days, Quote, Series, ShareDay},
    prices::{Bar, EQUITY_DECIMALS},
};

/// Decimals of a bulk quote's percentage outside of the regular session.
const EXTENDED_PERCENT_DECIMALS: u32 = 5;
const MILLISECONDS: &str = "%Y-%m-%d %H:%M:%S%.3f";
const EASTERN: &str = "US/Eastern";

fn price(units: i64) -> String {
    decimal(units, EQUITY_DECIMALS)
}

fn short_price(units: i64) -> String {
    float(Decimal::new(units, EQUITY_DECIMALS))
}

const QUOTE_NAMES: [&str; 10] = [
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

/// The ten values of a quote, in the order that JSON and CSV share.
fn quote_values(quote: &Quote) -> [String; 10] {
    let Quote { symbol, day, bar, previous_close, .. } = quote;
    let change = bar.close - previous_close;
    let mut change_percent = percent(change, *previous_close, PERCENT_DECIMALS);
    change_percent.rescale(PERCENT_DECIMALS);
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
        format!("{change_percent}%"),
    ]
}

pub(super) fn quote_json(quote: &Quote) -> Node {
    let values = QUOTE_NAMES.into_iter().zip(quote_values(quote));
    let values = values.map(|(name, value)| (name.to_owned(), text(value))).collect();
    Node::Object(vec![(format!("Global Quote{}", delayed(quote.is_delayed)), Node::Object(values))])
}

pub(super) fn quote_csv(quote: &Quote) -> String {
    let header = "symbol,open,high,low,price,volume,latestDay,previousClose,change,changePercent";
    csv(header, [quote_values(quote).to_vec()])
}

const BULK_NAMES: [&str; 13] = [
    "symbol",
    "timestamp",
    "open",
    "high",
    "low",
    "close",
    "volume",
    "previous_close",
    "change",
    "change_percent",
    "extended_hours_quote",
    "extended_hours_change",
    "extended_hours_change_percent",
];

fn bulk_values(quote: &BulkQuote) -> [String; 13] {
    let BulkQuote { symbol, at, bar, previous_close, extended } = quote;
    let (change, extended_change) = (bar.close - previous_close, extended - bar.close);
    [
        symbol.clone(),
        stamp(*at, &session::new_york(), MILLISECONDS),
        short_price(bar.open),
        short_price(bar.high),
        short_price(bar.low),
        short_price(bar.close),
        bar.volume.to_string(),
        short_price(*previous_close),
        short_price(change),
        float(percent(change, *previous_close, PERCENT_DECIMALS)),
        short_price(*extended),
        short_price(extended_change),
        float(percent(extended_change, bar.close, EXTENDED_PERCENT_DECIMALS)),
    ]
}

pub(super) fn bulk_json(message: &str, quotes: &[BulkQuote]) -> Node {
    let quote = |quote: &BulkQuote| {
        let values = BULK_NAMES.into_iter().zip(bulk_values(quote));
        Node::Object(values.map(|(name, value)| (name.to_owned(), text(value))).collect())
    };
    Node::Object(vec![
        ("endpoint".to_owned(), text("Realtime Bulk Quotes")),
        ("message".to_owned(), text(message)),
        ("data".to_owned(), Node::List(quotes.iter().map(quote).collect())),
    ])
}

/// No recorded reply shows the CSV; the names are those of the JSON.
pub(super) fn bulk_csv(quotes: &[BulkQuote]) -> String {
    csv(&BULK_NAMES.join(","), quotes.iter().map(|quote| bulk_values(quote).to_vec()))
}

/// Quotes that nobody ever paid, of shares that a client may well have asked for.
pub(super) fn sample() -> Vec<BulkQuote> {
    let quote = |symbol: &str, millisecond: i64, prices: [i64; 4], volume: i64, previous_close: i64, extended: i64| {
        let at = Timestamp::from_millisecond(1_729_295_990_000 + millisecond).unwrap_or_default();
        let [open, high, low, close] = prices;
        let bar = Bar { start: at, open, high, low, close, volume };
        BulkQuote { symbol: symbol.to_owned(), at, bar, previous_close, extended }
    };
    vec![
        quote("MSFT", 5_123, [4_100_000, 4_155_000, 4_088_100, 4_121_200], 16_203_405, 4_109_800, 4_120_000),
        quote("AAPL", 7_901, [2_300_500, 2_331_000, 2_299_900, 2_328_400], 40_506_070, 2_310_300, 2_327_700),
        quote("IBM", 64, [2_280_000, 2_291_500, 2_270_100, 2_276_600], 3_405_060, 2_285_700, 2_278_100),
    ]
}

fn rows(bars: &[Bar]) -> impl Iterator<Item = (String, [String; 4], Option<Node>)> + '_ {
    let zone = session::new_york();
    bars.iter().map(move |bar| {
        let prices = [bar.open, bar.high, bar.low, bar.close].map(price);
        (stamp(bar.start, &zone, DATE_TIME), prices, Some(text(bar.volume.to_string())))
    })
}

pub(super) fn series_csv(series: &Series) -> String {
    bars_rows(rows(&series.bars))
}

pub(super) fn series_json(series: &Series) -> Node {
    let Series { symbol, is_delayed, interval, is_full, bars } = series;
    let title = format!("Intraday ({interval}) open, high, low, close prices and volume{}", delayed(*is_delayed));
    let meta = object([
        ("1. Information", title),
        ("2. Symbol", symbol.clone()),
        ("3. Last Refreshed", newest(bars, &session::new_york(), DATE_TIME)),
        ("4. Interval", interval.to_string()),
        ("5. Output Size", output_size(*is_full)),
        ("6. Time Zone", EASTERN.to_owned()),
    ]);
    series_node(meta, format!("Time Series ({interval})"), bars_node(rows(bars)))
}

/// The values of an adjusted day, in the order that JSON and CSV share. Nobody pays dividends here.
fn adjusted_values(day: &ShareDay) -> [String; 8] {
    [
        short_price(day.bar.open),
        short_price(day.bar.high),
        short_price(day.bar.low),
        short_price(day.bar.close),
        short_price(day.adjusted_close),
        day.bar.volume.to_string(),
        "0.0000".to_owned(),
        float(Decimal::from(day.split_coefficient)),
    ]
}

/// Days as they were traded.
fn day_rows(days: &[ShareDay]) -> impl Iterator<Item = (String, [String; 4], Option<Node>)> + '_ {
    days.iter().map(|ShareDay { date, bar, .. }| {
        (date.to_string(), [bar.open, bar.high, bar.low, bar.close].map(price), Some(text(bar.volume.to_string())))
    })
}

pub(super) fn days_csv(days: &Days) -> String {
    if !days.is_adjusted {
        return bars_rows(day_rows(&days.days));
    }
    let header = "timestamp,open,high,low,close,adjusted_close,volume,dividend_amount,split_coefficient";
    csv(header, days.days.iter().map(|day| [day.date.to_string()].into_iter().chain(adjusted_values(day)).collect()))
}

pub(super) fn days_json(days: &Days) -> Node {
    let Days { symbol, is_delayed, is_full, is_adjusted, days } = days;
    let title = if *is_adjusted {
        "Daily Time Series with Splits and Dividend Events"
    } else {
        "Daily Prices (open, high, low, close) and Volumes"
    };
    let meta = object([
        ("1. Information", format!("{title}{}", delayed(*is_delayed))),
        ("2. Symbol", symbol.clone()),
        ("3. Last Refreshed", days.first().map(|day| day.date.to_string()).unwrap_or_default()),
        ("4. Output Size", output_size(*is_full)),
        ("5. Time Zone", EASTERN.to_owned()),
    ]);
    let bars = if *is_adjusted {
        let names = [
            "1. open",
            "2. high",
            "3. low",
            "4. close",
            "5. adjusted close",
            "6. volume",
            "7. dividend amount",
            "8. split coefficient",
        ];
        let one = |day: &ShareDay| {
            let values = names.into_iter().zip(adjusted_values(day));
            (day.date.to_string(), Node::Object(values.map(|(name, value)| (name.to_owned(), text(value))).collect()))
        };
        Node::Object(days.iter().map(one).collect())
    } else {
        bars_node(day_rows(days))
    };
    series_node(meta, "Time Series (Daily)".to_owned(), bars)
}
