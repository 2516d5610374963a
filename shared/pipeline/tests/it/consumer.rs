//! A consumer with everything around it, which checks each outcome for what must always hold.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use market::Interval;
use pipeline::{BACKLOG_RECORDS, ProcessOutcome, ProcessSettings, Processed, SweepOutcome, Warm, process, sweep};
use series::{Rules, SeriesId, Sets, Settings};
use testkit::{ManualTime, MemoryDeadLetters, MemorySink, MemoryStore, MemoryStream, record, record::Arrived};

/// A set whose first reading needs some bars, and no alerts.
pub(crate) fn settings() -> Settings {
    settings_of("SMA(20),EMA(20),RSI(14),MACD(12,26,9),BBANDS(20,2),ATR(14)", "")
}

/// Those sets and rules, as the environment of a function names them.
pub(crate) fn settings_of(sets: &str, rules: &str) -> Settings {
    let sets: Sets = sets.parse().unwrap();
    Settings {
        close_after: SignedDuration::from_secs(125),
        redeliver_after: SignedDuration::from_secs(120),
        rules: Rules::parse(rules, &sets).unwrap(),
        sets,
    }
}

/// A Friday, 12:00 in New York.
pub(crate) const NOW: &str = "2026-11-20T17:00:00Z";

pub(crate) struct Consumer {
    pub(crate) store: MemoryStore,
    pub(crate) dead_letters: MemoryDeadLetters,
    pub(crate) archive: MemorySink,
    pub(crate) indicators: MemorySink,
    pub(crate) events: MemoryStream,
    pub(crate) settings: Settings,
    pub(crate) backlog_records: usize,
    pub(crate) time: ManualTime,
}

impl Consumer {
    pub(crate) fn new() -> Self {
        Self::with(settings())
    }

    /// With another configuration than the default one.
    pub(crate) fn with(settings: Settings) -> Self {
        Self {
            store: MemoryStore::of(settings.sets.clone()),
            dead_letters: MemoryDeadLetters::default(),
            archive: MemorySink::default(),
            indicators: MemorySink::default(),
            events: MemoryStream::default(),
            settings,
            backlog_records: BACKLOG_RECORDS,
            time: ManualTime::at(NOW),
        }
    }

    pub(crate) async fn process(&self, warm: &Warm, batch: &[Arrived]) -> Processed {
        let ports = (&self.store, &self.dead_letters, &self.archive, &self.indicators, &self.events, &self.time);
        let records: Vec<_> = batch.iter().map(Arrived::record).collect();
        let settings = ProcessSettings {
            function: "compute-indicators",
            series: self.settings.clone(),
            backlog_records: self.backlog_records,
        };
        let processed = process(ports, warm, &records, &settings).await;
        let ProcessOutcome { records, settled, delivered, duplicates, dead_lettered, .. } = processed.outcome;
        assert_eq!(records, batch.len() as u64);
        assert_eq!(settled, delivered + duplicates + dead_lettered, "{processed:#?}");
        let from = batch.get(settled as usize).map(|record| record.sequence_number.clone());
        assert_eq!(processed.retry_from, from, "{processed:#?}");
        processed
    }

    pub(crate) async fn sweep(&self) -> SweepOutcome {
        sweep((&self.store, &self.indicators, &self.events, &self.time), &self.settings).await
    }

    /// The archived records' own ids, in their order.
    pub(crate) fn archived(&self) -> Vec<String> {
        self.archive.lines().iter().map(|line| wire::decode(line.as_bytes()).unwrap().id.to_string()).collect()
    }

