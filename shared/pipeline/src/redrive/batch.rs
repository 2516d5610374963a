//! The redrive of one batch: claimed, sent in events, written down after each answer.

use std::collections::{BTreeMap, VecDeque};

use dead_letters::{Answer, BatchId, EVENT_BYTES, Event, Filter, Letter, Listing, Status, Way};
use failure::{Failure, Stage};
use jiff::SignedDuration;
use wire::{Entry, Parcel, PartitionKey};

use super::{RedriveOutcome, RedrivePorts, RedriveSettings};
use crate::{
    letters::{LISTING_ATTEMPTS, LettersError, contended, load, save},
    outcome::note,
    port::{InvokeFunction, Invoked, LetterObjects, Listings, Runtime, StoredListing, Streams},
    put::{PutSettings, put},
};

/// After so many answers in a row by which nothing was done, a consumer is left alone until the next time.
const FRUITLESS_MAX: u32 = 8;

pub(super) struct Redriver<'a, Objects, Lists, Invoke, Targets, Time> {
    pub(super) ports: &'a RedrivePorts<'a, Objects, Lists, Invoke, Targets, Time>,
    pub(super) settings: &'a RedriveSettings,
    pub(super) filter: &'a Filter,
    /// A person asked for it, so that kinds that wait for one are tried as well.
    pub(super) by_hand: bool,
    /// When the next letters may leave, by [`Runtime::elapsed`].
    pub(super) free_at: Option<SignedDuration>,
}

/// What is to be done with a batch: places of letters.
#[derive(Default)]
struct Work {
    /// Events to consumers.
    events: VecDeque<Vec<usize>>,
    /// Calls that are made once more.
    calls: Vec<usize>,
    /// Records for the streams of that name.
    puts: BTreeMap<String, Vec<usize>>,
    letters: u64,
}

/// How far a batch came.
struct Progress {
    stored: StoredListing,
    /// The last thing that went wrong.
    problem: Option<Failure>,
    /// Letters that were tried and stayed.
    stayed: u64,
    done: u64,
    /// Somebody else changed the listing: it is theirs now.
    is_lost: bool,
}

