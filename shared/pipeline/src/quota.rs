//! The vendor's quota: a call is made only in a slot that the ledger of calls gave, and the ledger is
//! shared by everybody who has the key.
//!
//! A function's name enters, a [`Grant`] or a [`Denied`] leaves; what the vendor then said is reported
//! back. Making the call, and looking once more whether the slot is alive right before it, is the caller's.
//!
//! # Two calls are far enough apart, whatever the clocks say
//!
//! Who wants a slot looks at the ledger, waits one spacing on its own monotonic clock, and then writes
//! the ledger with its call in it, on condition that its version is still the one that it saw. Who wins
//! has the slot. Who loses takes the version that came back, and waits one spacing again.
//!
//! Let A and B hold slots, B's version the greater one. B saw a version in which A's write had had its
//! effect, so it saw it after A *issued* that write, and B issued its own at least one spacing later.
//! A slot begins when the write is issued, and dies [`SLOT_LIFETIME`] later. A sent its call at most one
//! lifetime after it issued its write, and B sent its own after issuing its own. So B's call leaves at
//! least `spacing - lifetime` after A's. And since slots begin a spacing apart, the calls that leave within
//! a second are of slots that began within a second and a lifetime: no more than that divided by the
//! spacing, rounded up, also where a spacing is shorter than a lifetime. No clocks of two machines were
//! compared; all that is asked of a machine is that its seconds are as long as those of others.
//!
//! That a write which timed out, or which the client library sent twice, had its effect at any later time
//! changes nothing: a slot is held only after a positive answer, and it began when the write was issued
//! for the first time. A slot that died, or whose holder did, stays counted.
//!
//! Minutes, days and what the vendor closed go by the clocks; see [`flow::QuotaState`] for their skew.

use std::{fmt, sync::Mutex};

use alphavantage::Verdict;
use failure::Kind;
use flow::{Limits, QuotaState, Reason, RefusalClass};
use jiff::{SignedDuration, Timestamp};

use crate::port::{CallError, QuotaError, QuotaLedger, QuotaSaved, Runtime};

/// How long after it began a slot may be used. [`Limits`] spaces slots for this lifetime.
pub const SLOT_LIFETIME: SignedDuration = SignedDuration::from_millis(300);

/// So much slower than together goes each one alone, while the ledger cannot be reached.
const ALONE_SLOWER: i32 = 4;
/// How long nobody asks a ledger again that could not be reached.
const ALONE_FOR: SignedDuration = SignedDuration::from_secs(30);
/// Writes that may fail, one after the other, before the ledger counts as unreachable.
const FAILED_WRITES_MAX: u32 = 3;
/// Slots that may die before their answer comes, in one acquisition, where a day has a limit: each of them
/// is a call of the day.
const LOST_SLOTS_MAX: u32 = 3;
/// How often a report is written anew because others were first.
const REPORT_ATTEMPTS: u32 = 16;
/// The longest pause between two attempts to write a report.
const REPORT_PAUSE: SignedDuration = SignedDuration::from_millis(100);

/// One call may be made, now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    began: SignedDuration,
    lifetime: SignedDuration,
    /// Why the ledger had no say in it, if it had none: it cannot be reached, and everybody goes at a quarter
    /// of the rate on their own.
    pub alone: Option<String>,
}

impl Grant {
    /// Whether the call may still be sent. Ask right before sending; a slot that died stays counted.
    pub fn is_alive(&self, runtime: &impl Runtime) -> bool {
        runtime.elapsed() - self.began < self.lifetime
    }
}

/// Why no call may be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Why {
    /// The ledger says so.
    Quota(Reason),
    /// All slots that come in time are taken by others.
    Contended,
    /// The ledger cannot be reached or read, and a day has a limit that must not be passed.
    Ledger(String),
    /// The ledger answers so late that slots have died by then, and a day has a limit that they count in.
    Slow,
}

/// No call may be made within the time that there is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denied {
    /// Why.
    pub why: Why,
    /// Until when, as far as that is known.
    pub until: Option<Timestamp>,
}

