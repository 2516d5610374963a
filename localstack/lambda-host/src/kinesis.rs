//! Drives the mapping of a stream: what the state machine asks for is done, and what came of it is told to it.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use event_source_mapping::kinesis::{Action, Answer, Batch, Destination, Input, Letter, Mapping, Settings};
use jiff::Timestamp;
use tokio::{
    sync::{mpsc, watch},
    task::JoinSet,
    time::{Instant, sleep_until},
};

use crate::{
    destination::Parcel,
    http::Emulator,
    outcome::Outcome,
    pool::{Pool, Request},
    report::MappingReport,
    stream::Stream,
};

/// What is known from outside about a mapping that runs.
#[derive(Debug, Clone, Default)]
pub(crate) struct Status {
    pub(crate) report: MappingReport,
    /// Its shards have been read once.
    pub(crate) polls: bool,
    /// What was in the source at the last reads is through.
    pub(crate) is_idle: bool,
}

/// A mapping's status, shared with whoever asks for it.
pub(crate) type Shared = Arc<watch::Sender<Status>>;

/// Carries out actions, each on its own.
struct Hands {
    settings: Settings,
    stream: Stream,
    pool: Arc<Pool>,
    emulator: Emulator,
    last_error: Mutex<Option<String>>,
    refused_letters: Mutex<u64>,
}

/// Runs a mapping until it is dropped.
pub(crate) async fn run(mut mapping: Mapping, pool: Arc<Pool>, emulator: Emulator, status: Shared) {
    let settings = mapping.settings().clone();
    let hands = Arc::new(Hands {
        stream: Stream::new(emulator.clone(), settings.stream()),
        settings,
        pool,
        emulator,
        last_error: Mutex::default(),
        refused_letters: Mutex::default(),
    });
    let (sender, mut inputs) = mpsc::unbounded_channel();
    // Dropped with the driver, so that nothing is read or invoked for a mapping that is gone.
    let mut tasks = JoinSet::new();
    let mut wake: Option<Instant> = None;
    let mut unread: Option<std::collections::HashSet<_>> = None;
    let mut input = Input::Tick;
    loop {
        match &input {
            Input::Shards(shards) if unread.is_none() && !shards.is_empty() => {
                unread = Some(
                    shards.iter().filter(|shard| shard.parents.is_empty()).map(|shard| shard.id.clone()).collect(),
                );
            }
            Input::Records { shard, .. } | Input::ReadFailed { shard, .. } => {
                if let Some(unread) = &mut unread {
                    unread.remove(shard);
                }
            }
            Input::Tick => wake = None,
            _ => {}
        }
        for action in mapping.advance(Timestamp::now(), input) {
            if let Action::WakeAt(at) = action {
                let wait = at.duration_since(Timestamp::now()).try_into().unwrap_or_default();
                wake = Some(Instant::now() + wait);
                continue;
            }
            let (hands, sender) = (Arc::clone(&hands), sender.clone());
            tasks.spawn(async move {
                if let Some(input) = hands.carry_out(action).await {
                    // It only fails when the driver is ending.
                    let _ = sender.send(input);
                }
            });
        }
        while tasks.try_join_next().is_some() {}
        status.send_modify(|status| {
            status.polls |= unread.as_ref().is_some_and(std::collections::HashSet::is_empty);
            status.is_idle = mapping.is_idle();
            hands.fill(&mapping, &mut status.report);
        });
        let waited = async {
            match wake {
                Some(at) => sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        input = tokio::select! {
            biased;
            Some(input) = inputs.recv() => input,
            () = waited => Input::Tick,
        };
    }
}

impl Hands {
    fn fill(&self, mapping: &Mapping, report: &mut MappingReport) {
        let counts = mapping.counts();
        report.invocations = counts.invocations - counts.not_invoked;
        report.records = counts.records;
        report.retries = counts.retries;
        report.splits = counts.splits;
        report.on_failure = counts.on_failure;
        report.throttles = counts.not_invoked;
        report.iterator_age_ms_max = u64::try_from(counts.iterator_age_max.as_millis()).unwrap_or_default();
        report.discarded = counts.discarded;
        report.filtered = counts.filtered;
        report.refused_letters = *self.refused_letters.lock().unwrap_or_else(PoisonError::into_inner);
        report.last_error.clone_from(&self.last_error.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn failed(&self, what: &str, error: &dyn std::fmt::Display) {
        *self.last_error.lock().unwrap_or_else(PoisonError::into_inner) = Some(format!("{what}: {error}"));
    }

    async fn carry_out(&self, action: Action) -> Option<Input> {
        Some(match action {
            Action::ListShards => match self.stream.shards().await {
                Ok(shards) => Input::Shards(shards),
                Err(error) => {
                    self.failed("cannot list the shards", &error);
                    // None are asked for again after a while.
                    Input::Shards(Vec::new())
                }
            },
            Action::Read { shard, from, limit } => match self.stream.read(&shard, &from, limit).await {
                Ok(read) => Input::Records { shard, records: read.records, is_end: read.is_end },
                Err(error) => {
                    self.failed("cannot read", &format!("{shard}: {error:?}"));
                    Input::ReadFailed { shard, error }
                }
            },
            Action::Invoke { invocation, batch } => {
                let answer = self.invoke(&batch).await;
                Input::Answered { invocation, answer }
            }
            Action::Store { letter, content } => {
                let taken = self.store(&content).await;
                Input::Stored { letter, taken }
            }
            Action::WakeAt(_) => return None,
        })
    }

    async fn invoke(&self, batch: &Batch) -> Answer {
        let event = Bytes::from(batch.event(&self.settings));
        match self.pool.invoke(Request { event, ..Request::default() }).await {
            Ok(done) => match done.outcome {
                Outcome::Returned(payload) => Answer::Returned(payload.to_vec()),
                Outcome::Failed { .. } => Answer::Failed { function_error: "Unhandled".to_owned() },
            },
            Err(_) => Answer::NotInvoked,
        }
    }

    async fn store(&self, letter: &Letter) -> bool {
        let (Destination::Sqs { arn } | Destination::Sns { arn } | Destination::S3 { arn }) = &letter.destination;
        let parcel = Parcel {
            body: letter.to_json(&self.settings).into(),
            key: letter.object_key(&self.settings),
            attributes: Vec::new(),
        };
        match self.emulator.deliver(arn, &parcel).await {
            Ok(()) => true,
            Err(error) => {
                self.failed(&format!("`{arn}` does not take a letter"), &error);
                *self.refused_letters.lock().unwrap_or_else(PoisonError::into_inner) += 1;
                false
            }
        }
    }
}
