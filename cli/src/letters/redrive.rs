//! `kinetick dead-letters redrive`: batches enter; what became of their letters leaves.
//!
//! The redrive itself is the pipeline's. Here are the pace, the bar, and what happens at Ctrl-C: the event that is under
//! way is brought to its end and written down, and nothing behind it is begun.

use std::{
    collections::HashMap,
    process::ExitCode,
    sync::{Mutex, PoisonError},
};

use aws::{Functions, NamedStreams};
use clock::Invocation;
use dead_letters::{BatchId, Filter};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use jiff::{SignedDuration, Timestamp};
use pipeline::{
    REDRIVES, RedriveOutcome, RedrivePorts, RedriveSettings, Scope, list,
    port::{CallError, Listings, ListingsError, Runtime, Shelf, StoredListing},
    redrive, show,
};
use tokio::sync::watch;

use super::{
    Deployed, Ended, KEEP_DONE, filter,
    options::{self, Format},
    plan::Plan,
    print,
    table::{line, plain},
};
use crate::up::stop_on_signals;

/// Letters in one event: the batch size of the mappings in `template.yaml`.
const EVENT_LETTERS: usize = 500;
/// Longest time that a consumer may take: its time-out in `template.yaml`, and the way there and back.
const CONSUMER_TIMEOUT: SignedDuration = SignedDuration::from_secs(62);
/// How long a batch is kept from others besides the time that its letters take by the pace.
const CLAIM: SignedDuration = SignedDuration::from_mins(5);

