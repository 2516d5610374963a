//! The bytes of an item: a format number, then every field, little-endian, floating-point numbers as their bits.
//!
//! Whatever is read is checked: an item of a format that is not known, or with an impossible value,
//! is an error that says so, and never a wrong state.

use std::collections::BTreeMap;

use bars::{Bar, Edge, Ohlcv, Reading, Sampled, VendorPart, View};
use indicators::IndicatorSet;
use market::{Freshness, Interval};

use crate::{
    item::{Item, Owed},
    lane::{Emitted, Lane, Slot},
};

/// The format that is written. One that is not known is refused, never guessed at.
pub const FORMAT: u8 = 1;

/// Why bytes are no item.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StateError {
    /// Written by a version of kinetick with another format.
    #[error(
        "the state has format `{0}`, this version reads `{FORMAT}`: deploy the version that wrote it, then redrive"
    )]
    UnknownFormat(u8),
    /// Cut off, or with a value that cannot be.
    #[error("the state is damaged at `{0}`: restore the item from a backup, or delete it to start the series anew")]
    Corrupt(&'static str),
    /// The indicators' part is not readable.
    #[error("the state of the indicators cannot be read: {0}")]
    Indicators(String),
}

/// What one reading that is owed takes at the most, with that many outputs.
pub(crate) const fn owed_bytes(outputs: usize) -> usize {
    8 + 4 + 1 + 8 + 8 + 8 + 1 + OHLCV_BYTES + 2 + outputs * 9
}

/// The year 9000, in milliseconds since 1970.
const LATEST_MILLIS: i64 = 221_845_392_000_000;
const OHLCV_BYTES: usize = 4 * 8 + 9;

impl Item {
    /// Writes the item.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Writer(vec![FORMAT]);
        out.u64(self.next);
        out.u8(self.lanes.len() as u8);
        for lane in &self.lanes {
            lane.write(&mut out);
        }
        out.u16(self.owed.len() as u16);
        for owed in &self.owed {
            owed.write(&mut out);
        }
        out.0
    }

    /// Reads an item.
    pub fn decode(bytes: &[u8]) -> Result<Self, StateError> {
        let mut from = Reader(bytes);
        let format = from.u8("format")?;
        if format != FORMAT {
            return Err(StateError::UnknownFormat(format));
        }
        let next = from.u64("next")?;
        let lanes: Vec<Lane> = (0..from.u8("lanes")?).map(|_| Lane::read(&mut from)).collect::<Result<_, _>>()?;
        let owed: Vec<Owed> = (0..from.u16("owed")?).map(|_| Owed::read(&mut from)).collect::<Result<_, _>>()?;
        from.check("end", from.0.is_empty())?;
        from.check("lanes", lanes.is_sorted_by(|a, b| a.interval < b.interval))?;
        from.check("owed", owed.is_sorted_by(|a, b| a.number < b.number))?;
        from.check("owed", owed.last().is_none_or(|last| last.number < next))?;
        let has_lane = |owed: &Owed| lanes.iter().any(|lane| lane.interval == owed.interval);
        from.check("owed", owed.iter().all(has_lane))?;
        Ok(Self { next, lanes, owed })
    }
}

