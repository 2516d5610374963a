//! Poll: asks the vendor, tells data from refusals, and hands the data to the producer.
//!
//! One bad symbol never fails the run; a limit or a bad key ends it, since no later call can succeed.

use std::str::FromStr;

use alphavantage::{Advice, Context, Entitlement, Reading, Redactor, Reply, Request, Verdict, read};
use failure::{DeadLetter, Failure, Kind, Place, Stage};
use flow::{Backoff, Pace};
use jiff::SignedDuration;

use crate::{
    outcome::{PollOutcome, Refusal, note},
    port::{CallError, Fetch, Fetched, KeepDeadLetters, Ledger, PutRecords, Runtime},
    produce::{Producer, Rows},
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
    /// The name under which dead letters and the outcome are filed.
    pub function: String,
    /// What the key may see during the day.
    pub entitlement: Option<Entitlement>,
    /// Calls per second that the key may make.
    pub per_second: u32,
    /// What to do about limits.
    pub cooldowns: Cooldowns,
    /// Takes the API key out of every text.
    pub redactor: Redactor,
}

/// How often a request is tried again after trouble on the way. Each try is a call of the plan.
const TROUBLE: Backoff = Backoff { base: SignedDuration::from_secs(1), cap: SignedDuration::from_secs(4), attempts: 3 };
/// The pause after a refusal for too many calls in a second.
const BURST_PAUSE: SignedDuration = SignedDuration::from_secs(2);
/// What is left of the invocation when no further request is begun: one request, its records, the answer.
const STOP_ISSUING: SignedDuration = SignedDuration::from_secs(10);
/// How much of a refusal's text is kept.
const MESSAGE_CHARS: usize = 300;

/// Runs a job: its requests, one after the other.
pub async fn poll<Vendor, Stream, Sent, Dead, Time>(
    (vendor, stream, ledger, dead_letters, runtime): (&Vendor, &Stream, &Sent, &Dead, &Time),
    job: &str,
    requests: &[Request],
    settings: &PollSettings,
) -> PollOutcome
where
    Vendor: Fetch,
    Stream: PutRecords,
    Sent: Ledger,
    Dead: KeepDeadLetters,
    Time: Runtime,
{
    let mut run = Run {
        vendor,
        runtime,
        settings,
        producer: Producer { stream, ledger, dead_letters, runtime, function: &settings.function },
        outcome: PollOutcome { job: job.to_owned(), ..Default::default() },
        last_word: String::new(),
        pace: Pace::per_second(settings.per_second),
    };
    for (at, request) in requests.iter().enumerate() {
        let late = runtime.remaining() < STOP_ISSUING;
        let stop = if late { Some("the invocation's time is nearly over".to_owned()) } else { run.ask(request).await };
        if let Some(reason) = stop {
            run.outcome.not_asked = (requests.len() - at - usize::from(!late)) as u64;
            run.outcome.stopped = Some(reason);
            break;
        }
    }
    run.outcome
}

struct Run<'a, Vendor, Stream, Sent, Dead, Time> {
    vendor: &'a Vendor,
    runtime: &'a Time,
    settings: &'a PollSettings,
    producer: Producer<'a, Stream, Sent, Dead, Time>,
    outcome: PollOutcome,
    /// The last refusal in words; the outcome spells out only the first ones.
    last_word: String,
    pace: Pace,
}