    /// The content of the last revision under each key. Checks on the way that no id has two byte
    /// strings, and no key two contents under one revision.
    pub(crate) fn last_readings(&self) -> BTreeMap<String, String> {
        let mut by_id: BTreeMap<String, String> = BTreeMap::new();
        let mut last: BTreeMap<String, (u64, String)> = BTreeMap::new();
        for line in self.indicators.lines() {
            let fields: serde_json::Value = serde_json::from_str(&line).unwrap();
            let text = |name: &str| fields[name].as_str().unwrap().to_owned();
            let same = by_id.entry(text("id")).or_insert_with(|| line.clone());
            assert_eq!(*same, line, "one id, two byte strings");
            let rev = fields["rev"].as_u64().unwrap();
            let content = line[line.find(r#","flags":"#).unwrap()..].to_owned();
            let kept = last.entry(text("key")).or_insert_with(|| (rev, content.clone()));
            assert!(kept.0 != rev || kept.1 == content, "one revision, two contents: {line}");
            if kept.0 < rev {
                *kept = (rev, content);
            }
        }
        last.into_iter().map(|(key, (_, content))| (key, content)).collect()
    }

    /// The alerts in the events stream by their ids, repetitions merged. Checks on the way that no id has two byte
    /// strings, and that each is a first revision.
    pub(crate) fn alerts(&self) -> BTreeMap<String, serde_json::Value> {
        let mut by_id: BTreeMap<String, Vec<u8>> = BTreeMap::new();
        for entry in self.events.taken() {
            let id = identity(&entry.data);
            let same = by_id.entry(id).or_insert_with(|| entry.data.clone());
            assert_eq!(*same, entry.data, "one id, two byte strings");
        }
        let read = |data: Vec<u8>| serde_json::from_slice::<serde_json::Value>(&data).unwrap();
        let alerts: BTreeMap<_, _> = by_id.into_iter().map(|(id, data)| (id, read(data))).collect();
        assert!(alerts.values().all(|alert| alert["schema"] == "alert.v1" && alert["rev"] == 0), "{alerts:#?}");
        alerts
    }

    /// Whether the last revisions say the same as those of another consumer, bit for bit.
    #[track_caller]
    pub(crate) fn check_same(&self, other: &Self, when: &str) {
        let (ours, theirs) = (self.last_readings(), other.last_readings());
        let keys: BTreeSet<&String> = ours.keys().chain(theirs.keys()).collect();
        let different: Vec<_> = keys.into_iter().filter(|key| ours.get(*key) != theirs.get(*key)).collect();
        if let Some(first) = different.first() {
            let (ours, theirs) = (ours.get(*first), theirs.get(*first));
            panic!("{when}: {} readings differ, the first of them {ours:#?} from {theirs:#?}", different.len());
        }
    }
}

/// The begin of the bar of that number; the first one begins with the session.
pub(crate) fn minute(nth: i64) -> Timestamp {
    "2026-11-20T14:30:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_mins(nth)
}

/// The final one-minute bar of that number, with a price of its own.
pub(crate) fn bar(symbol: &str, nth: i64) -> Vec<u8> {
    let cents = 10_000 + (nth * 7919) % 997;
    record::payload(record::bar(symbol, Interval::Min1, minute(nth), cents, true), 0)
}

/// As many bars of a symbol as one batch, from sequence number `first` on.
pub(crate) fn bars(symbol: &str, count: i64, first: usize) -> Vec<Arrived> {
    (0..count).map(|nth| record::arrived(0, first + nth as usize, bar(symbol, nth))).collect()
}

pub(crate) fn vendor_series(symbol: &str) -> SeriesId {
    format!("symbol|{symbol}|vendor|raw|intraday").parse().unwrap()
}

pub(crate) fn sampled_series(pair: &str) -> SeriesId {
    format!("pair|{pair}|sampled|raw|intraday").parse().unwrap()
}

/// What tells payloads apart: the id of a record, or all of what is none.
pub(crate) fn identity(payload: &[u8]) -> String {
    match wire::decode(payload) {
        Ok(decoded) => decoded.id.to_string(),
        Err(_) => format!("{payload:?}"),
    }
}

pub(crate) fn identities<'a>(payloads: impl IntoIterator<Item = &'a [u8]>) -> BTreeSet<String> {
    payloads.into_iter().map(identity).collect()
}
