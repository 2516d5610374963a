//! Reads what is deployed: a stack of the emulator comes in, functions, mappings and schedules as settings leave.
//!
//! Names and ARNs are those of the resources that were made. What the emulator drops on the way (the window of a
//! mapping, the zone of a schedule) is taken from the template as it stands after the SAM transform. Nested stacks
//! count. What this host cannot run is named, and is not an error.

use std::{
    collections::{BTreeMap, VecDeque},
    io,
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use aws_sdk_cloudformation::{
    Client,
    error::{DisplayErrorContext, ProvideErrorMetadata, SdkError},
};
use hyper::Method;
use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use sam_template::{Given, Template};
use serde_json::{Value, json};

use crate::{
    code,
    function::{EventInvoke, Function},
    host::{Mapping, Setup, Source},
    http::{CallError, Emulator},
    schedules::Schedule,
    stream::Stream,
};
use event_source_mapping::{
    kinesis::{Destination, Settings, StartingPosition},
    sqs,
};

/// Why what is deployed cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The emulator does not answer as it should.
    #[error("cannot read what is deployed at `{endpoint}`: {reason}")]
    Emulator {
        /// Its address.
        endpoint: String,
        /// Why.
        reason: String,
    },
    /// No stack is the one that is meant.
    #[error(
        "{} at `{endpoint}` with the functions of the template: deploy it there first, or name the stack by \
         `--stack-name`", if .found.is_empty() { "there is no stack".to_owned() } else { format!("there are the stacks {}", .found.join(", ")) }
    )]
    Stack {
        /// The address of the emulator.
        endpoint: String,
        /// Those that have all functions.
        found: Vec<String>,
    },
    /// A function's code.
    #[error("cannot get the code of function `{function}`: {source}")]
    Code {
        /// Which.
        function: String,
        /// Why.
        source: io::Error,
    },
    /// A function without a program.
    #[error(
        "the code of function `{0}` has no file `bootstrap`: build it, so that one lies in its `CodeUri` or in \
         `.aws-sam/build`"
    )]
    NoBootstrap(String),
    /// A schedule whose expression is none.
    #[error("schedule `{name}`: {reason}")]
    Schedule {
        /// Which.
        name: String,
        /// Why.
        reason: String,
    },
}

/// Something that a stack made, with what its template says of it.
#[derive(Debug)]
struct Made {
    logical_id: String,
    physical_id: String,
    kind: String,
    /// What of its properties is no symbol.
    properties: Value,
}

struct Reader {
    emulator: Emulator,
    setup: Setup,
    folder: Arc<tempfile::TempDir>,
}

/// Reads a stack. `bootstraps` are programs on this disk by the logical ids of their functions; the code of the others
/// is taken from the emulator.
pub async fn read(endpoint: &str, stack: &str, bootstraps: &BTreeMap<String, PathBuf>) -> Result<Setup, ReadError> {
    let folder = tempfile::Builder::new().prefix("kinetick-code-").tempdir();
    let folder = Arc::new(folder.map_err(|source| ReadError::Code { function: "*".to_owned(), source })?);
    let mut reader = Reader { emulator: Emulator::new(endpoint), setup: Setup::default(), folder };
    let (all, unknown) = stack_resources(endpoint, stack).await?;
    reader.setup.unknown = unknown;
    let of = |kind: &'static str| all.iter().filter(move |made| made.kind == kind);
    for made in of("AWS::Lambda::Function") {
        reader.function(made, bootstraps.get(&made.logical_id)).await?;
    }
    for made in of("AWS::Lambda::EventSourceMapping") {
        reader.mapping(made).await?;
    }
    for made in of("AWS::Scheduler::Schedule") {
        reader.schedule(made).await?;
    }
    for made in of("AWS::Events::Rule") {
        reader.rule(made).await?;
    }
    reader.setup.folders.push(reader.folder);
    Ok(reader.setup)
}

