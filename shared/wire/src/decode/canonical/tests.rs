//! The long way is the oracle: for every text of the encoder the short way gives the same, and for texts that were
//! changed the same or nothing.

mod generate;

use market::{Basis, Freshness, Interval, Origin};
use proptest::{
    prelude::*,
    strategy::ValueTree,
    test_runner::{Config, TestRunner},
};

use self::generate::record;
use super::*;
use crate::{
    DecodeError, IndicatorBody, IndicatorFlag, IndicatorReading, OutputName, SeriesText, decode, decode::by_fields,
    indicator,
};

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// Whether the short way reads the text; what it reads is what the long way reads.
#[track_caller]
fn is_read_alike(text: &str) -> bool {
    let Some(short) = read(text) else { return false };
    let long = by_fields(text).unwrap_or_else(|error| panic!("{error}, but it was read: {text}"));
    assert_eq!(short, long, "{text}");
    // Decimals are equal whatever their trailing zeros, and shown with them.
    assert_eq!(format!("{short:?}"), format!("{long:?}"), "{text}");
    true
}

proptest! {
    #![proptest_config(Config::with_cases(2000))]

    #[test]
    fn what_the_encoder_writes_goes_the_short_way(text in record(), space in "[ \n\r\t]{0,3}") {
        prop_assert!(is_read_alike(&text), "{}", text);
        prop_assert!(is_read_alike(&format!("{text}{space}")), "{}", text);
    }
}

#[test]
fn readings_go_the_short_way() {
    let names = ["SMA(20)", "RSI(14)", "EMA(20)"].map(OutputName::new);
    let reading = |at: usize, value| IndicatorReading { name: &names[at], value, warm: at == 0, bars: 20 };
    let readings = [reading(0, Some(0.1 + 0.2)), reading(1, None), reading(2, Some(1e-9))];
    let subject = Subject::Pair("BTC/USD".parse().unwrap());
    let record = indicator(&IndicatorBody {
        series: &SeriesText::new(&subject, Interval::Min1, Basis::Raw, Origin::Sampled),
        start: at("2026-11-20T15:31:00Z"),
        freshness: Freshness::Realtime,
        bars: 20,
        prices: [0.1, 1e21, 1e-9, 2.0],
        volume: None,
        readings: &readings,
        flags: &[IndicatorFlag::GapBefore],
    });
    assert!(is_read_alike(&record.to_json(0, at("2026-11-20T15:33:00Z"))));
}

/// A bar with all fields, and an event.
const BAR: &str = r#"{"schema":"bar.v1","key":"00112233445566778899aabbccddeeff","rev":7,"id":"ffeeddccbbaa99887766554433221100","source":"alphavantage","timestamp":"2026-05-15T15:31:07.250Z","ingested_at":"2026-05-15T15:32:00.000Z","flags":[],"symbol":"IBM","interval":"1min","basis":"raw","freshness":"eod","origin":"vendor","open":218.2,"high":220.91,"low":217.615,"close":219.3,"volume":6154450,"final":true,"adjusted_close":219.3,"dividend_amount":0.5,"split_coefficient":1}"#;
const EVENT: &str = r#"{"schema":"news.v1","key":"00112233445566778899aabbccddeeff","rev":7,"id":"ffeeddccbbaa99887766554433221100","source":"alphavantage","timestamp":"2026-05-15T15:31:07.250Z","ingested_at":"2026-05-15T15:32:00.000Z","flags":[],"title":"Ünïcode \u00e9","values":{"a":[1,2e5],"key":"x"},"score":-0.5}"#;

/// What becomes of a record with one thing changed.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Way {
    Short,
    Long,
    Refused,
}
use Way::{Long, Refused, Short};

#[track_caller]
fn check(record: &str, change: &str, with: &str, expected: Way) {
    assert_eq!(record.matches(change).count(), 1, "{change}");
    let text = record.replacen(change, with, 1);
    let way = match (is_read_alike(&text), by_fields(&text)) {
        (true, _) => Short,
        (false, Ok(_)) => Long,
        (false, Err(_)) => Refused,
    };
    assert_eq!(way, expected, "{text}");
    assert_eq!(decode(text.as_bytes()).is_ok(), expected != Refused);
}

