//! What may be spent of a plan. The vendor's own figures enter, figures with head-room leave.

use jiff::SignedDuration;

/// Seconds between two calls for a plan of one call per second.
///
/// Two calls are sent up to one slot's lifetime (0.3 s) closer together than they are spaced, and the
/// way to the vendor takes them up to 0.2 s closer still; so any second holds at most as many calls
/// as the plan allows if that many spacings take 1.5 s.
const SECOND_STRETCHED: f64 = 1.5;
/// Which part of a minute's calls is used: refusals have been seen at 4 calls of 5.
const MINUTE_USED: f64 = 0.9;
/// One call in so many of a day's is left over, for somebody who tries the key by hand.
const DAY_LEFT_OVER: u32 = 25;

/// What all who share a key may spend together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Between two calls.
    pub spacing: SignedDuration,
    /// Calls per second by the plan. What a refusal says about it holds for this figure only.
    pub per_second: u32,
    /// Calls within 60 seconds.
    pub per_minute: Option<u32>,
    /// Calls within a day, both in UTC and in New York.
    pub per_day: Option<u32>,
}

impl Limits {
    /// The part of a plan's own figures that is used; a zero is taken for one.
    ///
    /// A free plan (1 per second, 25 a day) gives 24 calls a day, 1.5 s apart; 75 a minute give 67,
    /// 0.9 s apart.
    pub fn of_plan(per_second: u32, per_minute: Option<u32>, per_day: Option<u32>) -> Self {
        let per_minute = per_minute.map(|calls| ((f64::from(calls) * MINUTE_USED) as u32).max(1));
        let per_day = per_day.map(|calls| (calls - calls.div_ceil(DAY_LEFT_OVER)).max(1));
        let even = per_minute.map_or(0.0, |calls| 60.0 / f64::from(calls));
        let per_second = per_second.max(1);
        let spacing = SignedDuration::from_secs_f64(even).max(spacing_for(per_second));
        Self { spacing, per_second, per_minute, per_day }
    }
}

/// How far apart calls are for that many per second.
pub(super) fn spacing_for(per_second: u32) -> SignedDuration {
    SignedDuration::from_secs_f64(SECOND_STRETCHED / f64::from(per_second.max(1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(plan: (u32, Option<u32>, Option<u32>), expected: (i64, Option<u32>, Option<u32>)) {
        let limits = Limits::of_plan(plan.0, plan.1, plan.2);
        let millis = limits.spacing.as_millis() as i64;
        assert_eq!((millis, limits.per_minute, limits.per_day), expected, "{plan:?}");
    }

    #[test]
    fn head_room_is_left_of_every_figure() {
        check((1, None, Some(25)), (1_500, None, Some(24)));
        check((5, Some(75), None), (895, Some(67), None));
        check((5, Some(150), None), (444, Some(135), None));
        check((5, Some(300), None), (300, Some(270), None));
        check((30, Some(1_200), None), (55, Some(1_080), None));
        check((1, None, Some(500)), (1_500, None, Some(480)));
        check((0, Some(0), Some(0)), (60_000, Some(1), Some(1)));
    }
}
