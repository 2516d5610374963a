//! Produce: rows of a reply to records in Kinesis, each at most once under its id.
//!
//! What is no news is not sent. The ledger is written twice: before, with the revisions that are about
//! to be used, so that no revision ever has two contents; and after Kinesis took the records, since
//! nothing else is evidence that it did. A crash in between sends the same ids again.
//!
//! What is unusual is flagged on its record and told to the events stream, and goes out all the same.

use std::collections::HashSet;

use anomaly::{Anomaly, AnomalyKind, Detector, Reading};
use failure::{DeadLetter, Failure, Kind, Place, Stage};
use futures::future::join_all;
use jiff::{SignedDuration, Timestamp};
use market::{Alert, Event, Fact, Flag, Observation};
use wire::{Attachment, Digest128, Entry, Id, Key, Parcel, Record, Sent, observation};

use crate::{
    outcome::{PollOutcome, note},
    poll::PollPorts,
    port::{CallError, KeepDeadLetters, Ledger, LedgerError, PutRecords, Runtime},
    put::{Put, PutSettings, Refused, put},
};

/// How often a ledger is read and written anew since another poller was first.
const LEDGER_ATTEMPTS: u32 = 5;
/// Under this name the ledger of a series keeps what is usual in it.
const DETECTOR: &str = "anomaly";
/// Over so many ledgers news and the earnings calendar of all companies are spread, each far below what one holds.
const SPREAD: u8 = 16;
/// The longest pause before a ledger is read anew.
const LEDGER_PAUSE: SignedDuration = SignedDuration::from_millis(100);

/// The rows of one reply.
#[derive(Debug, Clone, Default)]
pub struct Rows {
    /// Those that are data.
    pub observations: Vec<Observation>,
    /// Reason and payload of each row that breaks a rule.
    pub rejected: Vec<(String, Vec<u8>)>,
}

/// Sends what is news among the rows of one reply, and accounts for all of them: what a poll does with each of its
/// replies. `request` says in words what was asked. Vendor and quota are not used.
///
/// Two replies that may have news for one ledger come one after the other, or the older one may win.
pub async fn produce<Vendor, Quota, Stream, State, Dead, Time>(
    ports: &PollPorts<'_, Vendor, Quota, Stream, State, Dead, Time>,
    (function, request): (&str, &str),
    rows: Rows,
) -> PollOutcome
where
    Vendor: Sync,
    Quota: Sync,
    Stream: PutRecords,
    State: Ledger,
    Dead: KeepDeadLetters,
    Time: Runtime,
{
    let mut outcome = PollOutcome::default();
    Producer { ports, function, request }.produce(rows, &mut outcome).await;
    outcome
}

/// Where rows go.
pub(crate) struct Producer<'a, Vendor, Quota, Stream, State, Dead, Time> {
    pub(crate) ports: &'a PollPorts<'a, Vendor, Quota, Stream, State, Dead, Time>,
    pub(crate) function: &'a str,
    /// What was asked, in words.
    pub(crate) request: &'a str,
}

/// A record on its way, with what its ledger notes when it has arrived.
struct Outgoing {
    key: Key,
    at: i64,
    rev: u32,
    content: Digest128,
    id: Id,
    parcel: Parcel,
}

/// The facts that share a ledger, with the revisions under which they go out written ahead.
struct Batch {
    name: String,
    sent: Sent,
    version: u64,
    records: Vec<Outgoing>,
    alerts: Vec<Outgoing>,
    keys: HashSet<Key>,
    deduplicated: u64,
    /// What is usual in this series, these facts included.
    detector: Option<Attachment>,
}

fn parcel(record: &Record, rev: u32, now: Timestamp) -> Parcel {
    let data = record.to_json(rev, now).into_bytes();
    Parcel { entry: Entry { partition_key: record.partition_key().clone(), data }, ordered: record.is_ordered() }
}