#[test]
fn numbers_are_those_of_json() {
    let check = |with: &str, expected| check(BAR, ":219.3,\"volume\"", &format!(":{with},\"volume\""), expected);
    for short in ["219", "219.30", "219.0", "218.99999999999999999999", "219.0000000000000000000000000000000000001"] {
        check(short, Short);
    }
    for long in ["2.193e2", "21930E-2", " 219.3", "219.3 "] {
        check(long, Long);
    }
    for bad in
        ["0219.3", "219.", ".5", "-219.3", "+219.3", "0", "0.0", "219.3.1", "219,3", "\"219.3\"", "null", "", "-"]
    {
        check(bad, Refused);
    }
}

#[test]
fn signs_scales_and_sizes_of_decimals_stay() {
    let check = |with: &str, expected| {
        check(BAR, "\"dividend_amount\":0.5", &format!("\"dividend_amount\":{with}"), expected);
    };
    for short in ["0", "0.0", "0.50", "-0.5", "-0", "-0.00", "100", "9999999999999999999", "0.9999999999999999999"] {
        check(short, Short);
    }
    for short in ["18446744073709551616", "79228162514264337593543950335", "0.0000000000000000000000000001"] {
        check(short, Short);
    }
    check("-79228162514264337593543950335.4", Short);
    for bad in ["79228162514264337593543950336", "-01", "--1", "-"] {
        check(bad, Refused);
    }
}

#[test]
fn moments_are_those_of_the_calendar() {
    let check = |with: &str, expected| check(BAR, "2026-05-15T15:31:07.250Z", with, expected);
    check("2024-02-29T23:59:59.999Z", Short);
    check("0000-01-01T00:00:00.000Z", Short);
    check("1969-12-31T23:59:59.001Z", Short);
    check("9999-12-30T22:00:00.999Z", Short);
    for long in
        ["2026-05-15T15:31:07Z", "2026-05-15T15:31:07.25Z", "2026-05-15T15:31:07.250+00", "2026-05-15 15:31:07.250Z"]
    {
        check(long, Long);
    }
    check("2016-12-31T23:59:60.000Z", Long);
    for bad in
        ["2026-02-29T00:00:00.000Z", "2026-13-01T00:00:00.000Z", "2026-00-01T00:00:00.000Z", "2026-05-00T00:00:00.000Z"]
    {
        check(bad, Refused);
    }
    for bad in
        ["2026-05-15T24:00:00.000Z", "2026-05-15T15:60:00.000Z", "2026-05-15T15:31:61.000Z", "9999-12-31T23:59:59.999Z"]
    {
        check(bad, Refused);
    }
    for bad in
        ["2026-05-15T15:31:07.2:0Z", "2026/05/15T15:31:07.250Z", "2026-05-15T15:31:07.250X", "2026-05-15T1é:31:07.25Z"]
    {
        check(bad, Refused);
    }
}

#[test]
fn envelopes_of_another_form_go_the_long_way() {
    for (change, with, expected) in [
        ("00112233445566778899aabbccddeeff", "00112233445566778899AABBCCDDEEFF", Refused),
        ("00112233445566778899aabbccddeeff", "00112233445566778899aabbccddeef", Refused),
        ("00112233445566778899aabbccddeeff", "00112233445566778899aabbccddeeffa", Refused),
        ("00112233445566778899aabbccddeeff", "0011223344556677/:99aabbccddeeff", Refused),
        ("00112233445566778899aabbccddeeff", "00112233445566778899aabbccddeefg", Refused),
        ("00112233445566778899aabbccddeeff", "00112233445566778899aabbccddee`f", Refused),
        ("\"rev\":7", "\"rev\":4294967295", Short),
        ("\"rev\":7", "\"rev\":0", Short),
        ("\"rev\":7", "\"rev\":4294967296", Refused),
        ("\"rev\":7", "\"rev\":18446744073709551623", Refused),
        ("\"rev\":7", "\"rev\":07", Refused),
        ("\"rev\":7", "\"rev\":7.0", Refused),
        ("\"rev\":7", "\"rev\":7,\"rev\":7", Refused),
        ("\"alphavantage\"", "\"other\"", Long),
        ("\"flags\":[]", "\"flags\":[\"stale\",\"a b\"]", Short),
        ("\"flags\":[]", "\"flags\":[\"stale\",]", Refused),
        ("\"flags\":[]", "\"flags\":[,]", Refused),
        ("\"flags\":[]", "\"flags\":[\"\\u0073tale\"]", Long),
        ("\"flags\":[]", "\"flags\":[\"stal\u{e9}\"]", Long),
        ("\"flags\":[]", "\"flags\":[\"st\tale\"]", Refused),
        ("\"flags\":[]", "\"flags\":[\"st\\xale\"]", Refused),
        ("\"flags\":[]", "\"flags\":[7]", Long),
        ("15:32:00.000Z", "15:32:00Z", Long),
        ("15:32:00.000Z", "yesterday", Long),
        (",\"ingested_at\":\"2026-05-15T15:32:00.000Z\"", "", Long),
        ("\"2026-05-15T15:32:00.000Z\"", "1778859120", Long),
        ("\"ingested_at\":", "\"ingested_at\":\"x\",\"ingested_at\":", Refused),
        ("{\"schema\"", " {\"schema\"", Long),
        ("{\"schema\"", "{ \"schema\"", Long),
        ("{\"schema\"", "\u{feff}{\"schema\"", Refused),
    ] {
        check(BAR, change, with, expected);
        check(EVENT, change, with, expected);
    }
}

