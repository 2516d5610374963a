//! The record on the wire: what stands in a Kinesis record and in a line of the archive.
//!
//! Facts enter, bytes leave, and the other way round; partition keys, batches within the limits of
//! each service, and packed Firehose records are worked out here. Nothing here sends anything.

mod decode;
mod encode;
mod entry;
mod event;
mod identity;
pub mod limits;
mod outbox;
mod pack;
mod partition;
mod sent;

pub use decode::{DecodeError, Decoded, SCHEMAS, decode};
pub use encode::{
    IndicatorBody, IndicatorFlag, IndicatorReading, IndicatorWriter, OutputName, Record, Rendered, SeriesText, Source,
    indicator, observation, rfc3339_millis,
};
pub use entry::{Entry, Oversized};
pub use event::{BatchRecord, KinesisBatch, NotBase64};
pub use identity::{Digest128, Id, Key};
pub use outbox::{Again, Call, Left, Outbox, Parcel};
pub use pack::{Lines, Packed, pack};
pub use partition::{PartitionKey, crypto, event, financial};
pub use sent::{
    ATTACHMENT_BYTES, ATTACHMENT_NAME_BYTES, ATTACHMENTS_MAX, Attachment, AttachmentError, SENT_MAX, Sent, SentError,
};