/// Finds the stack that made all of these functions, by their logical ids.
pub async fn find_stack(endpoint: &str, functions: &[String]) -> Result<String, ReadError> {
    let client = Client::new(&emulator::sdk_config(endpoint));
    let stacks = client.describe_stacks().send().await.map_err(|error| failed(endpoint, &error))?;
    let mut found = Vec::new();
    for name in stacks.stacks.unwrap_or_default().into_iter().filter_map(|stack| stack.stack_name) {
        let resources = client.list_stack_resources().stack_name(&name).into_paginator().items().send();
        let resources = resources.try_collect().await.map_err(|error| failed(endpoint, &error))?;
        let made: Vec<_> = resources.into_iter().filter_map(|resource| resource.logical_resource_id).collect();
        if functions.iter().all(|function| made.contains(function)) {
            found.push(name);
        }
    }
    match found.as_slice() {
        [one] => Ok(one.clone()),
        _ => Err(ReadError::Stack { endpoint: endpoint.to_owned(), found }),
    }
}

/// Switches off the emulator's own mappings and schedules of what a host is going to run.
pub async fn switch_off(endpoint: &str, setup: &Setup) -> Result<(), ReadError> {
    let emulator = Emulator::new(endpoint);
    let failed = |error: CallError| ReadError::Emulator { endpoint: endpoint.to_owned(), reason: error.to_string() };
    for mapping in &setup.mappings {
        let uuid = match &mapping.source {
            Source::Kinesis(settings) => &settings.uuid,
            Source::Sqs(settings) => &settings.uuid,
        };
        let path = format!("/2015-03-31/event-source-mappings/{uuid}");
        emulator.rest("lambda", Method::PUT, &path, Some(&json!({"Enabled": false}))).await.map_err(failed)?;
    }
    for schedule in &setup.schedules {
        if schedule.is_rule {
            let (bus, name) = rule_of(&schedule.arn);
            let body = json!({"Name": name, "EventBusName": bus});
            emulator.ask("events", "AWSEvents.DisableRule", &body).await.map_err(failed)?;
            continue;
        }
        let (group, name) = schedule_of(&schedule.arn);
        let path = format!("/schedules/{name}?groupName={group}");
        let mut body = emulator.rest("scheduler", Method::GET, &path, None).await.map_err(failed)?;
        body["State"] = json!("DISABLED");
        let path = format!("/schedules/{name}");
        emulator.rest("scheduler", Method::PUT, &path, Some(&body)).await.map_err(failed)?;
    }
    Ok(())
}

/// Group and name in `arn:…:schedule/GROUP/NAME`.
fn schedule_of(arn: &str) -> (&str, &str) {
    let mut parts = arn.split('/').skip(1);
    (parts.next().unwrap_or("default"), parts.next().unwrap_or_default())
}

/// Bus and name in `arn:…:rule/NAME` or `arn:…:rule/BUS/NAME`.
fn rule_of(arn: &str) -> (&str, &str) {
    let rest = arn.split_once('/').map_or("", |(_, rest)| rest);
    rest.rsplit_once('/').unwrap_or(("default", rest))
}

