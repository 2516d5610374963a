//! What there is to be told: facts by epoch, as pollers are given them, and records that are no good.
//!
//! An epoch is five minutes of the market. Facts of an epoch, corrections included, come in any order; what the next but
//! one brings comes when all of them are done with. So a bar is never more than 15 bars behind the last one of its series,
//! 16 may be revised, and the final state is well defined whatever happens on the way. The hot keys have facts in every
//! epoch, the others now and then. Rates are not corrected: a bar that the clock has closed keeps its highest price.

use std::collections::BTreeMap;

use fastrand::Rng;
use jiff::Timestamp;
use market::{
    Date, Event, Fact, Interval, Mover, MoverList, Observation,
    session::{Hours, session},
};
use testkit::record;

use crate::checker::{MOVER, RATE, content, truth::DAY};

/// How much there is to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// Rows that pollers are given, about.
    pub records: usize,
    /// Symbols and pairs.
    pub keys: usize,
}

/// Minutes of an epoch.
pub(crate) const EPOCH_MINUTES: i64 = 5;
/// A Friday, as the session begins.
pub(crate) const BEGIN: &str = "2026-11-20T14:30:00Z";

/// What a row says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum What {
    /// A version of the vendor's bar of that begin: minutes, and whether it is final.
    Bar(Interval, bool),
    /// A version of a day's quote, by the number of the day.
    Quote(usize, bool),
    /// A rate.
    Rate,
    /// A place in the list of movers.
    Mover,
}

/// A row of a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Row {
    /// Which symbol or pair.
    pub key: usize,
    /// What it says.
    pub what: What,
    /// When, in milliseconds since 1970.
    pub at: i64,
    /// Its price.
    pub cents: i64,
}

/// Rows that a poller is given at once.
pub(crate) type Reply = Vec<Row>;

/// The rows of an epoch, for each poller: shares, currencies, what happens around the market.
#[derive(Debug, Default)]
pub(crate) struct Epoch {
    /// Replies, in the order in which they are given.
    pub replies: [Vec<Reply>; 3],
    /// Payloads that nobody can read.
    pub poison: Vec<Vec<u8>>,
    /// Payloads that end whoever takes them.
    pub deadly: Vec<Vec<u8>>,
}

/// Makes epochs.
#[derive(Debug)]
pub(crate) struct Workload {
    rng: Rng,
    shape: Shape,
    begin: i64,
    epochs: i64,
    next: i64,
    hot_symbols: usize,
    hot_pairs: usize,
    symbols: usize,
    prices: Vec<i64>,
    days: Vec<(Date, i64)>,
    /// Corrections that come an epoch later.
    corrections: BTreeMap<usize, Vec<Row>>,
    nonce: u64,
}

const MINUTE: i64 = 60_000;

/// Trading days in order, with the begin of their sessions.
fn trading_days() -> Vec<(Date, i64)> {
    let first: Option<Date> = "2026-01-05".parse().ok();
    let days = first.into_iter().flat_map(|first| first.series(jiff::ToSpan::day(1)));
    let trading = days.take(200).filter(|day| session(*day, Hours::Regular).is_some());
    trading.map(|day| (day, market::day_start(day).as_millisecond())).collect()
}

impl Workload {
    /// Of that shape.
    pub(crate) fn new(mut rng: Rng, shape: Shape) -> Self {
        let epochs = if shape.records > 200_000 { 100 } else { 14 };
        let per_epoch = shape.records / epochs;
        let symbols = shape.keys * 7 / 10;
        let prices = (0..shape.keys).map(|_| rng.i64(5_000..50_000)).collect();
        Self {
            shape,
            begin: BEGIN.parse::<Timestamp>().map_or(0, Timestamp::as_millisecond),
            epochs: epochs as i64,
            next: 0,
            hot_symbols: (per_epoch * 48 / 870).clamp(1, symbols / 2),
            hot_pairs: (per_epoch * 38 / 1200).clamp(1, (shape.keys - symbols) / 2),
            symbols,
            prices,
            days: trading_days(),
            corrections: BTreeMap::new(),
            nonce: rng.u64(..),
            rng,
        }
    }

    /// When an epoch is over.
    pub(crate) fn end_of(&self, epoch: i64) -> Timestamp {
        Timestamp::from_millisecond(self.begin + (epoch + 1) * EPOCH_MINUTES * MINUTE).unwrap_or(Timestamp::UNIX_EPOCH)
    }

    /// A price near the last one.
    fn cents(&mut self, key: usize) -> i64 {
        let by = self.rng.i64(-60..=60);
        let price = &mut self.prices[key];
        *price = (*price + by).max(1_000);
        *price
    }

    fn row(&mut self, key: usize, what: What, at: i64) -> Row {
        let cents = self.cents(key);
        Row { key, what, at, cents }
    }

