//! Sequence numbers are ordered as numbers of any length, which padded texts are as well.

use event_source_mapping::kinesis::SequenceNumber;
use proptest::prelude::*;

/// One to 129 digits without leading zeros.
fn digits() -> impl Strategy<Value = String> {
    prop_oneof!["[1-9][0-9]{0,128}", "9{1,129}", "10{0,128}", Just("0".to_owned())]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(5_000))]

    #[test]
    fn they_compare_as_padded_texts_do(a in digits(), b in digits()) {
        let (x, y): (SequenceNumber, SequenceNumber) = (a.parse().unwrap(), b.parse().unwrap());
        prop_assert_eq!(x.cmp(&y), format!("{a:0>129}").cmp(&format!("{b:0>129}")));
        prop_assert_eq!(x == y, a == b);
        prop_assert_eq!(x.to_string(), a);
    }

    #[test]
    fn what_is_no_number_is_refused(text in "[0-9a -]{0,131}") {
        let is_number = (1..=129).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_digit())
            && (text == "0" || !text.starts_with('0'));
        prop_assert_eq!(text.parse::<SequenceNumber>().is_ok(), is_number);
    }
}
