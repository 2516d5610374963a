//! The bytes of a state: numbers enter, sealed bytes leave, and back.
//!
//! ```text
//!  0  4  `KTIS`
//!  4  2  version
//!  6  4  length of all, in bytes
//! 10  8  bars seen
//! 18  1  number of indicators
//! 19     per indicator: its kind (1), its parameters, its state
//! -8  8  checksum of all before it
//! ```
//!
//! Integers and the bits of numbers are little-endian. What follows from parameters and the number of
//! bars (positions in rings, how far a seed is) is not written, so it cannot be wrong. A change of the
//! layout or of any indicator's arithmetic raises the version.

use crate::{BadParameter, TooManyOutputs};

/// The version that is written, and the only one that is read.
pub const STATE_VERSION: u16 = 1;

const MAGIC: [u8; 4] = *b"KTIS";
const VERSION_AT: usize = 4;
const LENGTH_AT: usize = 6;
const HEADER: usize = 10;
const CHECKSUM: usize = 8;

/// Why bytes are no state to continue from.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum StateError {
    /// They do not begin as a state does.
    #[error("the bytes are no indicator state: they do not begin with `KTIS`")]
    NotAState,
    /// Written by another version.
    #[error("indicator state has version `{version}`, this program reads `1`; replay the bars instead")]
    UnknownVersion {
        /// The version it names.
        version: u16,
    },
    /// Shorter than it says.
    #[error("indicator state is cut off: `{found}` bytes of `{needed}`")]
    Truncated {
        /// How many bytes it should have, at least.
        needed: usize,
        /// How many there are.
        found: usize,
    },
    /// Longer than it says, or than its indicators need.
    #[error("indicator state is followed by `{extra}` bytes that do not belong to it")]
    Trailing {
        /// How many bytes too many.
        extra: usize,
    },
    /// Changed since it was written.
    #[error("indicator state is damaged: its checksum is `{found:016x}`, `{expected:016x}` is written in it")]
    Damaged {
        /// The checksum that was written.
        expected: u64,
        /// That of the bytes as they are.
        found: u64,
    },
    /// An indicator that this program does not have.
    #[error("indicator state holds an indicator of kind `{kind}`, which this program does not know")]
    UnknownIndicator {
        /// Its number.
        kind: u8,
    },
    /// The checksum is right, but the content ends too early.
    #[error("indicator state ends within {what}")]
    Ends {
        /// What was being read.
        what: &'static str,
    },
    /// The checksum is right, but a number is not finite.
    #[error("{what} in the indicator state is `{value}`, not a finite number")]
    NonFinite {
        /// Which number.
        what: &'static str,
        /// What it is.
        value: f64,
    },
    /// The checksum is right, but a number cannot be.
    #[error("{what} in the indicator state is `{value}`; it can be `{least}` to `{most}`")]
    Impossible {
        /// Which number.
        what: &'static str,
        /// What it is.
        value: u64,
        /// The smallest that can be.
        least: u64,
        /// The largest that can be.
        most: u64,
    },
    /// A parameter that no indicator can have.
    #[error(transparent)]
    Parameter(#[from] BadParameter),
    /// More outputs than a set can have.
    #[error(transparent)]
    TooManyOutputs(#[from] TooManyOutputs),
}

/// Appends a state to bytes that may hold something already.
pub(crate) struct Writer<'a> {
    out: &'a mut Vec<u8>,
    start: usize,
}

impl<'a> Writer<'a> {
    /// Writes the header; the length is filled in by [`seal`](Self::seal).
    pub(crate) fn begin(out: &'a mut Vec<u8>) -> Self {
        let start = out.len();
        out.extend(MAGIC);
        out.extend(STATE_VERSION.to_le_bytes());
        out.extend([0; HEADER - LENGTH_AT]);
        Self { out, start }
    }

    pub(crate) fn u8(&mut self, value: u8) {
        self.out.push(value);
    }

    pub(crate) fn u16(&mut self, value: u16) {
        self.out.extend(value.to_le_bytes());
    }

    pub(crate) fn u64(&mut self, value: u64) {
        self.out.extend(value.to_le_bytes());
    }

    pub(crate) fn f64(&mut self, value: f64) {
        self.out.extend(value.to_bits().to_le_bytes());
    }

    /// Fills in the length and adds the checksum.
    pub(crate) fn seal(self) {
        let length = self.out.len() - self.start + CHECKSUM;
        // 32 indicators of 1,000 bars each are 256 KB, so the length fits.
        self.out[self.start + LENGTH_AT..self.start + HEADER].copy_from_slice(&(length as u32).to_le_bytes());
        let sum = checksum(&self.out[self.start..]);
        self.out.extend(sum.to_le_bytes());
    }
}

