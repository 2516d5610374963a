//! TIME_SERIES_INTRADAY: rows become bars of an equity's session.
//!
//! The vendor labelled bars by their end until about 2022 and by their begin since. It documents
//! neither, so each reply tells by itself: a label on the close of the hours asked for, and none on
//! their open, can only be an end. A reply without either, from the middle of a session, counts as
//! labelled by begins, as all recent ones are.

use jiff::{SignedDuration, Timestamp, civil::Time, tz::TimeZone};
use market::{Bar, Basis, Fact, Flag, Interval, Observation, Subject, Symbol, VendorBar, session, session::Hours};

use crate::{
    Context, Reading, Reason, Verdict,
    field::{self, Row},
    freshness,
    series::{self, Placed, Series},
    time,
};

/// The zone of a CSV, which does not name it; the vendor documents it for all equities.
const DOCUMENTED_ZONE: &str = "US/Eastern";

/// Hourly bars of the regular session stand on the full hour or, from its open on, on the half hour.
/// Longer steps of the grid therefore count as half an hour.
const LARGEST_STEP: SignedDuration = SignedDuration::from_mins(30);

/// What the request asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub(crate) symbol: &'a Symbol,
    pub(crate) interval: Interval,
    pub(crate) hours: Hours,
}

/// Reads the bars of a reply.
pub(crate) fn read(asked: &Asked<'_>, series: Series<'_>, context: &Context) -> Reading {
    if asked.interval == Interval::Day {
        let message = "interval `1day` is not intraday; allowed: 1min, 5min, 15min, 30min, 60min";
        return Reading::without_data(Verdict::BadRequest, message);
    }
    let (mut zone, mut marks) = (Ok(DOCUMENTED_ZONE), Vec::new());
    if let Some((key, meta)) = &series.named {
        if let Err(reading) = check_names(asked, key, meta) {
            return *reading;
        }
        zone = meta.required("time zone");
        marks.push(*key);
        marks.extend(meta.text("information").ok().flatten());
    }
    let freshness = freshness(context.entitlement, &marks);

    let new_york = session::new_york();
    let placed = series::place(series.rows, zone, context.now);
    let labels = Labels::of(&placed, asked, &new_york);
    let (mut observations, rejected) = series::sort_out(placed, |row, at| {
        let start = labels.start(row, at)?;
        let (prices, volume) = series::prices(row, &[])?;
        let is_final = context.now.duration_since(start) >= asked.interval.duration() + time::SETTLE_BAR;
        let mut flags = Vec::new();
        if prices.is_rounded() {
            flags.push(Flag::Rounded);
        }
        if labels.are_ends {
            flags.push(Flag::EndLabelled);
        }
        if !is_final {
            flags.push(Flag::Partial);
        }
        let bar = Bar { start, interval: asked.interval, prices, volume, is_final };
        let subject = Some(Subject::Equity(asked.symbol.clone()));
        Ok(Observation {
            fact: Fact::Bar(VendorBar { subject, basis: Basis::Raw, freshness, bar, adjustment: None }),
            flags,
        })
    });
    series::flag_if_stale(&mut observations, |newest| {
        let expected = session::latest_trading_day(context.now);
        session::trading_days_between(session::new_york_date(newest), expected) > 1
    });
    Reading::data(observations, rejected)
}

/// Checks that the series is the one asked for, by its key and its `Meta Data`.
fn check_names(asked: &Asked<'_>, key: &str, meta: &Row<'_>) -> Result<(), Box<Reading>> {
    let unknown = |message: String| Box::new(Reading::without_data(Verdict::UnknownShape, message));
    let wrong = |got: &str| Box::new(Reading::wrong(&format!("{} {}", asked.symbol, asked.interval), got));
    let (name, interval) = field::split_unit(key);
    if field::word(name) != "timeseries" {
        return Err(wrong(key));
    }
    let text = |name| meta.text(name).map_err(|reason| unknown(format!("`Meta Data`: {reason}")));
    let mut intervals = [interval, text("interval")?].into_iter().flatten().peekable();
    if intervals.peek().is_none() {
        return Err(unknown("the reply does not name its interval".to_owned()));
    }
    if let Some(other) = intervals.find(|named| field::word(named) != asked.interval.as_str()) {
        return Err(wrong(other));
    }
    match text("symbol")? {
        None => Err(unknown("`Meta Data` does not name the symbol".to_owned())),
        Some(symbol) if symbol.eq_ignore_ascii_case(asked.symbol.as_str()) => Ok(()),
        Some(other) => Err(wrong(other)),
    }
}

/// How the labels of one reply are to be read.
struct Labels<'a> {
    asked: &'a Asked<'a>,
    new_york: &'a TimeZone,
    /// They stand at the end of their bars.
    are_ends: bool,
    /// Hourly bars count from 09:30, so that the last one has but half an hour.
    on_half_hours: bool,
}

impl<'a> Labels<'a> {
    fn of(placed: &[Placed<'_>], asked: &'a Asked<'a>, new_york: &'a TimeZone) -> Self {
        let (open, close) = asked.hours.bounds();
        let times: Vec<Time> = placed
            .iter()
            .filter_map(|placed| placed.at.as_ref().ok())
            .map(|at| at.to_zoned(new_york.clone()).time())
            .collect();
        Self {
            asked,
            new_york,
            are_ends: times.contains(&close) && !times.contains(&open),
            on_half_hours: asked.interval == Interval::Min60 && times.iter().any(|time| time.minute() == 30),
        }
    }

    /// The begin of the bar of a label: on the grid and inside the session, or refused.
    fn start(&self, row: &Row<'_>, at: Timestamp) -> Result<Timestamp, Reason> {
        let interval = self.asked.interval;
        let local = at.to_zoned(self.new_york.clone());
        let (open, close) = self.asked.hours.bounds();
        let since_midnight = local.time().duration_since(Time::midnight());
        let step = interval.duration().min(LARGEST_STEP);
        if since_midnight.as_nanos() % step.as_nanos() != 0 {
            return Err(Reason::OffGrid { label: row.label.clone(), interval });
        }
        let length = if self.are_ends && self.on_half_hours && local.time() == close {
            LARGEST_STEP
        } else {
            interval.duration()
        };
        let outside = || Reason::OutsideSession { label: row.label.clone(), open, close };
        let start = if self.are_ends { at.checked_sub(length).map_err(|_| outside())? } else { at };
        // An hourly bar on the full hour begins before 09:30 and reaches into the session.
        let inside = session::session(session::new_york_date(start), self.asked.hours)
            .is_some_and(|(open, close)| start < close && open.duration_since(start) < interval.duration());
        if inside { Ok(start) } else { Err(outside()) }
    }
}
