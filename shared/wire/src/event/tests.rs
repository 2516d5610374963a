//! Events as Lambda sends them, as others might, and damaged ones, against `aws_lambda_events` and derived types.

use aws_lambda_events::{encodings::Base64Data, event::kinesis::KinesisEvent};
use fastrand::Rng;
use proptest::prelude::*;

use super::{template::seconds, *};

const ARN: &str = "arn:aws:kinesis:us-east-1:123456789012:stream/prices";

/// How many damaged events a test looks at.
const DAMAGED: u64 = 40_000;

/// One record as somebody might write it.
#[derive(Debug, Clone)]
struct Written {
    payload: Vec<u8>,
    partition_key: Option<String>,
    sequence_number: String,
    shard: Option<String>,
    arn: Option<String>,
    millis: u32,
    /// Records of one layout differ in nothing but their values.
    layout: u64,
}

impl Written {
    fn text(&self) -> String {
        let rng = &mut Rng::with_seed(self.layout);
        let escape = rng.u8(..4) == 0;
        let string = |text: &str| if escape { escaped(text) } else { serde_json::to_string(text).unwrap() };
        let mut kinesis = vec![
            ("data", string(&base64_simd::STANDARD.encode_to_string(&self.payload))),
            ("sequenceNumber", string(&self.sequence_number)),
            ("approximateArrivalTimestamp", format!("{}.{:03}", 1_768_487_522, self.millis)),
            ("kinesisSchemaVersion", "\"1.0\"".to_owned()),
        ];
        kinesis.extend(self.partition_key.as_ref().map(|key| ("partitionKey", string(key))));
        let mut record = vec![
            ("eventSource", "\"aws:kinesis\"".to_owned()),
            ("eventName", "\"aws:kinesis:record\"".to_owned()),
            ("awsRegion", "null".to_owned()),
        ];
        if let Some(shard) = &self.shard {
            record.push(("eventID", string(&format!("{shard}:{}", self.sequence_number))));
        }
        record.extend(self.arn.as_ref().map(|arn| ("eventSourceARN", string(arn))));
        if rng.bool() {
            let unknown = r#"{"data": [1e3, -0.5, {"sequenceNumber": "\"}"}, [], {}, true, null], "kinesis": {}}"#;
            kinesis.push(("later", unknown.to_owned()));
            record.push(("laterStill", unknown.to_owned()));
        }
        rng.shuffle(&mut kinesis);
        record.push(("kinesis", object(rng, &kinesis)));
        rng.shuffle(&mut record);
        object(rng, &record)
    }
}

fn object(rng: &mut Rng, fields: &[(&str, String)]) -> String {
    let blanks = ["", " ", "\n  ", "\t\r\n"];
    let blank = blanks[if rng.bool() { 0 } else { rng.usize(..4) }];
    let fields: Vec<String> =
        fields.iter().map(|(name, value)| format!("{blank}\"{name}\"{blank}:{blank}{value}{blank}")).collect();
    format!("{{{}}}", fields.join(","))
}

/// The text as a JSON string with every third character escaped.
fn escaped(text: &str) -> String {
    let mut out = String::from("\"");
    for (index, character) in text.chars().enumerate() {
        match character {
            '/' => out.push_str("\\/"),
            _ if index % 3 == 0 || matches!(character, '\0'..' ' | '"' | '\\') => {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    out.push_str(&format!("\\u{unit:04x}"));
                }
            }
            _ => out.push(character),
        }
    }
    out + "\""
}

fn event(records: &[Written]) -> String {
    let records: Vec<String> = records.iter().map(Written::text).collect();
    format!("{{\"Records\":[{}]}}", records.join(","))
}

