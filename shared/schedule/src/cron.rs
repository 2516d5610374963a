//! A cron expression of five or six fields: text enters, the local times that it names leave.
//!
//! It knows no time zone, so neither skipped nor repeated hours. Every field is expanded to its
//! values when it is read; only the days wait for the month in which they fall.

use jiff::civil::{Date, DateTime, Weekday};

use crate::{
    BadSchedule,
    field::{DAY_OF_MONTH, DAY_OF_WEEK, HOURS, MINUTES, MONTH, YEAR},
    quoted,
};

/// The values of each field, ascending.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cron {
    minutes: Vec<i16>,
    hours: Vec<i16>,
    days: Days,
    months: Vec<i16>,
    years: Vec<i16>,
}

impl Cron {
    pub(crate) fn parse(text: &str) -> Result<Self, BadSchedule> {
        let fields: Vec<&str> = text.split_whitespace().collect();
        let ([minutes, hours, day_of_month, month, day_of_week], year) = match *fields {
            [minutes, hours, day_of_month, month, day_of_week] => {
                ([minutes, hours, day_of_month, month, day_of_week], "*")
            }
            [minutes, hours, day_of_month, month, day_of_week, year] => {
                ([minutes, hours, day_of_month, month, day_of_week], year)
            }
            _ => return Err(BadSchedule::FieldCount(fields.len())),
        };
        Ok(Self {
            minutes: MINUTES.values(minutes)?,
            hours: HOURS.values(hours)?,
            days: Days::parse(day_of_month, day_of_week)?,
            months: MONTH.values(month)?,
            years: YEAR.values(year)?,
        })
    }

    /// All local times from the begin of a day on, in order.
    pub(crate) fn local_times(&self, from: Date) -> impl Iterator<Item = DateTime> {
        let months = self.years.iter().filter(move |year| **year >= from.year()).flat_map(|year| {
            self.months.iter().filter_map(|month| Date::new(*year, i8::try_from(*month).ok()?, 1).ok())
        });
        let days = months.filter(move |first| first.last_of_month() >= from).flat_map(|first| self.days.of(first));
        let hours =
            days.filter(move |day| *day >= from).flat_map(|day| self.hours.iter().map(move |hour| (day, *hour)));
        hours.flat_map(|(day, hour)| {
            self.minutes.iter().filter_map(move |minute| {
                let (hour, minute) = (i8::try_from(hour).ok()?, i8::try_from(*minute).ok()?);
                Some(day.at(hour, minute, 0, 0))
            })
        })
    }
}

/// Which days of a month, by whichever of the two fields is not `?`.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Days {
    /// `1,15` or `*`.
    OfMonth(Vec<i16>),
    /// `L`.
    LastOfMonth,
    /// `15W`: the weekday that is closest to the 15th, in the same month.
    NearestWeekday(i16),
    /// `MON-FRI`; Sunday is 1.
    OfWeek(Vec<i16>),
    /// `6L`: the last Friday.
    LastOfItsKind(Weekday),
    /// `3#2`: the second Tuesday.
    NthOfItsKind(Weekday, i8),
}

impl Days {
    fn parse(day_of_month: &str, day_of_week: &str) -> Result<Self, BadSchedule> {
        match (day_of_month, day_of_week) {
            (days, "?") if days != "?" => Self::of_month(days),
            ("?", days) if days != "?" => Self::of_week(days),
            _ => Err(BadSchedule::DayFields { day_of_month: quoted(day_of_month), day_of_week: quoted(day_of_week) }),
        }
    }

    fn of_month(text: &str) -> Result<Self, BadSchedule> {
        let alone = |_| DAY_OF_MONTH.bad(text, "`L` or `W` once in the field, as in `L` or `15W`".to_owned());
        if text == "L" {
            Ok(Self::LastOfMonth)
        } else if let Some(day) = text.strip_suffix('W') {
            DAY_OF_MONTH.value(day).map(Self::NearestWeekday).map_err(alone)
        } else if text.contains(['L', 'W']) {
            Err(alone(DAY_OF_MONTH.refuse(text)))
        } else {
            DAY_OF_MONTH.values(text).map(Self::OfMonth)
        }
    }

    fn of_week(text: &str) -> Result<Self, BadSchedule> {
        let alone = || DAY_OF_WEEK.bad(text, "`L` or `#` once in the field, as in `L`, `6L` or `3#2`".to_owned());
        let weekday = |text: &str| {
            let number = DAY_OF_WEEK.value(text).ok().and_then(|number| i8::try_from(number).ok());
            number.and_then(|number| Weekday::from_sunday_one_offset(number).ok()).ok_or_else(alone)
        };
        if text == "L" {
            // The last day of the week, which ends on Saturday.
            Ok(Self::OfWeek(vec![7]))
        } else if let Some(day) = text.strip_suffix('L') {
            weekday(day).map(Self::LastOfItsKind)
        } else if let Some((day, nth)) = text.split_once('#') {
            let nth = match nth {
                "1" | "2" | "3" | "4" | "5" => nth.parse().map_err(|_| alone())?,
                _ => return Err(alone()),
            };
            Ok(Self::NthOfItsKind(weekday(day)?, nth))
        } else if text.contains('L') {
            Err(alone())
        } else {
            DAY_OF_WEEK.values(text).map(Self::OfWeek)
        }
    }

    /// The days of the month that begins on `first`, in order.
    fn of(&self, first: Date) -> Vec<Date> {
        let is_named = |day: &Date| match self {
            Self::OfMonth(days) => days.contains(&i16::from(day.day())),
            Self::LastOfMonth => *day == first.last_of_month(),
            Self::NearestWeekday(wanted) => nearest_weekday(first, *wanted) == Some(*day),
            Self::OfWeek(days) => days.contains(&i16::from(day.weekday().to_sunday_one_offset())),
            Self::LastOfItsKind(weekday) => first.nth_weekday_of_month(-1, *weekday).is_ok_and(|last| last == *day),
            Self::NthOfItsKind(weekday, nth) => {
                first.nth_weekday_of_month(*nth, *weekday).is_ok_and(|wanted| wanted == *day)
            }
        };
        (1..=first.days_in_month()).filter_map(|day| first.with().day(day).build().ok()).filter(is_named).collect()
    }
}

/// The weekday that is closest to a day, without leaving its month; `None` if the month has no such day.
fn nearest_weekday(first: Date, day: i16) -> Option<Date> {
    let wanted = first.with().day(i8::try_from(day).ok()?).build().ok()?;
    let moved = match wanted.weekday() {
        Weekday::Saturday if day == 1 => 3,
        Weekday::Saturday => day - 1,
        Weekday::Sunday if wanted == first.last_of_month() => day - 2,
        Weekday::Sunday => day + 1,
        _ => day,
    };
    first.with().day(i8::try_from(moved).ok()?).build().ok()
}
