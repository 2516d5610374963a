//! What goes wrong with a call: by a script, always, or at random from a seed.

use std::{collections::VecDeque, sync::Mutex};

use fastrand::Rng;
use pipeline::port::CallError;

use crate::lock;

/// What goes wrong with one call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// It fails without effect.
    Before,
    /// It fails although it had its effect: the caller cannot know.
    After,
    /// It succeeds, but for the entries in these places. Streams and sinks only.
    Refuse(Vec<usize>),
    /// Another writer comes first. Conditional writes only.
    Overtaken,
}

/// What kind a call is, which decides on the faults that chance may pick.
pub(crate) enum Call {
    Read,
    Write,
    Conditional,
    Batch(usize),
}

#[derive(Debug, Default)]
enum Plan {
    #[default]
    None,
    Script(VecDeque<Option<Fault>>),
    Always(Fault),
    Random(Rng, f64),
    Records(Rng, f64),
}

/// The faults of one kind of call, and how many calls there were.
#[derive(Debug, Default)]
pub struct Faults(Mutex<(Plan, u64)>);

impl Faults {
    /// Nothing goes wrong from now on.
    pub fn none(&self) {
        self.set(Plan::None);
    }

    /// These, one for each of the next calls; after that nothing.
    pub fn script(&self, faults: impl IntoIterator<Item = Option<Fault>>) {
        self.set(Plan::Script(faults.into_iter().collect()));
    }

    /// The same for every call.
    pub fn always(&self, fault: Fault) {
        self.set(Plan::Always(fault));
    }

    /// That share of the calls, from 0 to 1, each with a fault that fits it.
    pub fn random(&self, seed: u64, share: f64) {
        self.set(Plan::Random(Rng::with_seed(seed), share));
    }

    /// That share of the entries of each call is refused, and a tenth of it of the calls fails as a whole, before or
    /// after its effect. Streams and sinks only.
    pub fn records(&self, seed: u64, share: f64) {
        self.set(Plan::Records(Rng::with_seed(seed), share));
    }

    /// How many calls were made, with and without faults.
    pub fn calls(&self) -> u64 {
        lock(&self.0).1
    }

    fn set(&self, plan: Plan) {
        lock(&self.0).0 = plan;
    }

    pub(crate) fn next(&self, call: Call) -> Option<Fault> {
        let (plan, calls) = &mut *lock(&self.0);
        *calls += 1;
        match plan {
            Plan::None => None,
            Plan::Script(faults) => faults.pop_front().flatten(),
            Plan::Always(fault) => Some(fault.clone()),
            Plan::Records(rng, share) => match call {
                Call::Batch(_) if rng.f64() < *share / 10.0 => rng.choice([Fault::Before, Fault::After]),
                Call::Batch(entries) => Some(Fault::Refuse((0..entries).filter(|_| rng.f64() < *share).collect())),
                _ => panic!("only a batch has records that can fail"),
            },
            Plan::Random(rng, share) => (rng.f64() < *share).then(|| match call {
                Call::Read => Fault::Before,
                Call::Write => rng.choice([Fault::Before, Fault::After]).unwrap(),
                Call::Conditional => rng.choice([Fault::Before, Fault::After, Fault::Overtaken]).unwrap(),
                Call::Batch(entries) => {
                    let some: Vec<usize> = (0..entries).filter(|_| rng.bool()).collect();
                    rng.choice([Fault::Before, Fault::After, Fault::Refuse(some)]).unwrap()
                }
            }),
        }
    }
}

/// Has the effect of a call, or not, as the fault wants it. Refused places are told to the effect.
pub(crate) fn call<T>(
    what: &str,
    fault: Option<Fault>,
    effect: impl FnOnce(&dyn Fn(usize) -> bool) -> T,
) -> Result<T, CallError> {
    match fault {
        None => Ok(effect(&|_| false)),
        Some(Fault::Refuse(places)) => Ok(effect(&|at| places.contains(&at))),
        Some(Fault::Before) => Err(CallError::unavailable(format!("{what}: the connection was refused"))),
        Some(Fault::After) => {
            effect(&|_| false);
            Err(CallError::unavailable(format!("{what}: no answer came in time")))
        }
        Some(Fault::Overtaken) => panic!("{what} writes without a condition, so that nobody can be first"),
    }
}