/// The ledger that a fact is noted in. It goes by what is said, not by what was asked: a quote of one
/// function is the next revision of that of another.
fn ledger_of(fact: &Fact, key: Key) -> String {
    let subject = || fact.subject().map_or_else(|| "_".to_owned(), |subject| subject.to_string());
    match fact {
        Fact::Quote(_) => format!("quote|{}", subject()),
        Fact::Bar(bar) => format!("bar|{}|{}", subject(), bar.bar.interval),
        Fact::Rate(_) => format!("rate|{}", subject()),
        Fact::Event(Event::Article(_)) => format!("news|{}", key.0[0] % SPREAD),
        Fact::Event(Event::EarningsDate(_)) => format!("earnings|{}", key.0[0] % SPREAD),
        Fact::Event(Event::MarketStatus(_)) => "status".to_owned(),
        Fact::Event(Event::Mover(_)) => "movers".to_owned(),
        Fact::Event(Event::Alert(_)) => "alerts".to_owned(),
    }
}

impl<Vendor, Quota, Stream, State, Dead, Time> Producer<'_, Vendor, Quota, Stream, State, Dead, Time>
where
    Stream: PutRecords,
    State: Ledger,
    Dead: KeepDeadLetters,
    Time: Runtime,
{
    /// Sends what is news among the rows, and accounts for all of them.
    pub(crate) async fn produce(&self, rows: Rows, outcome: &mut PollOutcome) {
        outcome.records += (rows.observations.len() + rows.rejected.len()) as u64;
        let mut batches = self.write_ahead(rows.observations, outcome).await;

        let records = batches.iter_mut().flat_map(|batch| std::mem::take(&mut batch.records)).collect();
        let (arrived, left) = self.put(self.ports.stream, records, outcome).await;
        outcome.put += arrived.len() as u64;
        // An alert is told after the record that raised it.
        let alerts = batches.iter_mut().flat_map(|batch| std::mem::take(&mut batch.alerts)).collect();
        let (told, untold) = self.put(self.ports.alerts, alerts, outcome).await;
        outcome.alerts += told.len() as u64;

        let confirmed: Vec<&Noted> = arrived.iter().chain(&told).collect();
        join_all(batches.into_iter().map(|batch| self.confirm(batch, &confirmed)))
            .await
            .into_iter()
            .filter_map(Result::err)
            .for_each(|error| note(&mut outcome.failures, self.ledger_failure(&error)));

        let letter = |stream: &Stream, (noted, refused): (Noted, Refused)| {
            let failure = Failure::new(Stage::Produce, refused.kind, self.request, refused.reason);
            let mut letter = self.letter(failure, refused.entry.data, Some(refused.entry.partition_key.as_str()));
            // It never reached this stream, into which a redrive puts it.
            letter.place.stream = stream.name().map(str::to_owned);
            (letter.id, letter.attempts) = (Some(noted.id.to_string()), refused.attempts.max(1));
            letter
        };
        let letters = left.into_iter().map(|left| letter(self.ports.stream, left)).collect();
        outcome.dead_lettered += self.keep(letters, outcome).await;
        let letters = untold.into_iter().map(|left| letter(self.ports.alerts, left)).collect();
        // No row of the reply: it counts with its failure alone.
        let in_flight = outcome.in_flight;
        self.keep(letters, outcome).await;
        outcome.in_flight = in_flight;
        if !rows.rejected.is_empty() {
            self.reject(rows.rejected, outcome).await;
        }
    }

    /// Finds what is news, and writes down the revisions that it is about to go out under.
    async fn write_ahead(&self, observations: Vec<Observation>, outcome: &mut PollOutcome) -> Vec<Batch> {
        let mut groups: Vec<(String, Vec<Observation>)> = Vec::new();
        for seen in observations {
            let name = ledger_of(&seen.fact, observation(&seen).key());
            match groups.iter_mut().find(|(known, _)| *known == name) {
                Some((_, group)) => group.push(seen),
                None => groups.push((name, vec![seen])),
            }
        }
        let counts: Vec<u64> = groups.iter().map(|(_, group)| group.len() as u64).collect();
        let opened = join_all(groups.into_iter().map(|(name, group)| self.reserve(name, group))).await;
        let mut batches = Vec::new();
        for (opened, count) in opened.into_iter().zip(counts) {
            match opened {
                Ok(batch) => {
                    outcome.deduplicated += batch.deduplicated;
                    batches.push(batch);
                }
                Err(error) => {
                    // Without the ledger nothing is known to be news; the next poll brings the same rows again.
                    outcome.in_flight += count;
                    note(&mut outcome.failures, self.ledger_failure(&error));
                }
            }
        }
        batches
    }

    /// Reads a ledger, and reserves revisions in it for what is news.
    async fn reserve(&self, name: String, mut observations: Vec<Observation>) -> Result<Batch, LedgerError> {
        observations.sort_by_key(|seen| seen.fact.event_time());
        for _ in 0..LEDGER_ATTEMPTS {
            let (sent, version) = self.ports.state.load(&name).await?;
            let mut batch = self.news(name.clone(), sent, version, &observations);
            if batch.records.is_empty() || self.ports.state.save(&name, version, &batch.sent).await? {
                batch.version += u64::from(!batch.records.is_empty());
                return Ok(batch);
            }
            self.pause().await;
        }
        Err(contended("nothing was sent; the next poll brings the same rows again"))
    }

    /// The records that are news, oldest first, with what is unusual about them.
    fn news(&self, name: String, mut sent: Sent, version: u64, observations: &[Observation]) -> Batch {
        let now = self.ports.runtime.now();
        // A fact that stands twice in the reply is sent once, or as its own correction.
        let mut seen = sent.clone();
        let known = sent.attachment(DETECTOR);
        let version_of_detector = known.map_or(1, |known| known.version + 1);
        // One that cannot be read begins anew: it decides on flags alone.
        let mut detector = known.and_then(|known| Detector::decode(&known.bytes).ok()).unwrap_or_default();
        let (mut records, mut alerts) = (Vec::new(), Vec::new());
        let (mut deduplicated, mut watched) = (0, false);
        let mut outgoing = |record: &Record, at: i64| {
            let (key, content) = (record.key(), record.content());
            let rev = seen.news(key, content)?;
            seen.confirm(key, at, rev, content);
            sent.reserve(key, at, rev, content);
            let parcel = parcel(record, rev, now);
            Some(Outgoing { key, at, rev, content, id: record.id(rev), parcel })
        };
        for said in observations {
            let at = said.fact.event_time().as_millisecond();
            let Some(mut record) = outgoing(&observation(said), at) else {
                deduplicated += 1;
                continue;
            };
            let reading = Reading::of(&said.fact);
            watched |= reading.is_some();
            let found = reading.map(|reading| detector.observe(&reading)).unwrap_or_default();
            if !found.is_empty() {
                // Flags are not part of the content: key, revision and id stay as they are.
                let flagged = flagged(said, &found);
                record.parcel = parcel(&observation(&flagged), record.rev, now);
                let told = found.iter().filter_map(|anomaly| alert(&said.fact, anomaly));
                alerts.extend(told.filter_map(|alert| outgoing(&observation(&alert), at)));
            }
            records.push(record);
        }
        let detector = watched.then(|| Attachment { version: version_of_detector, bytes: detector.encode() });
        let keys = records.iter().chain(&alerts).map(|outgoing| outgoing.key).collect();
        Batch { name, sent, version, records, alerts, keys, deduplicated, detector }
    }

    /// Sends records. Returns what arrived, and what did not with the reason.
    async fn put(
        &self,
        stream: &Stream,
        outgoing: Vec<Outgoing>,
        outcome: &mut PollOutcome,
    ) -> (Vec<Noted>, Vec<(Noted, Refused)>) {
        if outgoing.is_empty() {
            return (Vec::new(), Vec::new());
        }
        let (noted, parcels): (Vec<Noted>, Vec<Parcel>) = outgoing
            .into_iter()
            .map(|Outgoing { key, at, rev, content, id, parcel }| (Noted { key, at, rev, content, id }, parcel))
            .unzip();
        let Put { fates, stats, failed_calls } =
            put(stream, self.ports.runtime, &PutSettings::default(), parcels).await;
        outcome.producer.add(&stats);
        for CallError { kind, message } in failed_calls {
            note(&mut outcome.failures, Failure::new(Stage::Produce, kind, self.request, message));
        }
        let (mut arrived, mut left) = (Vec::new(), Vec::new());
        for (noted, fate) in noted.into_iter().zip(fates) {
            match fate {
                Ok(()) => arrived.push(noted),
                Err(refused) => left.push((noted, refused)),
            }
        }
        (arrived, left)
    }

    /// Writes into the ledger what Kinesis took, and what is usual by now; merged with what others wrote.
    async fn confirm(&self, batch: Batch, confirmed: &[&Noted]) -> Result<(), LedgerError> {
        let Batch { name, mut sent, mut version, keys, detector, .. } = batch;
        let before = sent.clone();
        for noted in confirmed.iter().filter(|noted| keys.contains(&noted.key)) {
            sent.confirm(noted.key, noted.at, noted.rev, noted.content);
        }
        if let Some(detector) = detector.filter(|_| sent != before) {
            // One attachment, far below the limits of a ledger.
            let _ = sent.attach(DETECTOR, detector);
        }
        if sent == before {
            return Ok(());
        }
        for _ in 0..LEDGER_ATTEMPTS {
            if self.ports.state.save(&name, version, &sent).await? {
                return Ok(());
            }
            self.pause().await;
            let (theirs, current) = self.ports.state.load(&name).await?;
            sent.merge(&theirs);
            version = current;
        }
        Err(contended("what was sent is sent once more, under the same ids"))
    }

    /// Lets others go first.
    async fn pause(&self) {
        let runtime = self.ports.runtime;
        runtime.sleep(SignedDuration::from_secs_f64(LEDGER_PAUSE.as_secs_f64() * runtime.random())).await;
    }

    /// Files rows that break a rule, each once.
    async fn reject(&self, rejected: Vec<(String, Vec<u8>)>, outcome: &mut PollOutcome) {
        let name = format!("rejected|{}", self.request);
        let (mut sent, mut version) = match self.ports.state.load(&name).await {
            Ok(loaded) => loaded,
            Err(error) => {
                outcome.in_flight += rejected.len() as u64;
                return note(&mut outcome.failures, self.ledger_failure(&error));
            }
        };
        let (mut keys, mut letters) = (Vec::new(), Vec::new());
        for (reason, payload) in rejected {
            let key = Digest128::of(&[b"rejected", name.as_bytes(), &payload]);
            if sent.news(key, key).is_none() || keys.contains(&key) {
                outcome.deduplicated += 1;
                continue;
            }
            let reason =
                format!("{reason}; the row is kept here and not sent: a corrected one is taken by the next poll");
            keys.push(key);
            letters.push(self.letter(
                Failure::new(Stage::Validate, Kind::InvalidRow, self.request, reason),
                payload,
                None,
            ));
        }
        let kept = self.keep(letters, outcome).await;
        outcome.dead_lettered += kept;
        if kept == 0 {
            return;
        }
        let now = self.ports.runtime.now().as_millisecond();
        keys.into_iter().for_each(|key| sent.confirm(key, now, 0, key));
        for _ in 0..LEDGER_ATTEMPTS {
            match self.ports.state.save(&name, version, &sent).await {
                Ok(true) => return,
                Ok(false) => {}
                Err(error) => return note(&mut outcome.failures, self.ledger_failure(&error)),
            }
            match self.ports.state.load(&name).await {
                Ok((theirs, current)) => {
                    sent.merge(&theirs);
                    version = current;
                }
                Err(error) => return note(&mut outcome.failures, self.ledger_failure(&error)),
            }
        }
    }

    /// Stores dead letters; returns how many are stored. What is not counts as in flight.
    async fn keep(&self, letters: Vec<DeadLetter>, outcome: &mut PollOutcome) -> u64 {
        if letters.is_empty() {
            return 0;
        }
        let count = letters.len() as u64;
        match self.ports.dead_letters.keep(&letters).await {
            Ok(()) => {
                letters.into_iter().for_each(|letter| note(&mut outcome.failures, letter.failure));
                count
            }
            Err(error) => {
                outcome.in_flight += count;
                let failure = Failure::new(Stage::Produce, error.kind, self.request, error.message);
                note(&mut outcome.failures, failure);
                0
            }
        }
    }

    fn letter(&self, failure: Failure, payload: Vec<u8>, partition_key: Option<&str>) -> DeadLetter {
        let place = Place {
            function: self.function.to_owned(),
            partition_key: partition_key.map(str::to_owned),
            ..Default::default()
        };
        DeadLetter { failure, place, id: None, attempts: 1, seen: self.ports.runtime.now(), payload }
    }

    fn ledger_failure(&self, error: &LedgerError) -> Failure {
        let kind = match error {
            LedgerError::Call(error) => error.kind,
            LedgerError::State(wire::SentError::UnknownFormat(_)) => Kind::UnknownState,
            LedgerError::State(wire::SentError::Corrupt) => Kind::CorruptState,
        };
        Failure::new(Stage::Produce, kind, self.request, error.to_string())
    }
}

