//! TOP_GAINERS_LOSERS: rows of three lists become movers with their place in the list.

use market::{Event, Flag, Mover, MoverList, Timestamp, session};

use crate::{Context, Reading, Reason, events, field::Row, number, reason::excerpt, time};

/// Reads the movers of a reply: all lists, one after the other, `place` saying of which list and where in it a row is.
pub(crate) fn read(
    last_updated: Option<&str>,
    rows: &[Row<'_>],
    mut places: impl Iterator<Item = (MoverList, u32)>,
    context: &Context,
) -> Reading {
    let at = last_updated.ok_or(Reason::Missing("last updated")).and_then(|text| updated(text, context));
    events::sort_out(rows, |row| {
        let (list, rank) = places.next().ok_or(Reason::Missing("rank"))?;
        let at = at.clone()?;
        let ticker = row.required("ticker")?;
        let mover = Mover {
            list,
            rank,
            symbol: ticker.parse().map_err(|_| Reason::NotAnInstrument(excerpt(ticker)))?,
            at,
            price: number::price("price", row.required("price")?)?,
            change: number::decimal("change amount", row.required("change amount")?)?,
            change_percent: number::percent("change percentage", row.required("change percentage")?)?,
            volume: number::volume("volume", row.required("volume")?)?,
        };
        let is_old = time::is_old(session::new_york_date(at), context.now);
        Ok((Event::Mover(mover), if is_old { vec![Flag::Stale] } else { Vec::new() }))
    })
}

/// When the lists were made: `2026-05-15 16:16:00 US/Eastern`.
fn updated(text: &str, context: &Context) -> Result<Timestamp, Reason> {
    let (local, zone) = text.trim().rsplit_once(' ').ok_or_else(|| Reason::NotATime(excerpt(text)))?;
    let local = time::local(local.trim_end())?;
    let at = session::instant(local, &time::zone(zone)?)?;
    time::not_too_early(local.date())?;
    time::not_in_the_future(at, context.now)?;
    Ok(at)
}
