//! Secrets Manager: one secret, kept for a few minutes.
//!
//! A value is used for five minutes, then read again. If it cannot be read, the old one serves for an
//! hour. Whoever was refused with it may have it read at once, once a minute. Nothing here knows
//! what the value says, and nothing shows it.

use std::{future::Future, time::Duration};

use aws_config::SdkConfig;
use aws_sdk_secretsmanager::Client;
use pipeline::port::CallError;
use secrecy::{ExposeSecret, SecretString};
use tokio::{sync::Mutex, time::Instant};

use crate::call_error;

/// How long a value is used without another look. A rotated key is in use everywhere after this time.
const KEPT: Duration = Duration::from_secs(300);
/// Up to how much earlier a value is read again, so that many processes do not ask at once.
const JITTER: Duration = Duration::from_secs(30);
/// How long a value serves while Secrets Manager does not answer.
const STALE: Duration = Duration::from_secs(3_600);
/// How often a value may be read again out of turn.
const RENEWALS: Duration = Duration::from_secs(60);

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
pub struct Secret(Cache<Stored>);

impl Secret {
    /// The secret of that name or ARN.
    pub fn new(config: &SdkConfig, id: &str) -> Self {
        let stored = Stored { client: Client::new(config), id: id.to_owned() };
        let earlier = JITTER.mul_f64(fastrand::f64());
        Self(Cache { source: stored, kept_for: KEPT - earlier, state: Mutex::default() })
    }

    /// Its current value, read again after five minutes; up to an hour old while it cannot be read.
    pub async fn value(&self) -> Result<SecretString, SecretError> {
        self.0.value().await
    }

    /// Its value, read again now, if it differs from the one that is in use. `None` if it does not, if it
    /// cannot be read, or if it was read out of turn less than a minute ago.
    pub async fn renewed(&self) -> Option<SecretString> {
        self.0.renewed().await
    }

    /// Forgets the value, so that it is read again the next time.
    pub async fn forget(&self) {
        self.0.state.lock().await.kept = None;
    }
}

/// Reads the secret.
trait Read {
    fn read(&self) -> impl Future<Output = Result<SecretString, SecretError>> + Send;
}

#[derive(Debug)]
struct Stored {
    client: Client,
    id: String,
}

impl Read for Stored {
    async fn read(&self) -> Result<SecretString, SecretError> {
        let output = self.client.get_secret_value().secret_id(&self.id).send().await.map_err(|error| {
            let CallError { message, .. } = call_error(&format!("GetSecretValue of `{}`", self.id), &error);
            SecretError::Call(message)
        })?;
        let text = output.secret_string.ok_or_else(|| SecretError::NoText(self.id.clone()))?;
        Ok(SecretString::from(text))
    }
}

#[derive(Debug)]
struct Cache<Source> {
    source: Source,
    kept_for: Duration,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    kept: Option<(Instant, SecretString)>,
    renewed: Option<Instant>,
}

impl<Source: Read> Cache<Source> {
    async fn value(&self) -> Result<SecretString, SecretError> {
        let mut state = self.state.lock().await;
        if let Some((read, value)) = &state.kept
            && read.elapsed() < self.kept_for
        {
            return Ok(value.clone());
        }
        match self.source.read().await {
            Ok(value) => {
                state.kept = Some((Instant::now(), value.clone()));
                Ok(value)
            }
            Err(error) => match &state.kept {
                Some((read, value)) if read.elapsed() < STALE => Ok(value.clone()),
                _ => Err(error),
            },
        }
    }

    async fn renewed(&self) -> Option<SecretString> {
        let mut state = self.state.lock().await;
        if state.renewed.is_some_and(|renewed| renewed.elapsed() < RENEWALS) {
            return None;
        }
        state.renewed = Some(Instant::now());
        let value = self.source.read().await.ok()?;
        let is_new = state.kept.as_ref().is_none_or(|(_, kept)| kept.expose_secret() != value.expose_secret());
        state.kept = Some((Instant::now(), value.clone()));
        is_new.then_some(value)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex as Lock;

    use super::*;

    /// A service that says what it is told to, and counts.
    #[derive(Default)]
    struct Service(Lock<(Option<&'static str>, u32)>);

    impl Read for Service {
        async fn read(&self) -> Result<SecretString, SecretError> {
            let mut state = self.0.lock().unwrap();
            state.1 += 1;
            state.0.map(SecretString::from).ok_or_else(|| SecretError::Call("down".to_owned()))
        }
    }

    impl Cache<Service> {
        fn says(&self, value: Option<&'static str>) {
            self.source.0.lock().unwrap().0 = value;
        }

        fn reads(&self) -> u32 {
            self.source.0.lock().unwrap().1
        }

        async fn text(&self) -> Result<String, String> {
            self.value().await.map(|value| value.expose_secret().to_owned()).map_err(|error| error.to_string())
        }
    }

    fn cache() -> Cache<Service> {
        Cache { source: Service::default(), kept_for: KEPT, state: Mutex::default() }
    }

    #[tokio::test(start_paused = true)]
    async fn a_value_is_kept_for_minutes_and_serves_for_an_hour_at_need() {
        let cache = cache();
        assert_eq!(cache.text().await, Err("the secret cannot be read: down".to_owned()));
        cache.says(Some("one"));
        assert_eq!((cache.text().await.as_deref(), cache.reads()), (Ok("one"), 2));
        cache.says(Some("two"));
        tokio::time::advance(KEPT - Duration::from_secs(1)).await;
        assert_eq!((cache.text().await.as_deref(), cache.reads()), (Ok("one"), 2));
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!((cache.text().await.as_deref(), cache.reads()), (Ok("two"), 3));
        cache.says(None);
        tokio::time::advance(STALE - Duration::from_secs(1)).await;
        assert_eq!(cache.text().await.as_deref(), Ok("two"));
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(cache.text().await.is_err(), "after an hour it is too old");
    }

    #[tokio::test(start_paused = true)]
    async fn a_value_is_renewed_once_a_minute_and_only_if_it_changed() {
        let cache = cache();
        cache.says(Some("one"));
        assert_eq!(cache.text().await.as_deref(), Ok("one"));
        assert!(cache.renewed().await.is_none(), "it is the same");
        cache.says(Some("two"));
        assert!(cache.renewed().await.is_none(), "it was read a moment ago");
        tokio::time::advance(RENEWALS).await;
        assert_eq!(cache.renewed().await.unwrap().expose_secret(), "two");
        assert_eq!((cache.text().await.as_deref(), cache.reads()), (Ok("two"), 3));
        tokio::time::advance(RENEWALS).await;
        cache.says(None);
        assert!(cache.renewed().await.is_none(), "it cannot be read");
        assert_eq!(cache.text().await.as_deref(), Ok("two"), "and the old one serves on");
    }
}
