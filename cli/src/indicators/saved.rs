//! The file in which a run leaves its state: set, last time and zone of the sessions enter, sealed bytes leave, and back.
//!
//! ```text
//!  0  4  `KTIF`
//!  4  2  version
//!  6  1  1 if a bar was taken, so that its time counts, otherwise 0
//!  7  1  length of the zone's name
//!  8  8  time of the last bar: seconds since 1970
//! 16  4  and nanoseconds
//! 20     the zone's name
//!        the state of the set, in its own layout
//! -32    SHA-256 of all before it
//! ```
//!
//! Integers are little-endian.

use indicators::{IndicatorSet, StateError};
use jiff::Timestamp;
use sha2::{Digest, Sha256};

use super::moment::{SessionZone, UnknownZone};

/// The version that is written, and the only one that is read.
const VERSION: u16 = 1;
const MAGIC: [u8; 4] = *b"KTIF";
const HEADER: usize = 20;
const DIGEST: usize = 32;

/// What a run leaves to the next one.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Saved {
    pub(crate) set: IndicatorSet,
    /// The time of the last bar that was taken.
    pub(crate) last: Option<Timestamp>,
    pub(crate) zone: SessionZone,
}

/// Why a file is no state to continue from.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub(crate) enum BadSaved {
    /// It does not begin as one.
    #[error("it is no state that `kinetick indicators --to-state` wrote: it does not begin with `KTIF`")]
    NotAState,
    /// Written by another version.
    #[error("it has version `{0}`, this program reads `{VERSION}`; compute it anew from the bars")]
    UnknownVersion(u16),
    /// Shorter than any.
    #[error("it is cut off after `{0}` bytes; compute it anew from the bars")]
    Truncated(usize),
    /// Changed since it was written.
    #[error("it is damaged: its checksum is wrong; compute it anew from the bars")]
    Damaged,
    /// The checksum is right, but this program does not know the zone.
    #[error(transparent)]
    Zone(#[from] UnknownZone),
    /// The checksum is right, but the set cannot be read.
    #[error(transparent)]
    Set(#[from] StateError),
}

impl Saved {
    /// Its bytes.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let (last, zone) = (self.last.unwrap_or_default(), self.zone.name());
        let mut bytes = MAGIC.to_vec();
        bytes.extend_from_slice(&VERSION.to_le_bytes());
        // Names of zones have at most some 30 letters.
        bytes.extend_from_slice(&[u8::from(self.last.is_some()), zone.len() as u8]);
        bytes.extend_from_slice(&last.as_second().to_le_bytes());
        bytes.extend_from_slice(&last.subsec_nanosecond().to_le_bytes());
        bytes.extend_from_slice(zone.as_bytes());
        self.set.encode(&mut bytes);
        let digest = Sha256::digest(&bytes);
        bytes.extend_from_slice(&digest);
        bytes
    }

    /// The state whose bytes these are, no more and no less.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, BadSaved> {
        let truncated = BadSaved::Truncated(bytes.len());
        if !bytes.starts_with(&MAGIC) {
            return Err(if MAGIC.starts_with(bytes) { truncated } else { BadSaved::NotAState });
        }
        let version = u16::from_le_bytes(array(bytes, 4).ok_or(truncated.clone())?);
        if version != VERSION {
            return Err(BadSaved::UnknownVersion(version));
        }
        let (content, digest) = bytes.split_last_chunk::<DIGEST>().ok_or(truncated.clone())?;
        if content.len() < HEADER {
            return Err(truncated);
        }
        if Sha256::digest(content).as_slice() != digest {
            return Err(BadSaved::Damaged);
        }
        // Whoever made a wrong content with a right checksum is told that it is damaged, too.
        let (Some([is_some, length]), Some(seconds), Some(nanoseconds)) =
            (array(content, 6), array(content, 8), array(content, 16))
        else {
            return Err(truncated);
        };
        let (zone, set) = content[HEADER..].split_at_checked(length.into()).ok_or(truncated)?;
        let zone = std::str::from_utf8(zone).map_err(|_| BadSaved::Damaged)?.parse()?;
        let last = Timestamp::new(i64::from_le_bytes(seconds), i32::from_le_bytes(nanoseconds));
        let last = last.map_err(|_| BadSaved::Damaged)?;
        Ok(Self { set: IndicatorSet::decode(set)?, last: (is_some == 1).then_some(last), zone })
    }
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..)?.first_chunk().copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use indicators::Bar;

    fn saved(last: Option<&str>) -> Saved {
        let mut set = IndicatorSet::default();
        set.update(&Bar { open: 1.0, high: 2.0, low: 0.5, close: 1.5, volume: None, session: 3 }).unwrap();
        let last = last.map(|last| last.parse().unwrap());
        Saved { set, last, zone: "America/New_York".parse().unwrap() }
    }

    #[test]
    fn a_state_reads_back_as_it_was() {
        for last in [None, Some("1969-12-31T23:59:59.25Z"), Some("2026-11-20T14:30:00.000000001Z")] {
            let saved = saved(last);
            assert_eq!(Saved::decode(&saved.encode()), Ok(saved));
        }
    }

    #[test]
    fn whatever_byte_is_changed_or_missing_is_noticed() {
        let bytes = saved(Some("2026-11-20T14:30:00Z")).encode();
        for length in 0..bytes.len() {
            let error = Saved::decode(&bytes[..length]).unwrap_err();
            assert!(matches!(error, BadSaved::Truncated(_) | BadSaved::Damaged), "{length}: {error}");
        }
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 0x10;
            let error = Saved::decode(&changed).unwrap_err();
            let expected = match at {
                0..4 => matches!(error, BadSaved::NotAState),
                4..6 => matches!(error, BadSaved::UnknownVersion(_)),
                _ => matches!(error, BadSaved::Damaged),
            };
            assert!(expected, "{at}: {error}");
        }
        assert_eq!(Saved::decode(&[bytes, vec![0]].concat()), Err(BadSaved::Damaged));
    }
}