impl Lane {
    fn write(&self, out: &mut Writer) {
        out.interval(self.interval);
        let mut engine = Vec::new();
        self.engine.encode(&mut engine);
        out.u32(engine.len() as u32);
        out.0.extend_from_slice(&engine);
        out.option(self.folded, Writer::i64);
        out.u16(self.slots.len() as u16);
        for slot in &self.slots {
            out.i64(slot.start);
            out.i64(slot.seen);
            out.u8(u8::from(slot.closed));
            out.option(slot.emitted, |out, emitted| {
                out.u32(emitted.rev);
                out.bytes(&emitted.content);
            });
            out.option(slot.bar.vendor, Writer::vendor);
            out.sampled(&slot.bar.sampled);
        }
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, StateError> {
        let interval = from.interval()?;
        let length = from.u32("engine length")? as usize;
        let engine = from.take(length, "engine")?;
        let engine = IndicatorSet::decode(engine).map_err(|error| StateError::Indicators(error.to_string()))?;
        let folded = from.option(|from| from.i64("folded"))?;
        let slots: Vec<Slot> = (0..from.u16("slots")?)
            .map(|_| {
                Ok(Slot {
                    start: from.millis("start")?,
                    seen: from.millis("seen")?,
                    closed: from.bool("closed")?,
                    emitted: from
                        .option(|from| Ok(Emitted { rev: from.u32("emitted")?, content: from.array("emitted")? }))?,
                    bar: Bar { vendor: from.option(Reader::vendor)?, sampled: from.sampled()? },
                })
            })
            .collect::<Result<_, _>>()?;
        from.check("slots", slots.is_sorted_by(|a, b| a.start < b.start))?;
        from.check("folded", folded.is_none_or(|folded| slots.first().is_none_or(|slot| folded < slot.start)))?;
        Ok(Self { interval, engine, folded, slots })
    }
}

impl Owed {
    fn write(&self, out: &mut Writer) {
        out.u64(self.number);
        out.u32(self.rev);
        out.interval(self.interval);
        out.i64(self.start);
        out.i64(self.computed_at);
        out.u64(self.bars);
        out.u8(self.freshness as u8);
        out.ohlcv(&self.prices);
        out.u16(self.values.len() as u16);
        for value in &self.values {
            out.option(*value, Writer::f64);
        }
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, StateError> {
        Ok(Self {
            number: from.u64("number")?,
            rev: from.u32("rev")?,
            interval: from.interval()?,
            start: from.millis("start")?,
            computed_at: from.millis("computed_at")?,
            bars: from.u64("bars")?,
            freshness: {
                let at = usize::from(from.u8("freshness")?);
                *Freshness::ALL.get(at).ok_or(StateError::Corrupt("freshness"))?
            },
            prices: from.ohlcv()?,
            values: (0..from.u16("values")?)
                .map(|_| from.option(|from| from.f64("value")))
                .collect::<Result<_, _>>()?,
        })
    }
}

struct Writer(Vec<u8>);

impl Writer {
    fn bytes(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    fn u8(&mut self, value: u8) {
        self.0.push(value);
    }

    fn u16(&mut self, value: u16) {
        self.bytes(&value.to_le_bytes());
    }

    fn u32(&mut self, value: u32) {
        self.bytes(&value.to_le_bytes());
    }

    fn u64(&mut self, value: u64) {
        self.bytes(&value.to_le_bytes());
    }

    fn i64(&mut self, value: i64) {
        self.bytes(&value.to_le_bytes());
    }

    fn f64(&mut self, value: f64) {
        self.u64(value.to_bits());
    }

    fn option<T>(&mut self, value: Option<T>, write: impl FnOnce(&mut Self, T)) {
        self.u8(u8::from(value.is_some()));
        if let Some(value) = value {
            write(self, value);
        }
    }

    fn interval(&mut self, interval: Interval) {
        self.u8(interval as u8);
    }

    fn ohlcv(&mut self, prices: &Ohlcv) {
        for price in [prices.open, prices.high, prices.low, prices.close] {
            self.f64(price);
        }
        self.option(prices.volume, Self::f64);
    }

    fn vendor(&mut self, part: VendorPart) {
        self.u32(part.rev);
        self.bytes(&part.id);
        self.u8(u8::from(part.is_final));
        self.u8(part.freshness);
        self.ohlcv(&part.prices);
    }

    fn edge(&mut self, edge: &Edge) {
        self.i64(edge.at);
        self.bytes(&edge.id);
        self.f64(edge.price);
        self.option(edge.cumulative_volume, Self::f64);
    }

    fn sampled(&mut self, sampled: &Sampled) {
        match sampled {
            Sampled::Open(readings) => {
                self.u8(0);
                self.u8(readings.len() as u8);
                for reading in readings.values() {
                    self.bytes(&reading.key);
                    self.u32(reading.rev);
                    self.bytes(&reading.id);
                    self.i64(reading.at);
                    self.f64(reading.price);
                    self.option(reading.cumulative_volume, Self::f64);
                }
            }
            Sampled::Closed(view) => {
                self.u8(1);
                self.edge(&view.open);
                self.edge(&view.close);
                self.f64(view.high);
                self.f64(view.low);
            }
        }
    }
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn check(&self, what: &'static str, good: bool) -> Result<(), StateError> {
        if good { Ok(()) } else { Err(StateError::Corrupt(what)) }
    }

    fn take(&mut self, length: usize, what: &'static str) -> Result<&'a [u8], StateError> {
        let (head, rest) = self.0.split_at_checked(length).ok_or(StateError::Corrupt(what))?;
        self.0 = rest;
        Ok(head)
    }

    fn array<const N: usize>(&mut self, what: &'static str) -> Result<[u8; N], StateError> {
        self.take(N, what)?.try_into().map_err(|_| StateError::Corrupt(what))
    }

    fn u8(&mut self, what: &'static str) -> Result<u8, StateError> {
        self.array::<1>(what).map(|[byte]| byte)
    }

    fn u16(&mut self, what: &'static str) -> Result<u16, StateError> {
        self.array(what).map(u16::from_le_bytes)
    }

    fn u32(&mut self, what: &'static str) -> Result<u32, StateError> {
        self.array(what).map(u32::from_le_bytes)
    }

    fn u64(&mut self, what: &'static str) -> Result<u64, StateError> {
        self.array(what).map(u64::from_le_bytes)
    }

    fn i64(&mut self, what: &'static str) -> Result<i64, StateError> {
        self.array(what).map(i64::from_le_bytes)
    }

    /// A moment that the calendar knows, with room for an interval behind it.
    fn millis(&mut self, what: &'static str) -> Result<i64, StateError> {
        let at = self.i64(what)?;
        self.check(what, (0..=LATEST_MILLIS).contains(&at))?;
        Ok(at)
    }

    /// Every number in an item is finite.
    fn f64(&mut self, what: &'static str) -> Result<f64, StateError> {
        let value = f64::from_bits(self.u64(what)?);
        self.check(what, value.is_finite())?;
        Ok(value)
    }

    fn bool(&mut self, what: &'static str) -> Result<bool, StateError> {
        let byte = self.u8(what)?;
        self.check(what, byte < 2)?;
        Ok(byte == 1)
    }

    fn option<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, StateError>) -> Result<Option<T>, StateError> {
        if self.bool("option")? { read(self).map(Some) } else { Ok(None) }
    }

    fn interval(&mut self) -> Result<Interval, StateError> {
        let at = usize::from(self.u8("interval")?);
        Interval::ALL.get(at).copied().ok_or(StateError::Corrupt("interval"))
    }

    fn ohlcv(&mut self) -> Result<Ohlcv, StateError> {
        Ok(Ohlcv {
            open: self.f64("open")?,
            high: self.f64("high")?,
            low: self.f64("low")?,
            close: self.f64("close")?,
            volume: self.option(|from| from.f64("volume"))?,
        })
    }

    fn vendor(&mut self) -> Result<VendorPart, StateError> {
        Ok(VendorPart {
            rev: self.u32("vendor")?,
            id: self.array("vendor")?,
            is_final: self.bool("vendor")?,
            freshness: self.u8("vendor")?,
            prices: self.ohlcv()?,
        })
    }

    fn edge(&mut self) -> Result<Edge, StateError> {
        Ok(Edge {
            at: self.i64("edge")?,
            id: self.array("edge")?,
            price: self.f64("edge")?,
            cumulative_volume: self.option(|from| from.f64("edge"))?,
        })
    }

    fn sampled(&mut self) -> Result<Sampled, StateError> {
        if self.bool("sampled")? {
            let (open, close) = (self.edge()?, self.edge()?);
            return Ok(Sampled::Closed(View { open, close, high: self.f64("high")?, low: self.f64("low")? }));
        }
        let count = self.u8("readings")?;
        self.check("readings", usize::from(count) <= bars::READINGS_MAX)?;
        let mut readings = BTreeMap::new();
        for _ in 0..count {
            let reading = Reading {
                key: self.array("reading")?,
                rev: self.u32("reading")?,
                id: self.array("reading")?,
                at: self.i64("reading")?,
                price: self.f64("reading")?,
                cumulative_volume: self.option(|from| from.f64("reading"))?,
            };
            self.check("readings", readings.last_key_value().is_none_or(|(last, _)| *last < reading.key))?;
            readings.insert(reading.key, reading);
        }
        Ok(Sampled::Open(readings))
    }
}
