//! What all rows about something around the market have in common: each is an event, once.

use std::collections::HashSet;

use market::{Event, Fact, Flag, Observation};

use crate::{Reading, Reason, Rejected, field::Row, reason::excerpt};

/// Turns every row into an event or a rejection. Of rows about the same the first one counts.
pub(crate) fn sort_out(
    rows: &[Row<'_>],
    mut event: impl FnMut(&Row<'_>) -> Result<(Event, Vec<Flag>), Reason>,
) -> Reading {
    let (mut observations, mut rejected) = (Vec::new(), Vec::new());
    let mut seen = HashSet::new();
    for row in rows {
        let read = event(row).and_then(|(event, flags)| {
            let entity = event.entity();
            let shown = excerpt(&entity);
            let is_new = seen.insert((event.event_time(), entity));
            if is_new { Ok(Observation { fact: Fact::Event(event), flags }) } else { Err(Reason::Duplicate(shown)) }
        });
        match read {
            Ok(observation) => observations.push(observation),
            Err(reason) => rejected.push(Rejected { reason, payload: row.payload() }),
        }
    }
    Reading::data(observations, rejected)
}

/// A text that may be missing.
pub(crate) fn optional(row: &Row<'_>, name: &'static str) -> Result<Option<String>, Reason> {
    Ok(row.text(name)?.map(str::to_owned))
}
