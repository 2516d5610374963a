//! Functions that are deployed: invoking them, and what would invoke them by itself.
//!
//! A function that fails is a result here, not an error: errors are calls that did not reach it.

use std::time::{Duration, Instant};

use aws_sdk_lambda::{
    Client,
    config::{retry::RetryConfig, timeout::TimeoutConfig},
    primitives::Blob,
    types::LogType,
};
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use serde_json::Value;
use tokio::time::sleep;

use crate::client::said;

/// Longest time-out that a function can have.
/// <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>
const FUNCTION_TIMEOUT_MAX: Duration = Duration::from_secs(900);
const MAPPING_DEADLINE: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(100);

/// What an invocation came to.
#[derive(Debug, Clone, PartialEq)]
pub struct Invocation {
    /// What the function returned; its error object, if it failed.
    pub payload: Value,
    /// `Unhandled` or `Handled` if it failed.
    pub function_error: Option<String>,
    /// The last 4 KB of its log, base64 taken off. Empty if it logged nothing.
    pub log_tail: String,
}

/// Why a function was not invoked.
#[derive(Debug, thiserror::Error)]
pub enum InvokeError {
    /// The call failed.
    #[error("cannot invoke `{function}`: {reason}")]
    Call {
        /// Which function.
        function: String,
        /// What the service says.
        reason: String,
    },
    /// The answer is no JSON.
    #[error("`{function}` did not answer with JSON: `{answer}`")]
    NotJson {
        /// Which function.
        function: String,
        /// The beginning of the answer.
        answer: String,
    },
}

/// Invokes a function once and waits for its answer. It is never tried again: the function may have
/// done its work although the answer was lost.
pub async fn invoke(client: &Client, function: &str, payload: &Value) -> Result<Invocation, InvokeError> {
    let once = aws_sdk_lambda::config::Builder::new()
        .retry_config(RetryConfig::disabled())
        .timeout_config(TimeoutConfig::builder().operation_attempt_timeout(FUNCTION_TIMEOUT_MAX).build());
    let invoke = client
        .invoke()
        .function_name(function)
        .log_type(LogType::Tail)
        .payload(Blob::new(payload.to_string()))
        .customize()
        .config_override(once);
    let reply = invoke
        .send()
        .await
        .map_err(|error| InvokeError::Call { function: function.to_owned(), reason: said(&error) })?;
    let answer = reply.payload.map(Blob::into_inner).unwrap_or_default();
    let payload = serde_json::from_slice(&answer).map_err(|_| InvokeError::NotJson {
        function: function.to_owned(),
        answer: String::from_utf8_lossy(&answer).chars().take(256).collect(),
    })?;
    let log = BASE64.decode(reply.log_result.unwrap_or_default()).unwrap_or_default();
    // It is cut at 4 KB, perhaps within a character.
    let log_tail = String::from_utf8_lossy(&log).into_owned();
    Ok(Invocation { payload, function_error: reply.function_error, log_tail })
}

/// Why an event source mapping was not switched.
#[derive(Debug, thiserror::Error)]
pub enum MappingError {
    /// The call failed.
    #[error("cannot switch the event source mappings of `{function}`: {reason}")]
    Call {
        /// Which function.
        function: String,
        /// What the service says.
        reason: String,
    },
    /// It stays as it was.
    #[error("an event source mapping of `{function}` is still in state `{state}` after {} s", MAPPING_DEADLINE.as_secs())]
    TooSlow {
        /// Which function.
        function: String,
        /// Its state.
        state: String,
    },
}

/// Switches on all event source mappings of a function, and waits for that. Gives their number.
pub async fn enable_mappings(client: &Client, function: &str) -> Result<usize, MappingError> {
    switch_mappings(client, function, true).await
}

/// Switches off all event source mappings of a function, and waits for that. Gives their number. A
/// batch that is being worked on is not interrupted.
pub async fn disable_mappings(client: &Client, function: &str) -> Result<usize, MappingError> {
    switch_mappings(client, function, false).await
}

