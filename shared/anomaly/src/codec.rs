//! The bytes of a detector: a format number, then every field, little-endian, floating-point numbers as their bits.
//!
//! ```text
//! format u8 | level? (at i64, price f64) | unchanged u8
//! returns (count u8, f32 each) | volumes (count u8, f32 each) | suspect? reading | newest? (reading, said u8)
//! reading: at i64, price f64, kind u8, what it has u8, volume f64?, split coefficient f64?
//! ```
//!
//! `?` is preceded by a byte of 0 or 1, within a reading by a bit of `what it has`. Times are milliseconds
//! since 1970. Whatever is read is checked: bytes that no detector wrote are an error, never a wrong state.

use jiff::Timestamp;

use crate::{
    accepted::{Accepted, Level},
    detector::{Detector, Newest, Said},
    reading::{Kind, Reading},
    ring::Ring,
    rule::{FLAT_READINGS, WINDOW},
};

/// The format that is written. One that is not known is refused, never guessed at.
const FORMAT: u8 = 1;
const READING_BYTES_MAX: usize = 8 + 8 + 1 + 1 + 8 + 8;

/// The longest that a state can be, in bytes.
pub const STATE_BYTES_MAX: usize =
    1 + (1 + 16) + 1 + 2 * (1 + 4 * WINDOW) + (1 + READING_BYTES_MAX) + (1 + READING_BYTES_MAX + 1);

const IN_SESSION: u8 = 1;
const IS_FINAL: u8 = 1 << 1;
const HAS_VOLUME: u8 = 1 << 2;
const HAS_COEFFICIENT: u8 = 1 << 3;

/// Why bytes are no detector.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StateError {
    /// Written by a version of kinetick with another format.
    #[error(
        "the anomaly detector has format `{0}`, this version reads `{FORMAT}`: deploy the version that wrote it, or delete the state to learn anew what is usual"
    )]
    UnknownFormat(u8),
    /// Cut off, or with a value that cannot be.
    #[error("the anomaly detector is damaged at `{0}`: delete the state to learn anew what is usual")]
    Corrupt(&'static str),
}

impl Detector {
    /// Writes the state, [`STATE_BYTES_MAX`] at most.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(STATE_BYTES_MAX);
        out.push(FORMAT);
        out.push(u8::from(self.accepted.level.is_some()));
        if let Some(level) = self.accepted.level {
            out.extend(level.at.as_millisecond().to_le_bytes());
            out.extend(level.price.to_le_bytes());
        }
        out.push(self.accepted.unchanged);
        for ring in [&self.accepted.returns, &self.accepted.volumes] {
            out.push(ring.values().len() as u8);
            out.extend(ring.values().iter().flat_map(|value| value.to_le_bytes()));
        }
        out.push(u8::from(self.suspect.is_some()));
        if let Some(suspect) = &self.suspect {
            write_reading(&mut out, suspect);
        }
        out.push(u8::from(self.newest.is_some()));
        if let Some(newest) = &self.newest {
            write_reading(&mut out, &newest.reading);
            out.push(newest.said.0);
        }
        out
    }

    /// Reads a state.
    pub fn decode(bytes: &[u8]) -> Result<Self, StateError> {
        let mut from = Reader(bytes);
        let format = from.u8("format")?;
        if format != FORMAT {
            return Err(StateError::UnknownFormat(format));
        }
        let level =
            from.option("level", |from| Ok(Level { at: from.time("level")?, price: from.positive("level")? }))?;
        let unchanged = from.u8("unchanged")?;
        check("unchanged", unchanged <= FLAT_READINGS)?;
        let returns = from.ring("returns", |value| value.is_finite())?;
        let volumes = from.ring("volumes", |value| value.is_finite() && value >= 0.0)?;
        let suspect = from.option("suspect", |from| from.reading("suspect"))?;
        let newest = from
            .option("newest", |from| Ok(Newest { reading: from.reading("newest")?, said: Said(from.u8("newest")?) }))?;
        check("end", from.0.is_empty())?;
        // One follows the other: accepted, suspect, newest.
        check("level", level.is_some() || (unchanged == 0 && suspect.is_none()))?;
        check("level", level.is_some() || (returns.values().is_empty() && volumes.values().is_empty()))?;
        check("newest", newest.is_some() || level.is_none())?;
        let times =
            [level.map(|level| level.at), suspect.map(|suspect| suspect.at), newest.map(|newest| newest.reading.at)];
        check("times", times.into_iter().flatten().is_sorted_by(|a, b| a < b))?;
        Ok(Self { accepted: Accepted { level, unchanged, returns, volumes }, suspect, newest })
    }
}

