//! What a consumer answers.

use dead_letters::Answer;

#[test]
fn answers_are_read_as_a_mapping_reads_them() {
    let check = |answer: &str, expected| {
        assert_eq!(Answer::read(answer.as_bytes(), &["7", "8", "10"]), expected, "{answer}");
    };
    for done in
        ["", " \n", "null", "{}", r#"{"batchItemFailures":null}"#, r#"{"batchItemFailures":[]}"#, r#"{"other":1}"#]
    {
        check(done, Answer::Done);
    }
    check(r#"{"batchItemFailures":[{"itemIdentifier":"8"}]}"#, Answer::From(1));
    check(r#"{"batchItemFailures":[{"itemIdentifier":"10"},{"itemIdentifier":"7"}]}"#, Answer::From(0));
    for unknown in [
        r#"{"batchItemFailures":[{"itemIdentifier":""}]}"#,
        r#"{"batchItemFailures":[{"itemIdentifier":null}]}"#,
        r#"{"batchItemFailures":[{"id":"8"}]}"#,
        r#"{"batchItemFailures":[{"itemIdentifier":8}]}"#,
        r#"{"batchItemFailures":[{"itemIdentifier":"9"}]}"#,
        r#"{"batchItemFailures":"8"}"#,
        "[]",
        "\"done\"",
        "not json",
    ] {
        check(unknown, Answer::Unknown);
    }
}
