//! What all series have in common: rows under time labels, their place in time, their prices.

use std::collections::HashSet;

use jiff::Timestamp;
use market::{Flag, Observation, Ohlc, Volume, session};

use crate::{Reason, Rejected, field::Row, number, time};

/// A series as it stands in the body.
#[derive(Debug)]
pub(crate) struct Series<'a> {
    /// The key of the series and its `Meta Data`; a CSV has neither.
    pub(crate) named: Option<(&'a str, Row<'a>)>,
    /// Its rows in the order of the body, each labelled by its time.
    pub(crate) rows: Vec<Row<'a>>,
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
    let zone = zone.and_then(|name| Ok(session::zone(name)?));
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

/// Turns every placed row into an observation or a rejection.
pub(crate) fn sort_out(
    placed: Vec<Placed<'_>>,
    mut bar: impl FnMut(&Row<'_>, Timestamp) -> Result<Observation, Reason>,
) -> (Vec<Observation>, Vec<Rejected>) {
    let (mut observations, mut rejected) = (Vec::new(), Vec::new());
    for Placed { row, at } in placed {
        match at.and_then(|at| bar(&row, at)) {
            Ok(observation) => observations.push(observation),
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
