//! What AWS says about event source mappings, sentence by sentence, and a run that would go wrong if it did not hold.
//!
//! A sentence is quoted as it stands in AWS's documentation. What AWS leaves open is not here but in the README.

use std::{collections::HashSet, panic};

mod batching;
mod destinations;
mod errors;
mod filters;
mod queues;
mod responses;
mod shards;
mod windows;

/// The developer guide's pages, as archived on GitHub by AWS itself.
const KINESIS: &str = "https://github.com/awsdocs/aws-lambda-developer-guide/blob/119ccaa5539325ed9381061642f0cdd2f230f2f5/doc_source/with-kinesis.md";
const SQS: &str = "https://github.com/awsdocs/aws-lambda-developer-guide/blob/119ccaa5539325ed9381061642f0cdd2f230f2f5/doc_source/with-sqs.md";
const SQS_SCALING: &str = "https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html";
const SQS_ERRORS: &str = "https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html";
const FILTERING: &str = "https://github.com/awsdocs/aws-lambda-developer-guide/blob/4c88540480b84a2d2938ba64bca1827791664b66/doc_source/invocation-eventfiltering.md";
const ON_FAILURE: &str = "https://docs.aws.amazon.com/lambda/latest/dg/kinesis-on-failure-destination.html";
const PARAMETERS: &str = "https://docs.aws.amazon.com/lambda/latest/dg/services-kinesis-parameters.html";
const FILTERS_TODAY: &str = "https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventfiltering.html";
const OPERATORS: &str = "https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html";
const RESHARDING: &str = "https://docs.aws.amazon.com/streams/latest/dev/kinesis-using-sdk-java-after-resharding.html";

struct Case {
    name: &'static str,
    /// The sentence.
    says: &'static str,
    source: &'static str,
    run: fn(),
}

#[test]
fn every_sentence_holds() {
    let tables = [
        batching::CASES,
        destinations::CASES,
        errors::CASES,
        filters::CASES,
        queues::CASES,
        responses::CASES,
        shards::CASES,
        windows::CASES,
    ];
    let cases: Vec<&Case> = tables.into_iter().flatten().collect();
    let names: HashSet<&str> = cases.iter().map(|case| case.name).collect();
    assert_eq!(names.len(), cases.len(), "a name is there twice");
    assert!(cases.len() >= 60, "only {} cases", cases.len());
    let mut broken = Vec::new();
    for case in &cases {
        assert!(case.source.starts_with("https://") && case.says.len() > 10, "{} cites nothing", case.name);
        if panic::catch_unwind(case.run).is_err() {
            broken.push(format!("{}: \"{}\" ({})", case.name, case.says, case.source));
        }
    }
    println!("{} cases", cases.len());
    assert!(broken.is_empty(), "{} of {} do not hold:\n{}", broken.len(), cases.len(), broken.join("\n"));
}
