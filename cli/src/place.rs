//! An environment on AWS: how it is reached, and what its resources are called.
//!
//! Streams and secret have names by convention, as `template.yaml` gives them; what CloudFormation named is read
//! from the outputs of the stack. A loopback endpoint is an emulator, which is never spoken to with the user's credentials.

use std::collections::BTreeMap;

use aws_config::{Region, SdkConfig};
use aws_sdk_cloudformation::{config::ProvideCredentials, error::ProvideErrorMetadata};
use clap::Args;
use reqwest::Url;

/// Where `samconfig.toml` deploys to.
const REGION: &str = "us-east-1";

/// Which environment.
#[derive(Debug, Clone, Args)]
pub(crate) struct Place {
    /// The environment.
    #[arg(long, default_value = "dev", value_parser = ["local", "dev", "prod"])]
    env: String,
    /// Where AWS answers, if not at its own addresses: an emulator such as http://127.0.0.1:4566.
    #[arg(long, value_name = "URL", value_parser = url)]
    endpoint_url: Option<Url>,
}

/// Why AWS gives no access, and what to do.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoAccess {
    /// Nobody says as whom to speak to AWS.
    #[error("there are no credentials for AWS: {0}; {CREDENTIALS}")]
    NoCredentials(String),
    /// CloudFormation did not answer, or refused.
    #[error("the stack `{stack}` cannot be looked up in {region}: {reason}; {CREDENTIALS}")]
    Lookup { stack: String, region: String, reason: String },
    /// There is no such stack.
    #[error(
        "there is no stack `{stack}` in {region}: deploy it (`sam deploy --config-env {env}`), or name yours by `--stack`"
    )]
    NoStack { stack: String, region: String, env: String },
    /// It is no stack of this template.
    #[error("the stack `{stack}` has no output `{output}`: deploy this version, or name another stack by `--stack`")]
    NoOutput { stack: String, output: &'static str },
}

/// What to do where AWS refuses.
pub(crate) const CREDENTIALS: &str = "check the network and your credentials (AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY) and AWS_REGION";

impl Place {
    /// The environment's name.
    pub(crate) fn env(&self) -> &str {
        &self.env
    }

    fn prefix(&self) -> String {
        format!("realtime-financial-{}", self.env)
    }

    /// The stream of that kind: `financial`, `crypto` or `events`.
    pub(crate) fn stream(&self, kind: &str) -> String {
        format!("{}-{kind}-stream", self.prefix())
    }

    /// The secret that holds the access to the vendor.
    pub(crate) fn secret(&self) -> String {
        format!("{}/alpha-vantage", self.prefix())
    }

    /// The stack as `samconfig.toml` names it.
    pub(crate) fn stack(&self) -> String {
        format!("kinetick-{}", self.env)
    }

    /// The configuration of all clients, once there are credentials for them.
    pub(crate) async fn sdk_config(&self) -> Result<SdkConfig, NoAccess> {
        if let Some(url) = self.endpoint_url.as_ref().filter(|url| is_loopback(url)) {
            return Ok(emulator::sdk_config(url.as_str().trim_end_matches('/')));
        }
        let sdk = aws::sdk_config().await;
        match sdk.credentials_provider() {
            None => return Err(NoAccess::NoCredentials("none are configured".to_owned())),
            Some(provider) => {
                let given = provider.provide_credentials().await;
                given.map_err(|error| NoAccess::NoCredentials(innermost(&error)))?
            }
        };
        let region = sdk.region().cloned().unwrap_or(Region::from_static(REGION));
        let mut builder = sdk.into_builder();
        builder.set_region(region);
        if let Some(url) = &self.endpoint_url {
            builder.set_endpoint_url(Some(url.as_str().trim_end_matches('/').to_owned()));
        }
        Ok(builder.build())
    }

    /// The outputs of that stack of the environment.
    pub(crate) async fn outputs(&self, sdk: &SdkConfig, stack: &str) -> Result<Outputs, NoAccess> {
        let client = aws_sdk_cloudformation::Client::new(sdk);
        let stack = stack.to_owned();
        match sdk.credentials_provider() {
            None => return Err(NoAccess::NoCredentials("none are configured".to_owned())),
            Some(provider) => {
                let given = provider.provide_credentials().await;
                given.map_err(|error| NoAccess::NoCredentials(innermost(&error)))?
            }
        };
        let region = sdk.region().map(ToString::to_string).unwrap_or_default();
        let env = self.env.clone();
        let described = match client.describe_stacks().stack_name(&stack).send().await {
            Ok(described) => described,
            Err(error) if error.message().is_some_and(|message| message.contains("does not exist")) => {
                return Err(NoAccess::NoStack { stack, region, env });
            }
            Err(error) => return Err(NoAccess::Lookup { stack, region, reason: in_words(&error) }),
        };
        match described.stacks.into_iter().flatten().next() {
            Some(found) => {
                let outputs = found.outputs.into_iter().flatten();
                let values = outputs.filter_map(|output| Some((output.output_key?, output.output_value?))).collect();
                Ok(Outputs { stack, values })
            }
            None => Err(NoAccess::NoStack { stack, region, env }),
        }
    }
}

/// What a stack says of its resources.
#[derive(Debug)]
pub(crate) struct Outputs {
    stack: String,
    values: BTreeMap<String, String>,
}

impl Outputs {
    /// One of them.
    pub(crate) fn get(&self, output: &'static str) -> Result<&str, NoAccess> {
        let value = self.values.get(output).map(String::as_str);
        value.ok_or_else(|| NoAccess::NoOutput { stack: self.stack.clone(), output })
    }
}

/// What the service said, or why it could not be asked.
pub(crate) fn in_words(error: &(impl ProvideErrorMetadata + std::error::Error + 'static)) -> String {
    if let (Some(code), Some(message)) = (error.code(), error.message()) {
        return format!("{message} ({code})");
    }
    innermost(error)
}

/// The innermost cause says it; what lies around it names layers of the SDK.
fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string().trim_end_matches('.').to_owned()
}

/// A URL of HTTP that names a host.
pub(crate) fn url(text: &str) -> Result<Url, String> {
    match Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => Ok(url),
        _ => Err("write a URL such as http://127.0.0.1:4566".to_owned()),
    }
}

/// Whether it leads to this machine.
pub(crate) fn is_loopback(url: &Url) -> bool {
    matches!(url.host_str(), Some("127.0.0.1" | "localhost" | "[::1]"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_loopback() {
        for (text, loopback) in [
            ("http://127.0.0.1:4566", true),
            ("http://localhost", true),
            ("http://[::1]:1/query", true),
            ("http://127.0.0.1@example.com/", false),
            ("https://127.0.0.1.example.com", false),
            ("https://example.com/127.0.0.1", false),
        ] {
            assert_eq!(is_loopback(&url(text).unwrap()), loopback, "{text}");
        }
        for text in ["", "127.0.0.1:4566", "ftp://127.0.0.1", "http://", "file:///etc/passwd"] {
            assert!(url(text).is_err(), "{text}");
        }
    }

    #[test]
    fn names_are_those_of_the_template() {
        let place = Place { env: "dev".to_owned(), endpoint_url: None };
        assert_eq!(place.stream("crypto"), "realtime-financial-dev-crypto-stream");
        assert_eq!(place.secret(), "realtime-financial-dev/alpha-vantage");
        assert_eq!(place.stack(), "kinetick-dev");
    }
}