/// What a stack and those nested in it made.
async fn stack_resources(endpoint: &str, stack: &str) -> Result<(Vec<Made>, Vec<String>), ReadError> {
    let client = Client::new(&emulator::sdk_config(endpoint));
    let mut waiting = VecDeque::from([stack.to_owned()]);
    let (mut all, mut unknown) = (Vec::new(), Vec::new());
    while let Some(stack) = waiting.pop_front() {
        let described = client.describe_stacks().stack_name(&stack).send().await.map_err(|e| failed(endpoint, &e))?;
        let parameters =
            described.stacks.unwrap_or_default().into_iter().flat_map(|it| it.parameters.unwrap_or_default());
        let parameters = parameters.filter_map(|it| Some((it.parameter_key?, it.parameter_value?)));
        let given = Given::parameters(parameters);
        let template = client.get_template().stack_name(&stack).send().await.map_err(|e| failed(endpoint, &e))?;
        let template = Template::parse(template.template_body.as_deref().unwrap_or_default());
        let template = template
            .map_err(|error| ReadError::Emulator { endpoint: endpoint.to_owned(), reason: error.to_string() })?;
        let mut said = BTreeMap::new();
        for kind in [
            "AWS::Lambda::Function",
            "AWS::Lambda::EventSourceMapping",
            "AWS::Scheduler::Schedule",
            "AWS::Events::Rule",
        ] {
            match template.resources(kind, &given) {
                Ok(resources) => said.extend(resources.into_iter().map(|it| (it.id, literal(&it.properties)))),
                Err(error) => unknown.push(format!("{kind} of stack `{stack}`: {error}; taken as the emulator has it")),
            }
        }
        let mut pages = client.list_stack_resources().stack_name(&stack).into_paginator().items().send();
        while let Some(resource) = pages.next().await {
            let resource = resource.map_err(|error| failed(endpoint, &error))?;
            let (Some(logical_id), Some(physical_id), Some(kind)) =
                (resource.logical_resource_id, resource.physical_resource_id, resource.resource_type)
            else {
                continue;
            };
            if kind == "AWS::CloudFormation::Stack" {
                waiting.push_back(physical_id.clone());
            }
            let properties = said.remove(&logical_id).unwrap_or(Value::Null);
            all.push(Made { logical_id, physical_id, kind, properties });
        }
    }
    Ok((all, unknown))
}

fn failed<E, R>(endpoint: &str, error: &SdkError<E, R>) -> ReadError
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
    R: std::fmt::Debug + 'static,
{
    let reason = error.message().map_or_else(|| DisplayErrorContext(error).to_string(), str::to_owned);
    ReadError::Emulator { endpoint: endpoint.to_owned(), reason }
}

/// A value as JSON, without what only a deployment knows.
fn literal(value: &sam_template::Value) -> Value {
    match value {
        sam_template::Value::List(items) => items.iter().map(literal).collect(),
        sam_template::Value::Map(entries) => {
            let known = entries.iter().map(|(name, value)| (name.clone(), literal(value)));
            Value::Object(known.filter(|(_, value)| !value.is_null()).collect())
        }
        sam_template::Value::Bool(value) => json!(value),
        scalar => scalar.text().map_or(Value::Null, |text| json!(text)),
    }
}

/// A number, which may stand as a text.
fn integer(value: Option<&Value>) -> Option<i64> {
    let value = value?;
    value.as_i64().or_else(|| value.as_str()?.trim().parse().ok()).or_else(|| value.as_f64().map(|it| it as i64))
}

fn boolean(value: Option<&Value>) -> Option<bool> {
    let value = value?;
    value.as_bool().or_else(|| value.as_str()?.trim().to_ascii_lowercase().parse().ok())
}

fn text<'a>(value: &'a Value, pointer: &str) -> Option<&'a str> {
    value.pointer(pointer)?.as_str().filter(|text| !text.is_empty())
}

/// A moment, written out or in seconds since 1970.
fn moment(value: Option<&Value>) -> Option<Timestamp> {
    let value = value?;
    let seconds = value.as_f64().or_else(|| value.as_str()?.parse().ok());
    seconds
        .and_then(|seconds| Timestamp::from_millisecond((seconds * 1000.0) as i64).ok())
        .or_else(|| value.as_str()?.parse().ok())
}

/// The name in an ARN of a function, or the name itself.
fn function_name(text: &str) -> &str {
    let rest = text.split_once(":function:").map_or(text, |(_, rest)| rest);
    rest.split(':').next().unwrap_or(rest)
}

impl Made {
    /// What the template says, else what the emulator has.
    fn property<'a>(&'a self, emulator: &'a Value, name: &str) -> Option<&'a Value> {
        self.properties.get(name).or_else(|| emulator.get(name)).filter(|value| !value.is_null())
    }
}

impl Reader {
    fn failed(&self, error: &CallError) -> ReadError {
        ReadError::Emulator { endpoint: self.emulator.endpoint().to_owned(), reason: error.to_string() }
    }

