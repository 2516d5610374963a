//! The bytes of an item: a format number, then every field, little-endian, floating-point numbers as their bits.
//!
//! Whatever is read is checked: an item of a format that is not known, or with an impossible value,
//! is an error that says so, and never a wrong state.

use std::{cmp::Ordering, collections::BTreeMap};

use bars::{Bar, Edge, Ohlcv, Sampled, VendorPart, View};
use indicators::{IndicatorSet, Indicators, Reading};
use market::{Freshness, Interval};

use crate::{
    item::{Encoded, Item, Owed, OwedAlert, OwedReadings, What},
    lane::{Emitted, Lane, Sides, Slot},
    sets::Sets,
    split::{Split, Splits},
};

/// The format that is written. One that is not known is refused, never guessed at.
pub const FORMAT: u8 = 2;

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

/// What one reading or alert that is owed takes at the most, with that many outputs.
pub(crate) const fn owed_bytes(outputs: usize) -> usize {
    let head = 8 + 1 + 8 + 8 + 1;
    let readings = 4 + 8 + 1 + 1 + OHLCV_BYTES + 1 + 1 + outputs * 13;
    let alert = 2 + RULE_MAX + 16;
    head + if readings > alert { readings } else { alert }
}

/// The year 9000, in milliseconds since 1970.
const LATEST_MILLIS: i64 = 221_845_392_000_000;
const OHLCV_BYTES: usize = 4 * 8 + 9;
/// Longest text of a rule: two operands and the words between.
const RULE_MAX: usize = 160;

impl Item {
    /// Writes the item.
    pub fn encode(&self) -> Vec<u8> {
        let series = self.encoded.0.get_or_init(|| self.encode_series());
        let lists = self.lists();
        let mut out = Writer(Vec::with_capacity(series.len() + 256 + 256 * self.owed.len()));
        out.bytes(series);
        out.u8(lists.len() as u8);
        for list in &lists {
            out.text(list.text());
        }
        out.u16(self.owed.len() as u16);
        for owed in &self.owed {
            owed.write(&mut out, &lists);
        }
        out.0
    }

    /// Writes all but what is owed: what an acknowledgement does not change.
    fn encode_series(&self) -> Box<[u8]> {
        let slots: usize = self.lanes.iter().map(|lane| lane.slots.len()).sum();
        // A vendor's bars; what is more grows.
        let mut out = Writer(Vec::with_capacity(2048 + 128 * slots));
        out.u8(FORMAT);
        out.u64(self.next);
        out.u8(self.splits.0.len() as u8);
        for split in &self.splits.0 {
            out.i64(split.day);
            out.f64(split.ratio);
        }
        out.u8(self.lanes.len() as u8);
        for lane in &self.lanes {
            lane.write(&mut out);
        }
        out.0.into()
    }

    /// The lists of indicators that what is owed speaks of: few, as they change with a deployment only.
    fn lists(&self) -> Vec<&Indicators> {
        let mut lists: Vec<&Indicators> = Vec::new();
        for owed in &self.owed {
            if let What::Readings(readings) = &owed.what
                && lists.len() < usize::from(u8::MAX)
                && !lists.contains(&&readings.indicators)
            {
                lists.push(&readings.indicators);
            }
        }
        lists
    }

    /// Reads an item. Lists of indicators that are among the given sets are shared with them.
    pub fn decode(bytes: &[u8], sets: &Sets) -> Result<Self, StateError> {
        let mut from = Reader(bytes);
        let format = from.u8("format")?;
        if format != FORMAT {
            return Err(StateError::UnknownFormat(format));
        }
        let next = from.u64("next")?;
        from.check("next", next < u64::MAX / 2)?;
        let splits: Vec<Split> = (0..from.u8("splits")?).map(|_| from.split()).collect::<Result<_, _>>()?;
        from.check("splits", splits.is_sorted_by(|a, b| a.day < b.day))?;
        let lanes: Vec<Lane> = (0..from.u8("lanes")?).map(|_| Lane::read(&mut from, sets)).collect::<Result<_, _>>()?;
        let lists = (0..from.u8("lists")?)
            .map(|_| {
                let text = from.text("list")?;
                let known = sets.all().find(|list| list.text() == text);
                known.map_or_else(|| text.parse().map_err(|_| StateError::Corrupt("list")), |known| Ok(known.clone()))
            })
            .collect::<Result<Vec<Indicators>, _>>()?;
        let owed: Vec<Owed> =
            (0..from.u16("owed")?).map(|_| Owed::read(&mut from, &lists)).collect::<Result<_, _>>()?;
        from.check("end", from.0.is_empty())?;
        from.check("lanes", lanes.is_sorted_by(|a, b| a.interval < b.interval))?;
        from.check("owed", owed.is_sorted_by(|a, b| a.number < b.number))?;
        from.check("owed", owed.last().is_none_or(|last| last.number < next))?;
        Ok(Self { next, lanes, splits: Splits(splits), owed, encoded: Encoded::default() })
    }
}

