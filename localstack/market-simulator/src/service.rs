//! The simulator without HTTP: a query enters, an answer leaves.
//!
//! One way through: what is accepted, key, limits, function, faults, prepared replies, plan, data.
//! What is refused before the faults wears out none and uses up no prepared reply.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use crate::{
    calls::{Answered, Calls},
    clock::Clock,
    data::{NoData, World, other_subject},
    faults::{Effect, Fault, HANG, Spoiled, Struck, strike},
    function::{Function, Query},
    limits::{Ledger, Plan},
    negotiation::Accepted,
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
    pub(crate) delivery: Delivery,
}

/// How much of an answer arrives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Delivery {
    Whole,
    /// The connection closes in the middle of the body.
    Cut,
    /// Nothing at all is sent.
    Never,
}

impl Answer {
    fn whole(status: u16, content_type: &'static str, body: Bytes) -> Self {
        Self { status, content_type, body, delay: Duration::ZERO, delivery: Delivery::Whole }
    }
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
    /// Whether bulk quotes are real on a plan that does not have them.
    pub(crate) bulk: bool,
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
    Hang,
}

impl Service {
    pub(crate) fn new(
        clock: Clock,
        plan: Plan,
        bulk: bool,
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
            bulk,
            world,
            api_key,
            state: Mutex::new(State { ledger, faults, replies, calls: Calls::default() }),
        }
    }

    /// Answers a query and writes it down.
    pub(crate) fn answer(&self, query: &Query, accepted: Accepted) -> Answer {
        let (function, subject) = (Function::find(query.function()), query.subject());
        let (number, now, delay, decision) = {
            let mut state = self.state();
            // Read under the lock, so that limits and log see times in order.
            let now = self.clock.market();
            let number = state.calls.arrive(now, function.map_or("other", Function::as_str), &subject);
            let (delay, decision) = if accepted.fits(query.wants_csv()) {
                self.decide(&mut state, query, function, &subject, now)
            } else {
                (Duration::ZERO, Decision::Refuse(Refusal::NotAcceptable))
            };
            (number, now, delay, decision)
        };
        let file = if let Decision::Serve(case) = &decision { Some(case.file.clone()) } else { None };
        let (label, answer) = self.carry_out(decision, query, now);
        self.state().calls.answer(number, Answered { label, file });
        Answer { delay, ..answer }
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
            (Some(Effect::Hang), _) => Decision::Hang,
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

    /// What the plan has not, whatever the parameters.
    fn refuse_plan(&self, function: Function, query: &Query) -> Option<Refusal> {
        match function {
            Function::RealtimeBulkQuotes => (!self.bulk && !self.plan.has_bulk()).then_some(Refusal::Artificial),
            Function::TimeSeriesDailyAdjusted | Function::CryptoIntraday | Function::FxIntraday => {
                (!self.plan.is_paid()).then_some(Refusal::Premium)
            }
            Function::TimeSeriesDaily => {
                (!self.plan.is_paid() && query.is_full() == Some(true)).then_some(Refusal::PremiumFeature)
            }
            _ => None,
        }
    }

    fn carry_out(&self, decision: Decision, query: &Query, now: Timestamp) -> (&'static str, Answer) {
        match decision {
            Decision::Refuse(refusal) => (refusal.label(), refused(refusal, query)),
            Decision::Serve(case) => ("case", Answer::whole(case.status, case.content_type, case.body.clone())),
            Decision::Hang => {
                (HANG, Answer { delivery: Delivery::Never, ..Answer::whole(200, "application/json", Bytes::new()) })
            }
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
        if let Some(refusal) = self.refuse_plan(function, query) {
            return (refusal.label(), refused(refusal, query));
        }
        let found = if spoiled == Some(Spoiled::WrongSymbol) {
            // Something else always exists, whatever symbols this simulator is confined to.
            let everything = World { seed: self.world.seed, ..World::default() };
            everything.data(function, &other_subject(function, query), now)
        } else {
            self.world.data(function, query, now)
        };
        let mut data = match found {
            Ok(data) => data,
            Err(reason) => {
                let refusal = match reason {
                    NoData::BadRequest => Refusal::BadRequest,
                    NoData::UnknownSymbol => Refusal::UnknownSymbol,
                    NoData::NoArticles => Refusal::NoArticles,
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
        let delivery = if spoiled == Some(Spoiled::Cut) { Delivery::Cut } else { Delivery::Whole };
        let answer = Answer { delivery, ..Answer::whole(200, content_type, body.into()) };
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
    Answer::whole(refusal.status(), refusal.content_type(), refusal.body(query.function(), key).into())
}
