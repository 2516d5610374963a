//! Rates, bars and days of currencies.

use jiff::tz::TimeZone;
use rust_decimal::{Decimal, RoundingStrategy};

use super::{
    DATE, DATE_TIME, Node, bars_node, bars_rows, decimal, newest, object, output_size, series_node, stamp, text,
};
use crate::{
    currencies,
    data::{CurrencyBars, CurrencyDays, Rate},
    hours::never_rests,
    prices::CURRENCY_DECIMALS,
};

const UTC: &str = "UTC";

pub(super) fn rate_json(rate: &Rate) -> Node {
    let (base, quote) = (rate.pair.base.as_str(), rate.pair.quote.as_str());
    let values = object([
        ("1. From_Currency Code", base.to_owned()),
        ("2. From_Currency Name", currencies::name(base).to_owned()),
        ("3. To_Currency Code", quote.to_owned()),
        ("4. To_Currency Name", currencies::name(quote).to_owned()),
        ("5. Exchange Rate", decimal(rate.rate, CURRENCY_DECIMALS)),
        ("6. Last Refreshed", stamp(rate.at, &TimeZone::UTC, DATE_TIME)),
        ("7. Time Zone", UTC.to_owned()),
        ("8. Bid Price", decimal(rate.bid, CURRENCY_DECIMALS)),
        ("9. Ask Price", decimal(rate.ask, CURRENCY_DECIMALS)),
    ]);
    Node::Object(vec![("Realtime Currency Exchange Rate".to_owned(), values)])
}

/// A rate with fewer decimals than it has, but still all of those.
fn rounded(units: i64, decimals: u32) -> String {
    let strategy = RoundingStrategy::MidpointAwayFromZero;
    Decimal::new(units, CURRENCY_DECIMALS).round_dp_with_strategy(decimals, strategy).to_string()
}

/// Only digital currencies have a volume: whole units, and a number where all others are texts.
fn rows(bars: &CurrencyBars) -> impl Iterator<Item = (String, [String; 4], Option<Node>)> + '_ {
    let has_volume = never_rests(&bars.pair);
    bars.bars.iter().map(move |bar| {
        let prices = [bar.open, bar.high, bar.low, bar.close].map(|units| rounded(units, bars.decimals));
        let volume = Node::Integer(bar.volume / 10_i64.pow(CURRENCY_DECIMALS));
        (stamp(bar.start, &TimeZone::UTC, DATE_TIME), prices, has_volume.then_some(volume))
    })
}

pub(super) fn bars_csv(bars: &CurrencyBars) -> String {
    bars_rows(rows(bars))
}

pub(super) fn bars_json(series: &CurrencyBars) -> Node {
    let CurrencyBars { pair, interval, is_full, bars, .. } = series;
    let (base, quote) = (pair.base.as_str(), pair.quote.as_str());
    let refreshed = newest(bars, &TimeZone::UTC, DATE_TIME);
    let (meta, kind) = if never_rests(pair) {
        let meta = object([
            ("1. Information", format!("Crypto Intraday ({interval}) Time Series")),
            ("2. Digital Currency Code", base.to_owned()),
            ("3. Digital Currency Name", currencies::name(base).to_owned()),
            ("4. Market Code", quote.to_owned()),
            ("5. Market Name", currencies::name(quote).to_owned()),
            ("6. Last Refreshed", refreshed),
            ("7. Interval", interval.to_string()),
            ("8. Output Size", output_size(*is_full)),
            ("9. Time Zone", UTC.to_owned()),
        ]);
        (meta, "Crypto")
    } else {
        let meta = object([
            ("1. Information", format!("FX Intraday ({interval}) Time Series")),
            ("2. From Symbol", base.to_owned()),
            ("3. To Symbol", quote.to_owned()),
            ("4. Last Refreshed", refreshed),
            ("5. Interval", interval.to_string()),
            ("6. Output Size", output_size(*is_full)),
            ("7. Time Zone", UTC.to_owned()),
        ]);
        (meta, "FX")
    };
    series_node(meta, format!("Time Series {kind} ({interval})"), bars_node(rows(series)))
}

fn day_rows(days: &CurrencyDays) -> impl Iterator<Item = (String, [String; 4], Option<Node>)> + '_ {
    days.bars.iter().map(|bar| {
        let prices = [bar.open, bar.high, bar.low, bar.close].map(|units| decimal(units, CURRENCY_DECIMALS));
        (stamp(bar.start, &TimeZone::UTC, DATE), prices, Some(text(decimal(bar.volume, CURRENCY_DECIMALS))))
    })
}

pub(super) fn days_csv(days: &CurrencyDays) -> String {
    bars_rows(day_rows(days))
}

pub(super) fn days_json(days: &CurrencyDays) -> Node {
    let (base, quote) = (days.pair.base.as_str(), days.pair.quote.as_str());
    let meta = object([
        ("1. Information", "Daily Prices and Volumes for Digital Currency".to_owned()),
        ("2. Digital Currency Code", base.to_owned()),
        ("3. Digital Currency Name", currencies::name(base).to_owned()),
        ("4. Market Code", quote.to_owned()),
        ("5. Market Name", currencies::name(quote).to_owned()),
        ("6. Last Refreshed", newest(&days.bars, &TimeZone::UTC, DATE_TIME)),
        ("7. Time Zone", UTC.to_owned()),
    ]);
    series_node(meta, "Time Series (Digital Currency Daily)".to_owned(), bars_node(day_rows(days)))
}
