//! The bytes of a state: numbers enter, sealed bytes leave, and back.
//!
//! ```text
//!  0  4  `KTIS`
//!  4  2  version
//!  6  2  length of the text
//!  8  8  bars seen
//! 16     the indicators' text
//!        the counts of all indicators, 4 bytes each
//!        the numbers of all indicators, 8 bytes each
//! -8  8  checksum of all before it
//! ```
//!
//! Integers and the bits of numbers are little-endian. How many counts and numbers there are follows
//! from the text. A change of the layout or of any indicator's arithmetic raises the version.

use crate::{BadIndicator, Indicators, set::IndicatorSet};

/// The version that is written, and the only one that is read.
pub const STATE_VERSION: u16 = 2;

const MAGIC: [u8; 4] = *b"KTIS";
const VERSION_AT: usize = 4;
const TEXT_LENGTH_AT: usize = 6;
const BARS_AT: usize = 8;
const HEADER: usize = 16;
const CHECKSUM: usize = 8;

/// Why bytes are no state to continue from.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum StateError {
    /// They do not begin as a state does.
    #[error("the bytes are no indicator state: they do not begin with `KTIS`")]
    NotAState,
    /// Written by another version.
    #[error("indicator state has version `{version}`, this program reads `{STATE_VERSION}`; replay the bars instead")]
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
    /// Longer than its indicators need.
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
    /// The checksum is right, but this program does not know the indicators.
    #[error("indicator state is of a set that cannot be read: {0}")]
    Indicators(BadIndicator),
    /// The checksum is right, but a number is not finite.
    #[error("number `{index}` of the indicator state is `{value}`, not a finite number")]
    NonFinite {
        /// Which number.
        index: usize,
        /// What it is.
        value: f64,
    },
    /// The checksum is right, but a count cannot be.
    #[error("count `{index}` of the indicator state is `{value}`; it can be 0 to `{most}`")]
    Impossible {
        /// Which count.
        index: usize,
        /// What it is.
        value: u32,
        /// The largest that can be.
        most: u32,
    },
}

/// Appends a state to bytes that may hold something already.
pub(crate) fn write(out: &mut Vec<u8>, text: &str, bars: u64, counts: &[u32], numbers: &[f64]) {
    let start = out.len();
    out.reserve(HEADER + text.len() + 4 * counts.len() + 8 * numbers.len() + CHECKSUM);
    out.extend_from_slice(&MAGIC);
    out.extend_from_slice(&STATE_VERSION.to_le_bytes());
    // At most 128 indicators of some 40 letters.
    out.extend_from_slice(&(text.len() as u16).to_le_bytes());
    out.extend_from_slice(&bars.to_le_bytes());
    out.extend_from_slice(text.as_bytes());
    out.extend(counts.iter().flat_map(|count| count.to_le_bytes()));
    out.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
    let sum = checksum(&out[start..]);
    out.extend_from_slice(&sum.to_le_bytes());
}

/// A state whose version and checksum are right.
pub(crate) struct Saved<'a> {
    pub(crate) text: &'a str,
    bars: u64,
    /// Counts and numbers.
    content: &'a [u8],
}

/// Checks version and checksum, and finds the parts.
pub(crate) fn open(bytes: &[u8]) -> Result<Saved<'_>, StateError> {
    let truncated = |needed| StateError::Truncated { needed, found: bytes.len() };
    if !bytes.starts_with(&MAGIC) {
        return Err(if MAGIC.starts_with(bytes) { truncated(HEADER + CHECKSUM) } else { StateError::NotAState });
    }
    let version = u16::from_le_bytes(array(bytes, VERSION_AT).ok_or_else(|| truncated(HEADER + CHECKSUM))?);
    if version != STATE_VERSION {
        return Err(StateError::UnknownVersion { version });
    }
    let (Some(length), Some(bars), true) =
        (array(bytes, TEXT_LENGTH_AT), array(bytes, BARS_AT), bytes.len() >= HEADER + CHECKSUM)
    else {
        return Err(truncated(HEADER + CHECKSUM));
    };
    let (content, sum) = bytes.split_at(bytes.len() - CHECKSUM);
    let (expected, found) = (u64::from_le_bytes(array(sum, 0).unwrap_or_default()), checksum(content));
    if expected != found {
        return Err(StateError::Damaged { expected, found });
    }
    let length = usize::from(u16::from_le_bytes(length));
    let (text, content) =
        content[HEADER..].split_at_checked(length).ok_or_else(|| truncated(HEADER + length + CHECKSUM))?;
    let text = std::str::from_utf8(text).map_err(|_| StateError::NotAState)?;
    Ok(Saved { text, bars: u64::from_le_bytes(bars), content })
}

impl Saved<'_> {
    /// The set of these indicators, whose text is that of the state.
    pub(crate) fn read(&self, indicators: &Indicators) -> Result<IndicatorSet, StateError> {
        let layout = &indicators.0.layout;
        let (counts, numbers) = (4 * layout.counts.len(), 8 * layout.degrees.len());
        let found = self.content.len();
        if found < counts + numbers {
            return Err(StateError::Truncated { needed: counts + numbers, found });
        }
        if found > counts + numbers {
            return Err(StateError::Trailing { extra: found - counts - numbers });
        }
        let (count_bytes, number_bytes) = self.content.split_at(counts);
        let mut counts = vec![0_u32; layout.counts.len()].into_boxed_slice();
        for (count, bytes) in counts.iter_mut().zip(count_bytes.as_chunks().0) {
            *count = u32::from_le_bytes(*bytes);
        }
        let mut numbers = vec![f64::NAN; layout.degrees.len() + indicators.names().len()].into_boxed_slice();
        let mut sane = true;
        for (number, bytes) in numbers.iter_mut().zip(number_bytes.as_chunks().0) {
            *number = f64::from_le_bytes(*bytes);
            sane &= number.is_finite();
        }
        if !sane {
            let read = numbers.iter().copied().enumerate().find(|(_, number)| !number.is_finite());
            let (index, value) = read.unwrap_or_default();
            return Err(StateError::NonFinite { index, value });
        }
        let wrong = counts.iter().zip(&layout.counts).position(|(count, most)| count > most);
        if let Some(index) = wrong {
            return Err(StateError::Impossible { index, value: counts[index], most: layout.counts[index] });
        }
        Ok(IndicatorSet::of(indicators, self.bars, numbers, counts))
    }
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..)?.first_chunk().copied()
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
mod tests;
