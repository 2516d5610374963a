//! MARKET_STATUS: rows become the status of markets, as of the day on which it was asked.

use jiff::tz::TimeZone;
use market::{Event, MarketStatus};

use crate::{
    Context, Reading, Reason,
    events::{self, optional},
    field::Row,
    reason::excerpt,
};

/// Reads the markets of a reply.
pub(crate) fn read(rows: &[Row<'_>], context: &Context) -> Reading {
    let seen_on = context.now.to_zoned(TimeZone::UTC).date();
    events::sort_out(rows, |row| {
        let status = row.required("current status")?;
        let is_open = match status.to_ascii_lowercase().as_str() {
            "open" => true,
            "closed" => false,
            _ => {
                let (field, known) = ("current status", "open, closed");
                return Err(Reason::UnknownWord { field, text: excerpt(status), known });
            }
        };
        let status = MarketStatus {
            market_type: row.required("market type")?.to_owned(),
            region: row.required("region")?.to_owned(),
            primary_exchanges: optional(row, "primary exchanges")?.unwrap_or_default(),
            local_open: optional(row, "local open")?,
            local_close: optional(row, "local close")?,
            is_open,
            notes: optional(row, "notes")?,
            seen_on,
        };
        Ok((Event::MarketStatus(status), Vec::new()))
    })
}
