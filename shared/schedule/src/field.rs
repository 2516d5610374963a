//! One field of a cron expression: a text enters, the values that it names leave, ascending.
//!
//! Lists, ranges, steps and names are read here; `?`, `L`, `W` and `#`, which only make sense for
//! days, are read in `cron`.

use crate::{BadSchedule, digits, quoted};

/// What a field may hold.
pub(crate) struct Field {
    name: &'static str,
    first: i16,
    last: i16,
    /// Names of the values from `first` on.
    names: &'static [&'static str],
    has_steps: bool,
    /// The special signs that it takes beside `, - *`, for messages.
    signs: &'static str,
}

const MONTHS: &[&str] = &["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
const WEEKDAYS: &[&str] = &["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

pub(crate) const MINUTES: Field = Field::new("minutes", 0, 59);
pub(crate) const HOURS: Field = Field::new("hours", 0, 23);
pub(crate) const DAY_OF_MONTH: Field = Field { signs: "? / L W", ..Field::new("day-of-month", 1, 31) };
pub(crate) const MONTH: Field = Field { names: MONTHS, ..Field::new("month", 1, 12) };
/// AWS lists no steps for it.
pub(crate) const DAY_OF_WEEK: Field =
    Field { names: WEEKDAYS, has_steps: false, signs: "? L #", ..Field::new("day-of-week", 1, 7) };
pub(crate) const YEAR: Field = Field::new("year", 1970, 2199);

impl Field {
    const fn new(name: &'static str, first: i16, last: i16) -> Self {
        Self { name, first, last, names: &[], has_steps: true, signs: "/" }
    }

    /// The values of a list of values, ranges and steps.
    pub(crate) fn values(&self, text: &str) -> Result<Vec<i16>, BadSchedule> {
        let mut values = Vec::new();
        for item in text.split(',') {
            let (range, step) = match item.split_once('/') {
                Some((range, step)) if self.has_steps => (range, Some(self.step(step)?)),
                _ => (item, None),
            };
            let (first, last) = if range == "*" {
                (self.first, self.last)
            } else if let Some((first, last)) = range.split_once('-') {
                (self.value(first)?, self.value(last)?)
            } else {
                let first = self.value(range)?;
                // `30/5` counts from 30 to the end of the field.
                (first, if step.is_some() { self.last } else { first })
            };
            if first > last {
                // AWS does not say whether ranges may run over the end, so nothing depends on it.
                let allowed = format!("ranges that ascend; write `{first}-{},{}-{last}`", self.last, self.first);
                return Err(self.bad(range, allowed));
            }
            values.extend((first..=last).step_by(step.unwrap_or(1)));
        }
        values.sort_unstable();
        values.dedup();
        Ok(values)
    }

    /// One value, by its number or by its name.
    pub(crate) fn value(&self, text: &str) -> Result<i16, BadSchedule> {
        let named = self.names.iter().position(|name| name.eq_ignore_ascii_case(text)).map(|at| self.first + at as i16);
        named
            .or_else(|| digits(text)?.parse().ok())
            .filter(|value| (self.first..=self.last).contains(value))
            .ok_or_else(|| self.refuse(text))
    }

    fn step(&self, text: &str) -> Result<usize, BadSchedule> {
        let largest = usize::from(self.last.abs_diff(self.first));
        digits(text)
            .and_then(|text| text.parse().ok())
            .filter(|step| (1..=largest).contains(step))
            .ok_or_else(|| self.bad(&format!("/{text}"), format!("steps from 1 to {largest}")))
    }

    /// The refusal of a text that is none of what the field may have.
    pub(crate) fn refuse(&self, text: &str) -> BadSchedule {
        let names = match self.names {
            [first, .., last] => format!(" or {first}-{last}"),
            _ => String::new(),
        };
        self.bad(text, format!("{}-{}{names}, with , - * {}", self.first, self.last, self.signs))
    }

    pub(crate) fn bad(&self, found: &str, allowed: String) -> BadSchedule {
        BadSchedule::Field { field: self.name, found: quoted(found), allowed }
    }
}
