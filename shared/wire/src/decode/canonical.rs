//! The short way from a record's text to what it states, for texts in the very form in which the encoder writes them:
//! once from left to right, and nothing on the heap.
//!
//! `None` says that a text has some other form. It may be as good: the long way reads it, and is the only one that
//! refuses. So this accepts nothing that the long way would not, and reads nothing in another way.

use jiff::Timestamp;
use market::{Adjustment, Bar, ExtendedHours, Fact, Ohlc, Pair, Price, Quote, Rate, Subject, VendorBar, Volume};
use serde::de::IgnoredAny;

use super::{Decoded, SCHEMAS, scan::Scanner};

// What makes or holds decimals is inlined, for the reason that `Scanner::decimal` gives. It saves a tenth of the time.

/// Reads a record in the encoder's form.
pub(super) fn read(text: &str) -> Option<Decoded> {
    let mut scanner = Scanner::new(text);
    let scan = &mut scanner;
    scan.literal(r#"{"schema":""#)?;
    let schema = scan.string()?;
    scan.literal(r#","key":""#)?;
    let key = scan.digest()?;
    scan.literal(r#","rev":"#)?;
    let rev = scan.integer()?;
    scan.literal(r#","id":""#)?;
    let id = scan.digest()?;
    scan.literal(r#","source":"alphavantage","timestamp":""#)?;
    let timestamp = scan.moment()?;
    scan.literal(r#","ingested_at":""#)?;
    let ingested_at = Some(scan.moment()?);
    scan.literal(r#","flags":["#)?;
    flags(scan)?;
    let fact = match schema {
        "bar.v1" => Some(Fact::Bar(bar(scan, timestamp)?)),
        "quote.v1" => Some(Fact::Quote(quote(scan)?)),
        "rate.v1" => Some(Fact::Rate(rate(scan, timestamp)?)),
        event if SCHEMAS.contains(&event) => {
            skip_fields(scan)?;
            scan.end()?;
            None
        }
        _ => return None,
    };
    Some(Decoded { key, rev, id, ingested_at, fact })
}

#[inline]
fn flags(scan: &mut Scanner<'_>) -> Option<()> {
    if scan.literal_if("]") {
        return Some(());
    }
    loop {
        scan.literal("\"")?;
        scan.string()?;
        if scan.literal_if("]") {
            return Some(());
        }
        scan.literal(",")?;
    }
}

/// Some fields of no meaning here, whose values only have to be JSON.
fn skip_fields(scan: &mut Scanner<'_>) -> Option<()> {
    while scan.literal_if(",\"") {
        // A second one of these is refused.
        if matches!(scan.string()?, "schema" | "key" | "rev" | "id" | "timestamp" | "ingested_at") {
            return None;
        }
        scan.literal(":")?;
        let mut values = serde_json::Deserializer::from_str(scan.rest()).into_iter::<IgnoredAny>();
        values.next()?.ok()?;
        scan.take(values.byte_offset())?;
    }
    Some(())
}

#[inline(always)]
fn bar(scan: &mut Scanner<'_>, start: Timestamp) -> Option<VendorBar> {
    scan.literal(r#","symbol":""#)?;
    let symbol = scan.string()?;
    let subject = if scan.literal_if(r#","base":""#) {
        Subject::Pair(rest_of_pair(scan)?)
    } else {
        Subject::Equity(symbol.parse().ok()?)
    };
    scan.literal(r#","interval":""#)?;
    let interval = scan.word()?;
    scan.literal(r#","basis":""#)?;
    let basis = scan.word()?;
    scan.literal(r#","freshness":""#)?;
    let freshness = scan.word()?;
    scan.literal(r#","origin":"vendor""#)?;
    let prices = prices(scan, r#","close":"#)?;
    scan.literal(r#","volume":"#)?;
    let volume = or_null(scan, volume)?;
    let is_final = is_final(scan)?;
    let adjustment = if scan.literal_if(r#","adjusted_close":"#) {
        let adjusted_close = price(scan)?;
        scan.literal(r#","dividend_amount":"#)?;
        let dividend = scan.decimal()?;
        scan.literal(r#","split_coefficient":"#)?;
        Some(Adjustment { adjusted_close, dividend, split_coefficient: scan.decimal()? })
    } else {
        None
    };
    scan.end()?;
    let bar = Bar { start, interval, prices, volume, is_final };
    Some(VendorBar { subject: Some(subject), basis, freshness, bar, adjustment })
}

#[inline(always)]
fn quote(scan: &mut Scanner<'_>) -> Option<Quote> {
    scan.literal(r#","symbol":""#)?;
    let symbol = scan.word()?;
    scan.literal(r#","trading_day":""#)?;
    let trading_day = scan.date()?;
    scan.literal(r#","basis":"raw","freshness":""#)?;
    let freshness = scan.word()?;
    scan.literal(r#","origin":"vendor""#)?;
    let prices = prices(scan, r#","price":"#)?;
    scan.literal(r#","volume":"#)?;
    let volume = volume(scan)?;
    scan.literal(r#","previous_close":"#)?;
    let previous_close = or_null(scan, price)?;
    scan.literal(r#","change":"#)?;
    let change = or_null(scan, Scanner::decimal)?;
    scan.literal(r#","change_percent":"#)?;
    let change_percent = or_null(scan, Scanner::decimal)?;
    let is_final = is_final(scan)?;
    let quoted_at = if scan.literal_if(r#","quoted_at":""#) { Some(scan.moment()?) } else { None };
    let extended_hours =
        if scan.literal_if(r#","extended_hours":{"price":"#) { Some(extended_hours(scan)?) } else { None };
    scan.end()?;
    Some(Quote {
        symbol,
        trading_day,
        prices,
        previous_close,
        change,
        change_percent,
        volume,
        freshness,
        is_final,
        quoted_at,
        extended_hours,
    })
}

/// From the value of `price` on.
fn extended_hours(scan: &mut Scanner<'_>) -> Option<ExtendedHours> {
    let price = price(scan)?;
    scan.literal(r#","change":"#)?;
    let change = or_null(scan, Scanner::decimal)?;
    scan.literal(r#","change_percent":"#)?;
    let change_percent = or_null(scan, Scanner::decimal)?;
    scan.literal("}")?;
    Some(ExtendedHours { price, change, change_percent })
}

#[inline(always)]
fn rate(scan: &mut Scanner<'_>, at: Timestamp) -> Option<Rate> {
    scan.literal(r#","symbol":""#)?;
    scan.string()?;
    scan.literal(r#","base":""#)?;
    let pair = rest_of_pair(scan)?;
    scan.literal(r#","freshness":""#)?;
    let freshness = scan.word()?;
    scan.literal(r#","origin":"vendor","rate":"#)?;
    let rate = price(scan)?;
    scan.literal(r#","bid":"#)?;
    let bid = or_null(scan, price)?;
    scan.literal(r#","ask":"#)?;
    let ask = or_null(scan, price)?;
    scan.end()?;
    Some(Rate { pair, at, rate, bid, ask, freshness })
}

/// From the text of `base` on.
fn rest_of_pair(scan: &mut Scanner<'_>) -> Option<Pair> {
    let base = scan.word()?;
    scan.literal(r#","quote":""#)?;
    Some(Pair { base, quote: scan.word()? })
}

/// Open, high, low, and the last price under its own name.
#[inline(always)]
fn prices(scan: &mut Scanner<'_>, close: &str) -> Option<Ohlc> {
    scan.literal(r#","open":"#)?;
    let open = price(scan)?;
    scan.literal(r#","high":"#)?;
    let high = price(scan)?;
    scan.literal(r#","low":"#)?;
    let low = price(scan)?;
    scan.literal(close)?;
    Ohlc::new(open, high, low, price(scan)?).ok()
}

#[inline(always)]
fn price(scan: &mut Scanner<'_>) -> Option<Price> {
    Price::new(scan.decimal()?).ok()
}

#[inline(always)]
fn volume(scan: &mut Scanner<'_>) -> Option<Volume> {
    Volume::new(scan.decimal()?).ok()
}

/// A value that may be missing.
#[inline(always)]
fn or_null<'a, T>(scan: &mut Scanner<'a>, value: fn(&mut Scanner<'a>) -> Option<T>) -> Option<Option<T>> {
    if scan.literal_if("null") { Some(None) } else { value(scan).map(Some) }
}

#[inline]
fn is_final(scan: &mut Scanner<'_>) -> Option<bool> {
    scan.literal(r#","final":"#)?;
    if scan.literal_if("true") {
        return Some(true);
    }
    scan.literal("false")?;
    Some(false)
}

#[cfg(test)]
mod tests;
