//! A vendor that says what it was told to say.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Mutex,
};

use alphavantage::{Redactor, Request};
use jiff::SignedDuration;
use pipeline::port::{CallError, Fetch, Fetched};

use crate::{interleave::give_way, lock};

/// A reply, or why none came.
pub type Answer = Result<Fetched, CallError>;

/// Answers each request by its script. A request without one stops the test.
#[derive(Debug, Default)]
pub struct ScriptedVendor {
    /// The keys: the first is in use, and the others are what a renewal finds, one after the other.
    keys: Mutex<Vec<String>>,
    renewals: Mutex<usize>,
    together: Mutex<usize>,
    answers: Mutex<BTreeMap<String, VecDeque<Answer>>>,
    asked: Mutex<Vec<String>>,
}

impl ScriptedVendor {
    /// From now on the request is answered by these, one after the other, and by the last one ever after.
    pub fn answers(&self, request: &Request, answers: impl IntoIterator<Item = Answer>) {
        lock(&self.answers).insert(request.to_string(), answers.into_iter().collect());
    }

    /// The keys that there are: the one in use, and what renewals find.
    pub fn keys(&self, keys: &[&str]) {
        *lock(&self.keys) = keys.iter().map(|key| (*key).to_owned()).collect();
    }

    /// No request is answered before there were so many.
    pub fn answer_together(&self, requests: usize) {
        *lock(&self.together) = requests;
    }

    /// How many keys were found by renewals.
    pub fn renewals(&self) -> usize {
        *lock(&self.renewals)
    }

    /// Every request so far.
    pub fn asked(&self) -> Vec<String> {
        lock(&self.asked).clone()
    }
}

impl Fetch for ScriptedVendor {
    async fn fetch(&self, request: &Request, _: SignedDuration) -> Answer {
        give_way().await;
        let request = request.to_string();
        let answer = {
            let mut answers = lock(&self.answers);
            let left = answers.get_mut(&request).unwrap_or_else(|| panic!("nothing is scripted for {request}"));
            if left.len() > 1 { left.pop_front() } else { left.front().cloned() }
        };
        lock(&self.asked).push(request);
        give_way().await;
        while lock(&self.asked).len() < *lock(&self.together) {
            give_way().await;
        }
        answer.unwrap()
    }

    async fn renew(&self) -> bool {
        give_way().await;
        let mut renewals = lock(&self.renewals);
        let found = *renewals + 1 < lock(&self.keys).len();
        *renewals += usize::from(found);
        found
    }

    fn renewals(&self) -> u64 {
        *lock(&self.renewals) as u64
    }

    fn without_keys(&self, text: &str) -> Option<String> {
        let known = *lock(&self.renewals) + 1;
        let keys = lock(&self.keys);
        keys.iter().take(known).fold(None, |masked: Option<String>, key| {
            Redactor::new(key).mask_key(masked.as_deref().unwrap_or(text)).or(masked)
        })
    }

    fn redact(&self, text: &str) -> String {
        let known = *lock(&self.renewals) + 1;
        let keys = lock(&self.keys);
        keys.iter().take(known).fold(text.to_owned(), |text, key| Redactor::new(key).redact(&text))
    }
}