impl Lane {
    fn write(&self, out: &mut Writer) {
        out.interval(self.interval);
        let at = out.0.len();
        out.u32(0);
        self.engine.encode(&mut out.0);
        let length = out.0.len() - at - 4;
        out.0[at..at + 4].copy_from_slice(&(length as u32).to_le_bytes());
        out.u8(self.sides.len() as u8);
        for (id, side) in &self.sides {
            out.u64(*id);
            out.u8(side.map_or(3, |side| (side as i8 + 1) as u8));
        }
        out.option(self.folded, Writer::i64);
        out.u16(self.slots.len() as u16);
        for slot in &self.slots {
            let mut head = [0; 17];
            head[..8].copy_from_slice(&slot.start.to_le_bytes());
            head[8..16].copy_from_slice(&slot.seen.to_le_bytes());
            head[16] = u8::from(slot.closed);
            out.bytes(&head);
            out.option(slot.emitted, |out, emitted| {
                out.u32(emitted.rev);
                out.bytes(&emitted.id);
            });
            out.option(slot.bar.vendor, Writer::vendor);
            out.sampled(&slot.bar.sampled);
            out.option(slot.base, |out, prices| out.ohlcv(&prices));
            out.option(slot.built, |out, prices| out.ohlcv(&prices));
        }
    }

    fn read(from: &mut Reader<'_>, sets: &Sets) -> Result<Self, StateError> {
        let interval = from.interval()?;
        let length = from.u32("engine length")? as usize;
        let engine = from.take(length, "engine")?;
        // Whoever steps the lane changes it to these indicators anyway.
        let engine = match sets.of(interval) {
            Some(indicators) => indicators.resume(engine),
            None => IndicatorSet::decode(engine),
        };
        let engine = engine.map_err(|error| StateError::Indicators(error.to_string()))?;
        let sides: Sides = (0..from.u8("sides")?)
            .map(|_| {
                let id = from.u64("side")?;
                let side = match from.u8("side")? {
                    0 => Some(Ordering::Less),
                    1 => Some(Ordering::Equal),
                    2 => Some(Ordering::Greater),
                    3 => None,
                    _ => return Err(StateError::Corrupt("side")),
                };
                Ok((id, side))
            })
            .collect::<Result<_, _>>()?;
        let folded = from.option(|from| from.i64("folded"))?;
        let slots: Vec<Slot> = (0..from.u16("slots")?)
            .map(|_| {
                Ok(Slot {
                    start: from.millis("start")?,
                    seen: from.millis("seen")?,
                    closed: from.bool("closed")?,
                    emitted: from.option(|from| Ok(Emitted { rev: from.revision()?, id: from.array("emitted")? }))?,
                    bar: Bar { vendor: from.option(Reader::vendor)?, sampled: from.sampled()? },
                    base: from.option(Reader::ohlcv)?,
                    built: from.option(Reader::ohlcv)?,
                })
            })
            .collect::<Result<_, _>>()?;
        from.check("slots", slots.is_sorted_by(|a, b| a.start < b.start))?;
        from.check("folded", folded.is_none_or(|folded| slots.first().is_none_or(|slot| folded < slot.start)))?;
        Ok(Self::stored(interval, engine, sides, folded, slots))
    }
}

impl Owed {
    fn write(&self, out: &mut Writer, lists: &[&Indicators]) {
        out.u64(self.number);
        out.interval(self.interval);
        out.i64(self.start);
        out.i64(self.computed_at);
        match &self.what {
            What::Readings(readings) => {
                out.u8(0);
                readings.write(out, lists);
            }
            What::Alert(OwedAlert { rule, left, right }) => {
                out.u8(1);
                out.text(rule);
                out.f64(*left);
                out.f64(*right);
            }
        }
    }

    fn read(from: &mut Reader<'_>, lists: &[Indicators]) -> Result<Self, StateError> {
        Ok(Self {
            number: from.u64("number")?,
            interval: from.interval()?,
            start: from.millis("start")?,
            computed_at: from.millis("computed_at")?,
            what: if from.bool("what")? {
                let rule = from.text("rule")?.to_owned();
                What::Alert(OwedAlert { rule, left: from.f64("operand")?, right: from.f64("operand")? })
            } else {
                What::Readings(OwedReadings::read(from, lists)?)
            },
        })
    }
}