#[test]
fn a_moment_of_intake_that_cannot_be_read_is_none() {
    let of = |with: &str| decode(BAR.replacen("\"2026-05-15T15:32:00.000Z\"", with, 1).as_bytes()).unwrap().ingested_at;
    assert_eq!(decode(BAR.as_bytes()).unwrap().ingested_at, Some(at("2026-05-15T15:32:00Z")));
    assert_eq!(of("\"2026-05-15T17:32:00+02:00\""), Some(at("2026-05-15T15:32:00Z")));
    for bad in ["null", "7", "\"\"", "\"soon\"", "{\"at\":1}"] {
        assert_eq!(of(bad), None, "{bad}");
    }
    let absent = BAR.replacen(",\"ingested_at\":\"2026-05-15T15:32:00.000Z\"", "", 1);
    assert_eq!(decode(absent.as_bytes()).unwrap().ingested_at, None);
}

#[test]
fn bodies_of_another_form_go_the_long_way() {
    for (change, with, expected) in [
        ("\"IBM\"", "\"ibm\"", Short),
        ("\"IBM\"", "\"\\u0049BM\"", Long),
        ("\"IBM\"", "\"IBM \"", Refused),
        ("\"IBM\"", "null", Refused),
        ("\"IBM\"", "\"anything\",\"base\":\"btc\",\"quote\":\"EUR\"", Short),
        ("\"IBM\"", "\"BTC/EUR\",\"base\":\"BTC\"", Refused),
        ("\"1min\"", "\"7min\"", Refused),
        ("\"origin\":\"vendor\"", "\"origin\":\"sampled\"", Long),
        ("\"origin\":\"vendor\",", "", Long),
        ("\"volume\":6154450", "\"volume\":null", Short),
        ("\"volume\":6154450", "\"volume\":0.0", Short),
        ("\"volume\":6154450", "\"volume\":-1", Refused),
        ("\"volume\":6154450,", "", Long),
        ("\"volume\":6154450", "\"volume\":nul", Refused),
        ("\"final\":true", "\"final\":false", Short),
        ("\"final\":true", "\"final\":truefalse", Refused),
        ("\"open\":218.2", "\"open\":220.9149", Short),
        ("\"open\":218.2", "\"open\":221", Refused),
        ("\"adjusted_close\":219.3", "\"adjusted_close\":null", Refused),
        ("\"split_coefficient\":1}", "\"split_coefficient\":1", Refused),
        ("\"split_coefficient\":1}", "\"split_coefficient\":1}}", Refused),
        ("\"split_coefficient\":1}", "\"split_coefficient\":1,}", Refused),
        ("\"split_coefficient\":1}", "\"split_coefficient\":1,\"more\":1}", Long),
        ("\"split_coefficient\":1}", "\"split_coefficient\":1,\"open\":218.2}", Refused),
        ("\"split_coefficient\":1}", "\"split_coefficient\":1}\n", Short),
        ("\"split_coefficient\":1}", "\"split_coefficient\":1}\u{c}", Refused),
        ("\"split_coefficient\":1}", "\"split_coefficient\":1}\u{a0}", Refused),
    ] {
        check(BAR, change, with, expected);
    }
}