/// What a ledger notes of a record.
struct Noted {
    key: Key,
    at: i64,
    rev: u32,
    content: Digest128,
    id: Id,
}

fn contended(consequence: &str) -> LedgerError {
    let message = format!("other pollers wrote the ledger again and again; {consequence}");
    LedgerError::Call(CallError { kind: Kind::Contended, message })
}

/// The observation with the flags of what is unusual about it.
fn flagged(said: &Observation, found: &[Anomaly]) -> Observation {
    let mut flagged = said.clone();
    flagged.flags.extend(found.iter().map(|anomaly| match anomaly.kind {
        AnomalyKind::PriceSpike => Flag::PriceSpike,
        AnomalyKind::RevertedSpike => Flag::RevertedSpike,
        AnomalyKind::VolumeSpike => Flag::VolumeSpike,
        AnomalyKind::FlatLine => Flag::FlatLine,
        AnomalyKind::Split => Flag::Split,
        AnomalyKind::SplitSuspected => Flag::SplitSuspected,
    }));
    flagged.flags.sort_unstable();
    flagged.flags.dedup();
    flagged
}

/// What the events stream is told about an anomaly.
fn alert(fact: &Fact, anomaly: &Anomaly) -> Option<Observation> {
    let subject = fact.subject()?;
    let percent = |logarithm: f64| (logarithm.exp() - 1.0) * 100.0;
    let (value, threshold) = (anomaly.value, anomaly.threshold);
    let what = match anomaly.kind {
        AnomalyKind::PriceSpike => {
            format!("the price jumped by {:+.2} %; usual is up to {:.2} %", percent(value), percent(threshold))
        }
        AnomalyKind::RevertedSpike => {
            format!("the jump by {:+.2} % fell back: it was a misprint", percent(value))
        }
        AnomalyKind::VolumeSpike => format!("a volume of {value} was traded; usual is up to {threshold}"),
        AnomalyKind::FlatLine => format!("the price has stood still for {value} readings in session"),
        AnomalyKind::Split => format!("the price is {value:.4} of what it was, and there was a split"),
        AnomalyKind::SplitSuspected => {
            format!("the price is {value:.4} of what it was, as after a split; the vendor names none")
        }
    };
    let text = format!("{subject} at {:.0}: {what}", anomaly.at);
    let alert = Alert {
        kind: anomaly.kind.as_str(),
        severity: anomaly.severity.as_str(),
        subject,
        at: anomaly.at,
        interval: fact.interval(),
        rule: None,
        value: anomaly.value,
        threshold: anomaly.threshold,
        text,
    };
    Some(Observation { fact: Fact::Event(Event::Alert(alert)), flags: Vec::new() })
}