impl<Vendor, Stream, Sent, Dead, Time> Run<'_, Vendor, Stream, Sent, Dead, Time>
where
    Vendor: Fetch,
    Stream: PutRecords,
    Sent: Ledger,
    Dead: KeepDeadLetters,
    Time: Runtime,
{
    /// Asks until there is an answer or no use in asking again. Returns why the run must end, if it must.
    async fn ask(&mut self, request: &Request) -> Option<String> {
        let mut failed = 0;
        loop {
            let advice = match self.call(request).await {
                Ok(verdict) => self.advice(verdict),
                Err(_) => Advice::Retry,
            };
            failed += 1;
            let again = match advice {
                Advice::Use | Advice::Skip => return None,
                Advice::Retry => TROUBLE.wait(failed, self.runtime.random()),
                Advice::PauseThenRetry if failed < TROUBLE.attempts => Some(BURST_PAUSE),
                Advice::PauseThenRetry => return Some(format!("{request} was refused for too many calls per second")),
                Advice::StopFunction | Advice::RereadKey | Advice::StopRun => {
                    return Some(format!("{request}: {}", self.last_word));
                }
            };
            match again {
                Some(wait) if self.runtime.remaining() > STOP_ISSUING => self.runtime.sleep(wait).await,
                _ => return None,
            }
        }
    }

    fn advice(&self, verdict: Verdict) -> Advice {
        match (self.settings.cooldowns, verdict) {
            (Cooldowns::Record, _) => Advice::Use,
            // The next run finds a new minute; waiting for it would cost more than it brings.
            (Cooldowns::Wait, Verdict::LimitMinute) => Advice::StopRun,
            (Cooldowns::Wait, verdict) => verdict.advice(),
        }
    }

    /// Makes one call and accounts for it.
    async fn call(&mut self, request: &Request) -> Result<Verdict, CallError> {
        self.runtime.sleep(self.pace.wait(self.runtime.now())).await;
        self.pace.called(self.runtime.now());
        self.outcome.calls += 1;
        match self.vendor.fetch(request).await {
            Ok(fetched) => Ok(self.take(request, &fetched).await),
            Err(mut error) => {
                self.outcome.failed += 1;
                error.message = self.settings.redactor.redact(&error.message);
                let failure = Failure::new(Stage::Fetch, Kind::Transport, request.to_string(), error.message.clone());
                note(&mut self.outcome.failures, failure);
                Err(error)
            }
        }
    }

    async fn take(&mut self, request: &Request, fetched: &Fetched) -> Verdict {
        let Fetched { status, content_type, body } = fetched;
        let reply = Reply { status: *status, content_type: content_type.as_deref(), body };
        let context = Context { now: self.runtime.now(), entitlement: self.settings.entitlement };
        let reading = read(request, &reply, &context);
        if reading.verdict == Verdict::Data {
            self.outcome.accepted += 1;
            let redact = |text: &str| self.settings.redactor.redact(text);
            // The reason quotes the row.
            let rejected = reading
                .rejected
                .into_iter()
                .map(|row| (redact(&row.reason.to_string()), redact(&row.payload).into_bytes()));
            let rows = Rows { observations: reading.observations, rejected: rejected.collect() };
            self.producer.produce(request, rows, &mut self.outcome).await;
        } else {
            self.refuse(request, &reading, body).await;
        }
        reading.verdict
    }

    async fn refuse(&mut self, request: &Request, reading: &Reading, body: &[u8]) {
        let verdict = reading.verdict;
        *self.outcome.refused.entry(verdict.as_str()).or_default() += 1;
        let redact = |text: &str| self.settings.redactor.redact(text);
        let message: String =
            redact(reading.message.as_deref().unwrap_or_default()).chars().take(MESSAGE_CHARS).collect();
        self.last_word = format!("{verdict}: {message}; {}", verdict.what_to_do());
        note(
            &mut self.outcome.refusals,
            Refusal {
                request: request.to_string(),
                verdict: verdict.as_str(),
                message: message.clone(),
                what_to_do: verdict.what_to_do(),
            },
        );
        if verdict == Verdict::UnknownShape {
            let reason = format!("{message}; {}", verdict.what_to_do());
            let letter = DeadLetter {
                failure: Failure::new(Stage::Classify, Kind::UnknownShape, request.to_string(), reason),
                place: Place { function: self.settings.function.clone(), ..Default::default() },
                id: None,
                attempts: 1,
                seen: self.runtime.now(),
                payload: redact(&String::from_utf8_lossy(body)).into_bytes(),
            };
            match self.producer.dead_letters.keep(&[letter]).await {
                Ok(()) => self.outcome.quarantined += 1,
                Err(error) => note(
                    &mut self.outcome.failures,
                    Failure::new(Stage::Classify, error.kind, request.to_string(), error.message),
                ),
            }
        }
    }
}
