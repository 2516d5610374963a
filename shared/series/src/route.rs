//! Which series a record belongs to, and as what part of which of its bars.

use bars::{Ohlcv, Reading, VendorPart};
use jiff::Timestamp;
use market::{Basis, Fact, Freshness, Interval, Ohlc, Origin, Subject, VendorBar, Volume, day_start};
use wire::Decoded;

use crate::{
    gap::NEW_YORK_SHIFT,
    id::{SeriesId, Span},
    split::Split,
};

/// A fact about one bar of a series.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SeriesFact {
    /// The bar's length.
    pub interval: Interval,
    /// The bar's begin, in milliseconds since 1970.
    pub start: i64,
    /// What is said about it.
    pub about: About,
}

/// What a fact speaks of.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum About {
    /// The bar.
    Bar(Part),
    /// A split on the day that begins then.
    Split(Split),
}

/// What a fact contributes to its bar.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Part {
    /// A version of the vendor's bar.
    Vendor(VendorPart),
    /// A reading of the price.
    Reading(Reading),
}

/// Finds the series of a record. A quote is a version of its trading day's bar and never feeds shorter
/// bars; a rate is a reading within a sampled minute. `None` for what belongs to no series: what happens
/// around the market, and a bar that names nobody.
pub fn route(decoded: &Decoded) -> Option<(SeriesId, SeriesFact)> {
    // Raw prices stay what they were. Of others nobody knows when they were fetched who does not say so: then as the
    // bar was under way, as most bars are.
    let as_of = |basis, start: Timestamp| match basis {
        Basis::Raw => 0,
        Basis::SplitAdjusted | Basis::SplitDividendAdjusted => decoded.ingested_at.unwrap_or(start).as_millisecond(),
    };
    let vendor = |is_final, freshness: Freshness, as_of, prices: &Ohlc, volume: Option<Volume>| {
        About::Bar(Part::Vendor(VendorPart {
            rev: decoded.rev,
            id: decoded.id.0,
            is_final,
            freshness: freshness as u8,
            as_of,
            prices: Ohlcv {
                open: prices.open().to_f64(),
                // Rounded apart by the vendor: the engine wants prices that fit.
                high: prices.high().max(prices.open()).max(prices.close()).to_f64(),
                low: prices.low().min(prices.open()).min(prices.close()).to_f64(),
                close: prices.close().to_f64(),
                volume: volume.map(Volume::to_f64),
            },
        }))
    };
    let id = |subject, origin, basis, interval| SeriesId { subject, origin, basis, span: Span::of(interval) };
    Some(match decoded.fact.as_ref()? {
        Fact::Quote(quote) => (
            id(Subject::Equity(quote.symbol.clone()), Origin::Vendor, Basis::Raw, Interval::Day),
            SeriesFact {
                interval: Interval::Day,
                start: day_start(quote.trading_day).as_millisecond(),
                about: vendor(quote.is_final, quote.freshness, 0, &quote.prices, Some(quote.volume)),
            },
        ),
        Fact::Bar(bar) => (
            id(bar.subject.clone()?, Origin::Vendor, bar.basis, bar.bar.interval),
            SeriesFact {
                interval: bar.bar.interval,
                start: bar.bar.start.as_millisecond(),
                about: vendor(
                    bar.bar.is_final,
                    bar.freshness,
                    as_of(bar.basis, bar.bar.start),
                    &bar.bar.prices,
                    bar.bar.volume,
                ),
            },
        ),
        Fact::Rate(rate) => {
            let at = rate.at.as_millisecond();
            let minute = Interval::Min1.duration().as_millis() as i64;
            (
                id(Subject::Pair(rate.pair.clone()), Origin::Sampled, Basis::Raw, Interval::Min1),
                SeriesFact {
                    interval: Interval::Min1,
                    start: at.div_euclid(minute) * minute,
                    about: About::Bar(Part::Reading(Reading {
                        key: decoded.key.0,
                        rev: decoded.rev,
                        id: decoded.id.0,
                        at,
                        price: rate.rate.to_f64(),
                        cumulative_volume: None,
                    })),
                },
            )
        }
        Fact::Event(_) => return None,
    })
}

/// The series that have to know of the split that a record tells of: those of the same share whose prices are
/// adjusted for splits. Few records tell of one.
pub fn splits(decoded: &Decoded) -> Vec<(SeriesId, SeriesFact)> {
    let Some(Fact::Bar(VendorBar { subject: Some(subject), adjustment: Some(adjustment), bar, .. })) = &decoded.fact
    else {
        return Vec::new();
    };
    let ratio: f64 = adjustment.split_coefficient.to_string().parse().unwrap_or(1.0);
    if bar.interval != Interval::Day || ratio == 1.0 || !(ratio > 0.0 && ratio.is_finite()) {
        return Vec::new();
    }
    let day = begin_of_day(bar.start.as_millisecond());
    let mut facts = Vec::new();
    for basis in [Basis::SplitAdjusted, Basis::SplitDividendAdjusted] {
        for span in [Span::Intraday, Span::Daily] {
            let id = SeriesId { subject: subject.clone(), origin: Origin::Vendor, basis, span };
            let about = About::Split(Split { day, ratio });
            facts.push((id, SeriesFact { interval: Interval::Day, start: day, about }));
        }
    }
    facts
}

/// Before anybody trades on the day of a daily bar, which begins with its session: before 04:00 in New York, where
/// shares of the United States are concerned.
fn begin_of_day(start: i64) -> i64 {
    const DAY: i64 = 24 * 3_600_000;
    start.min(start.div_euclid(DAY) * DAY + NEW_YORK_SHIFT)
}