fn written() -> impl Strategy<Value = Written> {
    let shards = &["shardId-000000000000", "shardId-000000000001"][..];
    (
        prop::collection::vec(any::<u8>(), 0..200),
        prop::option::weighted(0.9, prop_oneof![3 => "[a-zA-Z0-9_.-]{1,40}", 1 => "\\PC{0,20}", 1 => any::<String>()]),
        "[0-9]{1,56}",
        prop::option::weighted(0.9, prop::sample::select(shards).prop_map(str::to_owned)),
        prop::option::weighted(
            0.9,
            prop_oneof![9 => Just(ARN), 1 => Just("no-arn"), 1 => Just("a/b/")].prop_map(str::to_owned),
        ),
        0..1000u32,
        0..6u64,
    )
        .prop_map(|(payload, partition_key, sequence_number, shard, arn, millis, layout)| Written {
            payload,
            partition_key,
            sequence_number,
            shard,
            arn,
            millis,
            layout,
        })
}

/// The event as derived types see it, each string a string of its own.
#[derive(Deserialize)]
struct Naive {
    #[serde(rename = "Records")]
    records: Vec<NaiveRecord>,
}

#[derive(Deserialize)]
struct NaiveRecord {
    kinesis: NaiveKinesis,
    #[serde(rename = "eventID")]
    event_id: Option<String>,
    #[serde(rename = "eventSourceARN")]
    arn: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct NaiveKinesis {
    data: String,
    sequence_number: String,
    partition_key: Option<String>,
    approximate_arrival_timestamp: Option<Seconds>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Seconds {
    Number(f64),
    Text(String),
}

fn base64(text: &str) -> Option<Vec<u8>> {
    serde_json::from_value::<Base64Data>(text.into()).ok().map(|data| data.0)
}

/// The records, or `None` if they are refused. In the order of the fields of [`BatchRecord`].
type Plain = (Result<Vec<u8>, String>, String, String, Option<String>, Option<String>, Option<i64>);

fn naive(event: &[u8]) -> Option<Vec<Plain>> {
    let event: Naive = serde_json::from_slice(event).ok()?;
    let plain = |record: NaiveRecord| {
        let data = record.kinesis.data;
        let seconds = match record.kinesis.approximate_arrival_timestamp {
            Some(Seconds::Number(seconds)) => Some(seconds),
            Some(Seconds::Text(text)) => Some(text.parse().ok().filter(|seconds: &f64| seconds.is_finite())?),
            None => None,
        };
        Some((
            base64(&data).ok_or(data),
            record.kinesis.sequence_number,
            record.kinesis.partition_key.unwrap_or_default(),
            record.event_id.filter(|id| id.contains(':')).map(|id| id.split(':').next().unwrap().to_owned()),
            record.arn.map(|arn| arn.split('/').next_back().unwrap().to_owned()),
            seconds.map(|seconds| (seconds * 1000.0).round() as i64),
        ))
    };
    event.records.into_iter().map(plain).collect()
}

fn plain(batch: &KinesisBatch) -> Vec<Plain> {
    let plain = |record: BatchRecord<'_>| {
        (
            record.data.map(<[u8]>::to_vec).map_err(|error| error.text.to_owned()),
            record.sequence_number.to_owned(),
            record.partition_key.to_owned(),
            record.shard.map(str::to_owned),
            record.stream.map(str::to_owned),
            record.arrived_at,
        )
    };
    assert_eq!(batch.records().len(), batch.len());
    assert_eq!(batch.is_empty(), batch.records().next().is_none());
    assert_eq!(batch.get(batch.len()), None);
    for (index, record) in batch.records().enumerate() {
        assert_eq!(batch.get(index), Some(record));
    }
    batch.records().map(plain).collect()
}

/// Every way into a batch has the same answer as the derived types. Answers whether that was yes, and
/// whether it was found along templates.
fn agree(event: &[u8]) -> (bool, bool) {
    let expected = naive(event);
    let show = || String::from_utf8_lossy(event).into_owned();
    let along_templates = KinesisBatch::along_templates(event);
    if let Some(batch) = &along_templates {
        assert_eq!(Some(plain(batch)), expected, "along templates: {}", show());
    }
    let read = KinesisBatch::from_slice(event).ok();
    assert_eq!(read.as_ref().map(plain), expected, "from a slice: {}", show());
    let by_serde = KinesisBatch::by_serde(event).ok();
    assert_eq!(by_serde.as_ref().map(plain), expected, "by serde: {}", show());
    let deserialised = serde_json::from_slice::<KinesisBatch>(event).ok();
    if std::str::from_utf8(event).is_ok() || deserialised.is_some() {
        assert_eq!(deserialised.as_ref().map(plain), expected, "deserialised: {}", show());
    }
    (expected.is_some(), along_templates.is_some())
}

/// Records as Kinesis gives them, all of one kind.
fn usual(count: usize) -> Vec<Written> {
    let written = |index: usize| Written {
        payload: format!("{{\"price\":{index}.25,\"at\":\"<>?~\u{e9}\"}}").into_bytes(),
        partition_key: Some(format!("symbol_AAPL_{}", index % 100)),
        sequence_number: format!("495903382714902566085596925383{index:026}"),
        shard: Some("shardId-000000000006".to_owned()),
        arn: Some(ARN.to_owned()),
        millis: index as u32 % 1000,
        layout: LAYOUT,
    };
    (0..count).map(written).collect()
}

/// A layout without escapes.
const LAYOUT: u64 = 1;

proptest! {
    #[test]
    fn an_event_reads_as_aws_lambda_events_reads_it(records in prop::collection::vec(written(), 0..12)) {
        let text = event(&records);
        let (accepted, _) = agree(text.as_bytes());
        prop_assert!(accepted);
        let expected: KinesisEvent = serde_json::from_str(&text).unwrap();
        let batch: KinesisBatch = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(batch.len(), expected.records.len());
        for ((record, expected), written) in batch.records().zip(&expected.records).zip(&records) {
            prop_assert_eq!(record.data, Ok(&*expected.kinesis.data.0));
            prop_assert_eq!(record.sequence_number, &expected.kinesis.sequence_number);
            prop_assert_eq!(record.partition_key, &expected.kinesis.partition_key);
            prop_assert_eq!(record.shard, written.shard.as_deref());
            prop_assert_eq!(record.stream, expected.event_source_arn.as_deref().and_then(|arn| arn.rsplit('/').next()));
            prop_assert_eq!(record.arrived_at, Some(1_768_487_522_000 + i64::from(written.millis)));
            // Its own way over text takes the tenths of `.5` for milliseconds.
            if written.millis % 10 != 0 {
                prop_assert_eq!(record.arrived_at, Some(expected.kinesis.approximate_arrival_timestamp.timestamp_millis()));
            }
        }
    }

    #[test]
    fn seconds_are_as_over_a_float(whole in 0..999_999_999_999i64, decimals in 0..4usize, fraction in 0..1000u32) {
        let fraction = &format!("{fraction:03}")[..decimals];
        let token = if decimals == 0 { whole.to_string() } else { format!("{whole}.{fraction}") };
        let float: f64 = serde_json::from_str(&token).unwrap();
        prop_assert_eq!(seconds(format!("{token}}}").as_bytes()), Some(((float * 1000.0).round() as i64, token.len())));
    }

    #[test]
    fn base64_is_that_of_the_usual_crate(text in "[ABab01+/=]{0,24}|[A-Za-z0-9+/]{0,100}={0,3}|\\PC{0,8}") {
        let mut batch = KinesisBatch::default();
        let decoded = batch.decode(text.as_bytes()).map(|span| batch.bytes[span.range()].to_vec());
        prop_assert_eq!(decoded, base64(&text));
    }
}

#[test]
fn the_usual_event_goes_along_templates() {
    let records = usual(500);
    let text = event(&records);
    assert_eq!(agree(text.as_bytes()), (true, true));
    let batch = KinesisBatch::along_templates(text.as_bytes()).unwrap();
    assert_eq!((batch.len(), batch.origins.len()), (500, 1));
    let first = records[0].text();
    let row: Row<'_> = serde_json::from_str(&first).unwrap();
    let like = Template::of(first.as_bytes(), &row, 0).unwrap();
    for record in &records {
        let text = record.text() + ",";
        assert_eq!(like.read(text.as_bytes()).unwrap().1, text.len() - 1);
    }
}

#[test]
fn a_payload_that_is_not_base64_hits_only_itself() {
    let cases = [
        ("@@@@", "byte 0 is not"),
        ("abc", "3 characters are not a multiple of 4"),
        ("YQ=", "3 characters"),
        ("YQ", "2 characters"),
        ("YR==", "padding"),
        ("Y===", "padding"),
        ("====", "padding"),
        ("YQ==YQ==", "byte 2 is not"),
        ("YWJj YWJj", "byte 4 is not"),
        (" YQ==", "byte 0 is not"),
        ("YWJj\\n", "byte 4 is not"),
        ("YW_-", "byte 2 is not"),
        ("caf\u{e9}", "byte 3 is not"),
        ("{\\\"plain\\\":1}", "byte 0 is not"),
    ];
    for (data, problem) in cases {
        for place in 0..3 {
            let mut texts: Vec<String> = usual(3).iter().map(Written::text).collect();
            let good = base64_simd::STANDARD.encode_to_string(&usual(3)[place].payload);
            texts[place] = texts[place].replace(&good, data);
            let text = format!("{{\"Records\":[{}]}}", texts.join(","));
            assert_eq!(agree(text.as_bytes()), (true, true), "{data}");
            let batch = KinesisBatch::from_slice(text.as_bytes()).unwrap();
            for (index, (record, written)) in batch.records().zip(usual(3)).enumerate() {
                assert_eq!(record.sequence_number, written.sequence_number);
                if index == place {
                    let error = record.data.unwrap_err();
                    assert_eq!(error.text, serde_json::from_str::<String>(&format!("\"{data}\"")).unwrap());
                    assert!(error.to_string().contains(problem), "{data}: {error}");
                } else {
                    assert_eq!(record.data, Ok(&*written.payload));
                }
            }
        }
    }
}

#[test]
fn an_empty_payload_is_a_payload() {
    let mut records = usual(3);
    records[1].payload.clear();
    let batch = KinesisBatch::from_slice(event(&records).as_bytes()).unwrap();
    assert_eq!(batch.get(1).unwrap().data, Ok(&[][..]));
    assert_eq!(batch.get(2).unwrap().data, Ok(&*records[2].payload));
}

#[test]
fn what_may_be_missing_is_none() {
    let text = r#"{"Records":[{"kinesis":{"sequenceNumber":"1","data":"YQ=="}}]}"#;
    let expected = BatchRecord {
        data: Ok(b"a"),
        sequence_number: "1",
        partition_key: "",
        shard: None,
        stream: None,
        arrived_at: None,
    };
    assert_eq!(KinesisBatch::from_slice(text.as_bytes()).unwrap().records().collect::<Vec<_>>(), [expected]);
    assert_eq!(agree(text.as_bytes()), (true, true));
}

#[test]
fn what_is_no_event_says_so() {
    let good = usual(2).iter().map(Written::text).collect::<Vec<_>>();
    let second = |from: &str, to: &str| {
        assert!(good[1].contains(from), "{from}: {}", good[1]);
        format!("{{\"Records\":[{},{}]}}", good[0], good[1].replace(from, to))
    };
    let cases = [
        (second("\"data\"", "\"date\""), "`Records[1]`: missing field `data`"),
        (second("\"sequenceNumber\"", "\"sequence\""), "`Records[1]`: missing field `sequenceNumber`"),
        (second("\"kinesis\"", "\"kafka\""), "`Records[1]`: missing field `kinesis`"),
        (second("\"kinesisSchemaVersion\"", "\"data\""), "`Records[1]`: duplicate field `data`"),
        (second("1768487522.001", "true"), "`Records[1]`: `approximateArrivalTimestamp` is no number"),
        (second("1768487522.001", "01"), "`Records[1]`: invalid number"),
        (second("\"awsRegion\"", "\"aws\u{1}Region\""), "`Records[1]`: control character"),
        (second(ARN, "\\x"), "`Records[1]`: invalid escape"),
        ("{\"Records\":[{}, 1]}".to_owned(), "`Records[0]`: missing field `kinesis`"),
        ("{\"Records\":{}}".to_owned(), "expected an array of Kinesis records"),
        ("{\"records\":[]}".to_owned(), "missing field `Records`"),
        ("{\"Records\":[],\"Records\":[]}".to_owned(), "duplicate field `Records`"),
        ("{\"Records\":[]} x".to_owned(), "trailing characters"),
        ("{\"Records\":[".to_owned(), "EOF"),
        (String::new(), "EOF"),
    ];
    for (text, expected) in cases {
        assert_eq!(agree(text.as_bytes()), (false, false), "{text}");
        let error = KinesisBatch::from_slice(text.as_bytes()).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}, not {expected}");
    }
}

