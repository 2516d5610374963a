//! GLOBAL_QUOTE: a row becomes the quote of a trading day.

use market::{Decimal, Fact, Flag, Freshness, Observation, Ohlc, Price, Quote, Symbol, session};

use crate::{Context, Reading, Reason, Rejected, Verdict, field::Row, freshness, number, time};

/// How far the change may be from price less previous close, in units of the price.
pub const CHANGE_TOLERANCE: Decimal = Decimal::from_parts(1, 0, 0, false, 4);

/// How far the change in percent may be from the one computed, in percentage points. The vendor rounds to 0.0001.
pub const PERCENT_TOLERANCE: Decimal = Decimal::from_parts(1, 0, 0, false, 3);

/// Reads the quotes of a reply: one, unless a CSV has more lines.
pub(crate) fn read(symbol: &Symbol, rows: Vec<Row<'_>>, marks: &[&str], context: &Context) -> Reading {
    for row in &rows {
        match row.text("symbol") {
            Ok(Some(name)) if name.eq_ignore_ascii_case(symbol.as_str()) => {}
            Ok(Some(name)) => return Reading::wrong(symbol.as_str(), name),
            Ok(None) => return Reading::without_data(Verdict::UnknownShape, "the quote does not name its symbol"),
            Err(reason) => return Reading::without_data(Verdict::UnknownShape, format!("the quote: {reason}")),
        }
    }
    let freshness = freshness(context.entitlement, marks);
    let (mut observations, mut rejected) = (Vec::new(), Vec::new());
    for row in rows {
        match quote(symbol, &row, freshness, context) {
            Ok(observation) => observations.push(observation),
            Err(reason) => rejected.push(Rejected { reason, payload: row.payload() }),
        }
    }
    Reading::data(observations, rejected)
}

fn quote(symbol: &Symbol, row: &Row<'_>, freshness: Freshness, context: &Context) -> Result<Observation, Reason> {
    let price = |name: &'static str| number::price(name, row.required(name)?);
    let decimal = |name: &'static str| row.text(name)?.map(|text| number::decimal(name, text)).transpose();
    let prices = Ohlc::new(price("open")?, price("high")?, price("low")?, price("price")?)?;
    let volume = number::volume("volume", row.required("volume")?)?;
    // The vendor writes a previous close of 0 where there is none.
    let previous_close = match decimal("previous close")? {
        Some(value) if !value.is_zero() => {
            Some(Price::new(value).map_err(|error| Reason::Number { field: "previous close", error })?)
        }
        _ => None,
    };
    let change = decimal("change")?;
    let percent = row.text("change percent")?.map(|text| text.strip_suffix('%').unwrap_or(text).trim_end());
    let percent = percent.map(|text| number::decimal("change percent", text)).transpose()?;
    let change_percent = previous_close.and(percent);
    if let (Some(previous), Some(change)) = (previous_close, change) {
        check_change(prices.close().get(), previous.get(), change, change_percent)?;
    }

    let now = context.now;
    let day = time::day(row.required("latest trading day")?)?;
    time::not_too_early(day)?;
    let today = session::new_york_date(now.saturating_add(time::CLOCK_SKEW).unwrap_or(now));
    if day > today {
        return Err(Reason::FutureDay { day, today });
    }
    let (_, close) = session::session(day, session::Hours::Regular).ok_or(Reason::Weekend(day))?;
    let settle = if freshness == Freshness::Eod { jiff::SignedDuration::ZERO } else { session::SETTLE };
    let is_final = now.duration_since(close) >= settle;

    let mut flags = Vec::new();
    if session::trading_days_between(day, session::latest_trading_day(now)) > 1 {
        flags.push(Flag::Stale);
    }
    if prices.is_rounded() {
        flags.push(Flag::Rounded);
    }
    let symbol = symbol.clone();
    let quote = Quote {
        symbol,
        trading_day: day,
        prices,
        previous_close,
        change,
        change_percent,
        volume,
        freshness,
        is_final,
        quoted_at: None,
        extended_hours: None,
    };
    Ok(Observation { fact: Fact::Quote(quote), flags })
}

fn check_change(price: Decimal, previous: Decimal, change: Decimal, percent: Option<Decimal>) -> Result<(), Reason> {
    if (price - previous - change).abs() > CHANGE_TOLERANCE {
        return Err(Reason::Change { change, price, previous });
    }
    let Some(percent) = percent else { return Ok(()) };
    let computed = (change * Decimal::ONE_HUNDRED).checked_div(previous);
    match computed.and_then(|computed| percent.checked_sub(computed)) {
        Some(off) if off.abs() <= PERCENT_TOLERANCE => Ok(()),
        _ => Err(Reason::Percent { percent, change, previous }),
    }
}