    /// The versions of a bar: maybe one on the way, the final one, maybe a correction of it.
    fn versions(&mut self, key: usize, at: i64, what: impl Fn(bool) -> What, into: &mut Vec<Row>) {
        if self.rng.u8(0..10) < 3 {
            into.push(self.row(key, what(false), at));
        }
        into.push(self.row(key, what(true), at));
        if self.rng.u8(0..14) == 0 {
            into.push(self.row(key, what(true), at));
        }
    }

    /// The next epoch; `None` when all is told.
    pub(crate) fn next(&mut self) -> Option<Epoch> {
        let nth = self.next;
        if nth >= self.epochs {
            return None;
        }
        self.next += 1;
        let begin = self.begin + nth * EPOCH_MINUTES * MINUTE;
        let mut by_key: Vec<Vec<Row>> = Vec::new();
        for key in 0..self.hot_symbols {
            by_key.push(self.share(key, begin, nth));
        }
        let mut rates: Vec<Row> = Vec::new();
        for key in self.symbols..self.symbols + self.hot_pairs {
            self.rates(key, begin, 6, &mut rates);
        }
        let per_epoch = self.shape.records / self.epochs as usize;
        for _ in 0..per_epoch / 40 {
            let key = self.rng.usize(self.hot_symbols..self.symbols);
            let at = begin + self.rng.i64(0..EPOCH_MINUTES) * MINUTE;
            // Twice in an epoch, it may be another version of the same bar: the later one counts.
            let mut rows = Vec::new();
            self.versions(key, at, |is_final| What::Bar(Interval::Min1, is_final), &mut rows);
            match by_key.iter_mut().find(|rows| rows.first().is_some_and(|row| row.key == key)) {
                Some(known) => known.extend(rows.into_iter().filter(|row| matches!(row.what, What::Bar(_, true)))),
                None => by_key.push(rows),
            }
            let key = self.rng.usize(self.symbols + self.hot_pairs..self.shape.keys);
            self.rates(key, begin, 2, &mut rates);
        }
        let mut movers: Vec<Row> = Vec::new();
        for _ in 0..per_epoch * 3 / 100 {
            let (key, at) = (self.rng.usize(0..self.symbols), begin + self.rng.i64(0..EPOCH_MINUTES * 60) * 1000);
            movers.push(self.row(key, What::Mover, at));
        }
        self.rng.shuffle(&mut movers);
        movers.dedup_by_key(|row| (row.key, row.at));
        // What is known of one pair comes at once: a poll per rate would spend its time with ledgers.
        rates.sort_by_key(|row| (row.key, row.at));
        rates.dedup_by_key(|row| (row.key, row.at));
        let by_pair = rates.chunk_by(|one, other| one.key == other.key).map(<[Row]>::to_vec).collect();
        let replies = [self.replies_of_keys(by_key), self.replies_of_keys(by_pair), self.chunks(movers)];
        let rows: usize = replies.iter().flatten().map(Vec::len).sum();
        let (poison, deadly) = self.odd(rows);
        Some(Epoch { replies, poison, deadly })
    }

    /// The rows of a symbol in an epoch. Corrections of the epoch before come first.
    fn share(&mut self, key: usize, begin: i64, nth: i64) -> Vec<Row> {
        let mut rows = self.corrections.remove(&key).unwrap_or_default();
        let before = rows.len();
        for minute in 0..EPOCH_MINUTES {
            if self.rng.u8(0..10) > 0 {
                self.versions(key, begin + minute * MINUTE, |is_final| What::Bar(Interval::Min1, is_final), &mut rows);
            }
        }
        if self.rng.u8(0..10) < 4 {
            self.versions(key, begin, |is_final| What::Bar(Interval::Min5, is_final), &mut rows);
        }
        let day = usize::try_from(nth).unwrap_or(0) % self.days.len();
        // One day per epoch, of every other symbol: a missing day would hold the series up, as it has to.
        if key.is_multiple_of(2) {
            let at = self.days[day].1;
            self.versions(key, at, |is_final| What::Quote(day, is_final), &mut rows);
        }
        let own: Vec<Row> = rows[before..].to_vec();
        for Row { what, at, .. } in own {
            if matches!(what, What::Bar(_, true) | What::Quote(_, true)) && self.rng.u8(0..14) == 0 {
                let later = self.row(key, what, at);
                self.corrections.entry(key).or_default().push(later);
            }
        }
        rows
    }

    fn rates(&mut self, key: usize, begin: i64, most: usize, into: &mut Vec<Row>) {
        for minute in 0..EPOCH_MINUTES {
            for _ in 0..self.rng.usize(0..most) {
                let at = begin + minute * MINUTE + self.rng.i64(0..60) * 1000;
                into.push(self.row(key, What::Rate, at));
            }
        }
    }