#[test]
fn other_shapes_of_an_event_are_read_too() {
    let records = format!("[{}]", usual(2).iter().map(Written::text).collect::<Vec<_>>().join(" ,\n"));
    for text in [
        "{\"Records\":[]}".to_owned(),
        " {\n\"Records\" : [ ] }\r\n".to_owned(),
        format!("{{ \"Records\" : {records} }} "),
        format!("{{\"window\":{{\"start\":\"x\"}},\"Records\":{records},\"state\":{{}},\"isFinal\":false}}"),
        format!("{{\"R\\u0065cords\":{records}}}"),
    ] {
        assert!(agree(text.as_bytes()).0, "{text}");
    }
}

#[test]
fn records_may_come_from_several_shards_and_streams() {
    let mut records = usual(60);
    for (index, record) in records.iter_mut().enumerate() {
        record.shard = Some(format!("shardId-{}", index / 3 % 4));
        record.arn = Some(format!("arn:aws:kinesis:eu-west-3:1:stream/s{}", index / 5 % 2));
    }
    let text = event(&records);
    assert_eq!(agree(text.as_bytes()), (true, true));
    let batch = KinesisBatch::from_slice(text.as_bytes()).unwrap();
    assert_eq!(batch.get(59).unwrap().shard, Some("shardId-3"));
    assert_eq!(batch.get(59).unwrap().stream, Some("s1"));
}

