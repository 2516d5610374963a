//! What was bought: the plan with its limits, the entitlement with its freshness.
//!
//! Both stand in the secret beside the API key, since they change together with it. The limits are the
//! vendor's own figures; head-room is left by whoever spends them.

use std::{fmt, str::FromStr};

use market::Freshness;

/// The text is no plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("plan `{0}` is not known; allowed: free, p75, p150, p300, p600, p1200")]
pub struct UnknownPlan(pub String);

/// The text is no entitlement.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("entitlement `{0}` is not known; allowed: delayed, realtime; leave it out where the plan has none")]
pub struct UnknownEntitlement(pub String);

/// A plan, named by its calls per minute. <https://www.alphavantage.co/premium/>
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Plan {
    /// Free of charge: 25 calls a day, one per second.
    Free,
    /// 75 calls per minute.
    P75,
    /// 150 calls per minute.
    P150,
    /// 300 calls per minute.
    P300,
    /// 600 calls per minute.
    P600,
    /// 1,200 calls per minute.
    P1200,
}

impl Plan {
    /// All of them, smallest first.
    pub const ALL: [Self; 6] = [Self::Free, Self::P75, Self::P150, Self::P300, Self::P600, Self::P1200];

    /// The text by which the secret names it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Free => "free",
            Self::P75 => "p75",
            Self::P150 => "p150",
            Self::P300 => "p300",
            Self::P600 => "p600",
            Self::P1200 => "p1200",
        }
    }

    /// Calls per minute; `None` on the free plan, which is bounded by the second and by the day.
    pub const fn per_minute(self) -> Option<u32> {
        match self {
            Self::Free => None,
            Self::P75 => Some(75),
            Self::P150 => Some(150),
            Self::P300 => Some(300),
            Self::P600 => Some(600),
            Self::P1200 => Some(1200),
        }
    }

    /// Calls per second.
    ///
    /// The vendor documents it for no paid plan; 5 is the lowest that was seen on one (30 on the largest).
    /// Its refusals name the true figure, and the secret may override this one.
    pub const fn per_second(self) -> u32 {
        match self {
            Self::Free => 1,
            Self::P75 | Self::P150 | Self::P300 | Self::P600 | Self::P1200 => 5,
        }
    }

    /// Calls per day; `None` where there is no such limit. The time of the reset is not documented.
    pub const fn per_day(self) -> Option<u32> {
        match self {
            Self::Free => Some(25),
            Self::P75 | Self::P150 | Self::P300 | Self::P600 | Self::P1200 => None,
        }
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Plan {
    type Err = UnknownPlan;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|plan| plan.as_str() == text)
            .ok_or_else(|| UnknownPlan(text.chars().take(32).collect()))
    }
}

/// Which prices of equities a paid plan may see during the day. Without one they move once a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Entitlement {
    /// Delayed by 15 minutes.
    Delayed,
    /// As they happen.
    Realtime,
}

impl Entitlement {
    /// Both of them.
    pub const ALL: [Self; 2] = [Self::Delayed, Self::Realtime];

    /// The text in the secret and in the parameter `entitlement`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Delayed => "delayed",
            Self::Realtime => "realtime",
        }
    }
}

impl fmt::Display for Entitlement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Entitlement {
    type Err = UnknownEntitlement;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|entitlement| entitlement.as_str() == text)
            .ok_or_else(|| UnknownEntitlement(text.chars().take(32).collect()))
    }
}

/// How fresh the prices of an equity are, by what was asked for and what the reply says of itself.
///
/// `marks` are the texts in which the vendor writes ` - DATA DELAYED BY 15 MINUTES`: the top key and
/// the series' `Information`. The mark wins over the entitlement, never the other way round. Rates
/// and crypto are always [`Freshness::Realtime`].
pub fn freshness(entitlement: Option<Entitlement>, marks: &[&str]) -> Freshness {
    let delayed = marks.iter().any(|mark| mark.to_ascii_lowercase().contains("delayed by"));
    match entitlement {
        _ if delayed => Freshness::Delayed15,
        Some(Entitlement::Delayed) => Freshness::Delayed15,
        Some(Entitlement::Realtime) => Freshness::Realtime,
        None => Freshness::Eod,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plans_and_entitlements_survive_text() {
        for plan in Plan::ALL {
            assert_eq!(plan.to_string().parse(), Ok(plan));
            assert_eq!(plan.per_minute().map(|calls| format!("p{calls}")).unwrap_or("free".into()), plan.as_str());
            assert!(plan.per_minute().is_some() || plan.per_day().is_some());
        }
        for entitlement in Entitlement::ALL {
            assert_eq!(entitlement.to_string().parse(), Ok(entitlement));
        }
        assert!("P75".parse::<Plan>().unwrap_err().to_string().contains("allowed: free, p75"));
        assert!("".parse::<Entitlement>().is_err());
    }

    #[test]
    fn a_mark_of_delay_wins_over_the_entitlement() {
        let marked = ["Global Quote - DATA DELAYED BY 15 MINUTES"];
        let plain = ["Global Quote", ""];
        for (entitlement, with_mark, without) in [
            (None, Freshness::Delayed15, Freshness::Eod),
            (Some(Entitlement::Delayed), Freshness::Delayed15, Freshness::Delayed15),
            (Some(Entitlement::Realtime), Freshness::Delayed15, Freshness::Realtime),
        ] {
            assert_eq!(freshness(entitlement, &marked), with_mark);
            assert_eq!(freshness(entitlement, &plain), without);
        }
    }
}
