//! What the template became: mappings, schedules, and everything that an output names.

use std::collections::BTreeSet;

use aws_sdk_lambda::types::{EventSourcePosition, FunctionResponseType};
use emulator::functions::{Schedule, schedules};
use serde_json::{Value, json};

use super::deployed::{FUNCTIONS, Stack};
use crate::built::checkout;

/// The names below `Outputs:`, which is the template's last section.
fn outputs_of_the_template() -> BTreeSet<String> {
    let template = std::fs::read_to_string(checkout().join("template.yaml")).unwrap();
    let (_, outputs) = template.split_once("\nOutputs:\n").unwrap();
    let names =
        outputs.lines().filter(|line| !line.starts_with("   ")).filter_map(|line| line.trim().strip_suffix(':'));
    names.map(str::to_owned).collect()
}

async fn mappings_are_bounded_and_keep_what_they_give_up(stack: &Stack) {
    let client = aws_sdk_lambda::Client::new(&stack.sdk);
    let list = client.list_event_source_mappings().function_name(stack.function("compute-indicators"));
    let mappings = list.send().await.unwrap().event_source_mappings.unwrap();
    let mut streams: Vec<_> = mappings.iter().map(|mapping| mapping.event_source_arn().unwrap()).collect();
    streams.sort_unstable();
    assert_eq!(streams, ["CryptoStreamArn", "EventsStreamArn", "FinancialStreamArn"].map(|name| stack.output(name)));
    for mapping in &mappings {
        assert_eq!(mapping.state(), Some("Enabled"), "{mapping:?}");
        assert_eq!(mapping.function_response_types(), [FunctionResponseType::ReportBatchItemFailures], "{mapping:?}");
        assert_eq!(mapping.bisect_batch_on_function_error(), Some(true), "{mapping:?}");
        assert_eq!(mapping.maximum_record_age_in_seconds(), Some(3_600), "{mapping:?}");
        assert_eq!(mapping.maximum_retry_attempts(), Some(10_000), "{mapping:?}");
        assert_eq!(mapping.parallelization_factor(), Some(1), "{mapping:?}");
        assert_eq!(mapping.starting_position(), Some(&EventSourcePosition::TrimHorizon), "{mapping:?}");
        let given_up = mapping.destination_config().unwrap().on_failure().unwrap().destination().unwrap();
        assert_eq!(given_up, format!("arn:aws:s3:::{}", stack.output("DeadLetterBucketName")));
    }
}

/// That there is what each output names.
async fn outputs_name_what_is_there(stack: &Stack) {
    let names: BTreeSet<String> = stack.outputs.keys().cloned().collect();
    assert_eq!(names, outputs_of_the_template());
    let empty: Vec<_> = stack.outputs.iter().filter(|(_, value)| value.is_empty()).collect();
    assert!(empty.is_empty(), "{empty:?}");

    let kinesis = aws_sdk_kinesis::Client::new(&stack.sdk);
    for stream in ["Financial", "Crypto", "Events"] {
        let name = stack.output(&format!("{stream}StreamName"));
        let reply = kinesis.describe_stream_summary().stream_name(name).send().await.unwrap();
        let summary = reply.stream_description_summary.unwrap();
        assert_eq!(summary.stream_arn(), stack.output(&format!("{stream}StreamArn")));
        assert_eq!(summary.stream_status().as_str(), "ACTIVE");
    }
    // The emulator writes numbers as text where it describes one, which the SDK does not read.
    let firehose = aws_sdk_firehose::Client::new(&stack.sdk);
    let delivery_streams = firehose.list_delivery_streams().send().await.unwrap().delivery_stream_names;
    for stream in ["Raw", "Indicator"] {
        let name = stack.output(&format!("{stream}DeliveryStreamName"));
        assert!(delivery_streams.iter().any(|known| known == name), "no {name} in {delivery_streams:?}");
    }
    for bucket in ["Data", "DeadLetter"] {
        let bucket = stack.output(&format!("{bucket}BucketName"));
        emulator::s3_client(&stack.sdk).head_bucket().bucket(bucket).send().await.unwrap();
    }
    let dynamodb = aws_sdk_dynamodb::Client::new(&stack.sdk);
    dynamodb.describe_table().table_name(stack.output("StateTableName")).send().await.unwrap();
    let secrets = aws_sdk_secretsmanager::Client::new(&stack.sdk);
    secrets.describe_secret().secret_id(stack.output("ApiKeySecretArn")).send().await.unwrap();
    let lambda = aws_sdk_lambda::Client::new(&stack.sdk);
    for function in FUNCTIONS {
        let name = stack.function(function);
        let known = lambda.get_function_configuration().function_name(name).send().await.unwrap();
        let arn = stack.outputs.values().find(|value| value.ends_with(&format!(":function:{name}")));
        assert_eq!(known.function_arn(), arn.map(String::as_str), "{function}");
    }
    assert!(stack.output("InvokeFailuresQueueUrl").ends_with("-invoke-failures"));
}

async fn known_schedules(stack: &Stack) -> Vec<Schedule> {
    schedules(&aws_sdk_scheduler::Client::new(&stack.sdk)).await.unwrap()
}

async fn schedules_obey_their_state(mut stack: Stack) {
    let off = known_schedules(&stack).await;
    let jobs: BTreeSet<(&str, String)> =
        off.iter().map(|schedule| (schedule.function.as_str(), schedule.input.to_string())).collect();
    let expected = [
        ("poll-equities", json!({"job": "quotes"})),
        ("poll-equities", json!({"job": "intraday"})),
        ("poll-crypto", json!({"job": "rates"})),
        ("poll-crypto", json!({"job": "daily"})),
        ("poll-events", json!({"job": "news"})),
        ("poll-events", json!({"job": "movers"})),
        ("poll-events", json!({"job": "earnings"})),
        ("poll-events", json!({"job": "status"})),
        ("sweep-series", json!({"job": "sweep"})),
        ("handle-dead-letters", json!({"job": "redrive"})),
    ];
    assert_eq!(jobs, expected.map(|(folder, input): (_, Value)| (stack.function(folder), input.to_string())).into());
    let enabled = |schedules: &[Schedule]| -> BTreeSet<String> {
        schedules.iter().filter(|schedule| schedule.enabled).map(|schedule| schedule.name.clone()).collect()
    };
    assert_eq!(enabled(&off), BTreeSet::new(), "ScheduleState is DISABLED");

    // Nothing answers there, so that what fires polls nobody.
    stack.deploy(&[("ScheduleState", "ENABLED"), ("VendorUrl", "http://127.0.0.1:9/query")]).await;
    let on = known_schedules(&stack).await;
    assert_eq!(on.len(), off.len());
    let expected = [
        "daily",
        "earnings",
        "intraday-after-close",
        "movers",
        "news",
        "quotes-after-close",
        "rates",
        "redrive",
        "status",
        "sweep",
    ];
    assert_eq!(enabled(&on), expected.map(|name| format!("realtime-financial-local-{name}")).into());
}

#[tokio::test]
async fn the_template_becomes_what_it_says() {
    let stack = Stack::start(&[]).await;
    mappings_are_bounded_and_keep_what_they_give_up(&stack).await;
    outputs_name_what_is_there(&stack).await;
    schedules_obey_their_state(stack).await;
}
