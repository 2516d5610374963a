//! How the emulator is spoken to: an endpoint comes in, a configuration for every AWS client leaves.
//!
//! Reads neither the environment nor `~/.aws`: a profile, a proxy or a key of the user can neither
//! break a run on this machine nor turn it into one against a real account.

use std::time::Duration;

use aws_config::{
    BehaviorVersion, Region, SdkConfig, retry::RetryConfig, stalled_stream_protection::StalledStreamProtectionConfig,
    timeout::TimeoutConfig,
};
use aws_sdk_s3::{
    config::{Credentials, RequestChecksumCalculation, SharedCredentialsProvider},
    error::{ProvideErrorMetadata, SdkError},
};
use aws_smithy_http_client::{
    Builder as HttpClientBuilder,
    tls::{Provider, rustls_provider::CryptoMode},
};

/// The region that everything on this machine is in.
pub const REGION: &str = "us-east-1";
/// Access key and secret that the emulator takes; it checks neither.
pub const CREDENTIALS: (&str, &str) = ("test", "test");

/// Longest time for one attempt of a call. Loopback answers in milliseconds; a bootstrap of 40 MB on
/// a busy machine takes seconds to upload.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(60);

/// The configuration for every client of the emulator at this endpoint (`http://127.0.0.1:PORT`).
///
/// S3 clients are made by [`s3_client`], since the emulator wants path style.
pub fn sdk_config(endpoint: &str) -> SdkConfig {
    let (key, secret) = CREDENTIALS;
    // Unlike the SDK's default, this one does not follow HTTP_PROXY, which would send loopback away.
    let http_client = HttpClientBuilder::new().tls_provider(Provider::Rustls(CryptoMode::AwsLc)).build_https();
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(REGION))
        .endpoint_url(endpoint)
        .http_client(http_client)
        .credentials_provider(SharedCredentialsProvider::new(Credentials::new(key, secret, None, None, "emulator")))
        .retry_config(RetryConfig::standard().with_max_attempts(3))
        .timeout_config(
            TimeoutConfig::builder()
                .connect_timeout(Duration::from_secs(3))
                .operation_attempt_timeout(ATTEMPT_TIMEOUT)
                .build(),
        )
        // A single Python process that hashes an upload stalls for seconds and is well.
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        // Spares the trailing checksum of a chunked upload.
        .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
        .build()
}

/// An S3 client with addresses in path style, `http://HOST/bucket/key`.
pub fn s3_client(config: &SdkConfig) -> aws_sdk_s3::Client {
    let config = aws_sdk_s3::config::Builder::from(config).force_path_style(true).build();
    aws_sdk_s3::Client::from_conf(config)
}

/// What a service said, or why it could not be asked, without the SDK's debug output.
pub(crate) fn said<E, R>(error: &SdkError<E, R>) -> String
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
    R: std::fmt::Debug + 'static,
{
    if let (Some(code), Some(message)) = (error.code(), error.message()) {
        return format!("{message} ({code})");
    }
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_the_environment_is_in_the_configuration() {
        let config = sdk_config("http://127.0.0.1:4566");
        assert_eq!(config.region().map(Region::as_ref), Some(REGION));
        assert_eq!(config.endpoint_url(), Some("http://127.0.0.1:4566"));
        // The only way from an environment variable into a client of a finished configuration.
        assert!(config.service_config().is_none());
    }
}
