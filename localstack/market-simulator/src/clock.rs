//! Where market time comes from: a reading of the clock on the wall, mapped by a [`SimulatedTime`].

use std::sync::Arc;

use jiff::{Timestamp, civil::time};
use market::{SimulatedTime, session};

/// Reads the clock on the wall. Tests put one here that they set by hand.
pub type RealTime = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// The market clock of a simulator.
#[derive(Clone)]
pub(crate) struct Clock {
    pub(crate) simulated: SimulatedTime,
    pub(crate) real: RealTime,
}

impl Clock {
    /// The market time now.
    pub(crate) fn market(&self) -> Timestamp {
        self.simulated.at((self.real)())
    }
}

/// The latest 11:30 of a trading day in New York that has passed: two hours into the session, so that
/// more than 100 regular one-minute bars exist.
pub(crate) fn default_start(real: Timestamp) -> Timestamp {
    let zone = session::new_york();
    let mut date = session::new_york_date(real);
    // No week is without a trading day, so eight steps are enough.
    for _ in 0..8 {
        if session::is_trading_day(date)
            && let Ok(start) = session::instant(date.to_datetime(time(11, 30, 0, 0)), &zone)
            && start <= real
        {
            return start;
        }
        date = date.yesterday().unwrap_or(date);
    }
    real
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_starts_inside_the_latest_session() {
        for (real, start) in [
            ("2026-11-21T04:01:00Z", "2026-11-20T16:30:00Z"),
            ("2026-11-20T16:29:59Z", "2026-11-19T16:30:00Z"),
            ("2026-11-20T16:30:00Z", "2026-11-20T16:30:00Z"),
            ("2026-11-23T12:00:00Z", "2026-11-20T16:30:00Z"),
            ("2026-07-06T20:00:00Z", "2026-07-06T15:30:00Z"),
            // Independence Day kept on a Friday; Thanksgiving; the half day after it.
            ("2026-07-05T20:00:00Z", "2026-07-02T15:30:00Z"),
            ("2026-11-26T20:00:00Z", "2026-11-25T16:30:00Z"),
            ("2026-11-28T20:00:00Z", "2026-11-27T16:30:00Z"),
        ] {
            assert_eq!(default_start(real.parse().unwrap()), start.parse::<Timestamp>().unwrap(), "{real}");
        }
    }
}