fn write_reading(out: &mut Vec<u8>, reading: &Reading) {
    out.extend(reading.at.as_millisecond().to_le_bytes());
    out.extend(reading.price.to_le_bytes());
    out.push(reading.kind as u8);
    let bit = |set: bool, bit: u8| if set { bit } else { 0 };
    out.push(
        bit(reading.in_session, IN_SESSION)
            | bit(reading.is_final, IS_FINAL)
            | bit(reading.volume.is_some(), HAS_VOLUME)
            | bit(reading.split_coefficient.is_some(), HAS_COEFFICIENT),
    );
    for value in [reading.volume, reading.split_coefficient].into_iter().flatten() {
        out.extend(value.to_le_bytes());
    }
}

fn check(what: &'static str, good: bool) -> Result<(), StateError> {
    if good { Ok(()) } else { Err(StateError::Corrupt(what)) }
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn take<const N: usize>(&mut self, what: &'static str) -> Result<[u8; N], StateError> {
        let (taken, rest) = self.0.split_first_chunk().ok_or(StateError::Corrupt(what))?;
        self.0 = rest;
        Ok(*taken)
    }

    fn u8(&mut self, what: &'static str) -> Result<u8, StateError> {
        Ok(u8::from_le_bytes(self.take(what)?))
    }

    fn option<T>(
        &mut self,
        what: &'static str,
        read: impl FnOnce(&mut Self) -> Result<T, StateError>,
    ) -> Result<Option<T>, StateError> {
        let is_some = self.u8(what)?;
        check(what, is_some <= 1)?;
        if is_some == 1 { read(self).map(Some) } else { Ok(None) }
    }

    fn f64(&mut self, what: &'static str) -> Result<f64, StateError> {
        Ok(f64::from_le_bytes(self.take(what)?))
    }

    fn positive(&mut self, what: &'static str) -> Result<f64, StateError> {
        let value = self.f64(what)?;
        check(what, value.is_finite() && value > 0.0)?;
        Ok(value)
    }

    fn time(&mut self, what: &'static str) -> Result<Timestamp, StateError> {
        Timestamp::from_millisecond(i64::from_le_bytes(self.take(what)?)).map_err(|_| StateError::Corrupt(what))
    }

    fn ring(&mut self, what: &'static str, good: impl Fn(f32) -> bool) -> Result<Ring, StateError> {
        let count = self.u8(what)?;
        check(what, usize::from(count) <= WINDOW)?;
        let mut ring = Ring::default();
        for _ in 0..count {
            let value = f32::from_le_bytes(self.take(what)?);
            check(what, good(value))?;
            ring.push(f64::from(value));
        }
        Ok(ring)
    }

    fn reading(&mut self, what: &'static str) -> Result<Reading, StateError> {
        let (at, price) = (self.time(what)?, self.f64(what)?);
        let kind = *Kind::ALL.get(usize::from(self.u8(what)?)).ok_or(StateError::Corrupt(what))?;
        let has = self.u8(what)?;
        check(what, has < HAS_COEFFICIENT << 1)?;
        let volume = if has & HAS_VOLUME != 0 { Some(self.f64(what)?) } else { None };
        let split_coefficient = if has & HAS_COEFFICIENT != 0 { Some(self.f64(what)?) } else { None };
        let (in_session, is_final) = (has & IN_SESSION != 0, has & IS_FINAL != 0);
        let reading = Reading { at, price, volume, kind, in_session, is_final, split_coefficient };
        reading.checked().ok_or(StateError::Corrupt(what))
    }
}