#[test]
fn an_identifier_without_a_colon_names_no_shard() {
    let ids = ["a", "a", "b", "b:1", "b", ":", "", "", "b:1:2", "b::", "c:1"];
    let shards = [None, None, None, Some("b"), None, Some(""), None, None, Some("b"), Some("b"), Some("c")];
    let record = |id: &&str| format!(r#"{{"eventID":"{id}","kinesis":{{"sequenceNumber":"1","data":"YQ=="}}}}"#);
    let text = format!("{{\"Records\":[{}]}}", ids.iter().map(record).collect::<Vec<_>>().join(","));
    assert_eq!(agree(text.as_bytes()), (true, true));
    let batch = KinesisBatch::from_slice(text.as_bytes()).unwrap();
    assert_eq!(batch.records().map(|record| record.shard).collect::<Vec<_>>(), shards);
}

#[test]
fn an_arrival_is_any_number_of_seconds() {
    let cases = [
        ("1768487522", Some(1_768_487_522_000)),
        ("1768487522.0", Some(1_768_487_522_000)),
        ("1768487522.5", Some(1_768_487_522_500)),
        ("1768487522.98", Some(1_768_487_522_980)),
        ("1768487522.987", Some(1_768_487_522_987)),
        ("1768487522.9876", Some(1_768_487_522_988)),
        ("1.768487522987E9", Some(1_768_487_522_987)),
        ("-1.5", Some(-1500)),
        ("0", Some(0)),
        ("0.001", Some(1)),
        ("1e300", Some(i64::MAX)),
        ("\"1768487522.987\"", Some(1_768_487_522_987)),
        ("\"\\u0031\"", Some(1000)),
        ("null", None),
    ];
    for (first, _) in cases {
        for (token, expected) in cases {
            let records = usual(3).iter().map(Written::text).collect::<Vec<_>>().join(",");
            let text = format!("{{\"Records\":[{records}]}}");
            let text = text.replace("1768487522.000", first).replace("1768487522.001", token);
            agree(text.as_bytes());
            let batch = KinesisBatch::from_slice(text.as_bytes()).unwrap();
            assert_eq!(batch.get(1).unwrap().arrived_at, expected, "{token} after {first}");
        }
    }
    for token in ["1e400", "\"NaN\"", "\"inf\"", "\"\"", "[]", "01", "1.", ".5", "+1", "1e", "--1", "1.5.5"] {
        let text = event(&usual(2)).replace("1768487522.001", token);
        assert_eq!(agree(text.as_bytes()), (false, false), "{token}");
    }
}

#[test]
fn a_cut_event_is_refused_at_every_byte() {
    let mut records = usual(3);
    records[1].layout = 3;
    let text = event(&records);
    for end in 0..text.len() {
        assert_eq!(agree(&text.as_bytes()[..end]), (false, false));
    }
    assert_eq!(agree(text.as_bytes()), (true, true));
}

/// What parsers take for a border.
const BORDERS: &[u8] = b"\"\"\"\\\\{}[]::,,0123456789.eE+-= \n\t/AaZz\x00\x1f\x20\x7f\x80\xc3\xa9\xff";

#[test]
fn a_damaged_event_is_accepted_if_and_only_if_serde_accepts_it() {
    let (mut accepted, mut along) = (0, 0);
    for seed in 0..DAMAGED {
        let rng = &mut Rng::with_seed(seed);
        let mut records = usual(rng.usize(2..5));
        let layout = rng.u64(..8);
        for record in &mut records {
            record.payload.truncate(rng.usize(..20));
            record.layout = if rng.u8(..8) == 0 { rng.u64(..8) } else { layout };
        }
        let mut bytes = event(&records).into_bytes();
        for _ in 0..rng.usize(1..4) {
            damage(rng, &mut bytes);
        }
        let (yes, fast) = std::panic::catch_unwind(|| agree(&bytes)).unwrap_or_else(|_| panic!("seed {seed}"));
        accepted += u64::from(yes);
        along += u64::from(fast);
    }
    // Both answers are common, and so is the fast way to a yes.
    assert!(accepted > DAMAGED / 10 && accepted < DAMAGED * 9 / 10, "{accepted} accepted");
    assert!(along > DAMAGED / 10, "{along} along templates");
}

fn damage(rng: &mut Rng, bytes: &mut Vec<u8>) {
    if bytes.is_empty() {
        return;
    }
    let at = rng.usize(..bytes.len());
    let border = BORDERS[rng.usize(..BORDERS.len())];
    let part = at..(at + rng.usize(..24)).min(bytes.len());
    match rng.u8(..9) {
        0 => bytes[at] ^= 1 << rng.u8(..8),
        1 | 2 => bytes[at] = border,
        3 => bytes.insert(at, border),
        4 => {
            bytes.remove(at);
        }
        5 => {
            bytes.drain(part);
        }
        6 => {
            let copy = bytes[part].to_vec();
            let to = rng.usize(..=bytes.len());
            bytes.splice(to..to, copy);
        }
        7 => {
            let copy = bytes[part].to_vec();
            let to = rng.usize(..=bytes.len() - copy.len());
            bytes[to..to + copy.len()].copy_from_slice(&copy);
        }
        _ => bytes.swap(at, part.end.saturating_sub(1)),
    }
}

#[test]
fn a_log_shows_no_payload() {
    let batch = KinesisBatch::from_slice(event(&usual(2)).as_bytes()).unwrap();
    assert!(format!("{batch:?}").starts_with("KinesisBatch { records: 2, bytes: "));
}
