//! Small blobs that ride along in a ledger's item, such as the state of a detector per series.
//!
//! Their bytes mean nothing here. Of one name the greatest version stays, by number and then by bytes.

use std::collections::BTreeMap;

/// Attachments of one ledger at the most.
pub const ATTACHMENTS_MAX: usize = 16;
/// Bytes of one attachment at the most.
pub const ATTACHMENT_BYTES: usize = 1024;
/// Bytes of an attachment's name at the most.
pub const ATTACHMENT_NAME_BYTES: usize = 128;

/// A blob with the version that its owner gives it: how much it has seen.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Attachment {
    /// Rises with what the blob has seen; the greater one stays when ledgers are merged.
    pub version: u64,
    /// The blob.
    pub bytes: Vec<u8>,
}

/// Why something cannot ride along.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AttachmentError {
    /// Too many bytes.
    #[error("attachment `{name}` has {size} bytes; a ledger takes {ATTACHMENT_BYTES}: keep less, or keep it elsewhere")]
    TooLarge {
        /// Its name.
        name: String,
        /// Its size in bytes.
        size: usize,
    },
    /// The name is too long.
    #[error("an attachment's name has {0} bytes; a ledger takes {ATTACHMENT_NAME_BYTES}: choose a shorter one")]
    NameTooLong(usize),
    /// The ledger is full.
    #[error("attachment `{0}` is one too many; a ledger takes {ATTACHMENTS_MAX}: keep it in the ledger of its subject")]
    TooMany(String),
}

pub(super) fn attach(
    all: &mut BTreeMap<String, Attachment>,
    name: &str,
    attachment: Attachment,
) -> Result<(), AttachmentError> {
    if name.len() > ATTACHMENT_NAME_BYTES {
        return Err(AttachmentError::NameTooLong(name.len()));
    }
    if attachment.bytes.len() > ATTACHMENT_BYTES {
        return Err(AttachmentError::TooLarge { name: name.to_owned(), size: attachment.bytes.len() });
    }
    if all.len() >= ATTACHMENTS_MAX && !all.contains_key(name) {
        return Err(AttachmentError::TooMany(name.to_owned()));
    }
    // The same version again is not written over: whoever has seen the same keeps the same.
    match all.get(name) {
        Some(kept) if kept.version >= attachment.version => {}
        _ => drop(all.insert(name.to_owned(), attachment)),
    }
    Ok(())
}

/// Joins by name. If there are too many together, those that have seen most stay.
pub(super) fn merge(all: &mut BTreeMap<String, Attachment>, other: &BTreeMap<String, Attachment>) {
    for (name, theirs) in other {
        match all.get(name) {
            Some(kept) if kept >= theirs => {}
            _ => drop(all.insert(name.clone(), theirs.clone())),
        }
    }
    while all.len() > ATTACHMENTS_MAX
        && let Some(least) = all.iter().min_by_key(|(name, kept)| (kept.version, *name)).map(|(name, _)| name.clone())
    {
        all.remove(&least);
    }
}
