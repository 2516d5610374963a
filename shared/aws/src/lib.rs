//! The pipeline's ports on AWS, one file per service. Calls go out, answers or plain words come back.
//!
//! Clients are built once, at the start, without a call. How often a call is tried again is the
//! pipeline's; the SDK retries only what it can tell is safe, briefly.

mod bucket;
mod firehose;
mod functions;
mod kinesis;
mod listings;
mod quota;
mod secret;
mod shard;
mod table;

use std::time::Duration;

use aws_config::{BehaviorVersion, SdkConfig, retry::RetryConfig, timeout::TimeoutConfig};
use failure::Kind;
use pipeline::port::CallError;

pub use bucket::DeadLetterBucket;
pub use firehose::DeliveryStream;
pub use functions::Functions;
pub use kinesis::Stream;
pub use quota::Quota;
pub use secret::{Secret, SecretError};
pub use shard::{NamedStreams, Shards};
pub use table::StateTable;

/// The configuration of all clients, from the process' environment. Makes no call.
pub async fn sdk_config() -> SdkConfig {
    aws_config::defaults(BehaviorVersion::latest())
        .retry_config(RetryConfig::standard().with_max_attempts(3))
        .timeout_config(
            TimeoutConfig::builder()
                .connect_timeout(Duration::from_secs(2))
                .operation_attempt_timeout(Duration::from_secs(5))
                .operation_timeout(Duration::from_secs(12))
                .build(),
        )
        .load()
        .await
}

/// What a failed call says, in plain words.
fn call_error<E, R>(action: &str, error: &aws_sdk_kinesis::error::SdkError<E, R>) -> CallError
where
    E: aws_sdk_kinesis::error::ProvideErrorMetadata,
{
    use std::error::Error as _;

    use aws_sdk_kinesis::error::SdkError;
    let (kind, reason) = match error {
        SdkError::ServiceError(service) => {
            let code = service.err().code().unwrap_or("unknown error");
            let message = service.err().message().unwrap_or_default();
            (kind_of(code), format!("{code} {message}"))
        }
        SdkError::TimeoutError(_) => (Kind::Unavailable, "no answer in time; it may have had its effect".to_owned()),
        SdkError::DispatchFailure(failure) => {
            let mut words = "the service cannot be reached".to_owned();
            let mut cause: Option<&dyn std::error::Error> =
                failure.as_connector_error().and_then(|error| error.source());
            while let Some(error) = cause {
                words.push_str(": ");
                words.push_str(&error.to_string());
                cause = error.source();
            }
            (Kind::Unavailable, words)
        }
        SdkError::ResponseError(_) => (Kind::Unavailable, "the answer could not be read".to_owned()),
        _ => (Kind::Denied, "the request could not be built".to_owned()),
    };
    CallError { kind, message: format!("{action}: {}", reason.trim()) }
}

/// A code that only a person can mend is told from trouble that passes.
fn kind_of(code: &str) -> Kind {
    let denied = ["AccessDenied", "ResourceNotFound", "NoSuchBucket", "UnrecognizedClient", "InvalidSignature"];
    if denied.iter().any(|word| code.starts_with(word)) || code.starts_with("KMS") {
        Kind::Denied
    } else {
        Kind::Unavailable
    }
}