    /// Rows of one key stay in their order, in one reply or in several; keys come in any order.
    fn replies_of_keys(&mut self, mut by_key: Vec<Vec<Row>>) -> Vec<Reply> {
        self.rng.shuffle(&mut by_key);
        let mut replies: Vec<Reply> = Vec::new();
        let mut later: Vec<Reply> = Vec::new();
        for rows in by_key {
            let cut = if self.rng.u8(0..5) == 0 { self.rng.usize(0..=rows.len()) } else { rows.len() };
            let (now, rest) = rows.split_at(cut);
            match replies.last_mut() {
                Some(reply) if reply.len() < 60 => reply.extend(now),
                _ => replies.push(now.to_vec()),
            }
            later.push(rest.to_vec());
        }
        replies.extend(later);
        replies.retain(|reply| !reply.is_empty());
        replies
    }

    fn chunks(&mut self, rows: Vec<Row>) -> Vec<Reply> {
        rows.chunks(self.rng.usize(20..120)).map(<[Row]>::to_vec).collect()
    }

    /// One poison record in a thousand, one deadly in ten thousand, at least one of each in a run.
    fn odd(&mut self, rows: usize) -> (Vec<Vec<u8>>, Vec<Vec<u8>>) {
        let mut count = |share: usize, first: i64| {
            usize::from(self.rng.usize(0..share) < rows % share) + rows / share + usize::from(self.next == first)
        };
        let (poison, deadly) = (count(1000, 2), count(10_000, 3));
        ((0..poison).map(|_| self.poison()).collect(), (0..deadly).map(|_| self.deadly()).collect())
    }

    fn deadly(&mut self) -> Vec<u8> {
        self.nonce += 1;
        format!(r#"{{"schema":"deadly.v1","nonce":{}}}"#, self.nonce).into_bytes()
    }

    fn poison(&mut self) -> Vec<u8> {
        self.nonce += 1;
        let nonce = self.nonce;
        let bar = record::bar("POISON", Interval::Min1, Timestamp::UNIX_EPOCH, 1_000 + (nonce % 9_999) as i64, true);
        let good = String::from_utf8(record::payload(bar, 0)).unwrap_or_default();
        let good = good.replace("\"flags\":[]", &format!("\"flags\":[\"n{nonce}\"]"));
        match self.rng.u8(0..7) {
            0 => [b"\xff\xfe no text ", nonce.to_string().as_bytes()].concat(),
            1 => good.as_bytes()[..good.len() - 9].to_vec(),
            2 => good.replace("bar.v1", "bar.v9").into_bytes(),
            3 => good.replace("\"open\":", "\"open\":-").into_bytes(),
            4 => good.replace("\"interval\":\"1min\"", "\"interval\":\"7min\"").into_bytes(),
            5 => good.replace("\"close\":", "\"clothes\":").into_bytes(),
            _ => format!("[{nonce}]").into_bytes(),
        }
    }
}

impl Row {
    /// The name of what it is about.
    pub(crate) fn subject(&self) -> String {
        match self.what {
            What::Rate => format!("C{}/USD", self.key),
            _ => format!("S{}", self.key),
        }
    }

    /// Its place, and its content there, as the checker has them.
    pub(crate) fn given(&self) -> (String, u8, i64, u64) {
        let (place, is_final) = match self.what {
            What::Bar(Interval::Min5, is_final) => (1, is_final),
            What::Bar(_, is_final) => (0, is_final),
            What::Quote(_, is_final) => (DAY, is_final),
            What::Rate => (RATE, false),
            What::Mover => (MOVER, false),
        };
        (self.subject(), place, self.at, content(self.cents as f64 / 100.0, is_final))
    }

    /// As a poller has it.
    pub(crate) fn observation(&self, days: &[(Date, i64)]) -> Option<Observation> {
        let at = Timestamp::from_millisecond(self.at).ok()?;
        let subject = self.subject();
        let fact = match self.what {
            What::Bar(interval, is_final) => record::bar(&subject, interval, at, self.cents, is_final),
            What::Quote(day, is_final) => record::quote(&subject, days.get(day)?.0, self.cents, is_final),
            What::Rate => record::rate(&subject, at, self.cents),
            What::Mover => Fact::Event(Event::Mover(Mover {
                list: MoverList::TopGainers,
                rank: 1,
                symbol: subject.parse().ok()?,
                at,
                price: record::price(self.cents),
                change: "1.5".parse().ok()?,
                change_percent: "0.5".parse().ok()?,
                volume: "1000".parse().ok()?,
            })),
        };
        Some(Observation { fact, flags: Vec::new() })
    }
}

impl Workload {
    /// The trading days that quotes name.
    pub(crate) fn days(&self) -> Vec<(Date, i64)> {
        self.days.clone()
    }
}
