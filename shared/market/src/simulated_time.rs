//! A market time that runs faster than the clock on the wall: two anchors and a speed.
//!
//! Pure arithmetic: it maps a moment that somebody read off a clock, and reads none itself.

use std::{fmt, str::FromStr};

use jiff::{SignedDuration, Timestamp};

/// Fastest speed that is accepted: a trading year in about a minute and a half.
pub const SPEED_MAX: u32 = 100_000;

/// The text is no simulated time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("simulated time `{0}` is not REAL,MARKET,SPEED: two RFC 3339 times and a whole number from 1 to 100000")]
pub struct BadSimulatedTime(String);

/// Market time = `market` + (real time − `real`) × `speed`. Written `REAL,MARKET,SPEED`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SimulatedTime {
    /// A moment of the clock on the wall.
    pub real: Timestamp,
    /// The market time at that moment.
    pub market: Timestamp,
    /// Market seconds for one second, 1 to [`SPEED_MAX`].
    pub speed: u32,
}

impl SimulatedTime {
    /// The market time at a moment of the clock on the wall.
    pub fn at(&self, real: Timestamp) -> Timestamp {
        let passed = real.duration_since(self.real);
        let market = passed.checked_mul(self.speed as i32).unwrap_or(SignedDuration::MAX);
        self.market.saturating_add(market).unwrap_or(Timestamp::MAX)
    }
}

impl fmt::Display for SimulatedTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{},{},{}", self.real, self.market, self.speed)
    }
}

impl FromStr for SimulatedTime {
    type Err = BadSimulatedTime;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut parts = text.split(',');
        let read = (|| {
            let real = parts.next()?.parse().ok()?;
            let market = parts.next()?.parse().ok()?;
            let speed = parts.next()?.parse().ok()?;
            (parts.next().is_none() && (1..=SPEED_MAX).contains(&speed)).then_some(Self { real, market, speed })
        })();
        read.ok_or_else(|| BadSimulatedTime(text.chars().take(128).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn market_time_runs_at_its_speed_and_survives_text() {
        let text = "2026-11-21T03:00:00Z,2026-11-20T16:00:00Z,60";
        let time: SimulatedTime = text.parse().unwrap();
        assert_eq!(time.to_string(), text);
        assert_eq!(time.at(time.real), time.market);
        assert_eq!(
            time.at("2026-11-21T03:00:01.5Z".parse().unwrap()),
            "2026-11-20T16:01:30Z".parse::<Timestamp>().unwrap()
        );
        assert_eq!(time.at(Timestamp::MAX), Timestamp::MAX);
        for bad in ["", "a,b,c", "2026-11-21T03:00:00Z,2026-11-20T16:00:00Z,0", "2026-11-21T03:00:00Z,60"] {
            assert!(bad.parse::<SimulatedTime>().is_err(), "{bad:?}");
        }
    }
}
