//! Produce: rows of a reply to records in Kinesis, each at most once under its id.
//!
//! What is no news is not sent. What Kinesis did not take is sent again, and nothing else is. The
//! ledger is written after Kinesis took the records, so that a crash sends the same ids again.

use alphavantage::Request;
use failure::{DeadLetter, Failure, Kind, Place, Stage};
use market::Observation;
use wire::{Digest128, Entry, Key, Parcel, Sent, observation};

use crate::{
    outcome::{PollOutcome, note},
    port::{CallError, KeepDeadLetters, Ledger, LedgerError, PutRecords, Runtime},
    put::{Put, PutSettings, Refused, put},
};

/// How often the ledger is merged with that of another poller.
const LEDGER_ATTEMPTS: u32 = 5;

/// The rows of one reply.
pub(crate) struct Rows {
    pub(crate) observations: Vec<Observation>,
    /// Reason and payload of each row that breaks a rule.
    pub(crate) rejected: Vec<(String, Vec<u8>)>,
}

/// Where rows go.
pub(crate) struct Producer<'a, Stream, Sent, Dead, Time> {
    pub(crate) stream: &'a Stream,
    pub(crate) ledger: &'a Sent,
    pub(crate) dead_letters: &'a Dead,
    pub(crate) runtime: &'a Time,
    pub(crate) function: &'a str,
}

/// A record on its way, with what the ledger notes when it has arrived.
struct Outgoing {
    key: Key,
    at: i64,
    rev: u32,
    content: Digest128,
    parcel: Parcel,
}

impl<Stream: PutRecords, Remembered: Ledger, Dead: KeepDeadLetters, Time: Runtime>
    Producer<'_, Stream, Remembered, Dead, Time>
{
    /// Sends what is news among the rows, and accounts for all of them.
    pub(crate) async fn produce(&self, request: &Request, rows: Rows, outcome: &mut PollOutcome) {
        let total = (rows.observations.len() + rows.rejected.len()) as u64;
        outcome.records += total;
        let name = format!("{}|{}", request.function(), request.about());
        let (mut sent, version) = match self.ledger.load(&name).await {
            Ok(loaded) => loaded,
            Err(error) => {
                // Without the ledger nothing is known to be news; the next poll brings the same rows again.
                outcome.in_flight += total;
                return note(&mut outcome.failures, ledger_failure(request, error));
            }
        };
        let before = sent.clone();

        let outgoing = self.news(&sent, rows.observations, outcome);
        let (arrived, left) = self.put(outgoing, request, outcome).await;
        outcome.put += arrived.len() as u64;
        for record in &arrived {
            sent.confirm(record.key, record.at, record.rev, record.content);
        }
        let left = left.into_iter().map(|Refused { entry, reason, kind }| {
            let failure = Failure::new(Stage::Produce, kind, request.to_string(), reason);
            (None, self.letter(failure, entry.data, Some(entry.partition_key.as_str())))
        });

        let rejected = rows.rejected.into_iter().filter_map(|(reason, payload)| {
            let key = Digest128::of(&[b"rejected", name.as_bytes(), &payload]);
            if sent.news(key, key).is_none() {
                outcome.deduplicated += 1;
                return None;
            }
            let reason =
                format!("{reason}; the row is kept here and not sent: a corrected one is taken by the next poll");
            let failure = Failure::new(Stage::Validate, Kind::InvalidRow, request.to_string(), reason);
            Some((Some(key), self.letter(failure, payload, None)))
        });
        let (keys, letters): (Vec<Option<Key>>, Vec<DeadLetter>) = left.chain(rejected).unzip();
        match self.keep(&letters).await {
            Ok(()) => {
                outcome.dead_lettered += letters.len() as u64;
                let now = self.runtime.now().as_millisecond();
                keys.into_iter().flatten().for_each(|key| sent.confirm(key, now, 0, key));
                letters.into_iter().for_each(|letter| note(&mut outcome.failures, letter.failure));
            }
            Err(error) => {
                outcome.in_flight += letters.len() as u64;
                let failure = Failure::new(Stage::Produce, error.kind, request.to_string(), error.message);
                note(&mut outcome.failures, failure);
            }
        }
        if sent != before
            && let Err(error) = self.remember(&name, sent, version).await
        {
            note(&mut outcome.failures, ledger_failure(request, error));
        }
    }

    /// The records that are news, oldest first.
    fn news(&self, sent: &Sent, mut observations: Vec<Observation>, outcome: &mut PollOutcome) -> Vec<Outgoing> {
        observations.sort_by_key(|observation| observation.fact.event_time());
        let now = self.runtime.now();
        // A fact that stands twice in the reply is sent once, or as its own correction.
        let mut sent = sent.clone();
        let mut outgoing = Vec::new();
        for seen in observations {
            let record = observation(&seen);
            let (key, content, at) = (record.key(), record.content(), seen.fact.event_time().as_millisecond());
            let Some(rev) = sent.news(key, content) else {
                outcome.deduplicated += 1;
                continue;
            };
            sent.confirm(key, at, rev, content);
            let entry =
                Entry { partition_key: record.partition_key().clone(), data: record.to_json(rev, now).into_bytes() };
            let parcel = Parcel { entry, ordered: record.is_ordered() };
            outgoing.push(Outgoing { key, at, rev, content, parcel });
        }
        outgoing
    }

    /// Sends records until Kinesis took them or there is no use in trying. Returns what arrived, and
    /// what did not with the reason.
    async fn put(
        &self,
        outgoing: Vec<Outgoing>,
        request: &Request,
        outcome: &mut PollOutcome,
    ) -> (Vec<Outgoing>, Vec<Refused>) {
        let parcels = outgoing.iter().map(|record| record.parcel.clone()).collect();
        let Put { fates, stats, failed_calls } = put(self.stream, self.runtime, &PutSettings::default(), parcels).await;
        outcome.producer.add(&stats);
        for CallError { kind, message } in failed_calls {
            note(&mut outcome.failures, Failure::new(Stage::Produce, kind, request.to_string(), message));
        }
        let (mut arrived, mut left) = (Vec::new(), Vec::new());
        for (record, fate) in outgoing.into_iter().zip(fates) {
            match fate {
                Ok(()) => arrived.push(record),
                Err(refused) => left.push(refused),
            }
        }
        (arrived, left)
    }

    async fn keep(&self, letters: &[DeadLetter]) -> Result<(), CallError> {
        if letters.is_empty() { Ok(()) } else { self.dead_letters.keep(letters).await }
    }

    /// Writes the ledger, merged with what another poller wrote meanwhile.
    async fn remember(&self, name: &str, mut sent: Sent, mut version: u64) -> Result<(), LedgerError> {
        for _ in 0..LEDGER_ATTEMPTS {
            if self.ledger.save(name, version, &sent).await? {
                return Ok(());
            }
            let (theirs, current) = self.ledger.load(name).await?;
            sent.merge(&theirs);
            version = current;
        }
        let message = "other pollers wrote it again and again; what was sent is sent once more, under the same ids";
        Err(LedgerError::Call(CallError { kind: Kind::Contended, message: message.to_owned() }))
    }

    fn letter(&self, failure: Failure, payload: Vec<u8>, partition_key: Option<&str>) -> DeadLetter {
        let place = Place {
            function: self.function.to_owned(),
            partition_key: partition_key.map(str::to_owned),
            ..Default::default()
        };
        DeadLetter { failure, place, id: None, attempts: 1, seen: self.runtime.now(), payload }
    }
}

