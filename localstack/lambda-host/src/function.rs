//! A function as it is configured: its settings come in, the environment of its processes leaves.
//!
//! Pure. The names are those of Lambda's reserved variables, and whoever deploys cannot override them:
//! <https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html>.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use emulator::client::{CREDENTIALS, REGION};

/// A function and how it runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Function {
    /// Its name.
    pub name: String,
    /// Its ARN, without a qualifier.
    pub arn: String,
    /// What starts it: an executable file. Its folder is `LAMBDA_TASK_ROOT`.
    pub bootstrap: PathBuf,
    /// Its `Handler`.
    pub handler: String,
    /// The variables that it was deployed with.
    pub environment: BTreeMap<String, String>,
    /// How long one invocation may take.
    pub timeout: Duration,
    /// Its `MemorySize`.
    pub memory_mb: u64,
    /// How many of its processes may run at once; none is the host's own limit.
    pub reserved_concurrency: Option<usize>,
    /// Its log group.
    pub log_group: String,
    /// `Text` or `JSON`.
    pub log_format: String,
    /// `ApplicationLogLevel`, where the format is JSON.
    pub log_level: Option<String>,
    /// Whether traces are sampled: `TracingConfig` is `Active`.
    pub is_traced: bool,
    /// What becomes of events that are invoked asynchronously.
    pub event_invoke: EventInvoke,
}

/// `EventInvokeConfig`: what becomes of an asynchronous event whose invocation fails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventInvoke {
    /// How often it is tried again, 0 to 2.
    pub maximum_retry_attempts: u32,
    /// How old it may get, 60 s to 6 h.
    pub maximum_event_age: Duration,
    /// Where the record of a success goes: the ARN of a queue, a bucket or a function.
    pub on_success: Option<String>,
    /// Where the record of a failure goes.
    pub on_failure: Option<String>,
    /// `DeadLetterConfig`: the ARN of a queue that gets the event itself.
    pub dead_letter: Option<String>,
}

impl Default for EventInvoke {
    fn default() -> Self {
        Self {
            maximum_retry_attempts: 2,
            maximum_event_age: Duration::from_secs(6 * 3600),
            on_success: None,
            on_failure: None,
            dead_letter: None,
        }
    }
}

impl Function {
    /// A function with the defaults of Lambda.
    pub fn new(name: impl Into<String>, bootstrap: impl Into<PathBuf>) -> Self {
        let name = name.into();
        Self {
            arn: format!("arn:aws:lambda:{REGION}:000000000000:function:{name}"),
            log_group: format!("/aws/lambda/{name}"),
            name,
            bootstrap: bootstrap.into(),
            handler: "bootstrap".to_owned(),
            environment: BTreeMap::new(),
            timeout: Duration::from_secs(3),
            memory_mb: 128,
            reserved_concurrency: None,
            log_format: "Text".to_owned(),
            log_level: None,
            is_traced: false,
            event_invoke: EventInvoke::default(),
        }
    }
}

/// Where a process finds what it needs.
#[derive(Debug, Clone)]
pub(crate) struct Places<'a> {
    /// `HOST:PORT` of its Runtime API.
    pub(crate) runtime_api: &'a str,
    /// The address of the emulator.
    pub(crate) emulator: Option<&'a str>,
    /// The address of the host itself.
    pub(crate) host: &'a str,
    /// A folder for its temporary files.
    pub(crate) temporary: &'a str,
    /// Its log stream.
    pub(crate) log_stream: &'a str,
}

/// Everything that a process finds in its environment: nothing of the user's.
pub(crate) fn environment(function: &Function, places: &Places<'_>) -> BTreeMap<String, String> {
    let (key, secret) = CREDENTIALS;
    let root = function.bootstrap.parent().map(|folder| folder.display().to_string()).unwrap_or_default();
    let path = std::env::var("PATH").unwrap_or_else(|_| "/usr/local/bin:/usr/bin:/bin".to_owned());
    let mut all = BTreeMap::from(
        [
            ("LANG", "C.UTF-8"),
            ("PATH", path.as_str()),
            ("TZ", ":UTC"),
            ("HOME", places.temporary),
            ("TMPDIR", places.temporary),
            // The SDK of Java speaks CBOR to Kinesis otherwise, whose sequence numbers nobody widens.
            ("AWS_CBOR_DISABLE", "true"),
            ("AWS_EC2_METADATA_DISABLED", "true"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned())),
    );
    if let Some(emulator) = places.emulator {
        all.insert("AWS_ENDPOINT_URL".to_owned(), emulator.to_owned());
    }
    all.insert("AWS_ENDPOINT_URL_LAMBDA".to_owned(), places.host.to_owned());
    all.insert("AWS_ENDPOINT_URL_KINESIS".to_owned(), places.host.to_owned());
    all.extend(function.environment.clone());
    let memory = function.memory_mb.to_string();
    let reserved = [
        ("_HANDLER", function.handler.as_str()),
        ("AWS_ACCESS_KEY_ID", key),
        ("AWS_SECRET_ACCESS_KEY", secret),
        ("AWS_REGION", REGION),
        ("AWS_DEFAULT_REGION", REGION),
        ("AWS_LAMBDA_FUNCTION_NAME", function.name.as_str()),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", memory.as_str()),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
        ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand"),
        ("AWS_LAMBDA_LOG_FORMAT", function.log_format.as_str()),
        ("AWS_LAMBDA_LOG_GROUP_NAME", function.log_group.as_str()),
        ("AWS_LAMBDA_LOG_STREAM_NAME", places.log_stream),
        ("AWS_LAMBDA_RUNTIME_API", places.runtime_api),
        ("LAMBDA_RUNTIME_DIR", root.as_str()),
        ("LAMBDA_TASK_ROOT", root.as_str()),
    ];
    all.extend(reserved.map(|(name, value)| (name.to_owned(), value.to_owned())));
    if let Some(level) = &function.log_level {
        all.insert("AWS_LAMBDA_LOG_LEVEL".to_owned(), level.clone());
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reserved_variables_win_and_the_endpoints_are_the_deployers_to_change() {
        let mut function = Function::new("orders", "/code/orders/bootstrap");
        for name in ["AWS_LAMBDA_FUNCTION_NAME", "AWS_REGION", "AWS_ENDPOINT_URL_KINESIS", "TABLE"] {
            function.environment.insert(name.to_owned(), "mine".to_owned());
        }
        let places = Places {
            runtime_api: "127.0.0.1:1",
            emulator: Some("http://127.0.0.1:2"),
            host: "http://127.0.0.1:3",
            temporary: "/t",
            log_stream: "s",
        };
        let all = environment(&function, &places);
        let value = |name: &str| all.get(name).map(String::as_str);
        assert_eq!(value("AWS_LAMBDA_FUNCTION_NAME"), Some("orders"));
        assert_eq!(value("AWS_REGION"), Some(REGION));
        assert_eq!(value("AWS_ENDPOINT_URL"), Some("http://127.0.0.1:2"));
        assert_eq!(value("AWS_ENDPOINT_URL_KINESIS"), Some("mine"));
        assert_eq!(value("TABLE"), Some("mine"));
        assert_eq!(value("LAMBDA_TASK_ROOT"), Some("/code/orders"));
        assert_eq!(value("AWS_LAMBDA_LOG_GROUP_NAME"), Some("/aws/lambda/orders"));
        assert_eq!(value("AWS_PROFILE"), None);
    }
}
