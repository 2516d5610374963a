//! Sequence numbers of the emulator, which have 30 digits, as AWS's, which have 56, and back.
//!
//! Digits that never change stand before those of the emulator, so order is kept, and what a function stores is as long
//! as it will be on AWS: too long for a number of DynamoDB, for one. Numbers that do not look like the emulator's
//! pass unchanged, in either direction.

use std::borrow::Cow;

/// What stands before the emulator's digits. AWS's numbers begin with 49, too.
const PREFIX: &str = "49000000000000000000000000";
/// The length of the emulator's numbers.
const NARROW: usize = 30;

fn is_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

/// A number of the emulator as one of AWS.
pub(crate) fn widen(number: &str) -> Cow<'_, str> {
    if number.len() == NARROW && is_digits(number) {
        Cow::Owned(format!("{PREFIX}{number}"))
    } else {
        Cow::Borrowed(number)
    }
}

/// A number that [`widen`] made as the emulator knows it.
pub(crate) fn narrow(number: &str) -> &str {
    number.strip_prefix(PREFIX).filter(|rest| rest.len() == NARROW && is_digits(rest)).unwrap_or(number)
}

/// The keys under which sequence numbers stand in JSON of Kinesis.
const KEYS: [&str; 3] = ["SequenceNumber", "StartingSequenceNumber", "EndingSequenceNumber"];

/// The JSON of an answer with wide numbers. It is not parsed: keys are looked for, which cannot stand within a string,
/// since a quote in there has a backslash before it.
pub(crate) fn widen_json(json: &[u8]) -> Vec<u8> {
    rewritten(json, &|number| widen(number).into_owned())
}

/// The JSON of a request with narrow numbers.
pub(crate) fn narrow_json(json: &[u8]) -> Vec<u8> {
    rewritten(json, &|number| narrow(number).to_owned())
}

fn rewritten(json: &[u8], with: &dyn Fn(&str) -> String) -> Vec<u8> {
    const TAIL: &[u8] = b"SequenceNumber\"";
    let mut out = Vec::with_capacity(json.len() + json.len() / 4);
    let mut copied = 0;
    for at in memchr::memmem::find_iter(json, TAIL) {
        let end = at + TAIL.len();
        let start = json[..at].iter().rposition(|byte| *byte == b'"').map_or(at, |quote| quote + 1);
        let is_key = KEYS.iter().any(|key| json[start..end - 1] == *key.as_bytes());
        // The opening quote of a key is none that is escaped.
        let opens = start > 0 && (start < 2 || json[start - 2] != b'\\');
        let Some(number) = (is_key && opens).then(|| text_after_colon(&json[end..])).flatten() else { continue };
        let (from, to) = (end + number.start, end + number.end);
        if let Ok(digits) = std::str::from_utf8(&json[from..to]) {
            out.extend_from_slice(&json[copied..from]);
            out.extend_from_slice(with(digits).as_bytes());
            copied = to;
        }
    }
    out.extend_from_slice(&json[copied..]);
    out
}

/// Where the string behind a colon stands, if one does.
fn text_after_colon(rest: &[u8]) -> Option<std::ops::Range<usize>> {
    let blank = |from: usize| from + rest[from..].iter().take_while(|byte| byte.is_ascii_whitespace()).count();
    let colon = blank(0);
    let open = blank((rest.get(colon) == Some(&b':')).then_some(colon + 1)?);
    let start = (rest.get(open) == Some(&b'"')).then_some(open + 1)?;
    let length = rest[start..].iter().position(|byte| *byte == b'"')?;
    Some(start..start + length)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    /// The length of AWS's numbers of today.
    const WIDE: usize = 56;

    proptest! {
        #[test]
        fn numbers_keep_their_order_and_come_back(a in "0[0-9]{29}", b in "0[0-9]{29}") {
            let (wide_a, wide_b) = (widen(&a), widen(&b));
            prop_assert_eq!(wide_a.len(), WIDE);
            prop_assert_eq!(wide_a.cmp(&wide_b), a.cmp(&b));
            prop_assert_eq!(narrow(&wide_a), &a);
        }

        /// Whatever else an answer holds, only its numbers change, and they change back.
        #[test]
        fn an_answer_is_widened_and_nothing_else(
            key in "[ -~é]{0,30}",
            number in "[0-9]{30}",
            pretty in any::<bool>(),
        ) {
            let record = json!({
                "Data": "SequenceNumber", "PartitionKey": key, "SequenceNumber": number,
                "Odd": "\"SequenceNumber\": \"000000000000000000000000000000\"",
            });
            let answer = json!({
                "Records": [record], "Other": {"MySequenceNumber": number},
                "SequenceNumberRange": {"StartingSequenceNumber": number, "EndingSequenceNumber": "7"},
            });
            let text = if pretty { serde_json::to_string_pretty(&answer) } else { serde_json::to_string(&answer) }.unwrap();
            let wide = widen_json(text.as_bytes());
            let mut expected = answer.clone();
            expected["Records"][0]["SequenceNumber"] = json!(widen(&number));
            expected["SequenceNumberRange"]["StartingSequenceNumber"] = json!(widen(&number));
            prop_assert_eq!(serde_json::from_slice::<serde_json::Value>(&wide).unwrap(), expected);
            prop_assert_eq!(narrow_json(&wide), text.as_bytes());
        }
    }

    #[test]
    fn foreign_numbers_pass() {
        for number in ["0", "49", "", "49590338271490256608559692538361571095921575989136588898", "TRIM"] {
            assert_eq!(widen(number), number);
            assert_eq!(narrow(number), number);
        }
    }
}
