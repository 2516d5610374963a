//! TIME_SERIES_INTRADAY: rows become bars of an equity's session.
//!
//! The vendor labelled bars by their end until about 2022 and by their begin since. It documents
//! neither, so each reply tells by itself: a label on the close of the hours asked for, and none on
//! their open, can only be an end. A reply without either, from the middle of a session, counts as
//! labelled by begins, as all recent ones are.

use jiff::{
    SignedDuration, Timestamp,
    civil::{Date, DateTime, Time},
    tz::TimeZone,
};
use market::{Bar, Basis, Fact, Flag, Interval, Observation, Subject, VendorBar, session, session::Hours};

use crate::{
    Context, Expected, Reading, Reason, Verdict,
    field::{self, Row},
    freshness,
    naming::{self, Refused},
    series::{self, Placed, Series},
    time,
};

/// The zone of a CSV, which does not name it; the vendor documents it for all equities.
pub(crate) const DOCUMENTED_ZONE: &str = "US/Eastern";

/// Hourly bars of the regular session stand on the full hour or, from its open on, on the half hour.
/// Longer steps of the grid therefore count as half an hour.
const LARGEST_STEP: SignedDuration = SignedDuration::from_mins(30);

/// What all intraday series refuse: bars of a day.
pub(crate) fn refuse_days(expected: &Expected) -> Option<Reading> {
    let message = "interval `1day` is not intraday; allowed: 1min, 5min, 15min, 30min, 60min";
    (expected.interval == Some(Interval::Day)).then(|| Reading::without_data(Verdict::BadRequest, message))
}

fn names(expected: &Expected, series: &Series<'_>) -> Result<(Option<Subject>, Option<Interval>), Refused> {
    naming::check_kind(expected, series, |key| field::word(field::split_unit(key).0) == "timeseries")?;
    let interval = naming::interval(expected, series)?;
    Ok((naming::equity(expected, series)?, interval))
}

/// Reads the bars of a reply.
pub(crate) fn read(expected: &Expected, series: Series<'_>, context: &Context) -> Reading {
    if let Some(refused) = refuse_days(expected) {
        return refused;
    }
    let (subject, interval) = match names(expected, &series) {
        Ok(names) => names,
        Err(refused) => return refused.reading(series.rows),
    };
    let freshness = freshness(context.entitlement, &series.marks());
    let zone = series::zone_of(&series, DOCUMENTED_ZONE).map(str::to_owned);
    let new_york = session::new_york();
    let placed = series::place(series.rows, zone.as_deref().map_err(Clone::clone), context.now);
    let interval = interval.or_else(|| spacing(&placed, &new_york));
    let labels = interval.map(|interval| Labels::of(&placed, interval, expected.hours, &new_york));
    let (mut observations, rejected) = series::sort_out(placed, |row, at| {
        let labels = labels.as_ref().ok_or(Reason::UnknownInterval)?;
        let start = labels.start(row, at)?;
        let (prices, volume) = series::prices(row, &[])?;
        let is_final = context.now.duration_since(start) >= labels.interval.duration() + time::SETTLE_BAR;
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
        let bar = Bar { start, interval: labels.interval, prices, volume, is_final };
        let bar = VendorBar { subject: subject.clone(), basis: Basis::Raw, freshness, bar, adjustment: None };
        Ok(Observation { fact: Fact::Bar(bar), flags })
    });
    // Who asks for a month gets it as it was.
    if expected.month.is_none() {
        series::flag_if_stale(&mut observations, |newest| time::is_old(session::new_york_date(newest), context.now));
    }
    Reading::data(observations, rejected)
}

/// When the hours begin and end on a day, which on some days is early; on one without trading, as on others.
fn bounds(hours: Hours, day: Date) -> (Time, Time) {
    hours.bounds_on(day).unwrap_or(hours.bounds())
}

/// The interval of a series that nobody names, by the spacing of its bars.
fn spacing(placed: &[Placed<'_>], new_york: &TimeZone) -> Option<Interval> {
    let moments: Vec<Timestamp> = placed.iter().filter_map(|placed| placed.at.as_ref().ok()).copied().collect();
    let half_hour = series::spacing(moments.clone())?;
    // Hourly bars that count from 09:30 and are labelled by their ends: the last one has but half an hour.
    let is_close = |at: Timestamp| {
        let local = at.to_zoned(new_york.clone());
        local.time() == bounds(Hours::Regular, local.date()).1
    };
    let without_close = moments.iter().copied().filter(|at| !is_close(*at)).collect();
    match series::spacing(without_close) {
        Some(Interval::Min60) if half_hour == Interval::Min30 => Some(Interval::Min60),
        _ => Some(half_hour),
    }
}

/// How the labels of one reply are to be read.
struct Labels<'a> {
    interval: Interval,
    hours: Hours,
    new_york: &'a TimeZone,
    /// They stand at the end of their bars.
    are_ends: bool,
    /// Hourly bars count from 09:30, so that the last one has but half an hour.
    on_half_hours: bool,
}

impl<'a> Labels<'a> {
    fn of(placed: &[Placed<'_>], interval: Interval, hours: Option<Hours>, new_york: &'a TimeZone) -> Self {
        let locals: Vec<DateTime> = placed
            .iter()
            .filter_map(|placed| placed.at.as_ref().ok())
            .map(|at| at.to_zoned(new_york.clone()).datetime())
            .collect();
        let touched = |hours: Hours| {
            let bounds = locals.iter().map(|local| (local.time(), bounds(hours, local.date())));
            bounds.fold((false, false), |(opened, closed), (time, (open, close))| {
                (opened || time == open, closed || time == close)
            })
        };
        let hours = hours.unwrap_or_else(|| {
            let (open, close) = Hours::Regular.bounds();
            let is_within = locals.iter().all(|local| (open..=close).contains(&local.time()));
            // Bars of the regular session are never labelled by both: what has both goes on after the close.
            let is_regular = is_within && touched(Hours::Regular) != (true, true);
            if is_regular { Hours::Regular } else { Hours::Extended }
        });
        let (opened, closed) = touched(hours);
        Self {
            interval,
            hours,
            new_york,
            are_ends: closed && !opened,
            on_half_hours: interval == Interval::Min60 && locals.iter().any(|local| local.minute() == 30),
        }
    }

    /// The begin of the bar of a label: on the grid and inside the session, or refused.
    fn start(&self, row: &Row<'_>, at: Timestamp) -> Result<Timestamp, Reason> {
        let interval = self.interval;
        let local = at.to_zoned(self.new_york.clone());
        let (open, close) = bounds(self.hours, local.date());
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
        let inside = session::session(session::new_york_date(start), self.hours)
            .is_some_and(|(open, close)| start < close && open.duration_since(start) < interval.duration());
        if inside { Ok(start) } else { Err(outside()) }
    }
}