    async fn get(&self, service: &str, path: &str) -> Result<Value, ReadError> {
        self.emulator.rest(service, Method::GET, path, None).await.map_err(|error| self.failed(&error))
    }

    fn is_mine(&self, function: &str) -> bool {
        self.setup.functions.iter().any(|own| own.name == function)
    }

    async fn function(&mut self, made: &Made, bootstrap: Option<&PathBuf>) -> Result<(), ReadError> {
        let name = &made.physical_id;
        let found = self.get("lambda", &format!("/2015-03-31/functions/{name}")).await?;
        let config = &found["Configuration"];
        let runtime = text(config, "/Runtime").unwrap_or_default();
        if !runtime.starts_with("provided") {
            let what = if runtime.is_empty() { "is an image" } else { runtime };
            self.setup.unknown.push(format!(
                "function `{}` ({what}): only `provided.*` runs here; left to the emulator",
                made.logical_id
            ));
            return Ok(());
        }
        let bootstrap = match bootstrap {
            Some(bootstrap) => bootstrap.clone(),
            None => self.download(name, text(&found, "/Code/Location")).await?,
        };
        let mut function = Function::new(name.clone(), bootstrap);
        if let Some(arn) = text(config, "/FunctionArn") {
            function.arn = arn.to_owned();
        }
        if let Some(handler) = text(config, "/Handler") {
            function.handler = handler.to_owned();
        }
        let variables = config.pointer("/Environment/Variables").and_then(Value::as_object).into_iter().flatten();
        let variable = |(name, value): (&String, &Value)| {
            (name.clone(), value.as_str().map_or_else(|| value.to_string(), str::to_owned))
        };
        function.environment = variables.map(variable).collect();
        if let Some(seconds) = integer(config.get("Timeout")).and_then(|seconds| u64::try_from(seconds).ok()) {
            function.timeout = Duration::from_secs(seconds);
        }
        if let Some(memory) = integer(config.get("MemorySize")).and_then(|memory| u64::try_from(memory).ok()) {
            function.memory_mb = memory;
        }
        let reserved = found.pointer("/Concurrency/ReservedConcurrentExecutions");
        let reserved = integer(reserved).or_else(|| integer(made.properties.get("ReservedConcurrentExecutions")));
        function.reserved_concurrency = reserved.and_then(|limit| usize::try_from(limit).ok());
        function.is_traced = text(config, "/TracingConfig/Mode") == Some("Active");
        if let Some(format) = text(config, "/LoggingConfig/LogFormat") {
            function.log_format = format.to_owned();
        }
        function.log_level = text(config, "/LoggingConfig/ApplicationLogLevel").map(str::to_owned);
        if let Some(group) = text(config, "/LoggingConfig/LogGroup") {
            function.log_group = group.to_owned();
        }
        function.event_invoke = self.event_invoke(name, config).await?;
        self.setup.functions.push(function);
        Ok(())
    }

    async fn event_invoke(&self, name: &str, config: &Value) -> Result<EventInvoke, ReadError> {
        let path = format!("/2019-09-25/functions/{name}/event-invoke-config");
        let found = match self.emulator.rest("lambda", Method::GET, &path, None).await {
            Ok(found) => found,
            Err(CallError::Refused { status: 404, .. }) => Value::Null,
            Err(error) => return Err(self.failed(&error)),
        };
        let default = EventInvoke::default();
        let number = |name: &str| integer(found.get(name)).and_then(|number| u32::try_from(number).ok());
        Ok(EventInvoke {
            maximum_retry_attempts: number("MaximumRetryAttempts").unwrap_or(default.maximum_retry_attempts),
            maximum_event_age: number("MaximumEventAgeInSeconds")
                .map_or(default.maximum_event_age, |seconds| Duration::from_secs(seconds.into())),
            on_success: text(&found, "/DestinationConfig/OnSuccess/Destination").map(str::to_owned),
            on_failure: text(&found, "/DestinationConfig/OnFailure/Destination").map(str::to_owned),
            dead_letter: text(config, "/DeadLetterConfig/TargetArn").map(str::to_owned),
        })
    }

