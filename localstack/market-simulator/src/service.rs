//! The simulator without HTTP: a query enters, an answer leaves.
//!
//! One way through: key, limits, function, faults, prepared replies, data. What is refused by key
//! or limit wears out no fault and uses up no prepared reply.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use crate::{
    calls::{Call, Calls},
    clock::Clock,
    data::{NoData, World, other_subject},
    faults::{Effect, Fault, Spoiled, Struck, strike},
    function::{Function, Query},
    limits::{Ledger, Plan},
    refusal::Refusal,
    render::render,
    replies::{Case, Replies},
};

/// What goes back to the client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) content_type: &'static str,
    pub(crate) body: Bytes,
    /// How long the client waits for it, by the clock on the wall.
    pub(crate) delay: Duration,
    /// Whether the connection closes in the middle of the body.
    pub(crate) is_cut: bool,
}

/// What changes while the simulator runs.
struct State {
    ledger: Ledger,
    faults: Vec<Fault>,
    replies: Option<Replies>,
    calls: Calls,
}

/// A simulator, ready to answer.
pub(crate) struct Service {
    pub(crate) clock: Clock,
    pub(crate) plan: Plan,
    pub(crate) world: World,
    pub(crate) api_key: Option<SecretString>,
    state: Mutex<State>,
}

/// What was decided about a request while the state was held.
enum Decision {
    Refuse(Refusal),
    Serve(Arc<Case>),
    AfterTheLast,
    Data(Function, Option<Spoiled>),
}

impl Service {
    pub(crate) fn new(
        clock: Clock,
        plan: Plan,
        world: World,
        api_key: Option<SecretString>,
        faults: Vec<Fault>,
        replies: Option<Replies>,
    ) -> Self {
        // Prepared replies say themselves which limits were run into.
        let ledger = Ledger::new(plan, replies.is_none());
        Self {
            clock,
            plan,
            world,
            api_key,
            state: Mutex::new(State { ledger, faults, replies, calls: Calls::default() }),
        }
    }

    /// Answers a query and writes it down.
    pub(crate) fn answer(&self, query: &Query) -> Answer {
        let (function, subject) = (Function::find(query.function()), query.subject());
        let (now, struck, decision) = {
            let mut state = self.state();
            // Read under the lock, so that the windows of the limits see times in order.
            let now = self.clock.market();
            let (struck, decision) = self.decide(&mut state, query, function, &subject, now);
            (now, struck, decision)
        };
        let file = if let Decision::Serve(case) = &decision { Some(case.file.clone()) } else { None };
        let (label, mut answer) = self.carry_out(decision, query, now);
        answer.delay = struck;
        let function = function.map_or("other", Function::as_str);
        self.state().calls.add(Call { at: now, function, subject, answer: label, file });
        answer
    }

    fn decide(
        &self,
        state: &mut State,
        query: &Query,
        function: Option<Function>,
        subject: &str,
        now: Timestamp,
    ) -> (Duration, Decision) {
        let refuse = |refusal| (Duration::ZERO, Decision::Refuse(refusal));
        if let Some(refusal) = self.refuse_key(query) {
            return refuse(refusal);
        }
        if let Some(limit) = state.ledger.call(now) {
            return refuse(Refusal::of_limit(limit, self.plan));
        }
        let Some(function) = function else { return refuse(Refusal::UnknownFunction) };
        let Struck { delay, effect } = strike(&mut state.faults, function, subject);
        let decision = match (effect, &mut state.replies) {
            (Some(Effect::Refuse(refusal)), _) => Decision::Refuse(refusal),
            (Some(Effect::Spoil(spoiled)), _) => Decision::Data(function, Some(spoiled)),
            (_, Some(replies)) => {
                replies.next(function, query.wants_csv()).map_or(Decision::AfterTheLast, Decision::Serve)
            }
            (_, None) => Decision::Data(function, None),
        };
        (delay, decision)
    }

    fn refuse_key(&self, query: &Query) -> Option<Refusal> {
        match (query.get("apikey"), &self.api_key) {
            (None, _) => Some(Refusal::BadKey),
            (Some("demo"), _) => Some(Refusal::DemoKey),
            (Some(key), Some(only)) if key != only.expose_secret() => Some(Refusal::BadKey),
            _ => None,
        }
    }

    fn carry_out(&self, decision: Decision, query: &Query, now: Timestamp) -> (&'static str, Answer) {
        match decision {
            Decision::Refuse(refusal) => (refusal.label(), refused(refusal, query)),
            Decision::Serve(case) => (
                "case",
                Answer {
                    status: case.status,
                    content_type: case.content_type,
                    body: case.body.clone(),
                    delay: Duration::ZERO,
                    is_cut: false,
                },
            ),
            Decision::AfterTheLast => ("after_the_last", refused(Refusal::Empty, query)),
            Decision::Data(function, spoiled) => self.data(function, query, spoiled, now),
        }
    }

    fn data(
        &self,
        function: Function,
        query: &Query,
        spoiled: Option<Spoiled>,
        now: Timestamp,
    ) -> (&'static str, Answer) {
        let found = if spoiled == Some(Spoiled::WrongSymbol) {
            // Something else always exists, whatever symbols this simulator is confined to.
            let everything = World { seed: self.world.seed, ..World::default() };
            everything.data(function, &query.with(&other_subject(function, query)), now)
        } else {
            self.world.data(function, query, now)
        };
        let mut data = match found {
            Ok(data) => data,
            Err(reason) => {
                let refusal = match reason {
                    NoData::BadRequest => Refusal::BadRequest,
                    NoData::UnknownSymbol => Refusal::UnknownSymbol,
                };
                return (refusal.label(), refused(refusal, query));
            }
        };
        if let Some(spoiled) = spoiled {
            data.spoil(spoiled);
        }
        let (content_type, mut body) = render(&data, query.wants_csv());
        if spoiled == Some(Spoiled::BrokenJson) {
            body.truncate(body.len() / 2);
        }
        let is_cut = spoiled == Some(Spoiled::Cut);
        let answer = Answer { status: 200, content_type, body: body.into(), delay: Duration::ZERO, is_cut };
        (spoiled.map_or("data", Spoiled::label), answer)
    }

    /// Replaces the faults in force.
    pub(crate) fn set_faults(&self, faults: Vec<Fault>) {
        self.state().faults = faults;
    }

    /// The faults in force.
    pub(crate) fn faults(&self) -> Value {
        self.state().faults.iter().map(Fault::status).collect()
    }

    /// Clock, counters, limits and prepared replies.
    pub(crate) fn status(&self) -> Value {
        let state = self.state();
        let real = (self.clock.real)();
        json!({
            "clock": {
                "real": real.to_string(),
                "market": self.clock.simulated.at(real).to_string(),
                "speed": self.clock.simulated.speed,
                "text": self.clock.simulated.to_string(),
            },
            "calls": state.calls.status(),
            "limits": state.ledger.status(),
            "replies": state.replies.as_ref().map(Replies::status),
        })
    }

    /// The latest calls, one by one.
    pub(crate) fn calls(&self) -> Value {
        self.state().calls.log()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing panics while it holds the state; if something did, counters are still good to show.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn refused(refusal: Refusal, query: &Query) -> Answer {
    let key = query.get("apikey").unwrap_or_default();
    Answer {
        status: refusal.status(),
        content_type: refusal.content_type(),
        body: refusal.body(query.function(), key).into(),
        delay: Duration::ZERO,
        is_cut: false,
    }
}
