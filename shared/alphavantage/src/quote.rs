//! GLOBAL_QUOTE and REALTIME_BULK_QUOTES: rows become quotes of a trading day.

use std::collections::HashSet;

use market::{Decimal, ExtendedHours, Fact, Flag, Freshness, Observation, Ohlc, Price, Quote, Symbol, session};

use crate::{
    Context, Expected, Reading, Reason, Rejected, Verdict, field::Row, freshness, number, reason::excerpt, time,
};

/// How far the change may be from price less previous close, in units of the price.
pub const CHANGE_TOLERANCE: Decimal = Decimal::from_parts(1, 0, 0, false, 4);

/// How far the change in percent may be from the one computed, in percentage points. The vendor rounds to 0.0001.
pub const PERCENT_TOLERANCE: Decimal = Decimal::from_parts(1, 0, 0, false, 3);

/// Reads the quote of a reply: one, unless a CSV has more rows.
pub(crate) fn read(expected: &Expected, rows: &[Row<'_>], marks: &[&str], context: &Context) -> Reading {
    if rows.iter().all(Row::is_blank) {
        return Reading::without_data(Verdict::UnknownSymbol, "all fields of the quote are blank");
    }
    if rows.iter().all(|row| row.text("symbol") == Ok(None)) {
        return Reading::without_data(Verdict::UnknownShape, "the quote does not name its symbol");
    }
    let freshness = freshness(context.entitlement, marks);
    let (observations, rejected) = sort_out(
        expected,
        rows,
        |symbol, row| {
            let day = time::day(row.required("latest trading day")?)?;
            quote(symbol, row, "price", day, freshness, context)
        },
        context,
    );
    Reading::data(observations, rejected)
}

/// Reads bulk quotes. A symbol that was asked for and is not in the reply is rejected by its name.
pub(crate) fn read_bulk(expected: &Expected, rows: &[Row<'_>], context: &Context) -> Reading {
    let zone = session::new_york();
    let (observations, mut rejected) = sort_out(
        expected,
        rows,
        |symbol, row| {
            // The stamp names no zone. Its latest is 20:00, the end of extended hours in New York.
            let local = time::local(row.required("timestamp")?)?;
            let at = session::instant(local, &zone)?;
            let mut quote = quote(symbol, row, "close", local.date(), Freshness::Realtime, context)?;
            time::not_in_the_future(at, context.now)?;
            quote.quoted_at = Some(at);
            quote.extended_hours = extended_hours(row)?;
            Ok(quote)
        },
        context,
    );
    let named: HashSet<String> =
        rows.iter().filter_map(|row| row.text("symbol").ok().flatten()).map(str::to_ascii_uppercase).collect();
    let missing = expected.symbols.iter().filter(|symbol| !named.contains(symbol.as_str()));
    rejected.extend(
        missing.map(|symbol| Rejected {
            reason: Reason::SymbolMissing(symbol.clone()),
            payload: serde_json::Value::Object([(symbol.to_string(), serde_json::Value::Null)].into_iter().collect())
                .to_string(),
        }),
    );
    Reading::data(observations, rejected)
}

/// Turns every row into a quote or a rejection; a symbol's first row counts.
fn sort_out(
    expected: &Expected,
    rows: &[Row<'_>],
    quote: impl Fn(Symbol, &Row<'_>) -> Result<Quote, Reason>,
    context: &Context,
) -> (Vec<Observation>, Vec<Rejected>) {
    let (mut observations, mut rejected) = (Vec::new(), Vec::new());
    let mut seen = HashSet::new();
    for row in rows {
        let read = symbol_of(expected, row).and_then(|symbol| {
            if !seen.insert(symbol.clone()) {
                return Err(Reason::Duplicate(symbol.to_string()));
            }
            quote(symbol, row)
        });
        match read {
            Ok(quote) => {
                let mut flags = Vec::new();
                if time::is_old(quote.trading_day, context.now) {
                    flags.push(Flag::Stale);
                }
                if quote.prices.is_rounded() {
                    flags.push(Flag::Rounded);
                }
                observations.push(Observation { fact: Fact::Quote(quote), flags });
            }
            Err(reason) => rejected.push(Rejected { reason, payload: row.payload() }),
        }
    }
    (observations, rejected)
}

/// The symbol of a row, if it is one of those that were asked for.
fn symbol_of(expected: &Expected, row: &Row<'_>) -> Result<Symbol, Reason> {
    let name = row.required("symbol")?;
    if expected.symbols.is_empty() {
        return name.parse().map_err(|_| Reason::NotAnInstrument(excerpt(name)));
    }
    let asked = expected.symbols.iter().find(|symbol| name.eq_ignore_ascii_case(symbol.as_str()));
    let wrong = || Reason::WrongSubject { asked: expected.in_words(), got: excerpt(name) };
    asked.cloned().ok_or_else(wrong)
}

/// The latest price outside of the session, which may lie beyond the day's high and low.
fn extended_hours(row: &Row<'_>) -> Result<Option<ExtendedHours>, Reason> {
    let (price, change, percent) = ("extended hours quote", "extended hours change", "extended hours change percent");
    let Some(text) = row.text(price)? else { return Ok(None) };
    Ok(Some(ExtendedHours {
        price: number::price(price, text)?,
        change: row.text(change)?.map(|text| number::decimal(change, text)).transpose()?,
        change_percent: row.text(percent)?.map(|text| number::percent(percent, text)).transpose()?,
    }))
}

fn quote(
    symbol: Symbol,
    row: &Row<'_>,
    price_name: &'static str,
    day: market::Date,
    freshness: Freshness,
    context: &Context,
) -> Result<Quote, Reason> {
    let price = |name: &'static str| number::price(name, row.required(name)?);
    let decimal = |name: &'static str| row.text(name)?.map(|text| number::decimal(name, text)).transpose();
    let prices = Ohlc::new(price("open")?, price("high")?, price("low")?, price(price_name)?)?;
    let volume = number::volume("volume", row.required("volume")?)?;
    // The vendor writes a previous close of 0 where there is none.
    let previous_close = match decimal("previous close")? {
        Some(value) if !value.is_zero() => {
            Some(Price::new(value).map_err(|error| Reason::Number { field: "previous close", error })?)
        }
        _ => None,
    };
    let change = decimal("change")?;
    // Of nothing there is no percentage, whatever the vendor divided.
    let change_percent = match (previous_close, row.text("change percent")?) {
        (Some(_), Some(text)) => Some(number::percent("change percent", text)?),
        _ => None,
    };
    if let (Some(previous), Some(change)) = (previous_close, change) {
        check_change(prices.close().get(), previous.get(), change, change_percent)?;
    }
    let close = time::close_of(day, Some(&symbol), context.now)?;
    Ok(Quote {
        symbol,
        trading_day: day,
        prices,
        previous_close,
        change,
        change_percent,
        volume,
        freshness,
        is_final: time::is_settled(close, freshness, context.now),
        quoted_at: None,
        extended_hours: None,
    })
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