    /// Unpacks the code that the emulator holds.
    async fn download(&self, name: &str, location: Option<&str>) -> Result<PathBuf, ReadError> {
        let none = || ReadError::NoBootstrap(name.to_owned());
        // The address may name another host than the one that was asked.
        let path = location.and_then(|url| {
            let (_, rest) = url.split_once("://")?;
            rest.find('/').map(|at| &rest[at..])
        });
        let archive = self.emulator.download(path.ok_or_else(none)?).await.map_err(|error| self.failed(&error))?;
        let into = self.folder.path().join(name);
        let unpacked = code::unpack(&archive, &into);
        unpacked.map_err(|source| ReadError::Code { function: name.to_owned(), source })?.ok_or_else(none)
    }

    async fn mapping(&mut self, made: &Made) -> Result<(), ReadError> {
        let uuid = &made.physical_id;
        let found = self.get("lambda", &format!("/2015-03-31/event-source-mappings/{uuid}")).await?;
        let function = function_name(text(&found, "/FunctionArn").unwrap_or_default()).to_owned();
        let arn = text(&found, "/EventSourceArn").unwrap_or_default().to_owned();
        let service = arn.split(':').nth(2).unwrap_or_default().to_owned();
        let Some(own) = self.setup.functions.iter().find(|own| own.name == function).cloned() else {
            self.setup
                .unknown
                .push(format!("event source mapping `{}`: its function does not run here", made.logical_id));
            return Ok(());
        };
        if boolean(made.properties.get("Enabled")) == Some(false) {
            return Ok(());
        }
        let source = match service.as_str() {
            "kinesis" => self.kinesis(made, &found, &own, arn).await?,
            "sqs" => self.queue(made, &found, &own, arn).await?,
            other => {
                let id = &made.logical_id;
                self.setup
                    .unknown
                    .push(format!("event source mapping `{id}` ({other}): not known here; left to the emulator"));
                return Ok(());
            }
        };
        self.setup.mappings.push(Mapping { function, source });
        Ok(())
    }

    async fn kinesis(&self, made: &Made, found: &Value, function: &Function, arn: String) -> Result<Source, ReadError> {
        let number = |name: &str| integer(made.property(found, name));
        let seconds = |name: &str| number(name).map(SignedDuration::from_secs);
        let starting_position = match made.property(found, "StartingPosition").and_then(Value::as_str) {
            Some("TRIM_HORIZON") => StartingPosition::TrimHorizon,
            Some("AT_TIMESTAMP") => {
                let at = moment(made.property(found, "StartingPositionTimestamp"));
                StartingPosition::AtTimestamp(at.unwrap_or(Timestamp::UNIX_EPOCH))
            }
            _ => StartingPosition::Latest,
        };
        let on_failure = text(found, "/DestinationConfig/OnFailure/Destination").map(|arn| {
            let arn = arn.to_owned();
            match arn.split(':').nth(2) {
                Some("s3") => Destination::S3 { arn },
                Some("sns") => Destination::Sns { arn },
                _ => Destination::Sqs { arn },
            }
        });
        let stream = Stream::new(self.emulator.clone(), arn.split("/consumer/").next().unwrap_or(&arn));
        let retention = stream.retention();
        Ok(Source::Kinesis(Settings {
            uuid: made.physical_id.clone(),
            function_arn: function.arn.clone(),
            role_arn: self.role(&function.name).await?,
            retention: retention.await.map_err(|error| self.failed(&error))?,
            stream_arn: arn,
            // The emulator has another default than AWS, so that its own word does not count.
            batch_size: size(made.properties.get("BatchSize"), 100),
            batching_window: seconds("MaximumBatchingWindowInSeconds").unwrap_or_default(),
            starting_position,
            parallelization_factor: size(made.property(found, "ParallelizationFactor"), 1),
            filters: filters(found),
            reports_batch_item_failures: reports_items(found),
            bisects: boolean(made.property(found, "BisectBatchOnFunctionError")).unwrap_or_default(),
            maximum_retry_attempts: number("MaximumRetryAttempts").and_then(|attempts| u32::try_from(attempts).ok()),
            maximum_record_age: seconds("MaximumRecordAgeInSeconds").filter(|age| !age.is_negative()),
            on_failure,
            tumbling_window: seconds("TumblingWindowInSeconds").filter(|window| window.is_positive()),
        }))
    }