impl fmt::Display for Denied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.why {
            Why::Quota(reason) => write!(f, "{reason}")?,
            Why::Contended => f.write_str("other pollers have all calls of the time that is left")?,
            Why::Ledger(reason) => write!(f, "the ledger of calls has no answer: {reason}")?,
            Why::Slow => f.write_str("the ledger of calls answers too late for its slots to be used")?,
        }
        self.until.map_or(Ok(()), |until| write!(f, "; until {until:.0}"))
    }
}

/// Gives out slots for calls, by the shared ledger. Lives as long as one invocation.
#[derive(Debug)]
pub struct RateLimiter<'a, Quota, Time> {
    ledger: &'a Quota,
    runtime: &'a Time,
    limits: Limits,
    slot_lifetime: SignedDuration,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    /// What stands in the ledger, unless somebody was faster.
    seen: Option<Seen>,
    /// The last state that was seen, with the calls in it that were made alone.
    last: QuotaState,
    alone: Option<Alone>,
}

#[derive(Debug, Clone)]
struct Seen {
    state: QuotaState,
    version: u64,
    /// When that was known, by what has passed.
    at: SignedDuration,
}

#[derive(Debug, Clone)]
struct Alone {
    /// When the next call may be made.
    next: SignedDuration,
    /// When the ledger is asked again.
    until: SignedDuration,
    reason: String,
}

impl<'a, Quota: QuotaLedger, Time: Runtime> RateLimiter<'a, Quota, Time> {
    /// Of a plan, by its ledger. `slot_lifetime` is [`SLOT_LIFETIME`] where the vendor is the real one; a longer
    /// one needs a longer spacing.
    pub fn new(ledger: &'a Quota, runtime: &'a Time, limits: Limits, slot_lifetime: SignedDuration) -> Self {
        Self { ledger, runtime, limits, slot_lifetime, known: Mutex::default() }
    }

    /// Waits for a slot to call a function of the vendor in. Gives up if by then less than `margin` would be
    /// left of the invocation.
    pub async fn acquire(&self, function: &str, margin: SignedDuration) -> Result<Grant, Denied> {
        let (mut lost, mut failed) = (0, 0);
        loop {
            if let Some(alone) = self.alone() {
                return self.acquire_alone(&alone.reason, function, margin).await;
            }
            let seen = match self.look().await {
                Ok(seen) => seen,
                Err(error) => {
                    self.go_alone(&error)?;
                    continue;
                }
            };
            // The slot begins before the clock is read that decides on it, so that it covers any halt in between.
            let (elapsed, now) = (self.runtime.elapsed(), self.runtime.now());
            let (next, began) = if let Some(set_back) = seen.state.set_back(now) {
                (set_back, None)
            } else {
                // What counts is the moment at which the spacing is over.
                let rest = (seen.at + seen.state.spacing(&self.limits) - elapsed).max(SignedDuration::ZERO);
                let at = now.saturating_add(rest).unwrap_or(now);
                match seen.state.grant(&self.limits, at, function) {
                    Ok(next) => {
                        self.wait(rest, margin, Why::Contended, None).await?;
                        if rest > SignedDuration::ZERO {
                            // The time is another one by now; decide by it.
                            continue;
                        }
                        (next, Some(elapsed))
                    }
                    Err(wait) => {
                        let pause = wait.until.duration_since(now).max(SignedDuration::from_millis(1));
                        self.wait(pause, margin, Why::Quota(wait.why), Some(wait.until)).await?;
                        continue;
                    }
                }
            };
            match self.write(&seen, next).await {
                Ok(true) => {
                    failed = 0;
                    let Some(began) = began else { continue };
                    let grant = Grant { began, lifetime: self.slot_lifetime, alone: None };
                    if grant.is_alive(self.runtime) {
                        return Ok(grant);
                    }
                    lost += 1;
                    if self.limits.per_day.is_some() && lost == LOST_SLOTS_MAX {
                        return Err(Denied { why: Why::Slow, until: None });
                    }
                }
                Ok(false) => failed = 0,
                Err(error) => {
                    // It may have had its effect: the slot is lost, and the ledger is read again.
                    failed += 1;
                    if failed == FAILED_WRITES_MAX || is_permanent(&error) {
                        self.go_alone(&error)?;
                    }
                }
            }
        }
    }

