//! S3: dead letters, one object per batch, as functions and mappings store them and as they are parked.

use aws_config::SdkConfig;
use aws_sdk_s3::{Client, config::Builder, error::SdkError, primitives::ByteStream};
use failure::{DeadLetter, object_key};
use pipeline::port::{CallError, KeepDeadLetters, LetterObjects};

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

impl LetterObjects for DeadLetterBucket {
    async fn read(&self, key: &str) -> Result<Option<Vec<u8>>, CallError> {
        let action = || format!("GetObject `{key}` of `{}`", self.bucket);
        let object = match self.client.get_object().bucket(&self.bucket).key(key).send().await {
            Ok(object) => object,
            Err(SdkError::ServiceError(error)) if error.err().is_no_such_key() => return Ok(None),
            Err(error) => return Err(call_error(&action(), &error)),
        };
        let body = object.body.collect().await;
        let body = body.map_err(|error| CallError::unavailable(format!("{}: {error}", action())))?;
        Ok(Some(body.to_vec()))
    }

    async fn write(&self, key: &str, body: Vec<u8>) -> Result<(), CallError> {
        self.client
            .put_object()
            .bucket(&self.bucket)
            .key(key)
            .content_type("application/x-ndjson")
            .body(ByteStream::from(body))
            .send()
            .await
            .map_err(|error| call_error(&format!("PutObject `{key}` to `{}`", self.bucket), &error))?;
        Ok(())
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
        self.write(&key, body.into_bytes()).await
    }
}