impl<Objects, Lists, Invoke, Targets, Time> Redriver<'_, Objects, Lists, Invoke, Targets, Time>
where
    Objects: LetterObjects,
    Lists: Listings,
    Invoke: InvokeFunction,
    Targets: Streams,
    Time: Runtime,
{
    pub(super) async fn batch(&mut self, id: &BatchId, outcome: &mut RedriveOutcome) -> Result<(), LettersError> {
        let runtime = self.ports.runtime;
        if !self.settings.dry_run && runtime.remaining() <= self.settings.reserve {
            outcome.stopped = Some("the invocation's time is nearly over; the rest stays as it was".to_owned());
            return Ok(());
        }
        let Some((stored, letters, work)) = self.claim(id, outcome).await? else { return Ok(()) };
        outcome.batches += 1;
        outcome.letters += work.letters;
        if self.settings.dry_run {
            let puts: usize = work.puts.values().map(Vec::len).sum();
            outcome.put += puts as u64;
            outcome.redriven += work.letters - puts as u64;
            outcome.invocations += (work.events.len() + work.calls.len()) as u64;
            return Ok(());
        }
        let asked = work.letters;
        let mut progress = Progress { stored, problem: None, stayed: 0, done: 0, is_lost: false };
        self.send_events(&letters, work.events, &mut progress, outcome).await?;
        self.make_calls(&letters, work.calls, &mut progress, outcome).await?;
        self.put(&letters, work.puts, &mut progress, outcome).await?;
        outcome.stayed += progress.stayed;
        outcome.untouched += asked - progress.done - progress.stayed;
        if progress.is_lost {
            outcome.claimed += 1;
            return Ok(());
        }
        self.finish(&letters, progress, outcome).await
    }

    /// Reads a batch, sees what there is to do, and takes it if there is something.
    async fn claim(
        &self,
        id: &BatchId,
        outcome: &mut RedriveOutcome,
    ) -> Result<Option<(StoredListing, Vec<Letter>, Work)>, LettersError> {
        for _ in 0..LISTING_ATTEMPTS {
            let (mut stored, letters) = load(self.ports.objects, self.ports.listings, id).await?;
            let now = self.ports.runtime.now();
            if stored.listing.is_claimed(now) {
                outcome.claimed += 1;
                return Ok(None);
            }
            let mut seen = RedriveOutcome::default();
            let work = self.work(&stored.listing, &letters, &mut seen);
            let left_behind = stored.listing.status == Status::Redriving;
            if work.letters > 0 {
                stored.listing.status = Status::Redriving;
                stored.listing.claimed_until = now.checked_add(self.settings.claim).ok();
            } else if left_behind {
                // Whoever was at it is gone, and there is nothing in it for this run: it waits again.
                stored.listing.settle(now);
            }
            let changes = !self.settings.dry_run && (work.letters > 0 || left_behind);
            if changes && !save(self.ports.listings, &stored, self.settings.keep_done).await? {
                continue;
            }
            stored.version += u64::from(changes);
            outcome.not_redrivable += seen.not_redrivable;
            outcome.expired += seen.expired;
            seen.reasons.into_iter().for_each(|(reason, count)| *outcome.reasons.entry(reason).or_default() += count);
            seen.expired_ids.into_iter().for_each(|id| note(&mut outcome.expired_ids, id));
            return Ok((work.letters > 0).then_some((stored, letters, work)));
        }
        Err(contended(id))
    }

    /// Sorts the letters that wait by what is to be done with them.
    fn work(&self, listing: &Listing, letters: &[Letter], outcome: &mut RedriveOutcome) -> Work {
        let mut work = Work::default();
        // By function, stream and shard: an event has records of one shard.
        let mut consumers: BTreeMap<[Option<&str>; 3], Vec<usize>> = BTreeMap::new();
        for (place, letter) in letters.iter().enumerate().filter(|(_, letter)| self.filter.takes(letter)) {
            if let Some(expired) = letter.expired() {
                outcome.expired += expired.records;
                note(&mut outcome.expired_ids, letter.name());
                continue;
            }
            if !listing.waits(place, letter) || (!self.by_hand && !letter.failure.kind.is_retryable()) {
                continue;
            }
            let of = &letter.place;
            match letter.way() {
                Way::Consumer => {
                    let shard = [Some(&*of.function), of.stream.as_deref(), of.shard.as_deref()];
                    consumers.entry(shard).or_default().push(place);
                }
                Way::Call if self.by_hand => work.calls.push(place),
                Way::Stream => work.puts.entry(of.stream.clone().unwrap_or_default()).or_default().push(place),
                Way::Call => continue,
                Way::None(reason) => {
                    outcome.not_redrivable += 1;
                    *outcome.reasons.entry(reason).or_default() += 1;
                    continue;
                }
            }
            work.letters += 1;
        }
        work.events = consumers.into_values().flat_map(|places| self.events(letters, places)).collect();
        work
    }

    /// Letters of one shard in events that neither the consumer nor Lambda nor the rate finds too large.
    fn events(&self, letters: &[Letter], places: Vec<usize>) -> Vec<Vec<usize>> {
        let rate = self.settings.per_second.map_or(usize::MAX, |rate| rate.get() as usize);
        let most = self.settings.event_letters.min(rate).max(1);
        let mut events: Vec<Vec<usize>> = Vec::new();
        let mut bytes = 0;
        for place in places {
            let size = Event::bytes_of(&letters[place]);
            match events.last_mut() {
                Some(event) if event.len() < most && bytes + size <= EVENT_BYTES => {
                    event.push(place);
                    bytes += size;
                }
                _ => {
                    events.push(vec![place]);
                    bytes = size;
                }
            }
        }
        events
    }

    async fn send_events(
        &mut self,
        letters: &[Letter],
        mut events: VecDeque<Vec<usize>>,
        progress: &mut Progress,
        outcome: &mut RedriveOutcome,
    ) -> Result<(), LettersError> {
        let mut fruitless = 0;
        while let Some(places) = events.pop_front() {
            if fruitless >= FRUITLESS_MAX || !self.may_go_on(places.len(), progress, outcome).await {
                return Ok(());
            }
            let function = &letters[places[0]].place.function;
            let event = Event::of(places.iter().map(|&place| &letters[place]));
            outcome.invocations += 1;
            let invoked = match self.ports.functions.invoke(function, event.as_bytes()).await {
                Ok(invoked) => invoked,
                // It may have run or not; the letters wait and no verdict is passed on any of them.
                Err(error) => {
                    progress.fail(Failure::new(Stage::Invoke, error.kind, function, error.message));
                    return Ok(());
                }
            };
            let numbers: Vec<&str> = places
                .iter()
                .map(|&place| letters[place].place.sequence_number.as_deref().unwrap_or_default())
                .collect();
            let (done, rest) = match invoked {
                Invoked::Returned(answer) => match Answer::read(&answer, &numbers) {
                    Answer::Done => (places.len(), Rest::None),
                    Answer::From(first) => (first, Rest::Behind),
                    Answer::Unknown => (0, Rest::Halves("its answer cannot be understood".to_owned())),
                },
                Invoked::Failed(error) => (0, Rest::Halves(format!("it failed: {error}"))),
            };
            fruitless = if done > 0 { 0 } else { fruitless + 1 };
            self.note_done(&places[..done], progress, outcome);
            let left = &places[done..];
            match rest {
                Rest::None => {}
                Rest::Behind => {
                    // The first of them stays; those behind it were not looked at, and it holds none of them up.
                    progress.stayed += 1;
                    progress.fail(stayed(&letters[left[0]], function, "it asks for it again"));
                    if left.len() > 1 {
                        events.push_front(left[1..].to_vec());
                    }
                }
                Rest::Halves(problem) if left.len() > 1 => {
                    // One of them is to blame, which must not hold up the others. Halving says nothing of the
                    // consumer as a whole, so that it does not count as fruitless.
                    fruitless = 0;
                    progress.fail(stayed(&letters[left[0]], function, &problem));
                    let (first, second) = left.split_at(left.len() / 2);
                    events.push_front(second.to_vec());
                    events.push_front(first.to_vec());
                }
                Rest::Halves(problem) => {
                    progress.stayed += 1;
                    progress.fail(stayed(&letters[left[0]], function, &problem));
                }
            }
            if done > 0 {
                self.write_down(progress).await?;
            }
        }
        Ok(())
    }

    async fn make_calls(
        &mut self,
        letters: &[Letter],
        calls: Vec<usize>,
        progress: &mut Progress,
        outcome: &mut RedriveOutcome,
    ) -> Result<(), LettersError> {
        for place in calls {
            if !self.may_go_on(1, progress, outcome).await {
                return Ok(());
            }
            let letter = &letters[place];
            let function = &letter.place.function;
            outcome.invocations += 1;
            match self.ports.functions.invoke(function, letter.payload().unwrap_or_default()).await {
                Ok(Invoked::Returned(_)) => {
                    self.note_done(&[place], progress, outcome);
                    self.write_down(progress).await?;
                }
                Ok(Invoked::Failed(error)) => {
                    progress.stayed += 1;
                    progress.fail(stayed(letter, function, &format!("it failed: {error}")));
                }
                Err(error) => {
                    progress.fail(Failure::new(Stage::Invoke, error.kind, function, error.message));
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    async fn put(
        &mut self,
        letters: &[Letter],
        puts: BTreeMap<String, Vec<usize>>,
        progress: &mut Progress,
        outcome: &mut RedriveOutcome,
    ) -> Result<(), LettersError> {
        for (name, places) in puts {
            let most = self.settings.per_second.map_or(places.len(), |rate| rate.get() as usize).max(1);
            for places in places.chunks(most) {
                if !self.may_go_on(places.len(), progress, outcome).await {
                    return Ok(());
                }
                let parcel = |place: &usize| {
                    let letter = &letters[*place];
                    let partition_key = PartitionKey::read(letter.place.partition_key.as_deref()?)?;
                    Some(Parcel { entry: Entry { partition_key, data: letter.payload()?.to_vec() }, ordered: true })
                };
                let (known, parcels): (Vec<usize>, Vec<Parcel>) =
                    places.iter().filter_map(|place| Some((*place, parcel(place)?))).unzip();
                progress.stayed += (places.len() - known.len()) as u64;
                let stream = self.ports.streams.stream(&name);
                let sent = put(&stream, self.ports.runtime, &PutSettings::default(), parcels).await;
                let mut taken = Vec::new();
                for (place, fate) in known.into_iter().zip(sent.fates) {
                    match fate {
                        Ok(()) => taken.push(place),
                        Err(refused) => {
                            progress.stayed += 1;
                            let failure =
                                Failure::new(Stage::Produce, refused.kind, letters[place].name(), refused.reason);
                            progress.fail(failure);
                        }
                    }
                }
                taken.iter().for_each(|place| progress.stored.listing.redriven.set(*place));
                progress.done += taken.len() as u64;
                outcome.put += taken.len() as u64;
                self.write_down(progress).await?;
            }
        }
        Ok(())
    }

    /// Waits until so many letters may leave. Whether there is time for them, and the batch is still ours.
    async fn may_go_on(&mut self, letters: usize, progress: &Progress, outcome: &mut RedriveOutcome) -> bool {
        let runtime = self.ports.runtime;
        let wait = self.free_at.map_or(SignedDuration::ZERO, |at| at.saturating_sub(runtime.elapsed()));
        if progress.is_lost || outcome.stopped.is_some() {
            return false;
        }
        if runtime.remaining() <= self.settings.reserve + wait.max(SignedDuration::ZERO) {
            outcome.stopped = Some("the invocation's time is nearly over; the rest stays as it was".to_owned());
            return false;
        }
        if wait > SignedDuration::ZERO {
            runtime.sleep(wait).await;
        }
        if let Some(rate) = self.settings.per_second {
            let takes = SignedDuration::from_secs_f64(letters as f64 / f64::from(rate.get()));
            self.free_at = Some(runtime.elapsed() + takes);
        }
        true
    }

    fn note_done(&self, places: &[usize], progress: &mut Progress, outcome: &mut RedriveOutcome) {
        places.iter().for_each(|place| progress.stored.listing.redriven.set(*place));
        progress.done += places.len() as u64;
        outcome.redriven += places.len() as u64;
    }

    /// Writes down how far it came. Where somebody else was first, the batch is theirs.
    async fn write_down(&self, progress: &mut Progress) -> Result<(), LettersError> {
        if progress.is_lost {
            return Ok(());
        }
        if save(self.ports.listings, &progress.stored, self.settings.keep_done).await? {
            progress.stored.version += 1;
        } else {
            progress.is_lost = true;
        }
        Ok(())
    }

    /// Gives the batch back: done, or waiting for the next time, or for a person.
    async fn finish(
        &self,
        letters: &[Letter],
        mut progress: Progress,
        outcome: &mut RedriveOutcome,
    ) -> Result<(), LettersError> {
        let now = self.ports.runtime.now();
        let listing = &mut progress.stored.listing;
        if let Some(problem) = &progress.problem {
            listing.redrives += 1;
            listing.last_problem = Some(problem.to_string());
        }
        let mut waiting = letters.iter().enumerate().filter(|(place, letter)| listing.waits(*place, letter));
        let may_succeed = waiting.any(|(_, letter)| {
            letter.failure.kind.is_retryable() && matches!(letter.way(), Way::Consumer | Way::Stream)
        });
        // The redrive that has just been counts as an attempt, and so does what came before it was parked.
        let wait = self.settings.backoff.wait(listing.redrives + 1, self.ports.runtime.random());
        let unfinished = progress.problem.is_none().then_some(SignedDuration::ZERO);
        let next = unfinished.or(wait).and_then(|wait| now.checked_add(wait).ok());
        listing.next_attempt = next.filter(|_| may_succeed);
        listing.settle(now);
        if !save(self.ports.listings, &progress.stored, self.settings.keep_done).await? {
            outcome.claimed += 1;
        }
        if let Some(problem) = progress.problem {
            note(&mut outcome.failures, problem);
        }
        Ok(())
    }
}

/// What is to be done with the letters that an answer left.
enum Rest {
    None,
    /// The first stays, those behind it go once more.
    Behind,
    /// They go in halves, or stay if it is one.
    Halves(String),
}

impl Progress {
    fn fail(&mut self, problem: Failure) {
        self.problem = Some(problem);
    }
}

fn stayed(letter: &Letter, function: &str, problem: &str) -> Failure {
    Failure::new(
        Stage::Invoke,
        letter.failure.kind,
        letter.name(),
        format!("`{function}` is not done with it: {problem}"),
    )
}