async fn switch_mappings(client: &Client, function: &str, enabled: bool) -> Result<usize, MappingError> {
    let failed = |reason| MappingError::Call { function: function.to_owned(), reason };
    let list = client.list_event_source_mappings().function_name(function).into_paginator().items().send();
    let mappings = list.try_collect().await.map_err(|error| failed(said(&error)))?;
    let ids: Vec<_> = mappings.into_iter().filter_map(|mapping| mapping.uuid).collect();
    for id in &ids {
        let update = client.update_event_source_mapping().uuid(id).enabled(enabled);
        update.send().await.map_err(|error| failed(said(&error)))?;
    }
    let wanted = if enabled { "Enabled" } else { "Disabled" };
    let begun = Instant::now();
    for id in &ids {
        loop {
            let mapping = client.get_event_source_mapping().uuid(id).send().await;
            let state = mapping.map_err(|error| failed(said(&error)))?.state.unwrap_or_default();
            if state == wanted {
                break;
            }
            if begun.elapsed() > MAPPING_DEADLINE {
                return Err(MappingError::TooSlow { function: function.to_owned(), state });
            }
            sleep(POLL).await;
        }
    }
    Ok(ids.len())
}

/// A schedule that invokes a function.
#[derive(Debug, Clone, PartialEq)]
pub struct Schedule {
    /// Its name.
    pub name: String,
    /// `rate(…)`, `cron(…)` or `at(…)`.
    pub expression: String,
    /// The time zone of the expression, which the emulator keeps and does not follow.
    pub time_zone: Option<String>,
    /// Whether it fires.
    pub enabled: bool,
    /// The name of the function, without its qualifier.
    pub function: String,
    /// What the function is invoked with; null if the schedule does not say.
    pub input: Value,
}

/// Why schedules were not read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read the schedules: {0}")]
pub struct ScheduleError(String);

/// All schedules that invoke a function.
pub async fn schedules(client: &aws_sdk_scheduler::Client) -> Result<Vec<Schedule>, ScheduleError> {
    let list = client.list_schedules().into_paginator().items().send();
    let listed = list.try_collect().await.map_err(|error| ScheduleError(said(&error)))?;
    let mut schedules = Vec::new();
    for summary in listed {
        let get = client.get_schedule().set_name(summary.name).set_group_name(summary.group_name);
        let schedule = get.send().await.map_err(|error| ScheduleError(said(&error)))?;
        let Some(target) = schedule.target else { continue };
        let Some(function) = function_of(&target.arn) else { continue };
        let input = target.input.unwrap_or_else(|| "null".to_owned());
        schedules.push(Schedule {
            name: schedule.name.unwrap_or_default(),
            expression: schedule.schedule_expression.unwrap_or_default(),
            time_zone: schedule.schedule_expression_timezone,
            enabled: schedule.state.is_some_and(|state| state.as_str() == "ENABLED"),
            function: function.to_owned(),
            input: serde_json::from_str(&input)
                .map_err(|error| ScheduleError(format!("an input is no JSON: {error}: `{input}`")))?,
        });
    }
    Ok(schedules)
}

/// The name in `arn:aws:lambda:REGION:ACCOUNT:function:NAME[:QUALIFIER]`.
fn function_of(arn: &str) -> Option<&str> {
    let mut parts = arn.split(':');
    (parts.nth(2)? == "lambda" && parts.nth(2)? == "function").then(|| parts.next())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_is_named_by_its_arn() {
        let arn = "arn:aws:lambda:us-east-1:000000000000:function:poll";
        assert_eq!(function_of(arn), Some("poll"));
        assert_eq!(function_of(&format!("{arn}:live")), Some("poll"));
        assert_eq!(function_of("arn:aws:sqs:us-east-1:000000000000:poll"), None);
        assert_eq!(function_of("poll"), None);
    }
}
