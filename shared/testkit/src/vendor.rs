//! A vendor that says what it was told to say.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Mutex,
};

use alphavantage::Request;
use pipeline::port::{CallError, Fetch, Fetched};

use crate::{interleave::give_way, lock};

/// A reply, or why none came.
pub type Answer = Result<Fetched, CallError>;

/// Answers each request by its script. A request without one stops the test.
#[derive(Debug, Default)]
pub struct ScriptedVendor {
    answers: Mutex<BTreeMap<String, VecDeque<Answer>>>,
    asked: Mutex<Vec<String>>,
}

impl ScriptedVendor {
    /// From now on the request is answered by these, one after the other, and by the last one ever after.
    pub fn answers(&self, request: &Request, answers: impl IntoIterator<Item = Answer>) {
        lock(&self.answers).insert(request.to_string(), answers.into_iter().collect());
    }

    /// Every request so far.
    pub fn asked(&self) -> Vec<String> {
        lock(&self.asked).clone()
    }
}

impl Fetch for ScriptedVendor {
    async fn fetch(&self, request: &Request) -> Answer {
        give_way().await;
        let request = request.to_string();
        let answer = {
            let mut answers = lock(&self.answers);
            let left = answers.get_mut(&request).unwrap_or_else(|| panic!("nothing is scripted for {request}"));
            if left.len() > 1 { left.pop_front() } else { left.front().cloned() }
        };
        lock(&self.asked).push(request);
        give_way().await;
        answer.unwrap()
    }
}
