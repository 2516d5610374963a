//! Lambda: functions are invoked, and their answers are waited for.
//!
//! Never tried again by the SDK: the function may have done its work although the answer was lost, and whether it is
//! invoked once more is the caller's.

use std::time::Duration;

use aws_config::{SdkConfig, retry::RetryConfig, timeout::TimeoutConfig};
use aws_sdk_lambda::{Client, config, primitives::Blob, types::InvocationType::RequestResponse};
use pipeline::port::{CallError, InvokeFunction, Invoked};

use crate::call_error;

/// How much of a function's words about its error is kept.
const ERROR_CHARS: usize = 300;

/// The functions of one environment.
#[derive(Debug, Clone)]
pub struct Functions {
    client: Client,
    prefix: String,
}

impl Functions {
    /// Those whose names begin with `prefix`, such as `realtime-financial-dev-`. `longest` is the most that one of them
    /// may take.
    pub fn new(config: &SdkConfig, prefix: &str, longest: Duration) -> Self {
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(Duration::from_secs(2))
            .operation_attempt_timeout(longest)
            .operation_timeout(longest);
        let config = config::Builder::from(config)
            .retry_config(RetryConfig::disabled())
            .timeout_config(timeouts.build())
            .build();
        Self { client: Client::from_conf(config), prefix: prefix.to_owned() }
    }
}

impl InvokeFunction for Functions {
    async fn invoke(&self, function: &str, event: &[u8]) -> Result<Invoked, CallError> {
        let name =
            if function.starts_with(&self.prefix) { function.to_owned() } else { format!("{}{function}", self.prefix) };
        let call = self.client.invoke().function_name(&name).invocation_type(RequestResponse).payload(Blob::new(event));
        let output = call.send().await.map_err(|error| call_error(&format!("Invoke `{name}`"), &error))?;
        let answer = output.payload.map(Blob::into_inner).unwrap_or_default();
        Ok(match output.function_error {
            None => Invoked::Returned(answer),
            Some(error) => {
                let words: String = String::from_utf8_lossy(&answer).chars().take(ERROR_CHARS).collect();
                Invoked::Failed(format!("{error} {words}"))
            }
        })
    }
}