    /// Reports that the vendor refused a call, so that everybody knows. `named_per_second` is the figure that
    /// its words name, if they do.
    pub async fn refused(
        &self,
        class: RefusalClass,
        function: &str,
        named_per_second: Option<u32>,
    ) -> Result<(), QuotaError> {
        let after = |state: &QuotaState| {
            let now = self.runtime.now();
            let set_back = state.set_back(now);
            Some(set_back.as_ref().unwrap_or(state).refused(&self.limits, class, function, now, named_per_second))
        };
        self.report(after).await
    }

    /// Reports that the vendor answered without speaking of a limit. Writes only if that is news.
    pub async fn accepted(&self) -> Result<(), QuotaError> {
        if self.last_known().accepted().is_none() {
            return Ok(());
        }
        self.report(QuotaState::accepted).await
    }

    /// Forgets what it saw: from now on the ledger is another one, since another key is in use.
    pub fn forget(&self) {
        *self.known() = Known::default();
    }

    /// The ledger as it was last seen: for reports to people, not for decisions.
    pub fn last_known(&self) -> QuotaState {
        self.known().last.clone()
    }

    /// Changes the ledger, again and again until nobody was faster.
    async fn report(&self, change: impl Fn(&QuotaState) -> Option<QuotaState>) -> Result<(), QuotaError> {
        {
            // Whatever becomes of the writing: this one knows.
            let known = &mut *self.known();
            if let Some(changed) = change(&known.last) {
                known.last = changed;
            }
        }
        if self.alone().is_some() {
            return Ok(());
        }
        let mut trouble = None;
        for _ in 0..REPORT_ATTEMPTS {
            let seen = self.look().await?;
            let Some(next) = change(&seen.state) else { return Ok(()) };
            match self.write(&seen, next).await {
                Ok(true) => return Ok(()),
                Ok(false) => {}
                Err(error) if is_permanent(&error) => return Err(error),
                Err(error) => trouble = Some(error),
            }
            self.runtime.sleep(fraction(REPORT_PAUSE, self.runtime.random())).await;
        }
        let contended = || QuotaError::Call(CallError::unavailable("others keep on writing the ledger of calls"));
        Err(trouble.unwrap_or_else(contended))
    }

    fn known(&self) -> std::sync::MutexGuard<'_, Known> {
        // What it guards is whole at any time.
        self.known.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// What stands in the ledger: as it was last seen, or else by reading it.
    async fn look(&self) -> Result<Seen, QuotaError> {
        if let Some(seen) = self.known().seen.clone() {
            return Ok(seen);
        }
        let (state, version) = self.ledger.load().await?;
        Ok(self.saw(state, version))
    }

    fn saw(&self, state: QuotaState, version: u64) -> Seen {
        // The answer is here; what it tells was true before.
        let seen = Seen { state, version, at: self.runtime.elapsed() };
        let known = &mut *self.known();
        known.last = seen.state.clone();
        known.seen = Some(seen.clone());
        seen
    }

    /// Writes the ledger if nobody else has. Returns whether it was written.
    async fn write(&self, seen: &Seen, next: QuotaState) -> Result<bool, QuotaError> {
        self.known().seen = None;
        let written = match self.ledger.save(seen.version, &next).await? {
            QuotaSaved::Done => (next, seen.version + 1, true),
            QuotaSaved::Refused(current, version) => (*current, version, false),
        };
        self.saw(written.0, written.1);
        Ok(written.2)
    }

    /// Waits, unless the invocation's time would not suffice.
    async fn wait(
        &self,
        pause: SignedDuration,
        margin: SignedDuration,
        why: Why,
        until: Option<Timestamp>,
    ) -> Result<(), Denied> {
        if self.runtime.remaining().saturating_sub(pause) < margin {
            return Err(Denied { why, until });
        }
        if pause > SignedDuration::ZERO {
            self.runtime.sleep(pause).await;
        }
        Ok(())
    }

