//! The bytes of a ledger: a format, the facts with a fixed length each, then the attachments.
//!
//! Format 1, which had neither reservations nor attachments, is read and no longer written.

use std::collections::BTreeMap;

use super::{Attachment, Fate, Last, Sent};
use crate::identity::Digest128;

/// The format that is written.
const FORMAT: u8 = 2;
/// The format before it: all facts confirmed, to the end of the bytes.
const FORMAT_1: u8 = 1;
/// Key, event time, revision, content, fate.
const FACT_BYTES: usize = 16 + 8 + 4 + 16 + 1;

/// The bytes are no ledger.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SentError {
    /// Written by a version of kinetick with another format.
    #[error(
        "the ledger of what was sent has format `{0}`, this version reads `{FORMAT_1}` and `{FORMAT}`: deploy the version that wrote it, or delete the item"
    )]
    UnknownFormat(u8),
    /// Cut off.
    #[error("the ledger of what was sent is damaged: delete the item; facts of the last days are then sent once more")]
    Corrupt,
}

impl Sent {
    /// Writes the ledger.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(5 + self.facts.len() * FACT_BYTES);
        out.push(FORMAT);
        // `note` keeps the number of facts far below what 32 bits count.
        out.extend_from_slice(&(self.facts.len() as u32).to_le_bytes());
        for (key, last) in &self.facts {
            let (fate, content) = match last.fate {
                Fate::Reserved(content) => (0, content),
                Fate::Confirmed(content) => (1, content),
                Fate::Disputed => (2, Digest128([0; 16])),
            };
            out.extend_from_slice(&key.0);
            out.extend_from_slice(&last.at.to_le_bytes());
            out.extend_from_slice(&last.rev.to_le_bytes());
            out.extend_from_slice(&content.0);
            out.push(fate);
        }
        for (name, attachment) in &self.attachments {
            // `attach` bounds both lengths.
            out.push(name.len() as u8);
            out.extend_from_slice(name.as_bytes());
            out.extend_from_slice(&attachment.version.to_le_bytes());
            out.extend_from_slice(&(attachment.bytes.len() as u16).to_le_bytes());
            out.extend_from_slice(&attachment.bytes);
        }
        out
    }

    /// Reads a ledger.
    pub fn decode(bytes: &[u8]) -> Result<Self, SentError> {
        let mut rest = Rest(bytes);
        match rest.byte()? {
            FORMAT_1 => {
                let mut facts = BTreeMap::new();
                while !rest.0.is_empty() {
                    let (key, at, rev, content) = rest.fact()?;
                    facts.insert(key, Last { at, rev, fate: Fate::Confirmed(content) });
                }
                Ok(Self { facts, attachments: BTreeMap::new() })
            }
            FORMAT => {
                let mut facts = BTreeMap::new();
                for _ in 0..u32::from_le_bytes(rest.array()?) {
                    let (key, at, rev, content) = rest.fact()?;
                    let fate = match rest.byte()? {
                        0 => Fate::Reserved(content),
                        1 => Fate::Confirmed(content),
                        2 => Fate::Disputed,
                        _ => return Err(SentError::Corrupt),
                    };
                    facts.insert(key, Last { at, rev, fate });
                }
                let mut attachments = BTreeMap::new();
                while !rest.0.is_empty() {
                    let length = rest.byte()?;
                    let name = std::str::from_utf8(rest.take(length.into())?).map_err(|_| SentError::Corrupt)?;
                    let version = u64::from_le_bytes(rest.array()?);
                    let length = u16::from_le_bytes(rest.array()?);
                    let bytes = rest.take(length.into())?.to_vec();
                    attachments.insert(name.to_owned(), Attachment { version, bytes });
                }
                Ok(Self { facts, attachments })
            }
            other => Err(SentError::UnknownFormat(other)),
        }
    }
}

/// What is not read yet.
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], SentError> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(SentError::Corrupt)?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], SentError> {
        let (taken, rest) = self.0.split_first_chunk().ok_or(SentError::Corrupt)?;
        self.0 = rest;
        Ok(*taken)
    }

    fn byte(&mut self) -> Result<u8, SentError> {
        Ok(u8::from_le_bytes(self.array()?))
    }

    /// Key, event time, revision and content.
    fn fact(&mut self) -> Result<(Digest128, i64, u32, Digest128), SentError> {
        let (key, at) = (Digest128(self.array()?), i64::from_le_bytes(self.array()?));
        Ok((key, at, u32::from_le_bytes(self.array()?), Digest128(self.array()?)))
    }
}
