//! Poll: asks the vendor for what is due, tells data from refusals, and hands the data to the producer.
//!
//! What is about to be asked is noted before it is sent, so that a crash skips and never repeats. Each
//! call takes a slot of the quota that all share; while the vendor answers one, the next slot is waited
//! for. One bad symbol never fails the run; a limit or a bad key ends it, since no later call can succeed.

use std::{collections::VecDeque, str::FromStr};

use alphavantage::{Advice, Context, Entitlement, Reading, Reply, Request, Verdict, read};
use failure::{DeadLetter, Failure, Kind, Place, Stage};
use flow::{Backoff, Limits};
use futures::{
    FutureExt, StreamExt,
    future::{BoxFuture, Either, select},
    lock::Mutex,
    stream::FuturesUnordered,
};
use jiff::SignedDuration;
use planner::{Cursor, Due, Opening, Trading};

use crate::{
    job::Job,
    outcome::{PollOutcome, Refusal, note},
    port::{CallError, Cursors, Fetch, Fetched, KeepDeadLetters, Ledger, PutRecords, QuotaLedger, Runtime},
    produce::{Producer, Rows},
    quota::{Denied, Grant, RateLimiter, Why, named_per_second, refusal_class},
};

/// What to do about a vendor's limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cooldowns {
    /// Respect it: pause and try again, or end the run.
    Wait,
    /// Note it and go on with the next request. For recorded replies only.
    Record,
}

impl FromStr for Cooldowns {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "wait" => Ok(Self::Wait),
            "record" => Ok(Self::Record),
            _ => Err("allowed: wait, record"),
        }
    }
}

/// What `poll` needs to know.
#[derive(Debug, Clone)]
pub struct PollSettings {
    /// The name under which dead letters, cursors and the outcome are filed.
    pub function: String,
    /// What the key may see during the day.
    pub entitlement: Option<Entitlement>,
    /// What the plan allows, shared by all who have the key.
    pub limits: Limits,
    /// How long after it began a slot of the quota may be used.
    pub slot_lifetime: SignedDuration,
    /// Whether the plan has quotes of many symbols in one call.
    pub bulk: bool,
    /// What to do about limits.
    pub cooldowns: Cooldowns,
    /// Whether to look at the hours of markets, or to ask for everything.
    pub hours: MarketHours,
}

/// Whether the hours of markets count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MarketHours {
    /// Nothing is spent on a market that stands still.
    Respected,
    /// Everything is due: a person asked for it.
    Ignored,
}

/// Where a poll looks and writes.
#[derive(Debug)]
pub struct PollPorts<'a, Vendor, Quota, Stream, State, Dead, Time> {
    /// Who is asked.
    pub vendor: &'a Vendor,
    /// The calls that all who have the key share.
    pub quota: &'a Quota,
    /// Where records go.
    pub stream: &'a Stream,
    /// Where alerts go; the same stream, if records are events themselves.
    pub alerts: &'a Stream,
    /// What was sent and asked before.
    pub state: &'a State,
    /// Where rows go that break a rule.
    pub dead_letters: &'a Dead,
    /// Time and chance.
    pub runtime: &'a Time,
}

/// How often a request is tried again after trouble on the way. Each try is a call of the plan.
const TROUBLE: Backoff = Backoff { base: SignedDuration::from_secs(1), cap: SignedDuration::from_secs(4), attempts: 3 };
/// Calls in a row to which no whole reply came, after which the vendor counts as out of reach.
const OUT_OF_REACH: u32 = 5;
/// What is left of the invocation when no further request is begun: one request, its records, the answer.
pub const STOP_ISSUING: SignedDuration = SignedDuration::from_secs(10);
/// What is left of the invocation when the last reply is here, or given up: its records and the answer.
const AFTER_THE_REPLY: SignedDuration = SignedDuration::from_secs(7);
/// Requests that are noted as asked in one write. A crash skips these, and those that are in flight.
const CLAIM: usize = 10;
/// Requests that wait for their reply at a time.
const IN_FLIGHT: usize = 8;
const OUT_OF_TIME: &str = "the invocation's time is nearly over";
/// How much of a refusal's text is kept.
const MESSAGE_CHARS: usize = 300;