    async fn role(&self, function: &str) -> Result<String, ReadError> {
        let config = self.get("lambda", &format!("/2015-03-31/functions/{function}/configuration")).await?;
        Ok(text(&config, "/Role").unwrap_or_default().to_owned())
    }

    async fn queue(&self, made: &Made, found: &Value, function: &Function, arn: String) -> Result<Source, ReadError> {
        let parts: Vec<_> = arn.split(':').collect();
        let part = |at: usize| parts.get(at).copied().unwrap_or_default();
        let url = self.emulator.queue_url(part(4), part(5)).await.map_err(|error| self.failed(&error))?;
        let body = json!({"QueueUrl": url, "AttributeNames": ["VisibilityTimeout"]});
        let attributes = self.emulator.ask("sqs", "AmazonSQS.GetQueueAttributes", &body).await;
        let attributes = attributes.map_err(|error| self.failed(&error))?;
        let visibility = integer(attributes.pointer("/Attributes/VisibilityTimeout")).unwrap_or(30);
        let window = integer(made.property(found, "MaximumBatchingWindowInSeconds")).unwrap_or_default();
        let concurrency =
            made.property(found, "ScalingConfig").and_then(|config| integer(config.get("MaximumConcurrency")));
        Ok(Source::Sqs(sqs::Settings {
            uuid: made.physical_id.clone(),
            function_arn: function.arn.clone(),
            batch_size: size(made.properties.get("BatchSize"), 10),
            batching_window: SignedDuration::from_secs(window),
            filters: filters(found),
            reports_batch_item_failures: reports_items(found),
            maximum_concurrency: concurrency.and_then(|limit| usize::try_from(limit).ok()),
            visibility_timeout: SignedDuration::from_secs(visibility),
            queue_arn: arn,
        }))
    }

    async fn schedule(&mut self, made: &Made) -> Result<(), ReadError> {
        let group = text(&made.properties, "/GroupName").unwrap_or("default");
        let name = &made.physical_id;
        let found = self.get("scheduler", &format!("/schedules/{name}?groupName={group}")).await?;
        let target = text(&found, "/Target/Arn").unwrap_or_default();
        let function = function_name(target).to_owned();
        if !target.contains(":function:") || !self.is_mine(&function) {
            self.setup.unknown.push(format!(
                "schedule `{}`: its target `{target}` does not run here; left to the emulator",
                made.logical_id
            ));
            return Ok(());
        }
        if made.property(&found, "State").and_then(Value::as_str) == Some("DISABLED") {
            return Ok(());
        }
        let expression = made.property(&found, "ScheduleExpression").and_then(Value::as_str).unwrap_or_default();
        let zone = made.property(&found, "ScheduleExpressionTimezone").and_then(Value::as_str).unwrap_or("UTC");
        let date = |name: &str| moment(made.property(&found, name));
        let wrong = |reason: String| ReadError::Schedule { name: name.clone(), reason };
        self.setup.schedules.push(Schedule {
            name: name.clone(),
            arn: text(&found, "/Arn").unwrap_or_default().to_owned(),
            function,
            expression: schedule::Schedule::parse(expression).map_err(|error| wrong(error.to_string()))?,
            zone: TimeZone::get(zone).map_err(|error| wrong(error.to_string()))?,
            start: date("StartDate"),
            end: date("EndDate"),
            input: text(&found, "/Target/Input").map(str::to_owned),
            is_rule: false,
            dead_letter: text(&found, "/Target/DeadLetterConfig/Arn").map(str::to_owned),
        });
        Ok(())
    }

