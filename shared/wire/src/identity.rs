//! Which fact a record states, in which revision, and what tells two records apart.
//!
//! - `key`: hash of schema, source, subject, event time, interval, basis, freshness and origin: *which* fact.
//! - `rev`: one more than the last revision of that key that was sent with other content.
//! - `id`: hash of key, revision and content: the same fact has the same id, whoever sends it and however often.

use std::{fmt, str::FromStr};

use sha2::{Digest, Sha256};

/// The first 128 bits of a SHA-256, written as 32 hex digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest128(pub [u8; 16]);

/// Which fact.
pub type Key = Digest128;
/// Which fact, in which revision, with which content.
pub type Id = Digest128;

impl Digest128 {
    /// The digest of some parts, each with its length in front, so that no two lists collide.
    pub fn of(parts: &[&[u8]]) -> Self {
        let mut bytes = Vec::with_capacity(parts.iter().map(|part| 8 + part.len()).sum());
        parts.iter().for_each(|part| push_part(&mut bytes, part));
        Self::of_pieces([bytes.as_slice()])
    }

    /// The digest of a text alone.
    pub fn of_text(text: &str) -> Self {
        Self::of_pieces([text.as_bytes()])
    }

    /// The digest of a text that stands in pieces, one behind the other, hashed where they stand.
    pub(crate) fn of_pieces<const PIECES: usize>(pieces: [&[u8]; PIECES]) -> Self {
        Self::first_half(pieces.iter().fold(Sha256::new(), Sha256::chain_update))
    }

    /// Its digits.
    pub(crate) fn hex(&self) -> Hex {
        let mut hex = [0; 32];
        for (pair, byte) in hex.chunks_exact_mut(2).zip(self.0) {
            pair.copy_from_slice(&HEX_PAIRS[usize::from(byte)]);
        }
        Hex(hex)
    }

    fn first_half(hash: Sha256) -> Self {
        let full: [u8; 32] = hash.finalize().into();
        let mut half = [0; 16];
        half.copy_from_slice(&full[..16]);
        Self(half)
    }
}

/// Appends a part of what is hashed into a key: its length, then itself.
pub(crate) fn push_part(bytes: &mut Vec<u8>, part: &[u8]) {
    bytes.extend_from_slice(&(part.len() as u64).to_le_bytes());
    bytes.extend_from_slice(part);
}

/// The two hex digits of each byte.
static HEX_PAIRS: [[u8; 2]; 256] = {
    let digits = b"0123456789abcdef";
    let mut pairs = [[0; 2]; 256];
    let mut byte = 0;
    while byte < 256 {
        pairs[byte] = [digits[byte >> 4], digits[byte & 15]];
        byte += 1;
    }
    pairs
};

/// The 32 digits of a digest.
pub(crate) struct Hex([u8; 32]);

impl Hex {
    pub(crate) fn as_str(&self) -> &str {
        // Digits are text.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Display for Digest128 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.hex().as_str())
    }
}

impl fmt::Debug for Digest128 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// The text is not 32 hex digits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not 32 lower-case hex digits")]
pub struct NotADigest(pub String);

impl FromStr for Digest128 {
    type Err = NotADigest;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bad = || NotADigest(text.chars().take(64).collect());
        if text.len() != 32 || !text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)) {
            return Err(bad());
        }
        let mut bytes = [0; 16];
        for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            let pair = std::str::from_utf8(pair).map_err(|_| bad())?;
            *byte = u8::from_str_radix(pair, 16).map_err(|_| bad())?;
        }
        Ok(Self(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_survive_text_and_parts_do_not_run_together() {
        let digest = Digest128::of(&[b"ab", b"c"]);
        assert_eq!(digest.to_string().parse::<Digest128>().unwrap(), digest);
        assert_ne!(digest, Digest128::of(&[b"a", b"bc"]));
        for bad in ["", "AB", "zz", &"G".repeat(32), &"A".repeat(32), &"é".repeat(16)] {
            assert!(bad.parse::<Digest128>().is_err(), "{bad}");
        }
    }
}
