//! What all series have in common: rows under time labels, their place in time, their prices.

use std::collections::HashSet;

use jiff::Timestamp;
use market::{Flag, Interval, Observation, Ohlc, Volume, session};

use crate::{Reason, Rejected, field::Row, number, time};

/// A series as it stands in the body.
#[derive(Debug)]
pub(crate) struct Series<'a> {
    /// The key of the series and its `Meta Data`; a CSV has neither.
    pub(crate) named: Option<(&'a str, Row<'a>)>,
    /// Its rows in the order of the body, each labelled by its time.
    pub(crate) rows: Vec<Row<'a>>,
}

impl Series<'_> {
    /// The texts in which the vendor says that its data are delayed.
    pub(crate) fn marks(&self) -> Vec<&str> {
        let Some((key, meta)) = &self.named else { return Vec::new() };
        [Some(*key), meta.text("information").ok().flatten()].into_iter().flatten().collect()
    }
}

/// A row with the moment of its label, or why it has none.
#[derive(Debug)]
pub(crate) struct Placed<'a> {
    pub(crate) row: Row<'a>,
    pub(crate) at: Result<Timestamp, Reason>,
}

/// Puts rows on the time line: labels must be local times of the zone, not in the future, each there
/// once, and all in one direction, newest first or oldest first.
///
/// Order is judged between neighbours, so that one row out of place does not cost all that follow it.
pub(crate) fn place<'a>(rows: Vec<Row<'a>>, zone: Result<&str, Reason>, now: Timestamp) -> Vec<Placed<'a>> {
    let zone = zone.and_then(time::zone);
    let mut placed: Vec<_> = rows
        .into_iter()
        .map(|row| {
            let at = zone.as_ref().map_err(Clone::clone).and_then(|zone| {
                let local = time::local(&row.label)?;
                time::not_too_early(local.date())?;
                let at = session::instant(local, zone)?;
                time::not_in_the_future(at, now)?;
                Ok(at)
            });
            Placed { row, at }
        })
        .collect();

    let moments = || placed.iter().filter_map(|placed| placed.at.as_ref().ok());
    let rising = moments().next() < moments().next_back();
    let mut seen = HashSet::new();
    let mut previous: Option<(Timestamp, String)> = None;
    for Placed { row, at } in &mut placed {
        let Ok(moment) = *at else { continue };
        let follows = previous.as_ref().is_none_or(|(previous, _)| (moment > *previous) == rising);
        if !seen.insert(moment) {
            *at = Err(Reason::Duplicate(row.label.clone()));
        } else if let (false, Some((_, previous))) = (follows, &previous) {
            *at = Err(Reason::OutOfOrder { label: row.label.clone(), previous: previous.clone() });
        }
        previous = Some((moment, row.label.clone()));
    }
    placed
}

/// The interval of a series that does not name it, by the spacing of its bars: the greatest that divides
/// all distances between neighbours. `None` if they say nothing, such as a single bar's.
pub(crate) fn spacing(mut moments: Vec<Timestamp>) -> Option<Interval> {
    moments.retain(|at| at.as_second() % 60 == 0 && at.subsec_nanosecond() == 0);
    moments.sort_unstable();
    moments.dedup();
    let minutes = moments.windows(2).map(|pair| (pair[1].as_second() - pair[0].as_second()) / 60).reduce(common)?;
    // Distances of hours or days without a common smaller one are gaps, not bars.
    let longest = Interval::Min60.duration().as_mins();
    let divides = |interval: &&Interval| minutes % interval.duration().as_mins() == 0;
    Interval::ALL
        .iter()
        .filter(|_| minutes <= longest)
        .filter(|interval| **interval <= Interval::Min60)
        .rfind(divides)
        .copied()
}

/// The greatest common divisor.
fn common(a: i64, b: i64) -> i64 {
    if b == 0 { a } else { common(b, a % b) }
}

/// Turns every placed row into an observation or a rejection.
pub(crate) fn sort_out(
    placed: Vec<Placed<'_>>,
    mut bar: impl FnMut(&Row<'_>, Timestamp) -> Result<Observation, Reason>,
) -> (Vec<Observation>, Vec<Rejected>) {
    let (mut observations, mut rejected) = (Vec::new(), Vec::new());
    for Placed { row, at } in placed {
        match at.and_then(|at| bar(&row, at)) {
            Ok(mut observation) => {
                if observation.fact.subject().is_none() {
                    observation.flags.push(Flag::SymbolUnknown);
                }
                observation.flags.sort_unstable();
                observations.push(observation);
            }
            Err(reason) => rejected.push(Rejected { reason, payload: row.payload() }),
        }
    }
    (observations, rejected)
}

/// Prices and volume of a bar, in one of the `units` where fields name theirs.
pub(crate) fn prices(row: &Row<'_>, units: &[&str]) -> Result<(Ohlc, Option<Volume>), Reason> {
    let price = |name: &'static str| number::price(name, row.text_in(name, units)?.ok_or(Reason::Missing(name))?);
    let prices = Ohlc::new(price("open")?, price("high")?, price("low")?, price("close")?)?;
    let volume = row.text_in("volume", units)?.map(|text| number::volume("volume", text)).transpose()?;
    Ok((prices, volume))
}

/// Flags all bars of a reply as stale if its newest is: staleness is the reply's, and an old bar in
/// a fresh reply is merely history.
pub(crate) fn flag_if_stale(observations: &mut [Observation], is_stale: impl FnOnce(Timestamp) -> bool) {
    let newest = observations.iter().map(|observation| observation.fact.event_time()).max();
    if newest.is_some_and(is_stale) {
        for observation in observations {
            observation.flags.push(Flag::Stale);
            observation.flags.sort_unstable();
        }
    }
}

/// The zone of the series: that of its `Meta Data`, or the documented one of a CSV, which does not name it.
pub(crate) fn zone_of<'s>(series: &'s Series<'_>, documented: &'static str) -> Result<&'s str, Reason> {
    match &series.named {
        Some((_, meta)) => meta.required("time zone"),
        None => Ok(documented),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_spacing_tells_the_interval() {
        let check = |minutes: &[i64], expected: Option<Interval>| {
            let moments = minutes.iter().map(|minute| Timestamp::from_second(minute * 60).unwrap()).collect();
            assert_eq!(spacing(moments), expected, "{minutes:?}");
        };
        check(&[], None);
        check(&[5], None);
        check(&[5, 5], None);
        check(&[0, 1, 2], Some(Interval::Min1));
        check(&[10, 5, 0], Some(Interval::Min5));
        check(&[0, 15, 30, 1440], Some(Interval::Min15));
        // Bars without a trade are missing.
        check(&[0, 30, 45, 90], Some(Interval::Min15));
        check(&[0, 10, 25], Some(Interval::Min5));
        check(&[0, 7], Some(Interval::Min1));
        check(&[0, 30], Some(Interval::Min30));
        check(&[0, 60, 1440], Some(Interval::Min60));
        check(&[0, 120, 300], Some(Interval::Min60));
        // Days are no minutes, and a gap is no bar.
        check(&[0, 1440, 2880], None);
        check(&[0, 120], None);
        let odd = ["2026-11-20T10:00:00.5Z", "2026-11-20T10:00:01Z", "2026-11-20T10:00:00Z", "2026-11-20T10:05:00Z"];
        assert_eq!(spacing(odd.map(|at| at.parse().unwrap()).into()), Some(Interval::Min5));
    }
}
