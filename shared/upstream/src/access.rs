//! The access to the vendor: key, plan and entitlement, from the secret that holds them together.

use alphavantage::{Entitlement, Plan};
use flow::Limits;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

/// What was bought from the vendor.
#[derive(Debug, Clone)]
pub struct Access {
    /// The API key.
    pub apikey: SecretString,
    /// The plan, which sets the limits.
    pub plan: Plan,
    /// Calls per second; the plan's, unless the secret says otherwise.
    pub per_second: u32,
    /// Which prices of equities the key may see during the day.
    pub entitlement: Option<Entitlement>,
}

/// The secret does not hold an access. Its value is never shown.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadAccess {
    /// Not the JSON that is expected.
    #[error(
        "the secret is not JSON like {{\"apikey\":\"…\",\"plan\":\"free\",\"entitlement\":null}}: put such a value into it"
    )]
    NotJson,
    /// The key is missing or empty.
    #[error("the secret holds no `apikey`: put your Alpha Vantage key into it")]
    NoKey,
    /// Plan or entitlement are not known.
    #[error("the secret's {0}")]
    Field(String),
}

#[derive(Deserialize)]
struct Json {
    #[serde(default)]
    apikey: SecretString,
    #[serde(default)]
    plan: Option<String>,
    #[serde(default)]
    per_second: Option<u32>,
    #[serde(default)]
    entitlement: Option<String>,
}

impl Access {
    /// Reads `{"apikey","plan","per_second","entitlement"}`; without a plan the free one counts.
    pub fn parse(secret: &str) -> Result<Self, BadAccess> {
        let json: Json = serde_json::from_str(secret).map_err(|_| BadAccess::NotJson)?;
        // What was pasted with white space is the same key, with the same ledger of calls.
        let apikey = SecretString::from(json.apikey.expose_secret().trim());
        if apikey.expose_secret().is_empty() {
            return Err(BadAccess::NoKey);
        }
        let plan: Plan = match json.plan {
            Some(text) => {
                text.parse().map_err(|error: alphavantage::UnknownPlan| BadAccess::Field(error.to_string()))?
            }
            None => Plan::Free,
        };
        let entitlement = match json.entitlement.filter(|text| !text.is_empty()) {
            Some(text) => Some(
                text.parse().map_err(|error: alphavantage::UnknownEntitlement| BadAccess::Field(error.to_string()))?,
            ),
            None => None,
        };
        let per_second = json.per_second.filter(|calls| *calls > 0).unwrap_or(plan.per_second());
        Ok(Self { apikey, plan, per_second, entitlement })
    }
}

impl Access {
    /// What may be spent of the plan, with head-room.
    pub fn limits(&self) -> Limits {
        Limits::of_plan(self.per_second, self.plan.per_minute(), self.plan.per_day())
    }

    /// Whether quotes of many symbols come in one call: with the plans whose description names real-time
    /// market data of the United States.
    pub fn has_bulk(&self) -> bool {
        self.entitlement == Some(Entitlement::Realtime) && matches!(self.plan, Plan::P600 | Plan::P1200)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_secret_is_read_and_never_shown() {
        let access = Access::parse(r#"{"apikey":" CANARY\n","plan":"p600","per_second":20}"#).unwrap();
        assert_eq!(access.apikey.expose_secret(), "CANARY");
        assert_eq!((access.plan, access.per_second, access.entitlement), (Plan::P600, 20, None));
        assert!(!format!("{access:?}").contains("CANARY"));
        for (secret, expected) in [
            ("CANARY", "not JSON like"),
            (r#"{"apikey":""}"#, "holds no `apikey`"),
            (r#"{"apikey":7}"#, "not JSON like"),
            (r#"{"apikey":"CANARY","plan":"gold"}"#, "plan `gold` is not known; allowed: free"),
            (r#"{"apikey":"CANARY","entitlement":"live"}"#, "entitlement `live` is not known"),
        ] {
            let error = Access::parse(secret).unwrap_err().to_string();
            assert!(error.contains(expected) && !error.contains("CANARY"), "{error}");
        }
    }
}
