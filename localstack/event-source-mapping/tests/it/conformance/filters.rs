//! Filter criteria on records of a stream.

use event_source_mapping::kinesis::Settings;

use super::{Case, FILTERING, FILTERS_TODAY, OPERATORS};
use crate::rig::{Rig, seconds, settings};

fn filtering(patterns: &[&str]) -> Settings {
    Settings { filters: patterns.iter().map(|pattern| (*pattern).to_owned()).collect(), ..settings() }
}

/// Which of these data the function gets, by index.
fn kept(patterns: &[&str], data: &[&str]) -> Vec<u64> {
    let mut rig = Rig::new(filtering(patterns));
    assert_eq!(rig.mapping.settings().validate(), Ok(()));
    for data in data {
        rig.put("1", data.as_bytes());
    }
    rig.run();
    let kept = rig.given_numbers().concat();
    assert_eq!(rig.mapping.counts().filtered as usize, data.len() - kept.len());
    kept.into_iter().map(|number| number - 1).collect()
}

/// One operator on the field `a` of the data.
fn operator(rules: &str, data: &[&str], expected: &[u64]) {
    assert_eq!(kept(&[&format!(r#"{{"data":{{"a":{rules}}}}}"#)], data), expected, "{rules}");
}

pub(super) const CASES: &[Case] = &[
    Case {
        name: "any filter is enough",
        says: "If an event satisfies any one of these five filters, Lambda sends the event to your function.",
        source: FILTERING,
        run: || {
            let patterns = [r#"{"data":{"a":[1]}}"#, r#"{"data":{"b":[2]}}"#];
            assert_eq!(kept(&patterns, &[r#"{"a":1}"#, r#"{"b":2}"#, r#"{"a":2}"#]), [0, 1]);
        },
    },
    Case {
        name: "none discards",
        says: "If none of your filters are satisfied, Lambda discards the record.",
        source: FILTERS_TODAY,
        run: || assert_eq!(kept(&[r#"{"data":{"a":[1]}}"#], &[r#"{"a":2}"#, r#"{"b":1}"#]), [0_u64; 0]),
    },
    Case {
        name: "all fields have to be there",
        says: "For Lambda to consider the event a match, the event must contain all the field names included in a filter.",
        source: FILTERING,
        run: || {
            let pattern = r#"{"data":{"a":[1],"b":[2]}}"#;
            assert_eq!(kept(&[pattern], &[r#"{"a":1}"#, r#"{"a":1,"b":2}"#, r#"{"b":2}"#]), [1]);
        },
    },
    Case {
        name: "other fields are ignored",
        says: "Lambda ignores the fields that aren't included in a filter.",
        source: FILTERING,
        run: || assert_eq!(kept(&[r#"{"data":{"a":[1]}}"#], &[r#"{"a":1,"z":{"y":[3]}}"#]), [0]),
    },
    Case {
        name: "metadata and data together",
        says: "suppose you have a Kinesis event source, and you want your function to handle only events with a specific partitionKey (a metadata property)",
        source: FILTERING,
        run: || {
            let pattern = r#"{"partitionKey":["1"],"data":{"Location":["Los Angeles"]}}"#;
            let mut rig = Rig::new(filtering(&[pattern]));
            rig.put("1", br#"{"Location":"Los Angeles"}"#);
            rig.put("2", br#"{"Location":"Los Angeles"}"#);
            rig.put("1", br#"{"Location":"Seattle"}"#);
            rig.run();
            assert_eq!(rig.given_numbers(), [[1]]);
        },
    },
    Case {
        name: "the iterator passes what is discarded",
        says: "Once your filter criteria processes an Kinesis or DynamoDB record, the streams iterator advances past this record.",
        source: FILTERING,
        run: || {
            let mut rig = Rig::new(filtering(&[r#"{"data":{"a":[1]}}"#]));
            rig.put_many(4);
            rig.run();
            let id = rig.shards[0].id.clone();
            assert!(rig.calls.is_empty() && rig.mapping.checkpoint(&id).unwrap().as_str() == "4");
        },
    },
    Case {
        name: "only what matches joins a batch",
        says: "If you're using batching windows, Lambda applies your filter criteria to each new event to determine whether to add it to the current batch.",
        source: FILTERING,
        run: || {
            let pattern = filtering(&[r#"{"data":{"a":[1]}}"#]);
            let mut rig = Rig::new(Settings { batching_window: seconds(60), batch_size: 3, ..pattern });
            for index in 0..20 {
                rig.put("1", format!(r#"{{"a":{}}}"#, index % 4).as_bytes());
            }
            rig.run_for(seconds(1));
            assert_eq!(rig.given_numbers(), [[2, 6, 10]]);
            rig.run();
            assert_eq!(rig.given_numbers(), [vec![2, 6, 10], vec![14, 18]]);
        },
    },
    Case {
        name: "JSON on JSON is filtered",
        says: "Valid JSON | Valid JSON | Lambda filters based on your filter criteria.",
        source: FILTERING,
        run: || assert_eq!(kept(&[r#"{"data":{"a":["x"]}}"#], &[r#"{"a":"x"}"#, r#"{"a":"y"}"#]), [0]),
    },
    Case {
        name: "JSON without a data pattern goes by metadata",
        says: "Valid JSON | No filter pattern for data properties | Lambda filters (on the other metadata properties only) based on your filter criteria.",
        source: FILTERING,
        run: || assert_eq!(kept(&[r#"{"partitionKey":["1"]}"#], &[r#"{"a":"x"}"#]), [0]),
    },
    Case {
        name: "a data pattern that is no JSON is refused",
        says: "Lambda throws an exception at the time of the event source mapping creation or update. The filter pattern for data properties must be in a valid JSON format.",
        source: FILTERING,
        run: || assert!(filtering(&[r#"{"data":["plain"]}"#]).validate().is_err()),
    },
    Case {
        name: "data that are no JSON are dropped by a data pattern",
        says: "Non-JSON | Valid JSON | Lambda drops the record.",
        source: FILTERING,
        run: || {
            let pattern = r#"{"data":{"a":[{"exists":false}]}}"#;
            assert_eq!(kept(&[pattern], &["plain", r#"{"a":"#, "{}"]), [2]);
            let mut rig = Rig::new(filtering(&[pattern]));
            rig.put("1", &[0xff, 0xfe]);
            rig.run();
            assert!(rig.calls.is_empty());
        },
    },
    Case {
        name: "data that are no JSON pass by metadata",
        says: "Non-JSON | No filter pattern for data properties | Lambda filters (on the other metadata properties only) based on your filter criteria.",
        source: FILTERING,
        run: || assert_eq!(kept(&[r#"{"partitionKey":["1"]}"#, r#"{"data":{"a":[1]}}"#], &["plain"]), [0]),
    },
    Case {
        name: "null",
        says: "Null | UserID is null | \"UserID\": [ null ]",
        source: FILTERING,
        run: || operator("[null]", &[r#"{"a":null}"#, r#"{"a":""}"#, "{}"], &[0]),
    },
    Case {
        name: "empty",
        says: "Empty | LastName is empty | \"LastName\": [\"\"]",
        source: FILTERING,
        run: || operator(r#"[""]"#, &[r#"{"a":null}"#, r#"{"a":""}"#, "{}"], &[1]),
    },
    Case {
        name: "equals",
        says: "Like EventBridge, for strings, Lambda uses exact character-by-character matching without case-folding or any other string normalization.",
        source: FILTERING,
        run: || operator(r#"["Alice"]"#, &[r#"{"a":"Alice"}"#, r#"{"a":"alice"}"#, r#"{"a":" Alice"}"#], &[0]),
    },
    Case {
        name: "numbers as they are written",
        says: "For numbers, Lambda also uses string representation. For example, 300, 300.0, and 3.0e2 are not considered equal.",
        source: FILTERING,
        run: || operator("[300]", &[r#"{"a":300}"#, r#"{"a":300.0}"#, r#"{"a":3.0e2}"#], &[0]),
    },
    Case {
        name: "or",
        says: "Or | PaymentType is \"Credit\" or \"Debit\" | \"PaymentType\": [ \"Credit\", \"Debit\"]",
        source: FILTERING,
        run: || operator(r#"["Credit","Debit"]"#, &[r#"{"a":"Debit"}"#, r#"{"a":"Cash"}"#], &[0]),
    },
    Case {
        name: "not",
        says: "Not | Weather is anything but \"Raining\" | \"Weather\": [ { \"anything-but\": [ \"Raining\" ] } ]",
        source: FILTERING,
        run: || operator(r#"[{"anything-but":["Raining"]}]"#, &[r#"{"a":"Raining"}"#, r#"{"a":"Sunny"}"#], &[1]),
    },
    Case {
        name: "numeric equals",
        says: "Numeric (equals) | Price is 100 | \"Price\": [ { \"numeric\": [ \"=\", 100 ] } ]",
        source: FILTERING,
        run: || operator(r#"[{"numeric":["=",100]}]"#, &[r#"{"a":100.0}"#, r#"{"a":"100"}"#, r#"{"a":101}"#], &[0]),
    },
    Case {
        name: "numeric range",
        says: "Numeric (range) | Price is more than 10, and less than or equal to 20 | \"Price\": [ { \"numeric\": [ \">\", 10, \"<=\", 20 ] } ]",
        source: FILTERING,
        run: || {
            let data = [r#"{"a":10}"#, r#"{"a":10.5}"#, r#"{"a":20}"#, r#"{"a":20.01}"#];
            operator(r#"[{"numeric":[">",10,"<=",20]}]"#, &data, &[1, 2]);
        },
    },
    Case {
        name: "exists",
        says: "Exists | ProductName exists | \"ProductName\": [ { \"exists\": true } ]",
        source: FILTERING,
        run: || operator(r#"[{"exists":true}]"#, &[r#"{"a":null}"#, r#"{"b":1}"#], &[0]),
    },
    Case {
        name: "does not exist",
        says: "Does not exist | ProductName does not exist | \"ProductName\": [ { \"exists\": false } ]",
        source: FILTERING,
        run: || operator(r#"[{"exists":false}]"#, &[r#"{"a":null}"#, r#"{"b":1}"#], &[1]),
    },
    Case {
        name: "begins with",
        says: "Begins with | Region is in the US | \"Region\": [ {\"prefix\": \"us-\" } ]",
        source: FILTERING,
        run: || operator(r#"[{"prefix":"us-"}]"#, &[r#"{"a":"us-east-1"}"#, r#"{"a":"eu-us-"}"#], &[0]),
    },
    Case {
        name: "begins with, whatever the case",
        says: "Begins with (ignore case) | Service name starts with the letters \"eventb\", regardless of case.",
        source: OPERATORS,
        run: || {
            let data = [r#"{"a":"EventBridge"}"#, r#"{"a":"events"}"#];
            operator(r#"[{"prefix":{"equals-ignore-case":"eventb"}}]"#, &data, &[0]);
        },
    },
    Case {
        name: "anything but a prefix",
        says: "Anything-but (begins with) | Region is not in the US. | \"Region\": [ { \"anything-but\": {\"prefix\": \"us-\" } } ]",
        source: OPERATORS,
        run: || {
            let data = [r#"{"a":"us-east-1"}"#, r#"{"a":"eu-west-1"}"#];
            operator(r#"[{"anything-but":{"prefix":"us-"}}]"#, &data, &[1]);
        },
    },
    Case {
        name: "or of several fields",
        says: "Comparison operators only work on leaf nodes, with the exception of $or and anything-but.",
        source: OPERATORS,
        run: || {
            let pattern = r#"{"data":{"$or":[{"a":[1]},{"b":[{"suffix":".png"}]}]}}"#;
            assert_eq!(kept(&[pattern], &[r#"{"a":1}"#, r#"{"b":"x.png"}"#, r#"{"b":"x"}"#]), [0, 1]);
        },
    },
    Case {
        name: "five filters, or ten with a higher quota",
        says: "you can request a quota increase up to 10 filters for each event source",
        source: FILTERS_TODAY,
        run: || {
            assert!(filtering(&[r#"{"data":{"a":[1]}}"#; 10]).validate().is_ok());
            assert!(filtering(&[r#"{"data":{"a":[1]}}"#; 11]).validate().is_err());
        },
    },
];
