//! What a producer did, as counts: answers and latencies enter, the figures of an outcome leave.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use serde::{Serialize, Serializer, ser::SerializeStruct};

/// Counts of what was sent to a stream. A poller writes to one stream, so that its outcome has one of these.
///
/// Latency is from a call's begin to its answer or failure, by the clock on the wall (of which
/// [`remaining`](crate::port::Runtime::remaining) is the reading), also where the market time is simulated.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PutStats {
    /// Records that the stream took.
    pub sent: u64,
    /// Records that were given up.
    pub failed: u64,
    /// Calls.
    pub batches: u64,
    /// Records sent once more: a record sent three times counts twice.
    pub resent: u64,
    /// Answers that a record was not taken.
    pub refused: u64,
    /// Records of calls that failed as a whole. They may be in the stream all the same.
    pub unanswered: u64,
    /// Latencies of all calls.
    pub latency: Latencies,
}

impl PutStats {
    /// Which part of the records the stream took; 1 if there were none.
    pub fn success_rate(&self) -> f64 {
        match self.sent + self.failed {
            0 => 1.0,
            all => self.sent as f64 / all as f64,
        }
    }

    /// Adds what was sent elsewhere.
    pub fn add(&mut self, other: &Self) {
        let Self { sent, failed, batches, resent, refused, unanswered, latency } = other;
        self.sent += sent;
        self.failed += failed;
        self.batches += batches;
        self.resent += resent;
        self.refused += refused;
        self.unanswered += unanswered;
        self.latency.add(latency);
    }
}

impl Serialize for PutStats {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("PutStats", 9)?;
        fields.serialize_field("sent", &self.sent)?;
        fields.serialize_field("failed", &self.failed)?;
        fields.serialize_field("success_rate", &self.success_rate())?;
        fields.serialize_field("batches", &self.batches)?;
        fields.serialize_field("resent", &self.resent)?;
        fields.serialize_field("refused", &self.refused)?;
        fields.serialize_field("unanswered", &self.unanswered)?;
        fields.serialize_field("latency_mean_ms", &self.latency.mean())?;
        fields.serialize_field("latency_p99_ms", &self.latency.percentile(99))?;
        fields.end()
    }
}

/// Latencies in whole milliseconds, rounded up, as counts: percentiles are exact at that resolution, and memory does
/// not grow with the calls.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Latencies {
    counts: BTreeMap<u32, u64>,
    total_micros: u64,
}

/// Longer ones are counted as this long: no call is allowed to take a minute.
const LATENCY_MAX_MS: u32 = 60_000;

impl Latencies {
    /// Adds one.
    pub fn note(&mut self, took: SignedDuration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(0);
        let millis = u32::try_from(micros.div_ceil(1_000)).unwrap_or(LATENCY_MAX_MS).min(LATENCY_MAX_MS);
        *self.counts.entry(millis).or_default() += 1;
        self.total_micros = self.total_micros.saturating_add(micros);
    }

    /// How many there are.
    pub fn count(&self) -> u64 {
        self.counts.values().sum()
    }

    /// Their mean in milliseconds; 0 if there are none.
    pub fn mean(&self) -> f64 {
        self.total_micros as f64 / 1e3 / self.count().max(1) as f64
    }

    /// The smallest one, in milliseconds, that is no less than this share of all of them; 0 if there are none.
    pub fn percentile(&self, percent: u64) -> u32 {
        let rank = (self.count() * percent).div_ceil(100).max(1);
        let mut seen = 0;
        let reaches = |(millis, count): (&u32, &u64)| {
            seen += count;
            (seen >= rank).then_some(*millis)
        };
        self.counts.iter().find_map(reaches).unwrap_or(0)
    }

    fn add(&mut self, other: &Self) {
        for (millis, count) in &other.counts {
            *self.counts.entry(*millis).or_default() += count;
        }
        self.total_micros = self.total_micros.saturating_add(other.total_micros);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latencies_are_counted_exactly() {
        let mut latencies = Latencies::default();
        assert_eq!((latencies.mean(), latencies.percentile(99), latencies.count()), (0.0, 0, 0));
        (1..=200).for_each(|millis| latencies.note(SignedDuration::from_millis(millis)));
        assert_eq!((latencies.mean(), latencies.percentile(99), latencies.percentile(50)), (100.5, 198, 100));
        let mut all = Latencies::default();
        all.note(SignedDuration::from_micros(1));
        all.note(SignedDuration::from_hours(9));
        all.note(SignedDuration::from_secs(-1));
        all.add(&latencies);
        assert_eq!((all.count(), all.percentile(100), all.percentile(2)), (203, LATENCY_MAX_MS, 3));
    }

    #[test]
    fn what_was_sent_is_said_with_its_rate() {
        let mut stats = PutStats { sent: 3, failed: 1, batches: 2, resent: 1, refused: 2, ..Default::default() };
        stats.latency.note(SignedDuration::from_millis(20));
        stats.add(&stats.clone());
        let expected = serde_json::json!({
            "sent": 6, "failed": 2, "success_rate": 0.75, "batches": 4, "resent": 2, "refused": 4, "unanswered": 0,
            "latency_mean_ms": 20.0, "latency_p99_ms": 20,
        });
        assert_eq!(serde_json::to_value(&stats).unwrap(), expected);
        assert_eq!(PutStats::default().success_rate(), 1.0);
    }
}