fn ledger_failure(request: &Request, error: LedgerError) -> Failure {
    match error {
        LedgerError::Call(CallError { kind, message }) => {
            Failure::new(Stage::Produce, kind, request.to_string(), message)
        }
        LedgerError::State(error) => {
            let kind = match error {
                wire::SentError::UnknownFormat(_) => Kind::UnknownState,
                wire::SentError::Corrupt => Kind::CorruptState,
            };
            Failure::new(Stage::Produce, kind, request.to_string(), error.to_string())
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use jiff::{SignedDuration, Timestamp};

    use super::*;

    /// A stream that takes everything. No row of a reply becomes as large as a record may be, so that
    /// this case cannot be reached through the vendor.
    #[derive(Default)]
    struct Taken(Mutex<Vec<usize>>);

    impl PutRecords for Taken {
        async fn put_records(&self, entries: &[Entry]) -> Result<Vec<Option<String>>, CallError> {
            self.0.lock().unwrap().extend(entries.iter().map(Entry::size));
            Ok(vec![None; entries.len()])
        }
    }

    impl Ledger for Taken {
        async fn load(&self, _: &str) -> Result<(Sent, u64), LedgerError> {
            Ok((Sent::default(), 0))
        }
        async fn save(&self, _: &str, _: u64, _: &Sent) -> Result<bool, LedgerError> {
            Ok(true)
        }
    }

    impl KeepDeadLetters for Taken {
        async fn keep(&self, _: &[DeadLetter]) -> Result<(), CallError> {
            Ok(())
        }
    }

    impl Runtime for Taken {
        fn now(&self) -> Timestamp {
            Timestamp::UNIX_EPOCH
        }
        fn remaining(&self) -> SignedDuration {
            SignedDuration::MAX
        }
        async fn sleep(&self, _: SignedDuration) {}
        fn random(&self) -> f64 {
            0.0
        }
    }

    #[tokio::test]
    async fn what_is_too_large_for_the_stream_is_refused_before_the_call() {
        let taken = Taken::default();
        let producer =
            Producer { stream: &taken, ledger: &taken, dead_letters: &taken, runtime: &taken, function: "poll" };
        let symbol = "ACME".parse().unwrap();
        let outgoing = [10, wire::limits::KINESIS_RECORD_BYTES, 20].map(|bytes| Outgoing {
            key: Digest128([0; 16]),
            at: 0,
            rev: 0,
            content: Digest128([0; 16]),
            parcel: Parcel {
                entry: Entry { partition_key: wire::financial(&symbol), data: vec![b'x'; bytes] },
                ordered: false,
            },
        });
        let sizes = [outgoing[0].parcel.entry.size(), outgoing[2].parcel.entry.size()];
        let mut outcome = PollOutcome::default();
        let request = Request::GlobalQuote { symbol };
        let (arrived, left) = producer.put(outgoing.into(), &request, &mut outcome).await;
        assert_eq!((arrived.len(), left.len()), (2, 1));
        assert_eq!(*taken.0.lock().unwrap(), sizes);
        let Refused { entry, reason, kind } = &left[0];
        assert_eq!((entry.data.len(), *kind), (wire::limits::KINESIS_RECORD_BYTES, Kind::Oversized));
        assert!(reason.contains("send less per record"), "{reason}");
    }
}
