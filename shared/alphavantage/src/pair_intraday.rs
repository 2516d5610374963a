//! CRYPTO_INTRADAY and FX_INTRADAY: rows become bars of a pair, by UTC.
//!
//! Digital currencies trade always. Physical ones rest on weekends, which nobody checks here: what the
//! vendor has bars of was traded. It gives no volume for them.

use jiff::{SignedDuration, Timestamp};
use market::{Bar, Basis, Fact, Flag, Freshness, Interval, Observation, Pair, Subject, VendorBar};

use crate::{
    Context, Expected, Reading, Reason, field,
    intraday::refuse_days,
    naming::{self, Refused},
    rate::STALE_RATE,
    series::{self, Series},
    time,
};

/// The zone of a CSV, which does not name it; the vendor documents it for all currencies.
const DOCUMENTED_ZONE: &str = "UTC";

/// From this age of its newest bar on, a reply about a digital currency is flagged as stale.
const STALE_CRYPTO: SignedDuration = SignedDuration::from_hours(2);

/// Which of the two functions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Crypto,
    Fx,
}

impl Kind {
    /// The key of its series, as a word without its unit.
    const fn key(self) -> &'static str {
        match self {
            Self::Crypto => "timeseriescrypto",
            Self::Fx => "timeseriesfx",
        }
    }

    /// How `Meta Data` names the two currencies.
    const fn currencies(self) -> (&'static str, &'static str) {
        match self {
            Self::Crypto => ("digital currency code", "market code"),
            Self::Fx => ("from symbol", "to symbol"),
        }
    }

    const fn stale_after(self) -> SignedDuration {
        match self {
            Self::Crypto => STALE_CRYPTO,
            Self::Fx => STALE_RATE,
        }
    }
}

fn names(kind: Kind, expected: &Expected, series: &Series<'_>) -> Result<(Option<Pair>, Option<Interval>), Refused> {
    naming::check_kind(expected, series, |key| field::word(field::split_unit(key).0) == kind.key())?;
    let interval = naming::interval(expected, series)?;
    Ok((naming::pair(expected, series, kind.currencies())?, interval))
}

/// Reads the bars of a reply.
pub(crate) fn read(kind: Kind, expected: &Expected, series: Series<'_>, context: &Context) -> Reading {
    if let Some(refused) = refuse_days(expected) {
        return refused;
    }
    let (pair, interval) = match names(kind, expected, &series) {
        Ok(names) => names,
        Err(refused) => return refused.reading(series.rows),
    };
    let zone = series::zone_of(&series, DOCUMENTED_ZONE).map(str::to_owned);
    let placed = series::place(series.rows, zone.as_deref().map_err(Clone::clone), context.now);
    let moments = || placed.iter().filter_map(|placed| placed.at.as_ref().ok()).copied().collect();
    let interval = interval.or_else(|| series::spacing(moments()));
    let (mut observations, rejected) = series::sort_out(placed, |row, start: Timestamp| {
        let interval = interval.ok_or(Reason::UnknownInterval)?;
        if start.as_nanosecond() % interval.duration().as_nanos() != 0 {
            return Err(Reason::OffGrid { label: row.label.clone(), interval });
        }
        let (prices, volume) = series::prices(row, &[])?;
        let is_final = context.now.duration_since(start) >= interval.duration() + time::SETTLE_BAR;
        let mut flags = Vec::new();
        if prices.is_rounded() {
            flags.push(Flag::Rounded);
        }
        if !is_final {
            flags.push(Flag::Partial);
        }
        let bar = Bar { start, interval, prices, volume, is_final };
        let subject = pair.clone().map(Subject::Pair);
        let bar = VendorBar { subject, basis: Basis::Raw, freshness: Freshness::Realtime, bar, adjustment: None };
        Ok(Observation { fact: Fact::Bar(bar), flags })
    });
    series::flag_if_stale(&mut observations, |newest| context.now.duration_since(newest) > kind.stale_after());
    Reading::data(observations, rejected)
}
