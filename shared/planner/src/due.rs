//! Whether to ask now: market hours and the last success enter, a verdict with its reason leaves.
//!
//! Calls are scarce, so nothing is spent on a market that stands still, except once for its final state.

use std::fmt;

use jiff::Timestamp;
use market::{
    Pair,
    session::{DayKind, Hours, SETTLE, day_kind, fx_is_open, latest_trading_day, new_york_date, session},
};

/// When something is traded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Trading {
    /// In the regular sessions of the United States' exchanges.
    Equities,
    /// From Sunday 17:00 to Friday 17:00 in New York.
    ForeignExchange,
    /// Always, as digital currencies are; also what has no hours, such as news.
    Always,
}

impl Trading {
    /// When a pair is traded: always, if either currency is digital.
    pub fn of_pair(pair: &Pair) -> Self {
        let digital = pair.base.is_digital() || pair.quote.is_digital();
        if digital { Self::Always } else { Self::ForeignExchange }
    }
}

/// Why there is nothing to ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reason {
    /// The day's session has not begun.
    BeforeOpen,
    /// The day's session is over, its final state is known.
    AfterClose,
    /// As [`Reason::AfterClose`], on a day with an early close.
    HalfDay,
    /// No session on this weekday.
    Holiday,
    /// No session on Saturdays and Sundays.
    Weekend,
    /// Physical currencies rest from Friday 17:00 to Sunday 17:00 in New York.
    CurrenciesRest,
}

impl Reason {
    /// The word for it in machine-readable output.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BeforeOpen => "before_open",
            Self::AfterClose => "after_close",
            Self::HalfDay => "half_day",
            Self::Holiday => "holiday",
            Self::Weekend => "weekend",
            Self::CurrenciesRest => "currencies_rest",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::BeforeOpen => "market closed, before the open",
            Self::AfterClose => "market closed, final state fetched",
            Self::HalfDay => "half day, early close, final state fetched",
            Self::Holiday => "market closed, holiday",
            Self::Weekend => "market closed, weekend",
            Self::CurrenciesRest => "market closed, currencies rest from Friday 17:00 to Sunday 17:00",
        })
    }
}

/// Whether to ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// Ask.
    Due,
    /// Do not, for that reason.
    NotDue(Reason),
}

/// Whether to ask now for something that was last fetched at `succeeded_at`.
///
/// Equities: in session, always. After the close, until a fetch succeeded 30 minutes after it, when the
/// day's quote is final. Before the open and on days without a session, only if nothing was fetched since
/// the end of the latest session. What was never fetched counts as fetched long ago.
pub fn is_due(trading: Trading, now: Timestamp, succeeded_at: Option<Timestamp>) -> Due {
    Opening::at(trading, now).is_due(succeeded_at)
}

/// What the hours say of one moment, for any number of entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opening {
    /// All are due.
    Open,
    /// Due is what was not fetched since `since`.
    CatchUp {
        /// What was fetched from here on is the final state.
        since: Timestamp,
        /// Why the others are not due.
        reason: Reason,
    },
    /// None is due.
    Closed(Reason),
}

impl Opening {
    /// Of that moment.
    pub fn at(trading: Trading, now: Timestamp) -> Self {
        match trading {
            Trading::Always => Self::Open,
            Trading::ForeignExchange if fx_is_open(now) => Self::Open,
            Trading::ForeignExchange => Self::Closed(Reason::CurrenciesRest),
            Trading::Equities => equities(now),
        }
    }

    /// Whether something is due that was last fetched then.
    pub fn is_due(self, succeeded_at: Option<Timestamp>) -> Due {
        match self {
            Self::Open => Due::Due,
            Self::CatchUp { since, reason } if succeeded_at.is_some_and(|at| at >= since) => Due::NotDue(reason),
            Self::CatchUp { .. } => Due::Due,
            Self::Closed(reason) => Due::NotDue(reason),
        }
    }
}