    fn alone(&self) -> Option<Alone> {
        let elapsed = self.runtime.elapsed();
        let known = &mut *self.known();
        known.alone = known.alone.take().filter(|alone| elapsed < alone.until);
        known.alone.clone()
    }

    /// The ledger cannot be reached. Where a day has a limit nothing goes without it.
    fn go_alone(&self, error: &QuotaError) -> Result<(), Denied> {
        let reason = match error {
            QuotaError::Call(error) => error.message.clone(),
            QuotaError::State(error) => error.to_string(),
        };
        if self.limits.per_day.is_some() {
            return Err(Denied { why: Why::Ledger(reason), until: None });
        }
        let elapsed = self.runtime.elapsed();
        let known = &mut *self.known();
        let next = elapsed + known.last.spacing(&self.limits) * ALONE_SLOWER;
        known.seen = None;
        known.alone = Some(Alone { next, until: elapsed + ALONE_FOR, reason });
        Ok(())
    }

    /// Spaces calls on its own, by what was last known.
    async fn acquire_alone(&self, reason: &str, function: &str, margin: SignedDuration) -> Result<Grant, Denied> {
        loop {
            let (now, began) = (self.runtime.now(), self.runtime.elapsed());
            let (pause, why, until) = {
                let known = &mut *self.known();
                if let Some(set_back) = known.last.set_back(now) {
                    known.last = set_back;
                }
                let spacing = known.last.spacing(&self.limits);
                let next = known.alone.as_ref().map_or(began, |alone| alone.next);
                match known.last.grant(&self.limits, now, function) {
                    Err(wait) => {
                        let pause = wait.until.duration_since(now).max(SignedDuration::from_millis(1));
                        (pause, Why::Quota(wait.why), Some(wait.until))
                    }
                    Ok(_) if began < next => (next - began, Why::Contended, None),
                    Ok(granted) => {
                        known.last = granted;
                        if let Some(alone) = &mut known.alone {
                            alone.next = began + spacing * ALONE_SLOWER;
                        }
                        let alone = Some(reason.to_owned());
                        return Ok(Grant { began, lifetime: self.slot_lifetime, alone });
                    }
                }
            };
            self.wait(pause, margin, why, until).await?;
        }
    }
}

fn is_permanent(error: &QuotaError) -> bool {
    match error {
        QuotaError::Call(error) => error.kind != Kind::Unavailable,
        QuotaError::State(_) => true,
    }
}

fn fraction(time: SignedDuration, random: f64) -> SignedDuration {
    SignedDuration::from_secs_f64(time.as_secs_f64() * random.clamp(0.0, 1.0))
}

/// What a refusal closes, if it closes anything.
pub fn refusal_class(verdict: Verdict) -> Option<RefusalClass> {
    match verdict {
        Verdict::LimitSecond => Some(RefusalClass::Second),
        Verdict::LimitMinute => Some(RefusalClass::Minute),
        Verdict::LimitDay => Some(RefusalClass::Day),
        Verdict::Premium => Some(RefusalClass::Premium),
        Verdict::Artificial => Some(RefusalClass::Artificial),
        Verdict::BadKey => Some(RefusalClass::BadKey),
        Verdict::DemoKey => Some(RefusalClass::DemoKey),
        Verdict::Data
        | Verdict::Empty
        | Verdict::UnknownSymbol
        | Verdict::BadRequest
        | Verdict::Transient
        | Verdict::UnknownShape => None,
    }
}

/// The calls per second that the vendor's words name, as in "no more than 5 requests per second".
pub fn named_per_second(message: &str) -> Option<u32> {
    let text = message.to_lowercase();
    let before = ["requests per second", "request per second", "calls per second", "call per second"]
        .iter()
        .find_map(|phrase| text.split_once(phrase))?
        .0;
    before.split_whitespace().next_back()?.trim_start_matches('(').parse().ok()
}
