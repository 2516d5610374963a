//! The parts of a record's text as the encoder writes them, read from left to right.
//!
//! What is read is JSON of one fixed form: no white space, no escapes, no exponents, ASCII. Each step gives `None` for
//! anything else, which says that this scanner does not know, not that the text is wrong.

use std::str::FromStr;

use jiff::{
    Timestamp,
    civil::{Date, DateTime},
    tz::Offset,
};
use market::Decimal;

use crate::identity::Digest128;

/// As many digits as a u64 holds, whatever they are.
const DIGITS_MAX: usize = 19;

/// What of a text is not read yet.
pub(super) struct Scanner<'a> {
    rest: &'a str,
}

impl<'a> Scanner<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { rest: text }
    }

    /// What is not read yet.
    pub(super) fn rest(&self) -> &'a str {
        self.rest
    }

    /// Goes on behind so many bytes, and gives them.
    pub(super) fn take(&mut self, bytes: usize) -> Option<&'a str> {
        let (taken, rest) = self.rest.split_at_checked(bytes)?;
        self.rest = rest;
        Some(taken)
    }

    /// Exactly this text.
    #[inline(always)]
    pub(super) fn literal(&mut self, literal: &str) -> Option<()> {
        self.rest = self.rest.strip_prefix(literal)?;
        Some(())
    }

    /// Whether this text stands here; if so, it is read.
    #[inline(always)]
    pub(super) fn literal_if(&mut self, literal: &str) -> bool {
        self.literal(literal).is_some()
    }

    /// The end of the record and of the text. White space may stand between them, as behind every JSON.
    pub(super) fn end(&mut self) -> Option<()> {
        self.literal("}")?;
        self.rest.bytes().all(|byte| matches!(byte, b' ' | b'\n' | b'\r' | b'\t')).then_some(())
    }

    /// The rest of a string whose opening quote was read: its characters stand for themselves.
    pub(super) fn string(&mut self) -> Option<&'a str> {
        let length = self.rest.bytes().position(|byte| !PLAIN[usize::from(byte)])?;
        let string = self.take(length)?;
        self.literal("\"")?;
        Some(string)
    }

    /// The rest of a string, read as what it names.
    pub(super) fn word<T: FromStr>(&mut self) -> Option<T> {
        self.string()?.parse().ok()
    }

    /// The rest of a string of exactly so many bytes.
    fn fixed<const LENGTH: usize>(&mut self) -> Option<&'a [u8; LENGTH]> {
        let fixed = self.rest.as_bytes().first_chunk()?;
        self.take(LENGTH)?;
        self.literal("\"")?;
        Some(fixed)
    }

    /// The rest of a string of 32 hex digits.
    pub(super) fn digest(&mut self) -> Option<Digest128> {
        let digits: &[u8; 32] = self.fixed()?;
        // Without branches and tables, so that the compiler takes many digits at once.
        let (mut halves, mut good) = ([0; 32], true);
        for (half, digit) in halves.iter_mut().zip(digits) {
            let (number, letter) = (digit.wrapping_sub(b'0'), digit.wrapping_sub(b'a'));
            good &= (number < 10) | (letter < 6);
            *half = if number < 10 { number } else { letter.wrapping_add(10) };
        }
        let bytes = std::array::from_fn(|at| (halves[2 * at] << 4) | halves[2 * at + 1]);
        good.then_some(Digest128(bytes))
    }

    /// The rest of a string with a day: `2026-11-20`.
    pub(super) fn date(&mut self) -> Option<Date> {
        let mut digits = Digits { text: self.fixed::<10>()?, good: true };
        let (year, month, day) = digits.date();
        if digits.text[4] != b'-' || digits.text[7] != b'-' || !digits.good {
            return None;
        }
        Date::new(year, month, day).ok()
    }

    /// The rest of a string with a moment: `2026-11-20T15:31:07.644Z`.
    pub(super) fn moment(&mut self) -> Option<Timestamp> {
        let text = self.fixed::<24>()?;
        let mut digits = Digits { text, good: true };
        let (year, month, day) = digits.date();
        let (hour, minute, second) = (digits.two(11), digits.two(14), digits.two(17));
        let millisecond = i32::from(digits.two(20)) * 10 + i32::from(digits.one(22));
        let marks = [text[4], text[7], text[10], text[13], text[16], text[19], text[23]];
        if marks != *b"--T::.Z" || !digits.good {
            return None;
        }
        let civil = DateTime::new(year, month, day, hour, minute, second, millisecond * 1_000_000).ok()?;
        Offset::UTC.to_timestamp(civil).ok()
    }

    /// A whole number without a sign.
    pub(super) fn integer(&mut self) -> Option<u32> {
        let (value, length) = digits(self.rest.as_bytes(), 0);
        if length == 0 || length > 10 || (length > 1 && self.rest.starts_with('0')) {
            return None;
        }
        self.take(length)?;
        value.try_into().ok()
    }

    /// A number without an exponent.
    // Inlined as all that makes decimals: handed over in memory, a decimal is written in quarters and read as a whole,
    // and the processor waits for that.
    #[inline(always)]
    pub(super) fn decimal(&mut self) -> Option<Decimal> {
        let negative = self.rest.starts_with('-');
        let unsigned = self.rest.as_bytes().get(usize::from(negative)..)?;
        let (mut mantissa, whole) = digits(unsigned, 0);
        if whole == 0 || (whole > 1 && unsigned.starts_with(b"0")) {
            return None;
        }
        let (mut scale, mut length) = (0, usize::from(negative) + whole);
        if let Some((b'.', behind)) = unsigned.get(whole..).and_then(<[u8]>::split_first) {
            (mantissa, scale) = digits(behind, mantissa);
            length += 1 + scale;
            if scale == 0 {
                return None;
            }
        }
        let text = self.take(length)?;
        if whole + scale > DIGITS_MAX {
            return text.parse().ok();
        }
        // The two halves of the digits, and a scale below 20.
        Some(Decimal::from_parts(mantissa as u32, (mantissa >> 32) as u32, 0, negative, scale as u32))
    }
}

/// Appends the digits at the begin of a text to a number, and counts them. More than [`DIGITS_MAX`] make another number.
fn digits(text: &[u8], before: u64) -> (u64, usize) {
    let (mut value, mut length) = (before, 0);
    for byte in text {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            break;
        }
        value = value.wrapping_mul(10).wrapping_add(digit.into());
        length += 1;
    }
    (value, length)
}

/// Whether a byte stands for itself in a string, and for a whole character: visible ASCII and the space, without what
/// ends a string or begins an escape.
const PLAIN: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = b' ';
    while byte <= b'~' {
        table[byte as usize] = byte != b'"' && byte != b'\\';
        byte += 1;
    }
    table
};

/// Digits at fixed places of a text that is long enough.
struct Digits<'a> {
    text: &'a [u8],
    good: bool,
}

impl Digits<'_> {
    fn one(&mut self, at: usize) -> i8 {
        let digit = self.text[at].wrapping_sub(b'0');
        self.good &= digit < 10;
        (digit % 10) as i8
    }

    fn two(&mut self, at: usize) -> i8 {
        self.one(at) * 10 + self.one(at + 1)
    }

    /// Year, month and day at the begin.
    fn date(&mut self) -> (i16, i8, i8) {
        (i16::from(self.two(0)) * 100 + i16::from(self.two(2)), self.two(5), self.two(8))
    }
}