#[test]
fn bodies_of_events_only_have_to_be_json() {
    for (change, with, expected) in [
        ("news.v1", "mover.v1", Short),
        ("news.v1", "news.v2", Refused),
        ("-0.5}", "-0.5,\"key\":1}", Refused),
        ("-0.5}", "-0.5,\"timestamp\":\"\"}", Refused),
        ("-0.5}", "-0.5,\"\\u006bey\":1}", Refused),
        ("-0.5}", "-0.5,\"flags\":[[]]}", Short),
        ("-0.5}", "-0.5,\"\u{e9}\":1}", Long),
        ("-0.5}", "-0.5 }", Long),
        ("-0.5}", " -0.5}", Short),
        ("-0.5}", "-0.5", Refused),
        ("-0.5}", "-0.5}}", Refused),
        ("-0.5}", "-0.5]", Refused),
        ("-0.5}", "-0.5true}", Refused),
        ("-0.5}", "-00.5}", Refused),
        ("-0.5}", "}", Refused),
        ("[1,2e5]", "[1,2e5", Refused),
        ("[1,2e5]", "[1,02]", Refused),
        ("[1,2e5]", "[1 , \"\\ud800\"]", Short),
        ("[1,2e5]", "[1,\"\n\"]", Refused),
        ("[1,2e5]", "[1,\"\\x\"]", Refused),
        (",\"values\":", ",\"values\" :", Long),
        (",\"values\":", ",\"values\"", Refused),
    ] {
        check(EVENT, change, with, expected);
    }
    let deep = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    check(EVENT, "-0.5}", &format!("{}}}", deep(100_000)), Short);
    let bare = EVENT.split_once(",\"title\"").unwrap().0.to_owned() + "}";
    assert!(is_read_alike(&bare));
}

#[test]
fn years_that_rfc_3339_does_not_know_go_the_long_way() {
    let text = BAR.replace("2026-05-15T15:31:07.250Z", "-000044-03-15T12:00:00.000Z");
    assert!(!is_read_alike(&text));
    assert!(decode(text.as_bytes()).is_ok());
}

/// Numbers that follow from a seed (SplitMix64).
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) as usize % bound.max(1)
    }

    fn pick<'a>(&mut self, list: &[&'a str]) -> &'a str {
        list[self.below(list.len())]
    }
}

const PIECES: &[&str] = &[
    " ",
    "\n",
    "\t",
    "\0",
    "\u{7f}",
    "\"",
    "\\",
    "\\n",
    "\\u0041",
    "\\ud83d",
    "é",
    "\u{2028}",
    "😀",
    "{",
    "}",
    "[",
    "]",
    ":",
    ",",
    "-",
    "+",
    ".",
    "0",
    "1",
    "9",
    "00",
    "e",
    "E5",
    "e-3",
    "null",
    "true",
    "false",
    "NaN",
    "/",
    "a",
    "Z",
    "\"\"",
    ",\"x\":1",
    ",\"key\":\"\"",
    "}}",
    "//",
    "\u{feff}",
];
const NUMBERS: &[&str] = &[
    "0",
    "-0",
    "0.0",
    "-0.0",
    "00",
    "01",
    "1.",
    ".5",
    "1.50",
    "-1",
    "1e5",
    "1E-2",
    "1e400",
    "null",
    "\"1\"",
    "true",
    "[]",
    "9999999999999999999",
    "99999999999999999999",
    "18446744073709551615",
    "18446744073709551616",
    "4294967296",
    "79228162514264337593543950335",
    "79228162514264337593543950336",
    "0.0000000000000000000000000001",
    "0.00000000000000000000000000001",
    "1234567890.12345678901234567890123",
    "0000000000000000000001",
];
const STRINGS: &[&str] = &[
    "",
    "ibm",
    "IBM ",
    "A B",
    "é",
    "\\u0049BM",
    "I\\\"M",
    "BTC/USD",
    "usd",
    "1min",
    "1day",
    "raw",
    "eod",
    "EOD",
    "vendor",
    "bar.v1",
    "quote.v1",
    "rate.v1",
    "news.v1",
    "bar.v2",
    "2026-02-29",
    "2024-02-29",
    "2026-1-01",
    "0000-00-00",
    "2026-02-29T00:00:00.000Z",
    "2024-02-29T00:00:00.000Z",
    "2016-12-31T23:59:60.000Z",
    "2026-05-15T24:00:00.000Z",
    "9999-12-31T23:59:59.999Z",
    "2026-05-15T15:31:07Z",
    "2026-05-15T15:31:07.250z",
    "2026-05-15T15:31:07.250+01:00",
    "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "00000000000000000000000000000000",
    "0000000000000000000000000000000g",
];