/// Checks version, length and checksum, and gives what lies between header and checksum.
pub(crate) fn open(bytes: &[u8]) -> Result<Reader<'_>, StateError> {
    let truncated = |needed| StateError::Truncated { needed, found: bytes.len() };
    if !bytes.starts_with(&MAGIC) {
        return Err(if MAGIC.starts_with(bytes) { truncated(HEADER + CHECKSUM) } else { StateError::NotAState });
    }
    let version = u16::from_le_bytes(array(bytes, VERSION_AT).ok_or_else(|| truncated(HEADER + CHECKSUM))?);
    if version != STATE_VERSION {
        return Err(StateError::UnknownVersion { version });
    }
    let length = u32::from_le_bytes(array(bytes, LENGTH_AT).ok_or_else(|| truncated(HEADER + CHECKSUM))?) as usize;
    let needed = length.max(HEADER + CHECKSUM);
    if bytes.len() < needed {
        return Err(truncated(needed));
    }
    if bytes.len() > needed {
        return Err(StateError::Trailing { extra: bytes.len() - needed });
    }
    let (content, sum) = bytes.split_at(needed - CHECKSUM);
    let expected = u64::from_le_bytes(array(sum, 0).ok_or_else(|| truncated(needed))?);
    let found = checksum(content);
    if expected != found {
        return Err(StateError::Damaged { expected, found });
    }
    Ok(Reader { rest: &content[HEADER..] })
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..)?.first_chunk().copied()
}

/// The content of a state, from front to back.
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl Reader<'_> {
    fn take<const N: usize>(&mut self, what: &'static str) -> Result<[u8; N], StateError> {
        let (taken, rest) = self.rest.split_first_chunk().ok_or(StateError::Ends { what })?;
        self.rest = rest;
        Ok(*taken)
    }

    pub(crate) fn u8(&mut self, what: &'static str) -> Result<u8, StateError> {
        Ok(u8::from_le_bytes(self.take(what)?))
    }

    pub(crate) fn u16(&mut self, what: &'static str) -> Result<u16, StateError> {
        Ok(u16::from_le_bytes(self.take(what)?))
    }

    pub(crate) fn u64(&mut self, what: &'static str) -> Result<u64, StateError> {
        Ok(u64::from_le_bytes(self.take(what)?))
    }

    /// A number, which no indicator's state holds unless it is finite.
    pub(crate) fn f64(&mut self, what: &'static str) -> Result<f64, StateError> {
        let value = f64::from_bits(u64::from_le_bytes(self.take(what)?));
        if value.is_finite() { Ok(value) } else { Err(StateError::NonFinite { what, value }) }
    }

    /// Whether all was read.
    pub(crate) fn finish(self) -> Result<(), StateError> {
        if self.rest.is_empty() { Ok(()) } else { Err(StateError::Trailing { extra: self.rest.len() }) }
    }
}

