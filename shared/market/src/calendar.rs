//! Which days the New York Stock Exchange trades, and how long.
//!
//! A date enters, its [`DayKind`] leaves. Holidays and early closes stand in a table that is compiled
//! in, `data/nyse.csv`; nothing here computes them, because the exchange announces them and adds days
//! of mourning. Outside of the years that the table [covers](covered), every weekday counts as a full
//! trading day, so that archives from before 2024 stay readable. Hours and moments are in `session`.

use std::sync::LazyLock;

use jiff::civil::{Date, Weekday};

#[cfg(test)]
mod tests;

/// How a day trades.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DayKind {
    /// Saturday or Sunday.
    Weekend,
    /// A weekday without trading, and its name.
    Holiday(&'static str),
    /// Trading ends early, at 13:00 in New York; and why.
    HalfDay(&'static str),
    /// As usual.
    Full,
}

/// How the exchanges of the United States trade on that day.
pub fn day_kind(date: Date) -> DayKind {
    let name = |days: &[(Date, &'static str)]| days.binary_search_by_key(&date, |day| day.0).ok().map(|at| days[at].1);
    if !is_weekday(date) {
        DayKind::Weekend
    } else if let Some(name) = name(&CALENDAR.closed) {
        DayKind::Holiday(name)
    } else if let Some(name) = name(&CALENDAR.early_closes) {
        DayKind::HalfDay(name)
    } else {
        DayKind::Full
    }
}

/// Whether a day is neither Saturday nor Sunday. It may be a holiday: see [`is_trading_day`].
pub fn is_weekday(date: Date) -> bool {
    !matches!(date.weekday(), Weekday::Saturday | Weekday::Sunday)
}

/// Whether exchanges of the United States trade on that day, if only for half of it.
pub fn is_trading_day(date: Date) -> bool {
    matches!(day_kind(date), DayKind::Full | DayKind::HalfDay(_))
}

/// Whether trading ends early on that day.
pub fn is_half_day(date: Date) -> bool {
    matches!(day_kind(date), DayKind::HalfDay(_))
}

/// The name of the holiday on which a weekday has no trading.
pub fn holiday_name(date: Date) -> Option<&'static str> {
    match day_kind(date) {
        DayKind::Holiday(name) => Some(name),
        DayKind::Weekend | DayKind::HalfDay(_) | DayKind::Full => None,
    }
}

/// First and last day whose holidays are known.
pub fn covered() -> (Date, Date) {
    CALENDAR.covers
}

/// How many trading days lie in `(from, to]`: weekdays by arithmetic, less the holidays among them.
pub fn trading_days_between(from: Date, to: Date) -> u32 {
    if from >= to {
        return 0;
    }
    let days = (to - from).get_days().unsigned_abs();
    let (weeks, rest) = (days / 7, days % 7);
    let tail = from.series(jiff::Span::new().days(1)).skip(1).take(rest as usize).filter(|day| is_weekday(*day));
    let until = |date: Date| CALENDAR.closed.partition_point(|day| day.0 <= date);
    // Holidays of the table are weekdays, so each was counted.
    weeks * 5 + tail.count() as u32 - (until(to) - until(from)) as u32
}

const TABLE: &str = include_str!("../data/nyse.csv");

/// A table that does not parse would cover nothing; a test sees to it that it parses.
static CALENDAR: LazyLock<Calendar> = LazyLock::new(|| Calendar::parse(TABLE).unwrap_or_default());

#[derive(Debug)]
struct Calendar {
    covers: (Date, Date),
    /// Ascending, weekdays only.
    closed: Vec<(Date, &'static str)>,
    /// Ascending, weekdays only.
    early_closes: Vec<(Date, &'static str)>,
}

impl Default for Calendar {
    fn default() -> Self {
        Self { covers: (Date::MAX, Date::MIN), closed: Vec::new(), early_closes: Vec::new() }
    }
}

/// A line of the table that cannot be right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line} of the calendar {what}")]
struct BadTable {
    line: usize,
    what: &'static str,
}

impl Calendar {
    fn parse(table: &'static str) -> Result<Self, BadTable> {
        let mut lines =
            table.lines().enumerate().map(|(at, line)| (at + 1, line)).filter(|(_, line)| !line.starts_with('#'));
        let covers = lines.next().and_then(|(_, line)| {
            let (first, last) = line.strip_prefix("covers,")?.split_once(',')?;
            Some((first.parse::<Date>().ok()?, last.parse::<Date>().ok()?))
        });
        let covers = covers
            .filter(|(first, last)| first <= last)
            .ok_or(BadTable { line: 1, what: "is not `covers,FIRST,LAST`, comments aside" })?;
        if lines.next().is_none_or(|(_, line)| line != "date,kind,name") {
            return Err(BadTable { line: 2, what: "is not `date,kind,name`, comments aside" });
        }

        let mut calendar = Self { covers, ..Self::default() };
        let mut last = Date::MIN;
        for (line, text) in lines {
            let bad = |what| BadTable { line, what };
            let mut cells = text.splitn(3, ',');
            let (Some(date), Some(kind), Some(name)) = (cells.next(), cells.next(), cells.next()) else {
                return Err(bad("has less than three cells"));
            };
            let date: Date = date.parse().map_err(|_| bad("has no date `YYYY-MM-DD`"))?;
            if date <= last {
                return Err(bad("is not later than the one before"));
            }
            if date < covers.0 || covers.1 < date {
                return Err(bad("lies outside of `covers`"));
            }
            if !is_weekday(date) {
                return Err(bad("names a day of a weekend"));
            }
            if name.is_empty() || name.trim() != name {
                return Err(bad("has no name, or spaces around it"));
            }
            match kind {
                "closed" => calendar.closed.push((date, name)),
                "early close" => calendar.early_closes.push((date, name)),
                _ => return Err(bad("is neither `closed` nor `early close`")),
            }
            last = date;
        }
        Ok(calendar)
    }
}