/// One change to a text.
fn change(text: &str, chance: &mut Chance) -> String {
    let characters: Vec<char> = text.chars().collect();
    let (a, b) = (chance.below(characters.len()), chance.below(characters.len()));
    let join = |parts: &[&[char]]| -> String { parts.iter().flat_map(|part| part.iter()).collect() };
    let mut fields: Vec<&str> = text.split(',').collect();
    let (one, other) = (chance.below(fields.len()), chance.below(fields.len()));
    match chance.below(14) {
        // A digit, as often as not good; a character, a neighbour of it in ASCII, two swapped, a cut, a copy, an end.
        0 if !characters.is_empty() => {
            let piece: Vec<char> = chance.pick(PIECES).chars().collect();
            join(&[&characters[..a], &piece, &characters[a + 1..]])
        }
        1 if !characters.is_empty() => {
            let near = char::from_u32(u32::from(characters[a]) ^ (1 << chance.below(7))).unwrap_or('x');
            join(&[&characters[..a], &[near], &characters[a + 1..]])
        }
        2 if !characters.is_empty() => {
            let mut swapped = characters.clone();
            swapped.swap(a, b);
            swapped.iter().collect()
        }
        3 => {
            let end = (a + chance.below(8)).min(characters.len());
            join(&[&characters[..a], &characters[end..]])
        }
        4 => join(&[&characters[..a], &characters[b..(b + 12).min(characters.len())], &characters[a..]]),
        5 if chance.below(4) == 0 => characters[..a].iter().collect(),
        5 => format!("{text}{}", chance.pick(PIECES)),
        6 => {
            let piece: Vec<char> = chance.pick(PIECES).chars().collect();
            join(&[&characters[..a], &piece, &characters[a..]])
        }
        10 | 11 => {
            let digits: Vec<usize> = (0..characters.len()).filter(|at| characters[*at].is_ascii_digit()).collect();
            let Some(at) = digits.get(chance.below(digits.len())) else { return text.to_owned() };
            join(&[&characters[..*at], &[b"0123456789"[chance.below(10)].into()], &characters[at + 1..]])
        }
        // Fields in another order, twice, or missing.
        7 => {
            fields.swap(one, other);
            fields.join(",")
        }
        8 => {
            fields.insert(other, fields[one]);
            fields.join(",")
        }
        9 => {
            fields.remove(one);
            fields.join(",")
        }
        // Another value, with what ends a string, an object or a list after it.
        _ => {
            let Some((name, value)) = fields[one].split_once(':') else { return text.to_owned() };
            let end = value.find(['}', ']']).unwrap_or(value.len());
            let new = if chance.below(2) == 0 && !value.starts_with('"') {
                format!("{name}:{}{}", chance.pick(NUMBERS), &value[end..])
            } else {
                format!("{name}:\"{}\"{}", chance.pick(STRINGS), &value[end..])
            };
            fields[one] = &new;
            fields.join(",")
        }
    }
}

#[test]
fn whatever_is_changed_both_ways_agree() {
    let mut runner = TestRunner::deterministic();
    let (mut chance, mut ways) = (Chance(7), [0usize; 3]);
    for _ in 0..600 {
        let good = record().new_tree(&mut runner).unwrap().current();
        for _ in 0..100 {
            let mut text = change(&good, &mut chance);
            for _ in 0..chance.below(3).saturating_sub(1) {
                text = change(&text, &mut chance);
            }
            ways[match (is_read_alike(&text), by_fields(&text)) {
                (true, _) => 0,
                (false, Ok(_)) => 1,
                (false, Err(_)) => 2,
            }] += 1;
        }
    }
    // The changes are of use: many stay good in the encoder's form, many in another, and many are no records any more.
    assert!(ways.iter().all(|count| *count > 4_000), "{ways:?}");
}

proptest! {
    #[test]
    fn bytes_that_are_no_text_are_refused(text in record(), at: prop::sample::Index, byte in 0x80u8..) {
        let mut bytes = text.into_bytes();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if std::str::from_utf8(&bytes).is_err() {
            prop_assert!(matches!(decode(&bytes), Err(DecodeError::NotUtf8(_))));
        }
    }
}
