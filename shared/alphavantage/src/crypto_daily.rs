//! DIGITAL_CURRENCY_DAILY: rows become bars of a pair, from midnight to midnight UTC.

use market::{Bar, Basis, Fact, Flag, Freshness, Interval, Observation, Pair, Subject, VendorBar};

use crate::{
    Context, Reading, Reason, Verdict,
    field::{self, Row},
    series::{self, Series},
    time,
};

/// The zone of a CSV, which does not name it; the vendor documents it for all digital currencies.
const DOCUMENTED_ZONE: &str = "UTC";

/// Days are due: the newest is today's. Older than yesterday's is stale.
const STALE_AFTER_DAYS: i64 = 2;

const SECONDS_PER_DAY: i64 = 24 * 60 * 60;

/// Reads the days of a reply. The first one is today's and partial.
pub(crate) fn read(pair: &Pair, series: Series<'_>, context: &Context) -> Reading {
    let mut zone = Ok(DOCUMENTED_ZONE);
    if let Some((key, meta)) = &series.named {
        if let Err(reading) = check_names(pair, key, meta) {
            return *reading;
        }
        zone = meta.required("time zone");
    }
    // Replies of 2018 give each price in the market's currency and in USD, and name it behind the price.
    let units = [pair.quote.as_str()];
    let placed = series::place(series.rows, zone, context.now);
    let (mut observations, rejected) = series::sort_out(placed, |row, start| {
        if start.as_second() % SECONDS_PER_DAY != 0 || start.subsec_nanosecond() != 0 {
            return Err(Reason::OffGrid { label: row.label.clone(), interval: Interval::Day });
        }
        let (prices, volume) = series::prices(row, &units)?;
        let is_final = context.now.duration_since(start) >= Interval::Day.duration() + time::SETTLE_BAR;
        let mut flags = Vec::new();
        if prices.is_rounded() {
            flags.push(Flag::Rounded);
        }
        if !is_final {
            flags.push(Flag::Partial);
        }
        let bar = Bar { start, interval: Interval::Day, prices, volume, is_final };
        let subject = Some(Subject::Pair(pair.clone()));
        let bar = VendorBar { subject, basis: Basis::Raw, freshness: Freshness::Realtime, bar, adjustment: None };
        Ok(Observation { fact: Fact::Bar(bar), flags })
    });
    series::flag_if_stale(&mut observations, |newest| {
        context.now.duration_since(newest).as_secs() >= STALE_AFTER_DAYS * SECONDS_PER_DAY
    });
    Reading::data(observations, rejected)
}

/// Checks that the series is the one asked for, by its key and its `Meta Data`.
fn check_names(pair: &Pair, key: &str, meta: &Row<'_>) -> Result<(), Box<Reading>> {
    let unknown = |message: String| Box::new(Reading::without_data(Verdict::UnknownShape, message));
    if field::word(key) != "timeseriesdigitalcurrencydaily" {
        return Err(Box::new(Reading::wrong(&format!("{pair} daily"), key)));
    }
    let text = |name| meta.text(name).map_err(|reason| unknown(format!("`Meta Data`: {reason}")));
    let (Some(base), Some(quote)) = (text("digital currency code")?, text("market code")?) else {
        return Err(unknown("`Meta Data` does not name the currency and its market".to_owned()));
    };
    if base.eq_ignore_ascii_case(pair.base.as_str()) && quote.eq_ignore_ascii_case(pair.quote.as_str()) {
        return Ok(());
    }
    Err(Box::new(Reading::wrong(&pair.to_string(), &format!("{base}/{quote}"))))
}