/// Runs a job: those of its requests that are due, as far as quota and time reach.
pub async fn poll<Vendor, Quota, Stream, State, Dead, Time>(
    ports: &PollPorts<'_, Vendor, Quota, Stream, State, Dead, Time>,
    job: &Job,
    settings: &PollSettings,
) -> PollOutcome
where
    Vendor: Fetch,
    Quota: QuotaLedger,
    Stream: PutRecords,
    State: Ledger + Cursors,
    Dead: KeepDeadLetters,
    Time: Runtime,
{
    let name = format!("{}|{}", settings.function, job.name);
    let (cursor, version) = match ports.state.load_cursor(&name, &job.entries).await {
        Ok(loaded) => loaded,
        // Without it nobody knows who is next, and who was asked already.
        Err(error) => return PollOutcome::not_run(job.name, job.entries.len(), error.to_string()),
    };
    let claims = Claims { state: ports.state, name: &name, job, cursor, version };
    let limiter = RateLimiter::new(ports.quota, ports.runtime, settings.limits, settings.slot_lifetime);
    let run = Run { ports, settings, limiter, producing: Mutex::new(()) };
    run.run(claims).await
}

/// One request that is due, with the entries that it asks for.
#[derive(Debug, Clone)]
struct Ask {
    entries: Vec<usize>,
    request: Request,
    failed: u32,
}

/// The cursor, and what of it is written.
struct Claims<'a, State> {
    state: &'a State,
    name: &'a str,
    job: &'a Job,
    cursor: Cursor,
    version: u64,
}

impl<State: Cursors> Claims<'_, State> {
    /// Writes the cursor. An error says why nothing more may be asked.
    async fn save(&mut self) -> Result<(), String> {
        match self.state.save_cursor(self.name, self.version, &self.cursor).await {
            Ok(true) => {
                self.version += 1;
                Ok(())
            }
            Ok(false) => Err("another run of this job is under way".to_owned()),
            Err(error) => Err(format!("what is about to be asked cannot be noted: {}", error.message)),
        }
    }
}

/// What became of one request.
enum Done {
    /// Answered.
    Answered { ask: Ask, verdict: Verdict, renewals: u64, outcome: Box<PollOutcome> },
    /// No whole reply came.
    Failed { ask: Ask, error: CallError },
    /// The slot was over before the request could be sent, or a pause is: it is to be asked now.
    Again(Ask),
}

struct Run<'a, Vendor, Quota, Stream, State, Dead, Time> {
    ports: &'a PollPorts<'a, Vendor, Quota, Stream, State, Dead, Time>,
    settings: &'a PollSettings,
    limiter: RateLimiter<'a, Quota, Time>,
    producing: Mutex<()>,
}

/// How far a run is.
struct Progress<'a, State> {
    claims: Claims<'a, State>,
    outcome: PollOutcome,
    /// Due and not yet noted as asked.
    waiting: VecDeque<Ask>,
    /// Noted as asked and not yet sent.
    ready: VecDeque<Ask>,
    stop: Option<String>,
    /// Calls in a row to which no whole reply came.
    unanswered: u32,
    /// The last refusal in words; the outcome spells out only the first ones.
    last_word: String,
}

