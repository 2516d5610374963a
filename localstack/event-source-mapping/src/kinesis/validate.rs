//! Whether AWS would take the settings: bounds and what excludes what, each with a message that says what is allowed.

use jiff::SignedDuration;

use super::{Settings, filter::RecordFilter};
use crate::filter::PatternError;

/// Settings that CreateEventSourceMapping refuses.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// A number beyond its bounds.
    #[error("`{name}` is {value}; allowed: {allowed}")]
    OutOfBounds {
        /// In the terms of CreateEventSourceMapping.
        name: &'static str,
        /// What it is.
        value: String,
        /// What it may be.
        allowed: &'static str,
    },
    /// Two settings that exclude each other.
    #[error("`{name}` excludes `{other}`: {advice}")]
    Excluded {
        /// The one.
        name: &'static str,
        /// The other.
        other: &'static str,
        /// What to do.
        advice: &'static str,
    },
    /// A filter that is no pattern.
    #[error(transparent)]
    Filter(#[from] PatternError),
    /// An ARN that is none of its kind.
    #[error("`{name}` is `{value}`, which is not {expected}")]
    Arn {
        /// In the terms of CreateEventSourceMapping.
        name: &'static str,
        /// What it is.
        value: String,
        /// What it has to be.
        expected: &'static str,
    },
}

pub(crate) fn bounded(
    name: &'static str,
    value: i64,
    bounds: std::ops::RangeInclusive<i64>,
    allowed: &'static str,
) -> Result<(), SettingsError> {
    match bounds.contains(&value) {
        true => Ok(()),
        false => Err(SettingsError::OutOfBounds { name, value: value.to_string(), allowed }),
    }
}

pub(crate) fn whole_seconds(name: &'static str, value: SignedDuration) -> Result<i64, SettingsError> {
    match value.subsec_nanos() {
        0 => Ok(value.as_secs()),
        _ => Err(SettingsError::OutOfBounds { name, value: format!("{value:#}"), allowed: "whole seconds" }),
    }
}

pub(crate) fn count(value: usize) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

pub(crate) fn filters(patterns: &[String]) -> Result<(), SettingsError> {
    bounded("FilterCriteria.Filters", count(patterns.len()), 0..=10, "at most 5 filters, 10 with a higher quota")
}

impl Settings {
    /// Whether AWS would take these settings.
    ///
    /// # Errors
    /// The first that it would refuse.
    pub fn validate(&self) -> Result<(), SettingsError> {
        let is_source = self.stream_arn.starts_with("arn:") && self.stream_arn.contains(":stream/");
        if !is_source {
            let expected = "the ARN of a stream, or of a consumer of one";
            return Err(SettingsError::Arn { name: "EventSourceArn", value: self.stream_arn.clone(), expected });
        }
        bounded("BatchSize", count(self.batch_size), 1..=10_000, "1 to 10000")?;
        let window = whole_seconds("MaximumBatchingWindowInSeconds", self.batching_window)?;
        bounded("MaximumBatchingWindowInSeconds", window, 0..=300, "0 to 300 seconds")?;
        bounded("ParallelizationFactor", count(self.parallelization_factor), 1..=10, "1 to 10")?;
        if let Some(attempts) = self.maximum_retry_attempts {
            let allowed = "0 to 10000, or -1 for until the records expire";
            bounded("MaximumRetryAttempts", attempts.into(), 0..=10_000, allowed)?;
        }
        if let Some(age) = self.maximum_record_age {
            let allowed = "60 to 604800 seconds, or -1 for until the records expire";
            let age = whole_seconds("MaximumRecordAgeInSeconds", age)?;
            bounded("MaximumRecordAgeInSeconds", age, 60..=604_800, allowed)?;
        }
        if let Some(window) = self.tumbling_window {
            let window = whole_seconds("TumblingWindowInSeconds", window)?;
            bounded("TumblingWindowInSeconds", window, 1..=900, "1 to 900 seconds, or 0 for none")?;
            if self.parallelization_factor > 1 {
                return Err(SettingsError::Excluded {
                    name: "TumblingWindowInSeconds",
                    other: "ParallelizationFactor",
                    advice: "a window is one state per shard: set `ParallelizationFactor` to 1",
                });
            }
        }
        filters(&self.filters)?;
        RecordFilter::new(&self.filters)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinesis::settings::tests::settings;

    fn check(change: impl FnOnce(&mut Settings), expected: Option<&str>) {
        let mut settings = settings();
        change(&mut settings);
        let message = settings.validate().err().map(|error| error.to_string());
        assert_eq!(message.is_some(), expected.is_some(), "{message:?} for {expected:?}");
        if let Some((message, expected)) = message.zip(expected) {
            assert!(message.contains(expected), "{message} lacks {expected}");
        }
    }

    #[test]
    fn what_aws_refuses_is_refused() {
        check(|_| {}, None);
        check(|settings| settings.batch_size = 0, Some("`BatchSize` is 0; allowed: 1 to 10000"));
        check(|settings| settings.batch_size = 10_000, None);
        check(|settings| settings.batch_size = 10_001, Some("BatchSize"));
        check(|settings| settings.batching_window = SignedDuration::from_secs(301), Some("0 to 300"));
        check(|settings| settings.batching_window = SignedDuration::from_millis(1500), Some("whole seconds"));
        check(|settings| settings.parallelization_factor = 11, Some("1 to 10"));
        check(|settings| settings.parallelization_factor = 0, Some("1 to 10"));
        check(|settings| settings.maximum_retry_attempts = Some(10_001), Some("MaximumRetryAttempts"));
        check(|settings| settings.maximum_record_age = Some(SignedDuration::from_secs(59)), Some("60 to 604800"));
        check(|settings| settings.tumbling_window = Some(SignedDuration::from_secs(901)), Some("1 to 900"));
        check(|settings| settings.filters = vec!["{}".to_owned()], Some("no filter pattern"));
        check(|settings| settings.filters = vec![r#"{"data":["x"]}"#.to_owned()], Some("`data` has to be an object"));
        check(|settings| settings.filters = vec![r#"{"a":[1]}"#.to_owned(); 11], Some("Filters"));
        check(|settings| settings.stream_arn = "stream".to_owned(), Some("not the ARN of a stream"));
        let both = |settings: &mut Settings| {
            settings.tumbling_window = Some(SignedDuration::from_secs(60));
            settings.parallelization_factor = 2;
        };
        check(both, Some("`TumblingWindowInSeconds` excludes `ParallelizationFactor`"));
    }
}