/// 64 bits over words of eight bytes.
///
/// Each step is a bijection of the word and of the sum before it, so damage within one word is always
/// found, and other damage but for one case in 2^64. Four lanes, since a multiplication has to wait for
/// the one before it.
fn checksum(bytes: &[u8]) -> u64 {
    fn mix(sum: u64, word: u64) -> u64 {
        (sum ^ word).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(29)
    }
    fn word(bytes: &[u8]) -> u64 {
        let mut word = [0; 8];
        word[..bytes.len()].copy_from_slice(bytes);
        u64::from_le_bytes(word)
    }
    let mut lanes = [1, 2, 3, 4];
    let blocks = bytes.chunks_exact(32);
    let tail = blocks.remainder();
    for block in blocks {
        for (lane, bytes) in lanes.iter_mut().zip(block.chunks_exact(8)) {
            *lane = mix(*lane, word(bytes));
        }
    }
    let sum = tail.chunks(8).fold(bytes.len() as u64, |sum, bytes| mix(sum, word(bytes)));
    lanes.into_iter().fold(sum, mix)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Bar, IndicatorSet};
    use proptest::prelude::*;

    fn state(bars: u32) -> Vec<u8> {
        let mut set = IndicatorSet::first_set();
        for index in 0..bars {
            let close = 100.0 + f64::from(index * 37 % 11);
            set.update(&Bar { open: close, high: close + 1.0, low: close - 1.0, close, volume: None }).unwrap();
        }
        let mut bytes = Vec::new();
        set.encode(&mut bytes);
        bytes
    }

    /// Length and checksum of whatever the bytes are now, so that nothing but their content is wrong.
    fn resealed(mut bytes: Vec<u8>) -> Vec<u8> {
        bytes.truncate(bytes.len() - CHECKSUM);
        Writer { out: &mut bytes, start: 0 }.seal();
        bytes
    }

    fn check(bytes: &[u8], expected: StateError) {
        assert_eq!(IndicatorSet::decode(bytes), Err(expected));
    }

    #[test]
    fn every_error_says_what_is_wrong() {
        let good = state(200);
        let change = |at: usize, new: &[u8]| {
            let mut bytes = good.clone();
            bytes[at..at + new.len()].copy_from_slice(new);
            bytes
        };
        let length = good.len();
        check(b"", StateError::Truncated { needed: 18, found: 0 });
        check(b"KTI", StateError::Truncated { needed: 18, found: 3 });
        check(b"{\"bars\":1}", StateError::NotAState);
        check(&change(VERSION_AT, &[2]), StateError::UnknownVersion { version: 2 });
        check(&good[..length - 1], StateError::Truncated { needed: length, found: length - 1 });
        check(&[&good[..], b"\n"].concat(), StateError::Trailing { extra: 1 });
        assert!(matches!(IndicatorSet::decode(&change(100, &[1, 2, 3])), Err(StateError::Damaged { .. })));
        // From here on the checksum is right. The first indicator begins at 19: kind, period, ring.
        check(&resealed(change(19, &[200])), StateError::UnknownIndicator { kind: 200 });
        check(
            &resealed(change(20, &[1, 0])),
            StateError::Parameter(BadParameter::Period { indicator: "SMA", value: 1 }),
        );
        check(
            &resealed(change(22, &f64::INFINITY.to_le_bytes())),
            StateError::NonFinite { what: "a value in a window", value: f64::INFINITY },
        );
        let rest = 22 + 8 * (20 + 4);
        let what = "the time left to the sums of a window";
        check(&resealed(change(rest, &[161, 0])), StateError::Impossible { what, value: 161, least: 1, most: 160 });
        let mut short = good.clone();
        short.remove(length - CHECKSUM - 1);
        check(&resealed(short), StateError::Ends { what: "an average" });
        let mut long = good.clone();
        long.insert(length - CHECKSUM, 0);
        check(&resealed(long), StateError::Trailing { extra: 1 });
    }

    #[test]
    fn more_outputs_than_a_set_can_have_are_refused() {
        // 33 SMAs of period 2 before their first bar.
        let mut bytes = Vec::new();
        let mut writer = Writer::begin(&mut bytes);
        writer.u64(0);
        writer.u8(33);
        for _ in 0..33 {
            writer.u8(1);
            writer.u16(2);
        }
        writer.seal();
        check(&bytes, StateError::TooManyOutputs(TooManyOutputs { outputs: 33 }));
    }

    #[test]
    fn every_flipped_bit_is_found() {
        for bars in [0, 1, 20, 33, 34, 100] {
            let good = state(bars);
            assert!(IndicatorSet::decode(&good).is_ok());
            for bit in 0..8 * good.len() {
                let mut bytes = good.clone();
                bytes[bit / 8] ^= 1 << (bit % 8);
                assert!(IndicatorSet::decode(&bytes).is_err(), "bit {bit} of the state after {bars} bars");
            }
            for length in 0..good.len() {
                assert!(IndicatorSet::decode(&good[..length]).is_err(), "the first {length} bytes");
            }
        }
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), keep in 0_usize..=19) {
            let mut begun = state(0)[..keep].to_vec();
            begun.extend(bytes);
            prop_assert!(IndicatorSet::decode(&begun).is_err());
        }

        /// Not even those whose checksum was made to fit, and neither does the set that may come of them.
        #[test]
        fn no_forged_state_panics(
            bars in 0_u32..60,
            changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        ) {
            let mut bytes = state(bars);
            let content = HEADER..bytes.len() - CHECKSUM;
            for (index, value) in changes {
                bytes[content.start + index.index(content.len())] = value;
            }
            if let Ok(mut set) = IndicatorSet::decode(&resealed(bytes)) {
                let bar = Bar { open: 1.0, high: 1.0, low: 1.0, close: 1.0, volume: None };
                for _ in 0..200 {
                    set.update(&bar).unwrap();
                }
            }
        }
    }
}