/// What a reading says in one byte: whether there is one, whether it is warm, whether its bars are the series'.
const PRESENT: u8 = 1;
const WARM: u8 = 2;
const OWN_BARS: u8 = 4;

impl OwedReadings {
    fn write(&self, out: &mut Writer, lists: &[&Indicators]) {
        out.u32(self.rev);
        out.u64(self.bars);
        out.u8(self.freshness as u8);
        out.u8(u8::from(self.gap));
        out.ohlcv(&self.prices);
        let list = lists.iter().position(|list| **list == self.indicators).unwrap_or_default();
        out.u8(list as u8);
        out.u8(self.readings.len() as u8);
        for reading in &self.readings {
            let Some(Reading { value, warm, bars }) = *reading else {
                out.u8(0);
                continue;
            };
            let own = u64::from(bars) != self.bars;
            out.u8(PRESENT | if warm { WARM } else { 0 } | if own { OWN_BARS } else { 0 });
            out.f64(value);
            if own {
                out.u32(bars);
            }
        }
    }

    fn read(from: &mut Reader<'_>, lists: &[Indicators]) -> Result<Self, StateError> {
        let (rev, bars) = (from.u32("rev")?, from.u64("bars")?);
        let at = usize::from(from.u8("freshness")?);
        let freshness = *Freshness::ALL.get(at).ok_or(StateError::Corrupt("freshness"))?;
        let (gap, prices) = (from.bool("gap")?, from.ohlcv()?);
        let list = usize::from(from.u8("list")?);
        let indicators = lists.get(list).ok_or(StateError::Corrupt("list"))?.clone();
        let count = usize::from(from.u8("readings")?);
        from.check("readings", count == indicators.names().len())?;
        let readings = (0..count)
            .map(|_| {
                let flags = from.u8("reading")?;
                from.check("reading", flags < 8)?;
                if flags & PRESENT == 0 {
                    return Ok(None);
                }
                let value = from.f64("value")?;
                let bars =
                    if flags & OWN_BARS == 0 { u32::try_from(bars).unwrap_or(u32::MAX) } else { from.u32("bars")? };
                Ok(Some(Reading { value, warm: flags & WARM != 0, bars }))
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { rev, bars, freshness, gap, prices, indicators, readings })
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

    /// A short text; a longer one is cut off.
    fn text(&mut self, text: &str) {
        let length = text.floor_char_boundary(text.len().min(usize::from(u16::MAX)));
        self.u16(length as u16);
        self.bytes(&text.as_bytes()[..length]);
    }

    fn ohlcv(&mut self, prices: &Ohlcv) {
        let mut bytes = [0; OHLCV_BYTES];
        let four = [prices.open, prices.high, prices.low, prices.close];
        for (place, price) in bytes.as_chunks_mut().0.iter_mut().zip(four) {
            *place = price.to_le_bytes();
        }
        // Lengths that the compiler knows are copied without a call.
        match prices.volume {
            Some(volume) => {
                bytes[32] = 1;
                bytes[33..].copy_from_slice(&volume.to_le_bytes());
                self.bytes(&bytes);
            }
            None => self.bytes(&bytes[..33]),
        }
    }

    fn vendor(&mut self, part: VendorPart) {
        let mut bytes = [0; 30];
        bytes[..4].copy_from_slice(&part.rev.to_le_bytes());
        bytes[4..20].copy_from_slice(&part.id);
        (bytes[20], bytes[21]) = (u8::from(part.is_final), part.freshness);
        bytes[22..].copy_from_slice(&part.as_of.to_le_bytes());
        self.bytes(&bytes);
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

    /// A revision that can have a next one.
    fn revision(&mut self) -> Result<u32, StateError> {
        let rev = self.u32("emitted")?;
        self.check("emitted", rev < u32::MAX / 2)?;
        Ok(rev)
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

    fn text(&mut self, what: &'static str) -> Result<&'a str, StateError> {
        let length = self.u16(what)?;
        std::str::from_utf8(self.take(length.into(), what)?).map_err(|_| StateError::Corrupt(what))
    }

    fn split(&mut self) -> Result<Split, StateError> {
        let split = Split { day: self.millis("split")?, ratio: self.f64("split")? };
        self.check("split", split.ratio > 0.0)?;
        Ok(split)
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
            as_of: self.i64("vendor")?,
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
            let view = View { open, close, high: self.f64("high")?, low: self.f64("low")? };
            return Ok(Sampled::Closed(Box::new(view)));
        }
        let count = self.u8("readings")?;
        self.check("readings", usize::from(count) <= bars::READINGS_MAX)?;
        let mut readings = BTreeMap::new();
        for _ in 0..count {
            let reading = bars::Reading {
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