    async fn events(&self, operation: &str, body: Value) -> Result<Value, ReadError> {
        let answer = self.emulator.ask("events", &format!("AWSEvents.{operation}"), &body).await;
        answer.map_err(|error| self.failed(&error))
    }

    async fn rule(&mut self, made: &Made) -> Result<(), ReadError> {
        let name = made.physical_id.rsplit('/').next().unwrap_or_default();
        let bus = text(&made.properties, "/EventBusName").unwrap_or("default");
        let rule = self.events("DescribeRule", json!({"Name": name, "EventBusName": bus})).await?;
        let Some(expression) = text(&rule, "/ScheduleExpression").map(str::to_owned) else { return Ok(()) };
        let targets = self.events("ListTargetsByRule", json!({"Rule": name, "EventBusName": bus})).await?;
        if made.property(&rule, "State").and_then(Value::as_str) == Some("DISABLED") {
            return Ok(());
        }
        for target in targets.get("Targets").and_then(Value::as_array).into_iter().flatten() {
            let function = function_name(text(target, "/Arn").unwrap_or_default()).to_owned();
            if !self.is_mine(&function) || target.get("InputTransformer").is_some() || target.get("InputPath").is_some()
            {
                let id = &made.logical_id;
                self.setup.unknown.push(format!(
                    "rule `{id}`: its target does not run here, or transforms its input; left to the emulator"
                ));
                return Ok(());
            }
            let expression = schedule::Schedule::parse(&expression)
                .map_err(|error| ReadError::Schedule { name: name.to_owned(), reason: error.to_string() })?;
            self.setup.schedules.push(Schedule {
                name: name.to_owned(),
                arn: text(&rule, "/Arn").unwrap_or_default().to_owned(),
                function,
                expression,
                zone: TimeZone::UTC,
                start: None,
                end: None,
                input: text(target, "/Input").map(str::to_owned),
                is_rule: true,
                dead_letter: text(target, "/DeadLetterConfig/Arn").map(str::to_owned),
            });
        }
        Ok(())
    }
}

fn size(value: Option<&Value>, default: usize) -> usize {
    integer(value).and_then(|size| usize::try_from(size).ok()).unwrap_or(default)
}

fn filters(found: &Value) -> Vec<String> {
    let filters = found.pointer("/FilterCriteria/Filters").and_then(Value::as_array).into_iter().flatten();
    filters.filter_map(|filter| filter.get("Pattern")?.as_str().map(str::to_owned)).collect()
}

fn reports_items(found: &Value) -> bool {
    let types = found.get("FunctionResponseTypes").and_then(Value::as_array).into_iter().flatten();
    types.into_iter().any(|kind| kind == "ReportBatchItemFailures")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_out_of_arns() {
        let arn = "arn:aws:scheduler:us-east-1:000000000000:schedule/default/daily";
        assert_eq!(schedule_of(arn), ("default", "daily"));
        assert_eq!(rule_of("arn:aws:events:us-east-1:000000000000:rule/r"), ("default", "r"));
        assert_eq!(rule_of("arn:aws:events:us-east-1:000000000000:rule/bus/r"), ("bus", "r"));
        assert_eq!(function_name("arn:aws:lambda:us-east-1:000000000000:function:f:live"), "f");
        assert_eq!(function_name("f"), "f");
    }

    #[test]
    fn numbers_truths_and_moments_are_read_in_each_of_their_forms() {
        assert_eq!(
            (integer(Some(&json!("5"))), integer(Some(&json!(5))), integer(Some(&json!("-1")))),
            (Some(5), Some(5), Some(-1))
        );
        assert_eq!(
            (boolean(Some(&json!("True"))), boolean(Some(&json!(false))), boolean(None)),
            (Some(true), Some(false), None)
        );
        let at = moment(Some(&json!("2026-11-02T14:30:00Z")));
        assert_eq!(moment(Some(&json!(1_793_629_800))), at);
        assert_eq!(moment(Some(&json!("1793629800.0"))), at);
        assert!(at.is_some());
    }
}
