//! The limits of the services on the way, each with its unit and where it is written.

/// Records in one PutRecords call.
/// <https://docs.aws.amazon.com/kinesis/latest/APIReference/API_PutRecords.html>
pub const PUT_RECORDS_COUNT: usize = 500;
/// Bytes of data and partition keys in one PutRecords call. AWS takes 10 MiB by now; 5 MiB is what
/// every region and emulator takes.
pub const PUT_RECORDS_BYTES: usize = 5 * 1024 * 1024;
/// Bytes of data and partition key in one Kinesis record, by a stream's default.
/// <https://docs.aws.amazon.com/streams/latest/dev/service-sizes-and-limits.html>
pub const KINESIS_RECORD_BYTES: usize = 1024 * 1024;
/// Characters in a partition key.
pub const PARTITION_KEY_CHARS: usize = 256;
/// Records in one PutRecordBatch call.
/// <https://docs.aws.amazon.com/firehose/latest/APIReference/API_PutRecordBatch.html>
pub const PUT_RECORD_BATCH_COUNT: usize = 500;
/// Bytes in one PutRecordBatch call.
pub const PUT_RECORD_BATCH_BYTES: usize = 4 * 1024 * 1024;
/// Bytes in one Firehose record, before base64.
pub const FIREHOSE_RECORD_BYTES: usize = 1000 * 1024;
/// What Firehose bills at least for a record, in bytes; this is why lines are packed.
/// <https://aws.amazon.com/firehose/pricing/>
pub const FIREHOSE_BILLED_BYTES: usize = 5 * 1024;