/// Redrives, or says what would be done.
pub(super) async fn run(options: &options::Redrive) -> Result<ExitCode, Ended> {
    let filter = filter(&options.filters)?;
    let signals = stop_on_signals().map_err(|error| Ended::Failed(error.to_string()))?;
    let deployed = Deployed::find(&options.stack).await?;
    let (ids, mut trouble) = match options.all {
        false => (deployed.batches(&options.ids).await?, Vec::new()),
        true => {
            let listed = list(&deployed.listings, &[Shelf::Due, Shelf::Waiting], &filter, usize::MAX).await?;
            (listed.batches.into_iter().map(|listing| listing.id).collect(), listed.unreadable)
        }
    };
    if options.dry_run {
        return dry(options, &deployed, &ids, &filter).await;
    }
    let mut noted = Noted::new(&deployed.listings);
    let longest = noted.look(&ids).await?;
    let settings = RedriveSettings {
        event_letters: EVENT_LETTERS,
        per_second: Some(options.rate),
        backoff: REDRIVES,
        claim: CLAIM + SignedDuration::from_secs(longest.div_ceil(u64::from(options.rate.get())) as i64 * 2),
        reserve: SignedDuration::ZERO,
        keep_done: KEEP_DONE,
        dry_run: false,
    };
    let runtime = ByHand { invocation: Invocation::new(None, u64::MAX), signals: signals.clone() };
    let ports = RedrivePorts {
        objects: &deployed.objects,
        listings: &noted,
        functions: &Functions::new(&deployed.sdk, &deployed.prefix, CONSUMER_TIMEOUT.unsigned_abs()),
        streams: &NamedStreams::new(&deployed.sdk),
        runtime: &runtime,
    };
    let scope = Scope::Batches(ids);
    let mut second = signals.clone();
    let mut outcome = tokio::select! {
        outcome = redrive(&ports, &scope, &filter, &settings) => outcome,
        // The sender of signals lives as long as the process.
        _ = second.wait_for(|signals| *signals > 1) => {
            noted.bar.finish_and_clear();
            return Err(Ended::Failed(
                "interrupted twice: ended at once. What was done since the last event is written down by nobody, and \
                 done once more by the same command, which has no second effect"
                    .to_owned(),
            ));
        }
    };
    noted.bar.finish_and_clear();
    outcome.failures.append(&mut trouble);
    if *signals.borrow() > 0 {
        outcome.stopped = Some("interrupted: the same command goes on with the rest".to_owned());
    }
    let text = match options.format {
        Format::Text => text(&outcome),
        Format::Json => line(&outcome),
    };
    print(text.as_bytes())?;
    Ok(if is_whole(&outcome) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn dry(
    options: &options::Redrive,
    deployed: &Deployed,
    ids: &[BatchId],
    filter: &Filter,
) -> Result<ExitCode, Ended> {
    let mut plan = Plan::default();
    for id in ids {
        plan.add(&show((&deployed.objects, &deployed.listings), id).await?, filter, Timestamp::now());
    }
    let text = match options.format {
        Format::Text => plan.text(),
        Format::Json => plan.json(),
    };
    print(text.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

/// Whether nothing is left of what was asked for.
pub(super) fn is_whole(outcome: &RedriveOutcome) -> bool {
    let RedriveOutcome { stayed, untouched, claimed, not_redrivable, expired, .. } = outcome;
    [stayed, untouched, claimed, not_redrivable, expired].into_iter().all(|left| *left == 0)
        && outcome.failures.is_empty()
        && outcome.stopped.is_none()
}

/// What became of it, for people.
pub(super) fn text(outcome: &RedriveOutcome) -> String {
    let RedriveOutcome { batches, letters, invocations, redriven, put, stayed, untouched, .. } = outcome;
    let mut lines = vec![
        format!("{letters} letters of {batches} batches waited"),
        format!("redriven    {redriven} in {invocations} invocations"),
        format!("put         {put} into the streams that they had not reached"),
        format!("stayed      {stayed} were tried and wait again"),
        format!("untouched   {untouched} were not tried"),
    ];
    lines.extend(outcome.reasons.iter().map(|(reason, count)| format!("not redriven: {count}: {reason}")));
    if outcome.expired > 0 {
        lines.push(format!("expired: {} records: {}", outcome.expired, outcome.expired_ids.join(", ")));
    }
    if outcome.claimed > 0 {
        lines.push(format!(
            "{} batches are being redriven by somebody else: try again in some minutes",
            outcome.claimed
        ));
    }
    lines.extend(outcome.failures.iter().map(|failure| format!("problem: {failure}")));
    lines.extend(outcome.stopped.iter().map(|reason| format!("stopped: {reason}")));
    lines.iter().map(|line| plain(line) + "\n").collect()
}

/// An invocation without end, unless a person ends it.
struct ByHand {
    invocation: Invocation,
    signals: watch::Receiver<u32>,
}

impl Runtime for ByHand {
    fn now(&self) -> Timestamp {
        self.invocation.now()
    }

    fn remaining(&self) -> SignedDuration {
        if *self.signals.borrow() > 0 { SignedDuration::ZERO } else { self.invocation.remaining() }
    }

    fn elapsed(&self) -> SignedDuration {
        self.invocation.elapsed()
    }

    async fn sleep(&self, time: SignedDuration) {
        let mut signals = self.signals.clone();
        tokio::select! {
            () = self.invocation.sleep(time) => {}
            // The sender of signals lives as long as the process.
            _ = signals.wait_for(|signals| *signals > 0) => {}
        }
    }

    fn random(&self) -> f64 {
        self.invocation.random()
    }
}

/// The listings, with a bar that moves as they change.
pub(super) struct Noted<'a, Lists> {
    listings: &'a Lists,
    bar: ProgressBar,
    /// How many letters of a batch wait.
    waiting: Mutex<HashMap<BatchId, usize>>,
}

impl<'a, Lists: Listings> Noted<'a, Lists> {
    fn new(listings: &'a Lists) -> Self {
        let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr());
        if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len} letters, {eta} left {wide_msg}") {
            bar.set_style(style);
        }
        Self { listings, bar, waiting: Mutex::default() }
    }

    /// Looks at the batches before anything is done, and gives the number of letters of the largest one.
    async fn look(&mut self, ids: &[BatchId]) -> Result<u64, Ended> {
        let mut longest = 0;
        for id in ids {
            let listing = match self.listings.load(id).await {
                Ok(Some(stored)) => stored.listing,
                Ok(None) => return Err(pipeline::LettersError::NoSuchBatch(id.clone()).into()),
                Err(ListingsError::Call(error)) => return Err(error.into()),
                // The redrive names it, and goes on with the others.
                Err(ListingsError::State(_)) => continue,
            };
            let waiting = listing.outlook().waiting;
            longest = longest.max(u64::from(listing.letters));
            self.bar.inc_length(waiting as u64);
            self.waiting.lock().unwrap_or_else(PoisonError::into_inner).insert(id.clone(), waiting);
        }
        Ok(longest)
    }
}

impl<Lists: Listings> Listings for Noted<'_, Lists> {
    async fn load(&self, id: &BatchId) -> Result<Option<StoredListing>, ListingsError> {
        self.listings.load(id).await
    }

    async fn save(&self, stored: &StoredListing, expires: Option<Timestamp>) -> Result<bool, CallError> {
        let is_saved = self.listings.save(stored, expires).await?;
        if is_saved {
            let listing = &stored.listing;
            let mut all = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            let waiting = all.entry(listing.id.clone()).or_default();
            let left = listing.outlook().waiting;
            self.bar.inc(waiting.saturating_sub(left) as u64);
            self.bar.set_message(format!("{} {}", plain(&listing.function), listing.id));
            *waiting = left;
        }
        Ok(is_saved)
    }

    async fn shelf(&self, shelf: Shelf, until: Timestamp, limit: usize) -> Result<Vec<BatchId>, CallError> {
        self.listings.shelf(shelf, until, limit).await
    }
}
