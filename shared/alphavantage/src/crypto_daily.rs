//! DIGITAL_CURRENCY_DAILY: rows become bars of a pair, from midnight to midnight UTC.

use market::{Bar, Basis, Fact, Flag, Freshness, Interval, Observation, Pair, Subject, VendorBar};

use crate::{
    Context, Expected, Reading, Reason, field,
    naming::{self, Refused},
    series::{self, Series},
    time,
};

/// The zone of a CSV, which does not name it; the vendor documents it for all digital currencies.
const DOCUMENTED_ZONE: &str = "UTC";

/// Days are due: the newest is today's. Older than yesterday's is stale.
const STALE_AFTER_DAYS: i64 = 2;

const SECONDS_PER_DAY: i64 = 24 * 60 * 60;

fn pair(expected: &Expected, series: &Series<'_>) -> Result<Option<Pair>, Refused> {
    naming::check_kind(expected, series, |key| field::word(key) == "timeseriesdigitalcurrencydaily")?;
    naming::pair(expected, series, ("digital currency code", "market code"))
}

/// Reads the days of a reply. The first one is today's and partial.
pub(crate) fn read(expected: &Expected, series: Series<'_>, context: &Context) -> Reading {
    let pair = match pair(expected, &series) {
        Ok(pair) => pair,
        Err(refused) => return refused.reading(series.rows),
    };
    let zone = series::zone_of(&series, DOCUMENTED_ZONE).map(str::to_owned);
    // Replies of 2018 give each price in the market's currency and in USD, and name it behind the price.
    let market = pair.as_ref().map(|pair| &pair.quote).or(expected.quote.as_ref());
    let units: Vec<&str> = market.map(market::Currency::as_str).into_iter().collect();
    let placed = series::place(series.rows, zone.as_deref().map_err(Clone::clone), context.now);
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
        let subject = pair.clone().map(Subject::Pair);
        let bar = VendorBar { subject, basis: Basis::Raw, freshness: Freshness::Realtime, bar, adjustment: None };
        Ok(Observation { fact: Fact::Bar(bar), flags })
    });
    series::flag_if_stale(&mut observations, |newest| {
        context.now.duration_since(newest).as_secs() >= STALE_AFTER_DAYS * SECONDS_PER_DAY
    });
    Reading::data(observations, rejected)
}
