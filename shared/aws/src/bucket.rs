//! S3: dead letters, one object per batch.

use aws_config::SdkConfig;
use aws_sdk_s3::{Client, config::Builder, primitives::ByteStream};
use failure::{DeadLetter, object_key};
use pipeline::port::{CallError, KeepDeadLetters};

use crate::call_error;

/// The bucket of the dead letters.
#[derive(Debug, Clone)]
pub struct DeadLetterBucket {
    client: Client,
    bucket: String,
}

impl DeadLetterBucket {
    /// The bucket of that name. Emulators have no host names for buckets, so paths name them there.
    pub fn new(config: &SdkConfig, bucket: &str) -> Self {
        let emulated = config.endpoint_url().is_some() || std::env::var_os("AWS_ENDPOINT_URL").is_some();
        let client = Client::from_conf(Builder::from(config).force_path_style(emulated).build());
        Self { client, bucket: bucket.to_owned() }
    }
}

impl KeepDeadLetters for DeadLetterBucket {
    async fn keep(&self, letters: &[DeadLetter]) -> Result<(), CallError> {
        let Some(key) = object_key(letters) else { return Ok(()) };
        let mut body = String::new();
        for letter in letters {
            body.push_str(&letter.to_line());
            body.push('\n');
        }
        self.client
            .put_object()
            .bucket(&self.bucket)
            .key(&key)
            .content_type("application/x-ndjson")
            .body(ByteStream::from(body.into_bytes()))
            .send()
            .await
            .map_err(|error| call_error(&format!("PutObject `{key}` to `{}`", self.bucket), &error))?;
        Ok(())
    }
}
