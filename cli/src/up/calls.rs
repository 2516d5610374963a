//! The real vendor's calls that this checkout has spent today, so that none is spent silently.
//!
//! A count per checkout: what other programs spend with the same key is not known here.

use std::{collections::BTreeMap, path::PathBuf};

use alphavantage::Plan;
use anyhow::{Context, Result, bail};
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use sha2::{Digest, Sha256};

use crate::checkout::Checkout;

/// The book of the calls, per day in UTC and key.
#[derive(Debug)]
pub(crate) struct Calls {
    path: PathBuf,
    today: Date,
    /// Names the key without showing it.
    key: String,
    plan: Plan,
    spent: BTreeMap<String, u64>,
}

impl Calls {
    /// Opens the book of today.
    pub(crate) fn open(checkout: &Checkout, key: &str, plan: Plan) -> Result<Self> {
        let path = checkout.work().join("calls.json");
        let today = Timestamp::now().to_zoned(TimeZone::UTC).date();
        let spent = match std::fs::read_to_string(&path) {
            Ok(text) => serde_json::from_str(&text)
                .with_context(|| format!("`{}` is damaged: remove it to begin a new count", path.display()))?,
            Err(_) => BTreeMap::new(),
        };
        let digest: [u8; 32] = Sha256::digest(key.as_bytes()).into();
        let key = digest[..4].iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Self { path, today, key, plan, spent })
    }

    fn name(&self) -> String {
        format!("{} {}", self.today, self.key)
    }

    fn spent_today(&self) -> u64 {
        self.spent.get(&self.name()).copied().unwrap_or(0)
    }

    /// What is left of the day, where the plan has a limit per day.
    pub(crate) fn left(&self) -> Option<u64> {
        self.plan.per_day().map(|limit| u64::from(limit).saturating_sub(self.spent_today()))
    }

    /// Notes calls before they are made; refuses what the day does not hold.
    pub(crate) fn spend(&mut self, calls: u64) -> Result<()> {
        if let Some(left) = self.left()
            && calls > left
        {
            bail!(
                "this needs {calls} calls and the plan `{}` has {left} left today (this checkout made {}): \
                 poll fewer symbols or pairs, or come back tomorrow",
                self.plan,
                self.spent_today(),
            );
        }
        self.note(calls)
    }

    /// Notes calls that were made.
    pub(crate) fn note(&mut self, calls: u64) -> Result<()> {
        *self.spent.entry(self.name()).or_default() += calls;
        let today = self.today.to_string();
        self.spent.retain(|name, _| name.starts_with(&today));
        std::fs::write(&self.path, serde_json::to_vec_pretty(&self.spent)?)
            .with_context(|| format!("cannot write `{}`", self.path.display()))
    }

    /// In words.
    pub(crate) fn words(&self) -> String {
        match self.left() {
            Some(left) => format!(
                "plan `{}`: {} calls made from here today, {left} of the plan's {} left",
                self.plan,
                self.spent_today(),
                self.plan.per_day().unwrap_or(0),
            ),
            None => format!(
                "plan `{}`: {} calls a minute, no limit a day; {} calls made from here today",
                self.plan,
                self.plan.per_minute().unwrap_or(0),
                self.spent_today(),
            ),
        }
    }
}