impl<Vendor, Quota, Stream, State, Dead, Time> Run<'_, Vendor, Quota, Stream, State, Dead, Time>
where
    Vendor: Fetch,
    Quota: QuotaLedger,
    Stream: PutRecords,
    State: Ledger + Cursors,
    Dead: KeepDeadLetters,
    Time: Runtime,
{
    async fn run(&self, claims: Claims<'_, State>) -> PollOutcome {
        let (job, before) = (claims.job, claims.cursor.clone());
        let due = self.due(job, &claims.cursor);
        let mut outcome = PollOutcome { job: job.name.to_owned(), ..Default::default() };
        outcome.not_due = (job.entries.len() - due.len()) as u64;
        let asks = job.requests(&due, self.settings.bulk);
        let waiting = asks.into_iter().map(|(entries, request)| Ask { entries, request, failed: 0 }).collect();
        let mut progress = Progress {
            claims,
            outcome,
            waiting,
            ready: VecDeque::new(),
            stop: None,
            unanswered: 0,
            last_word: String::new(),
        };
        if !progress.waiting.is_empty() {
            self.ports.vendor.connect().await;
        }
        let mut flight: FuturesUnordered<BoxFuture<'_, Done>> = FuturesUnordered::new();
        // The request that is next, and the slot that it waits for. A slot that is given up while it is
        // being written would be lost, so it is only given up when the run ends.
        let mut next: Option<(Ask, BoxFuture<'_, Result<Grant, Denied>>)> = None;
        loop {
            if progress.stop.is_some()
                && let Some((ask, _)) = next.take()
            {
                progress.ready.push_front(ask);
            }
            if next.is_none() && flight.len() < IN_FLIGHT {
                next = self.next(&mut progress).await.map(|ask| {
                    let slot = self.limiter.acquire(ask.request.function().as_str(), STOP_ISSUING).boxed();
                    (ask, slot)
                });
            }
            let granted = match (next.take(), flight.is_empty()) {
                (None, true) => break,
                (None, false) => Either::Right((flight.next().await, None)),
                (Some((ask, slot)), true) => Either::Left((slot.await, ask)),
                (Some((ask, slot)), false) => match select(slot, flight.next()).await {
                    Either::Left((granted, _)) => Either::Left((granted, ask)),
                    Either::Right((done, slot)) => Either::Right((done, Some((ask, slot)))),
                },
            };
            match granted {
                Either::Left((Ok(grant), ask)) => {
                    flight.push(self.send(ask, grant).boxed());
                    // It leaves at once: what is written next may take longer than its slot lives.
                    if let Some(Some(done)) = flight.next().now_or_never() {
                        self.settle(done, &mut flight, &mut progress).await;
                    }
                }
                Either::Left((Err(denied), ask)) => {
                    progress.stop = Some(match denied.why {
                        // Somebody's slots, or one's own: no further one comes in time.
                        Why::Contended => OUT_OF_TIME.to_owned(),
                        _ => format!("{}: {denied}", ask.request),
                    });
                    progress.ready.push_front(ask);
                }
                Either::Right((done, waiting)) => {
                    next = waiting;
                    if let Some(done) = done {
                        self.settle(done, &mut flight, &mut progress).await;
                    }
                }
            }
        }
        drop(flight);
        self.finish(progress, &before).await
    }

    /// The entries that are due, in the order in which to ask.
    fn due(&self, job: &Job, cursor: &Cursor) -> Vec<usize> {
        let now = self.ports.runtime.now();
        let openings = [Trading::Equities, Trading::ForeignExchange, Trading::Always]
            .map(|trading| (trading, Opening::at(trading, now)));
        let is_due = |index: usize| {
            if self.settings.hours == MarketHours::Ignored {
                return true;
            }
            let Some(watched) = job.entries.get(index) else { return false };
            let opening = openings.iter().find(|(trading, _)| *trading == watched.what.trading);
            opening.is_none_or(|(_, opening)| opening.is_due(cursor.succeeded_at(index)) == Due::Due)
        };
        cursor.pick(&job.entries, now, job.entries.len(), job.target, is_due)
    }

    /// The next request to send, noted as asked. `None` if there is none, or none may be sent.
    async fn next(&self, progress: &mut Progress<'_, State>) -> Option<Ask> {
        if progress.stop.is_none() && self.ports.runtime.remaining() < STOP_ISSUING {
            let unasked = !progress.ready.is_empty() || !progress.waiting.is_empty();
            progress.stop = unasked.then(|| OUT_OF_TIME.to_owned());
        }
        if progress.stop.is_some() {
            return None;
        }
        if progress.ready.is_empty() && !progress.waiting.is_empty() {
            let claimed: Vec<Ask> = progress.waiting.drain(..progress.waiting.len().min(CLAIM)).collect();
            let entries: Vec<usize> = claimed.iter().flat_map(|ask| ask.entries.iter().copied()).collect();
            progress.claims.cursor.attempted(&entries, self.ports.runtime.now());
            progress.ready.extend(claimed);
            if let Err(reason) = progress.claims.save().await {
                progress.stop = Some(reason);
                return None;
            }
        }
        progress.ready.pop_front()
    }

    /// Makes one call in its slot, and accounts for the rows of its reply.
    async fn send(&self, ask: Ask, grant: Grant) -> Done {
        if !grant.is_alive(self.ports.runtime) {
            return Done::Again(ask);
        }
        let renewals = self.ports.vendor.renewals();
        let within = self.ports.runtime.remaining().saturating_sub(AFTER_THE_REPLY);
        match self.ports.vendor.fetch(&ask.request, within).await {
            Ok(fetched) => {
                let mut outcome = Box::<PollOutcome>::default();
                let verdict = self.take(&ask.request, fetched, &mut outcome).await;
                Done::Answered { ask, verdict, renewals, outcome }
            }
            Err(error) => Done::Failed { ask, error },
        }
    }

    /// Accounts for what became of a request, and decides whether to ask again or to stop.
    async fn settle<'run>(
        &'run self,
        done: Done,
        flight: &mut FuturesUnordered<BoxFuture<'run, Done>>,
        progress: &mut Progress<'_, State>,
    ) {
        let (mut ask, verdict, advice) = match done {
            Done::Again(ask) => return progress.ready.push_front(ask),
            Done::Failed { ask, error } => {
                progress.outcome.calls += 1;
                progress.outcome.failed += 1;
                let message = self.ports.vendor.redact(&error.message);
                let failure = Failure::new(Stage::Fetch, Kind::Transport, ask.request.to_string(), message);
                note(&mut progress.outcome.failures, failure);
                progress.unanswered += 1;
                if progress.unanswered >= OUT_OF_REACH {
                    progress.stop.get_or_insert_with(|| format!("{OUT_OF_REACH} calls in a row were not answered"));
                }
                (ask, Verdict::Transient, Advice::Retry)
            }
            Done::Answered { ask, verdict, renewals, outcome } => {
                progress.outcome.calls += 1;
                progress.unanswered = 0;
                let named = outcome.named_per_second;
                progress.last_word = outcome.last_word.clone();
                // Rows of which nobody knows are to come again, so that it is no success to have seen them.
                let is_settled = outcome.in_flight == 0;
                progress.outcome.add(*outcome);
                if is_settled && (verdict == Verdict::Data || verdict == Verdict::Empty) {
                    let now = self.ports.runtime.now();
                    ask.entries.iter().for_each(|entry| progress.claims.cursor.succeeded(*entry, now));
                }
                if self.cooldowns_count() && refusal_class(verdict).is_some() {
                    // What an old key is told does not concern the new one, which has a ledger of its own.
                    let is_old = renewals < self.ports.vendor.renewals();
                    let is_renewed =
                        !is_old && verdict.advice() == Advice::RereadKey && self.ports.vendor.renew().await;
                    if is_renewed {
                        self.limiter.forget();
                    }
                    if is_old || is_renewed {
                        return progress.ready.push_front(Ask { failed: ask.failed + 1, ..ask });
                    }
                }
                let advice = self.report(&ask.request, verdict, named, &mut progress.outcome).await;
                (ask, verdict, advice)
            }
        };
        ask.failed += 1;
        match advice {
            Advice::Use | Advice::Skip => {}
            Advice::Retry => match TROUBLE.wait(ask.failed, self.ports.runtime.random()) {
                Some(pause) if progress.stop.is_none() => flight.push(self.later(ask, pause).boxed()),
                _ => {}
            },
            // The limiter knows when the vendor takes calls again.
            Advice::PauseThenRetry if ask.failed < self.attempts(verdict) => progress.ready.push_front(ask),
            Advice::PauseThenRetry | Advice::StopFunction | Advice::RereadKey | Advice::StopRun => {
                progress.stop.get_or_insert_with(|| format!("{}: {}", ask.request, progress.last_word));
            }
        }
    }

    fn cooldowns_count(&self) -> bool {
        self.settings.cooldowns == Cooldowns::Wait
    }

    /// How often to ask after refusals of that sort, the first time included. Where a day has a limit, only
    /// the second is worth another of its calls.
    fn attempts(&self, verdict: Verdict) -> u32 {
        match (verdict, self.settings.limits.per_day) {
            (Verdict::LimitMinute, Some(_)) => 1,
            (Verdict::LimitMinute, None) => 2,
            _ => TROUBLE.attempts,
        }
    }

    async fn later(&self, ask: Ask, pause: SignedDuration) -> Done {
        self.ports.runtime.sleep(pause).await;
        Done::Again(ask)
    }

    /// Tells everybody what the vendor said about limits, and what that means for this run.
    async fn report(
        &self,
        request: &Request,
        verdict: Verdict,
        named_per_second: Option<u32>,
        outcome: &mut PollOutcome,
    ) -> Advice {
        if !self.cooldowns_count() {
            return Advice::Use;
        }
        let reported = match refusal_class(verdict) {
            Some(class) => self.limiter.refused(class, request.function().as_str(), named_per_second).await,
            None => self.limiter.accepted().await,
        };
        if let Err(error) = reported {
            let failure = Failure::new(Stage::Fetch, Kind::Unavailable, request.to_string(), error.to_string());
            note(&mut outcome.failures, failure);
        }
        verdict.advice()
    }

    /// Gives back what was noted as asked and was not, and writes the cursor once more.
    async fn finish(&self, mut progress: Progress<'_, State>, before: &Cursor) -> PollOutcome {
        let unsent = progress.ready.iter().filter(|ask| ask.failed == 0);
        let unsent: Vec<usize> = unsent.flat_map(|ask| ask.entries.iter().copied()).collect();
        progress.claims.cursor.give_back(&unsent, before);
        progress.outcome.not_asked = (progress.ready.len() + progress.waiting.len()) as u64;
        if progress.claims.cursor != *before
            && let Err(reason) = progress.claims.save().await
        {
            let failure = Failure::new(Stage::Fetch, Kind::Unavailable, progress.claims.name, reason);
            note(&mut progress.outcome.failures, failure);
        }
        let mut outcome = progress.outcome;
        outcome.stopped = progress.stop;
        outcome.quota_left_today =
            self.limiter.last_known().left_today(&self.settings.limits, self.ports.runtime.now());
        outcome
    }

    async fn take(&self, request: &Request, fetched: Fetched, outcome: &mut PollOutcome) -> Verdict {
        let Fetched { status, content_type, body } = fetched;
        // The vendor echoes the key, also where its words become a record.
        let masked = std::str::from_utf8(&body).ok().and_then(|text| self.ports.vendor.without_keys(text));
        let body = masked.map_or(body, String::into_bytes);
        let reply = Reply { status, content_type: content_type.as_deref(), body: &body };
        let context = Context { now: self.ports.runtime.now(), entitlement: self.settings.entitlement };
        let reading = read(request, &reply, &context);
        outcome.unknown_fields += reading.unknown_fields.len() as u64;
        let asked = request.to_string();
        let producer = Producer { ports: self.ports, function: &self.settings.function, request: &asked };
        if reading.verdict == Verdict::Data {
            outcome.accepted += 1;
            let redact = |text: &str| self.ports.vendor.redact(text);
            // The reason quotes the row.
            let rejected = reading
                .rejected
                .into_iter()
                .map(|row| (redact(&row.reason.to_string()), redact(&row.payload).into_bytes()));
            let rows = Rows { observations: reading.observations, rejected: rejected.collect() };
            // One reply at a time: several may have news for one ledger, and for one partition key.
            let _turn = self.producing.lock().await;
            producer.produce(rows, outcome).await;
        } else {
            self.refuse(request, &reading, &body, outcome).await;
        }
        reading.verdict
    }

    async fn refuse(&self, request: &Request, reading: &Reading, body: &[u8], outcome: &mut PollOutcome) {
        let verdict = reading.verdict;
        *outcome.refused.entry(verdict.as_str()).or_default() += 1;
        outcome.named_per_second = reading.message.as_deref().and_then(named_per_second);
        let redact = |text: &str| self.ports.vendor.redact(text);
        let message: String =
            redact(reading.message.as_deref().unwrap_or_default()).chars().take(MESSAGE_CHARS).collect();
        outcome.last_word = format!("{verdict}: {message}; {}", verdict.what_to_do());
        let refusal = Refusal {
            request: request.to_string(),
            verdict: verdict.as_str(),
            message: message.clone(),
            what_to_do: verdict.what_to_do(),
        };
        note(&mut outcome.refusals, refusal);
        if verdict == Verdict::UnknownShape {
            let reason = format!("{message}; {}", verdict.what_to_do());
            let letter = DeadLetter {
                failure: Failure::new(Stage::Classify, Kind::UnknownShape, request.to_string(), reason),
                place: Place { function: self.settings.function.clone(), ..Default::default() },
                id: None,
                attempts: 1,
                seen: self.ports.runtime.now(),
                payload: redact(&String::from_utf8_lossy(body)).into_bytes(),
            };
            match self.ports.dead_letters.keep(&[letter]).await {
                Ok(()) => outcome.quarantined += 1,
                Err(error) => note(
                    &mut outcome.failures,
                    Failure::new(Stage::Classify, error.kind, request.to_string(), error.message),
                ),
            }
        }
    }
}
