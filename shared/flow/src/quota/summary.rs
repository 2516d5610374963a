//! What the ledger of calls says, for people.

use std::fmt;

use jiff::Timestamp;

use super::{
    Limits, QuotaState,
    days::Day,
    millis,
    state::{CLOSING, RefusalClass},
    timestamp,
};

/// What the ledger of calls says, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// Calls of the last minute, and how many a minute may have.
    pub minute: (u32, Option<u32>),
    /// Calls of the day in UTC.
    pub utc_day: u32,
    /// Calls of the day in New York.
    pub new_york_day: u32,
    /// Calls that are left today, where a day has a limit.
    pub left_today: Option<u32>,
    /// Milliseconds between two calls.
    pub spacing_ms: i64,
    /// The vendor named this figure of calls per second, which is less than the plan's.
    pub named_per_second: Option<u32>,
    /// What is closed, for what, and until when: everything, or a function by name.
    pub closed: Vec<(Option<String>, RefusalClass, Timestamp)>,
}

impl QuotaState {
    /// What the ledger says, for people.
    pub fn summary(&self, limits: &Limits, now: Timestamp) -> Summary {
        let left_today = self.left_today(limits, now);
        let now = millis(now);
        let everything = CLOSING.into_iter().zip(self.closed).map(|(class, until)| (None, class, until));
        let functions = self.functions.iter().map(|closed| (Some(closed.name.clone()), closed.class, closed.until));
        let per_second = self.per_second(limits);
        Summary {
            minute: (self.last_minute(now), limits.per_minute),
            utc_day: self.utc.calls(Day::utc(now).number),
            new_york_day: self.new_york.calls(Day::new_york(now).number),
            left_today,
            spacing_ms: self.spacing(limits).as_millis() as i64,
            named_per_second: (per_second < limits.per_second).then_some(per_second),
            closed: everything
                .chain(functions)
                .filter(|(_, _, until)| now < *until)
                .map(|(function, class, until)| (function, class, timestamp(until)))
                .collect(),
        }
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (minute, per_minute) = self.minute;
        write!(f, "{minute}")?;
        if let Some(per_minute) = per_minute {
            write!(f, " of {per_minute}")?;
        }
        write!(f, " calls in the last minute; today {} (UTC), {} (New York)", self.utc_day, self.new_york_day)?;
        if let Some(left) = self.left_today {
            write!(f, ", {left} left")?;
        }
        write!(f, "; one call every {} ms", self.spacing_ms)?;
        if let Some(per_second) = self.named_per_second {
            write!(f, ", since the vendor named {per_second} per second")?;
        }
        for (function, class, until) in &self.closed {
            let function = function.as_deref().unwrap_or("everything");
            write!(f, "; {function} is closed until {until:.0} (class `{class}`)")?;
        }
        Ok(())
    }
}