fn equities(now: Timestamp) -> Opening {
    let today = new_york_date(now);
    let kind = day_kind(today);
    let reason = match (session(today, Hours::Regular), kind) {
        (Some((open, close)), _) if open <= now && now < close => return Opening::Open,
        (Some((open, close)), _) if open <= now => {
            let reason = if matches!(kind, DayKind::HalfDay(_)) { Reason::HalfDay } else { Reason::AfterClose };
            return Opening::CatchUp { since: close + SETTLE, reason };
        }
        (Some(_), _) => Reason::BeforeOpen,
        (None, DayKind::Weekend) => Reason::Weekend,
        (None, _) => Reason::Holiday,
    };
    match session(latest_trading_day(now), Hours::Regular) {
        Some((_, close)) => Opening::CatchUp { since: close, reason },
        None => Opening::Closed(reason),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(trading: Trading, now: &str, succeeded_at: &str, expected: Due) {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let succeeded_at = (!succeeded_at.is_empty()).then(|| at(succeeded_at));
        assert_eq!(is_due(trading, at(now), succeeded_at), expected, "{trading:?} {now} {succeeded_at:?}");
    }

    #[test]
    fn equities_are_due_in_session_and_once_after_it() {
        use {Due::NotDue, Reason::*};
        // A Friday in winter time: 09:30 is 14:30 UTC, 16:00 is 21:00 UTC.
        for (now, succeeded_at, expected) in [
            ("2026-11-20T14:29:59Z", "2026-11-19T21:00:00Z", NotDue(BeforeOpen)),
            ("2026-11-20T14:29:59Z", "2026-11-19T20:59:59Z", Due::Due),
            ("2026-11-20T14:30:00Z", "2026-11-20T14:29:00Z", Due::Due),
            ("2026-11-20T20:59:59Z", "2026-11-20T20:59:58Z", Due::Due),
            ("2026-11-20T21:00:00Z", "2026-11-20T20:59:00Z", Due::Due),
            ("2026-11-20T21:10:00Z", "2026-11-20T21:05:00Z", Due::Due),
            ("2026-11-20T21:40:00Z", "2026-11-20T21:29:59Z", Due::Due),
            ("2026-11-20T21:40:00Z", "2026-11-20T21:30:00Z", NotDue(AfterClose)),
            // The weekend, and the Monday before its open.
            ("2026-11-21T12:00:00Z", "2026-11-20T21:05:00Z", NotDue(Weekend)),
            ("2026-11-21T12:00:00Z", "2026-11-20T20:05:00Z", Due::Due),
            ("2026-11-22T12:00:00Z", "", Due::Due),
            ("2026-11-23T14:00:00Z", "2026-11-20T21:35:00Z", NotDue(BeforeOpen)),
            // Thanksgiving, and the half day after it, which ends at 18:00 UTC.
            ("2026-11-26T16:00:00Z", "2026-11-25T21:00:00Z", NotDue(Holiday)),
            ("2026-11-26T16:00:00Z", "2026-11-25T20:59:59Z", Due::Due),
            ("2026-11-27T14:00:00Z", "2026-11-25T21:00:00Z", NotDue(BeforeOpen)),
            ("2026-11-27T17:59:59Z", "2026-11-27T17:59:00Z", Due::Due),
            ("2026-11-27T18:30:00Z", "2026-11-27T18:29:59Z", Due::Due),
            ("2026-11-27T18:31:00Z", "2026-11-27T18:30:00Z", NotDue(HalfDay)),
            ("2026-11-27T21:00:00Z", "2026-11-27T18:30:00Z", NotDue(HalfDay)),
            // Summer time: 09:30 is 13:30 UTC.
            ("2026-07-01T13:30:00Z", "2026-07-01T13:29:00Z", Due::Due),
            ("2026-07-01T13:29:00Z", "2026-06-30T21:29:00Z", NotDue(BeforeOpen)),
        ] {
            check(Trading::Equities, now, succeeded_at, expected);
        }
    }

    #[test]
    fn currencies_rest_at_the_weekend_and_digital_ones_never() {
        use {Due::NotDue, Reason::CurrenciesRest};
        for (now, expected) in [
            ("2026-11-20T21:59:59Z", Due::Due),
            ("2026-11-20T22:00:00Z", NotDue(CurrenciesRest)),
            ("2026-11-22T21:59:59Z", NotDue(CurrenciesRest)),
            ("2026-11-22T22:00:00Z", Due::Due),
            // The clocks change in that night: summer time from 2026-03-08 on.
            ("2026-03-06T22:00:00Z", NotDue(CurrenciesRest)),
            ("2026-03-08T20:59:59Z", NotDue(CurrenciesRest)),
            ("2026-03-08T21:00:00Z", Due::Due),
        ] {
            check(Trading::ForeignExchange, now, "", expected);
            check(Trading::Always, now, now, Due::Due);
        }
        let trading = |pair: &str| Trading::of_pair(&pair.parse().unwrap());
        assert_eq!(trading("EUR/USD"), Trading::ForeignExchange);
        assert_eq!(trading("BTC/USD"), Trading::Always);
        assert_eq!(trading("USD/BTC"), Trading::Always);
    }
}
