//! Metrics in CloudWatch's embedded format: a line of the log that CloudWatch counts.
//!
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>

use std::io::Write;

use serde_json::{Map, Value, json};

const NAMESPACE: &str = "kinetick";

/// The names of all metrics. None has a dimension but the service that it comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Metric {
    /// Letters that were parked.
    DeadLettersParked,
    /// Batches that failed once more after a redrive.
    DeadLettersReopened,
    /// Records that were gone before anybody could keep them.
    DeadLettersExpired,
    /// Messages that could not be parked and come again.
    DeadLettersUnparked,
    /// Letters that their consumer or their stream took.
    DeadLettersRedriven,
    /// Letters that were tried and wait again.
    DeadLettersStayed,
}

impl Metric {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::DeadLettersParked,
        Self::DeadLettersReopened,
        Self::DeadLettersExpired,
        Self::DeadLettersUnparked,
        Self::DeadLettersRedriven,
        Self::DeadLettersStayed,
    ];

    /// The name in CloudWatch.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::DeadLettersParked => "DeadLettersParked",
            Self::DeadLettersReopened => "DeadLettersReopened",
            Self::DeadLettersExpired => "DeadLettersExpired",
            Self::DeadLettersUnparked => "DeadLettersUnparked",
            Self::DeadLettersRedriven => "DeadLettersRedriven",
            Self::DeadLettersStayed => "DeadLettersStayed",
        }
    }
}

/// Writes counts down, at a moment in milliseconds since 1970. Those that are zero are written too: a metric that is
/// not there cannot be told from a function that does not run.
pub fn metrics(service: &str, at_millis: i64, counts: &[(Metric, u64)]) {
    let mut line = line(service, at_millis, counts).to_string();
    line.push('\n');
    // Where standard output is closed there is nobody to tell.
    let _ = std::io::stdout().lock().write_all(line.as_bytes());
}

fn line(service: &str, at_millis: i64, counts: &[(Metric, u64)]) -> Value {
    let names: Vec<Value> =
        counts.iter().map(|(metric, _)| json!({"Name": metric.as_str(), "Unit": "Count"})).collect();
    let directive = json!({"Namespace": NAMESPACE, "Dimensions": [["service"]], "Metrics": names});
    let mut line = Map::new();
    line.insert("_aws".to_owned(), json!({"Timestamp": at_millis, "CloudWatchMetrics": [directive]}));
    line.insert("service".to_owned(), service.into());
    line.extend(counts.iter().map(|(metric, count)| (metric.as_str().to_owned(), (*count).into())));
    Value::Object(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_metric_that_is_declared_has_a_value_beside_it() {
        let counts = Metric::ALL.map(|metric| (metric, 3));
        let line = line("handle-dead-letters", 1_763_649_060_123, &counts);
        assert_eq!(line["_aws"]["Timestamp"], 1_763_649_060_123_i64);
        let directive = &line["_aws"]["CloudWatchMetrics"][0];
        assert_eq!(directive["Dimensions"][0][0], "service");
        let declared = directive["Metrics"].as_array().unwrap();
        assert_eq!(declared.len(), Metric::ALL.len());
        for metric in declared {
            assert_eq!(line[metric["Name"].as_str().unwrap()], 3, "{metric}");
        }
    }
}
