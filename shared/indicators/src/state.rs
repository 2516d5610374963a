//! The bytes of a state: numbers enter, sealed bytes leave, and back.
//!
//! ```text
//!  0  4  `KTIS`
//!  4  2  version
//!  6  2  length of the text
//!  8  8  bars seen
//! 16     the numbers of all indicators, 8 bytes each
//!        the counts of all indicators, 4 bytes each
//!        the indicators' text
//! -8  8  checksum of all before it
//! ```
//!
//! Numbers come first, so that they lie at multiples of eight: what is read across two writes that were just made
//! has to wait for both.
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
    push_words(out, numbers, |number| number.to_le_bytes());
    push_words(out, counts, |count| count.to_le_bytes());
    out.extend_from_slice(text.as_bytes());
    let sum = checksum(&out[start..]);
    out.extend_from_slice(&sum.to_le_bytes());
}

/// Room first and words then, so that they are copied as a block.
#[inline(always)]
fn push_words<T: Copy, const N: usize>(out: &mut Vec<u8>, words: &[T], bytes: impl Fn(T) -> [u8; N]) {
    let begin = out.len();
    out.resize(begin + N * words.len(), 0);
    for (room, word) in out[begin..].as_chunks_mut().0.iter_mut().zip(words) {
        *room = bytes(*word);
    }
}

/// A state whose version and checksum are right.
pub(crate) struct Saved<'a> {
    pub(crate) text: &'a [u8],
    bars: u64,
    /// Numbers and counts.
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
    let text_at = content.len().checked_sub(length).filter(|at| *at >= HEADER);
    let (content, text) = content.split_at(text_at.ok_or_else(|| truncated(HEADER + length + CHECKSUM))?);
    Ok(Saved { text, bars: u64::from_le_bytes(bars), content: &content[HEADER..] })
}

impl Saved<'_> {
    /// The list of indicators that it names.
    pub(crate) fn indicators(&self) -> Result<Indicators, StateError> {
        let text = std::str::from_utf8(self.text).map_err(|_| StateError::NotAState)?;
        Indicators::saved(text).map_err(StateError::Indicators)
    }

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
        let (number_bytes, count_bytes) = self.content.split_at(numbers);
        let counts: Box<[u32]> = count_bytes.as_chunks().0.iter().map(|bytes| u32::from_le_bytes(*bytes)).collect();
        // Not `vec![0.0; ..]`: glibc looks for zeroed memory without its cache of small pieces, which takes longer.
        let mut numbers = Vec::with_capacity(layout.degrees.len() + indicators.names().len());
        numbers.resize(layout.degrees.len() + indicators.names().len(), 0.0);
        let mut numbers = numbers.into_boxed_slice();
        let (state, values) = numbers.split_at_mut(layout.degrees.len());
        values.fill(f64::NAN);
        if !read_numbers(number_bytes, state) {
            let read = state.iter().copied().enumerate().find(|(_, number)| !number.is_finite());
            let (index, value) = read.unwrap_or_default();
            return Err(StateError::NonFinite { index, value });
        }
        let mut pairs = counts.iter().zip(&layout.counts);
        if pairs.clone().fold(false, |wrong, (count, most)| wrong | (count > most)) {
            let index = pairs.position(|(count, most)| count > most).unwrap_or_default();
            return Err(StateError::Impossible { index, value: counts[index], most: layout.counts[index] });
        }
        Ok(IndicatorSet::of(indicators, self.bars, numbers, counts))
    }
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..)?.first_chunk().copied()
}

/// Reads numbers, and says whether all are finite.
///
/// Four at a time and without an early end: functions are linked for size, and then no loop is unrolled.
fn read_numbers(bytes: &[u8], numbers: &mut [f64]) -> bool {
    // The largest exponent is that of infinities and NaN. With one more on top it spills into the sign.
    let mut spilled = 0;
    let mut read = |number: &mut f64, bytes: &[u8; 8]| {
        let bits = u64::from_le_bytes(*bytes);
        *number = f64::from_bits(bits);
        spilled |= (bits & (u64::MAX >> 1)) + (1 << 52);
    };
    let (fours, rest) = bytes.as_chunks().0.as_chunks::<4>();
    let (number_fours, number_rest) = numbers.as_chunks_mut::<4>();
    for ([a, b, c, d], [e, f, g, h]) in number_fours.iter_mut().zip(fours) {
        read(a, e);
        read(b, f);
        read(c, g);
        read(d, h);
    }
    number_rest.iter_mut().zip(rest).for_each(|(number, bytes)| read(number, bytes));
    spilled >> 63 == 0
}

/// 64 bits over words of eight bytes, two at a time: one is multiplied by the other after the first met the sum so far
/// and the second a constant, and both halves of the product together are the sum. Four lanes, since a product has to
/// wait for the one before it. Any damage but for one case in some 2^64 is found.
fn checksum(bytes: &[u8]) -> u64 {
    const LANES: usize = 4;
    /// Digits of π behind the point, as good as any other.
    const SEEDS: [u64; LANES] =
        [0x243F_6A88_85A3_08D3, 0x1319_8A2E_0370_7344, 0xA409_3822_299F_31D0, 0x082E_FA98_EC4E_6C89];
    const CONSTANT: u64 = 0x4528_21E6_38D0_1377;
    #[inline(always)]
    fn mix(sum: u64, one: u64, other: u64) -> u64 {
        let product = u128::from(one ^ sum) * u128::from(other ^ CONSTANT);
        (product as u64) ^ (product >> 64) as u64
    }
    #[inline(always)]
    fn mix_bytes(sum: u64, pair: &[u8; 16]) -> u64 {
        let pair = u128::from_le_bytes(*pair);
        mix(sum, pair as u64, (pair >> 64) as u64)
    }
    let mut lanes = SEEDS;
    let (blocks, tail) = bytes.as_chunks::<16>().0.as_chunks::<LANES>();
    for block in blocks {
        for (lane, pair) in lanes.iter_mut().zip(block) {
            *lane = mix_bytes(*lane, pair);
        }
    }
    for (lane, pair) in lanes.iter_mut().zip(tail) {
        *lane = mix_bytes(*lane, pair);
    }
    // What is left of a pair is in the last 16 bytes, as are some that were read before. A header is longer.
    let last = mix_bytes(bytes.len() as u64, bytes.last_chunk().unwrap_or(&[0; 16]));
    let [a, b, c, d] = lanes;
    mix(last, mix(SEEDS[0], a, b), mix(SEEDS[1], c, d))
}

#[cfg(test)]
mod tests;
