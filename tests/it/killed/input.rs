//! What is put into the streams: a seed and a count enter, records with what has to become of each leave.
//!
//! Bars of shares come minute by minute, many with a version on the way and some with corrections up to five minutes
//! later, so that each is a revision that its series still takes. Rates of pairs lie within 15 minutes, which is less
//! than a series keeps, so that they may come in any order: their keys spread them over all shards.

use fastrand::Rng;
use jiff::{SignedDuration, Timestamp};
use market::{Fact, Interval, Observation};
use simulation::checker::Kind;
use testkit::record;

use crate::hosted::Record;

/// The first minute of bars, in the session of a Friday.
const BARS: &str = "2026-11-20T14:30:00Z";
/// The first minute of rates.
const RATES: &str = "2026-11-20T15:25:00Z";
/// Minutes of bars of each share.
const MINUTES: i64 = 40;
/// Minutes of rates of each pair: fewer than the 16 bars that a series keeps.
const RATE_MINUTES: i64 = 15;
/// One record in so many cannot be read.
pub(super) const POISON: usize = 1_000;

/// The stream of a record, by the output that names it.
pub(super) const STREAMS: [&str; 2] = ["FinancialStreamName", "CryptoStreamName"];

/// A record, and what has to become of it.
#[derive(Debug, Clone)]
pub(super) struct Put {
    /// Of [`STREAMS`].
    pub(super) stream: usize,
    pub(super) record: Record,
    pub(super) kind: Kind,
}

fn at(text: &str, minutes: i64) -> Timestamp {
    text.parse::<Timestamp>().unwrap() + SignedDuration::from_mins(minutes)
}

fn put(stream: usize, fact: Fact, rev: u32) -> Put {
    let taken = fact.event_time() + SignedDuration::from_secs(1);
    let record = wire::observation(&Observation { fact, flags: Vec::new() });
    let (partition_key, data) = (record.partition_key().to_string(), record.to_json(rev, taken).into_bytes());
    Put { stream, record: Record { partition_key, data }, kind: Kind::Good }
}

/// About so many records, in the order in which they are put, one in [`POISON`] of them poison.
pub(super) fn input(rng: &mut Rng, count: usize) -> Vec<Put> {
    let rates = rates(rng, count * 2 / 10);
    let bars = bars(rng, count - rates.len());
    let mut all = merged(rng, bars, rates);
    all.truncate(count);
    for nth in 0..count / POISON {
        let put = poison(rng, nth);
        all[nth * POISON + rng.usize(0..POISON)] = put;
    }
    all
}

/// Bars of enough shares, minute by minute, with the revisions of each in order.
fn bars(rng: &mut Rng, count: usize) -> Vec<Put> {
    // Some 1.37 records for each bar; what is beyond the count is cut off.
    let symbols = count * 10 / 13 / MINUTES as usize + 2;
    let mut prices: Vec<i64> = (0..symbols).map(|_| rng.i64(5_000..50_000)).collect();
    let mut all = Vec::new();
    let mut corrections: Vec<(i64, usize, i64, u32)> = Vec::new();
    for minute in 0..MINUTES {
        let mut of_minute: Vec<Vec<Put>> = Vec::new();
        for (symbol, price) in prices.iter_mut().enumerate() {
            let name = format!("S{symbol}");
            let bar = |minute, cents, is_final, rev| {
                put(0, record::bar(&name, Interval::Min1, at(BARS, minute), cents, is_final), rev)
            };
            let mut cents = || {
                *price = (*price + rng.i64(-60..=60)).max(1_000);
                *price
            };
            let mut own = Vec::new();
            corrections.retain(|&(due, of, corrected, rev)| {
                let is_due = due == minute && of == symbol;
                if is_due {
                    own.push(bar(corrected, cents(), true, rev));
                }
                !is_due
            });
            let partial = cents();
            let whole = cents();
            let mut rev = 0;
            if rng.u8(0..10) < 3 {
                own.push(bar(minute, partial, false, rev));
                rev += 1;
            }
            own.push(bar(minute, whole, true, rev));
            if rng.u8(0..12) == 0 {
                corrections.push((minute + rng.i64(1..=5), symbol, minute, rev + 1));
            }
            of_minute.push(own);
        }
        rng.shuffle(&mut of_minute);
        all.extend(of_minute.into_iter().flatten());
    }
    all
}

/// Rates of pairs, minute by minute: as many of each pair, in an order of their own within the minute.
fn rates(rng: &mut Rng, count: usize) -> Vec<Put> {
    const IN_A_MINUTE: i64 = 2;
    let pairs = count / (RATE_MINUTES * IN_A_MINUTE) as usize;
    let mut all = Vec::new();
    for minute in 0..RATE_MINUTES {
        let mut of_minute = Vec::new();
        for nth in 0..IN_A_MINUTE {
            let at = at(RATES, minute) + SignedDuration::from_secs(nth * 60 / IN_A_MINUTE + rng.i64(0..20));
            let rate = |pair| put(1, record::rate(&format!("C{pair}/USD"), at, rng.i64(1_000..90_000)), 0);
            of_minute.extend((0..pairs).map(rate));
        }
        rng.shuffle(&mut of_minute);
        all.extend(of_minute);
    }
    all
}

/// Two lists in one, each in its order.
fn merged(rng: &mut Rng, one: Vec<Put>, other: Vec<Put>) -> Vec<Put> {
    let (mut left, mut right) = (one.len(), other.len());
    let (mut one, mut other) = (one.into_iter(), other.into_iter());
    let mut all = Vec::with_capacity(left + right);
    while left + right > 0 {
        let is_left = rng.usize(0..left + right) < left;
        *(if is_left { &mut left } else { &mut right }) -= 1;
        all.extend(if is_left { one.next() } else { other.next() });
    }
    all
}

/// A record that nobody can read, each another one.
fn poison(rng: &mut Rng, nth: usize) -> Put {
    let fact = record::bar("POISON", Interval::Min1, at(BARS, 0), 1_000 + nth as i64, true);
    let mut put = put(rng.usize(0..2), fact, 0);
    let good = String::from_utf8(put.record.data).unwrap();
    let spoiled = match nth % 6 {
        0 => good
            .into_bytes()
            .iter()
            .flat_map(|byte| if *byte == b'P' { vec![0xef, b'P'] } else { vec![*byte] })
            .collect(),
        1 => good.replace("bar.v1", "bar.v9").into_bytes(),
        2 => good.replace("\"open\":", "\"open\":-").into_bytes(),
        3 => good.replace("\"interval\":\"1min\"", "\"interval\":\"7min\"").into_bytes(),
        4 => good.replace("\"close\":", "\"clothes\":").into_bytes(),
        _ => good.as_bytes()[..good.len() - 9].to_vec(),
    };
    put.record = Record { partition_key: format!("poison_{}", rng.u32(..)), data: spoiled };
    put.kind = Kind::Poison;
    put
}

/// A record that ends the process that takes it; see `functions/compute-indicators/examples/fragile.rs`.
pub(super) fn deadly(rng: &mut Rng, how: &str) -> Put {
    let data = format!(r#"{{"schema":"deadly.v1","how":"{how}","nonce":{}}}"#, rng.u32(..)).into_bytes();
    Put { stream: 0, record: Record { partition_key: format!("deadly_{}", rng.u32(..)), data }, kind: Kind::Deadly }
}
