//! EARNINGS_CALENDAR: rows of a CSV become the days on which companies report.
//!
//! The vendor adds columns over the years: they are found by their names, and only three are needed.

use market::{EarningsDate, Event};

use crate::{
    Expected, Reading, Reason,
    events::{self, optional},
    field::Row,
    number,
    reason::excerpt,
    time,
};

/// Reads the calendar of a reply.
pub(crate) fn read(expected: &Expected, rows: &[Row<'_>]) -> Reading {
    events::sort_out(rows, |row| {
        let name = row.required("symbol")?;
        if expected.symbols.iter().any(|asked| !name.eq_ignore_ascii_case(asked.as_str())) {
            return Err(Reason::WrongSubject { asked: expected.in_words(), got: excerpt(name) });
        }
        let day = |field: &'static str| {
            let day = time::day(row.required(field)?)?;
            time::not_too_early(day).map(|()| day)
        };
        let date = EarningsDate {
            symbol: name.parse().map_err(|_| Reason::NotAnInstrument(excerpt(name)))?,
            name: optional(row, "name")?.unwrap_or_default(),
            report_date: day("report date")?,
            fiscal_date_ending: day("fiscal date ending")?,
            estimate: row.text("estimate")?.map(|text| number::decimal("estimate", text)).transpose()?,
            currency: optional(row, "currency")?,
            time_of_day: optional(row, "time of the day")?,
        };
        Ok((Event::EarningsDate(date), Vec::new()))
    })
}
