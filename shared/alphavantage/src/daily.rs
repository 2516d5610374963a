//! TIME_SERIES_DAILY and TIME_SERIES_DAILY_ADJUSTED: rows become bars of trading days.
//!
//! The prices of both are as traded. What the adjusted one says besides goes along as it is.

use market::{Adjustment, Bar, Basis, Fact, Flag, Interval, Observation, Subject, VendorBar, day_start, session};

use crate::{
    Context, Expected, Reading, Reason,
    field::{self, Row},
    freshness,
    intraday::DOCUMENTED_ZONE,
    naming::{self, Refused},
    number,
    series::{self, Series},
    time,
};

fn subject(expected: &Expected, series: &Series<'_>) -> Result<Option<Subject>, Refused> {
    naming::check_kind(expected, series, |key| field::word(key) == "timeseriesdaily")?;
    naming::equity(expected, series)
}

/// Reads the days of a reply, each with its adjustment if that is what was asked for.
pub(crate) fn read(is_adjusted: bool, expected: &Expected, series: Series<'_>, context: &Context) -> Reading {
    let subject = match subject(expected, &series) {
        Ok(subject) => subject,
        Err(refused) => return refused.reading(series.rows),
    };
    let symbol = match &subject {
        Some(Subject::Equity(symbol)) => Some(symbol),
        _ => None,
    };
    let freshness = freshness(context.entitlement, &series.marks());
    let zone = series::zone_of(&series, DOCUMENTED_ZONE).map(str::to_owned);
    let placed = series::place(series.rows, zone.as_deref().map_err(Clone::clone), context.now);
    let (mut observations, rejected) = series::sort_out(placed, |row, _| {
        let day = time::day(&row.label)?;
        let close = time::close_of(day, symbol, context.now)?;
        let start = day_start(day);
        time::not_in_the_future(start, context.now)?;
        let (prices, volume) = series::prices(row, &[])?;
        let adjustment = is_adjusted.then(|| adjustment(row)).transpose()?;
        let is_final = time::is_settled(close, freshness, context.now);
        let mut flags = Vec::new();
        if prices.is_rounded() {
            flags.push(Flag::Rounded);
        }
        if !is_final {
            flags.push(Flag::Partial);
        }
        let bar = Bar { start, interval: Interval::Day, prices, volume, is_final };
        let bar = VendorBar { subject: subject.clone(), basis: Basis::Raw, freshness, bar, adjustment };
        Ok(Observation { fact: Fact::Bar(bar), flags })
    });
    series::flag_if_stale(&mut observations, |newest| time::is_old(session::new_york_date(newest), context.now));
    Reading::data(observations, rejected)
}

fn adjustment(row: &Row<'_>) -> Result<Adjustment, Reason> {
    let (close, dividend, split) = ("adjusted close", "dividend amount", "split coefficient");
    Ok(Adjustment {
        adjusted_close: number::price(close, row.required(close)?)?,
        dividend: number::volume(dividend, row.required(dividend)?)?.get(),
        split_coefficient: number::price(split, row.required(split)?)?.get(),
    })
}
