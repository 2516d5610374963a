//! Secrets Manager: one secret, kept for a few minutes.

use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_secretsmanager::Client;
use pipeline::port::CallError;
use secrecy::SecretString;
use tokio::{sync::Mutex, time::Instant};

use crate::call_error;

/// How long a value is kept. A rotated key is in use everywhere after this time.
const KEPT: Duration = Duration::from_secs(300);

/// The secret cannot be had.
#[derive(Debug, Clone, thiserror::Error)]
pub enum SecretError {
    /// The call failed.
    #[error("the secret cannot be read: {0}")]
    Call(String),
    /// The secret has no text.
    #[error("the secret `{0}` holds bytes; put text into it")]
    NoText(String),
}

/// One secret.
#[derive(Debug)]
pub struct Secret {
    client: Client,
    id: String,
    kept: Mutex<Option<(Instant, SecretString)>>,
}

impl Secret {
    /// The secret of that name or ARN.
    pub fn new(config: &SdkConfig, id: &str) -> Self {
        Self { client: Client::new(config), id: id.to_owned(), kept: Mutex::new(None) }
    }

    /// Its current value, read again after five minutes.
    pub async fn value(&self) -> Result<SecretString, SecretError> {
        let mut kept = self.kept.lock().await;
        if let Some((read, value)) = &*kept
            && read.elapsed() < KEPT
        {
            return Ok(value.clone());
        }
        let output = self.client.get_secret_value().secret_id(&self.id).send().await.map_err(|error| {
            let CallError { message, .. } = call_error(&format!("GetSecretValue of `{}`", self.id), &error);
            SecretError::Call(message)
        })?;
        let text = output.secret_string.ok_or_else(|| SecretError::NoText(self.id.clone()))?;
        let value = SecretString::from(text);
        *kept = Some((Instant::now(), value.clone()));
        Ok(value)
    }

    /// Forgets the value, so that it is read again the next time.
    pub async fn forget(&self) {
        *self.kept.lock().await = None;
    }
}
