//! Takes the API key out of text: URLs, vendor's bodies, error messages.
//!
//! The vendor takes the key as a URL parameter and echoes it in refusals, so it turns up in places
//! where nobody put it. Any text enters, the same text with the key masked leaves.

use std::fmt;

/// Shortest key that is looked for as such. Shorter ones would mangle every text; for them only the
/// patterns hold. The vendor's keys have 16 characters.
const SHORTEST_LITERAL: usize = 4;

/// What stands before a key, in lower case, and the characters that end it besides white space and `"`.
const PATTERNS: &[(&str, &[char])] = &[
    ("apikey=", &['&']),
    ("apikey%3d", &['&', '%']),
    ("apikey\":\"", &[]),
    ("apikey\": \"", &[]),
    ("api key as ", &[]),
];

/// Masks one API key wherever it stands in a text: literally, percent-encoded in any manner, escaped
/// as in JSON, and whatever stands where a key is expected (`apikey=…`, `API key as …`).
#[derive(Clone)]
pub struct Redactor {
    key: String,
    mask: String,
}

impl Redactor {
    /// For this key. White space around it is not part of it.
    pub fn new(api_key: &str) -> Self {
        let key = api_key.trim().to_owned();
        // A mask without any character of the key can never form the key with the text around it.
        let sign = ['*', '#', '~'].into_iter().chain('\u{2588}'..).find(|sign| !key.contains(*sign)).unwrap_or('*');
        Self { key, mask: String::from_iter([sign; 3]) }
    }

    /// The text with every key masked. Reads the text once, from left to right.
    pub fn redact(&self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut at = 0;
        while let Some(next) = text[at..].chars().next() {
            let masked = self.key_at(&text[at..]).or_else(|| value_at(text, at));
            match masked {
                Some(length) => {
                    out.push_str(&self.mask);
                    at += length;
                }
                None => {
                    out.push(next);
                    at += next.len_utf8();
                }
            }
        }
        out
    }

    /// The text with the key masked wherever it stands literally or percent-encoded, and nothing else changed,
    /// so that a body stays what it is; `None` if it is not in there.
    pub fn mask_key(&self, text: &str) -> Option<String> {
        if self.key.is_empty() || !(text.contains(&self.key) || text.contains(['%', '+', '\\'])) {
            return None;
        }
        let (mut out, mut at, mut found) = (String::with_capacity(text.len()), 0, false);
        while let Some(next) = text[at..].chars().next() {
            if let Some(length) = self.key_at(&text[at..]) {
                out.push_str(&self.mask);
                (at, found) = (at + length, true);
            } else {
                out.push(next);
                at += next.len_utf8();
            }
        }
        found.then_some(out)
    }

    /// How many bytes the key takes up at the beginning of the text, if it stands there.
    fn key_at(&self, text: &str) -> Option<usize> {
        if self.key.len() < SHORTEST_LITERAL {
            return None;
        }
        let text = text.as_bytes();
        // A `%` or `\` of the key may itself be encoded or not, but not both in one text.
        let spelt =
            |spelling| self.key.bytes().try_fold(0, |at, byte| Some(at + byte_at(text.get(at..)?, byte, spelling)?));
        spelt(Spelling::AsIs).or_else(|| spelt(Spelling::Encoded))
    }
}

/// Which spelling of a byte is looked for first.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Spelling {
    AsIs,
    Encoded,
}

/// How many bytes one byte of the key takes up at the beginning of the text.
fn byte_at(text: &[u8], byte: u8, first: Spelling) -> Option<usize> {
    let hex = |digit: u8| char::from(digit).to_digit(16);
    let as_is = || text.first().filter(|first| **first == byte).map(|_| 1);
    let encoded = || match *text {
        [b'%', high, low, ..] => (hex(high)? * 16 + hex(low)? == u32::from(byte)).then_some(3),
        [b'+', ..] => (byte == b' ').then_some(1),
        [b'\\', second, ..] => (second == byte && b"\"\\/'".contains(&byte)).then_some(2),
        _ => None,
    };
    if first == Spelling::AsIs { as_is().or_else(encoded) } else { encoded().or_else(as_is) }
}

/// How many bytes to mask where a key is expected, since one of the patterns ends right before `at`.
fn value_at(text: &str, at: usize) -> Option<usize> {
    let before = &text.as_bytes()[..at];
    let ends_with = |pattern: &str| {
        before.len() >= pattern.len() && before[before.len() - pattern.len()..].eq_ignore_ascii_case(pattern.as_bytes())
    };
    let (_, ends) = PATTERNS.iter().find(|(pattern, _)| ends_with(pattern))?;
    let value = &text[at..];
    let length = value.find(|c: char| c.is_whitespace() || c == '"' || ends.contains(&c)).unwrap_or(value.len());
    (length > 0).then_some(length)
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Redactor(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const KEY: &str = "QX7Z1K4M9P2R8S3T";

    fn check(key: &str, text: &str, expected: &str) {
        let redactor = Redactor::new(key);
        assert_eq!(redactor.redact(text), expected);
        assert_eq!(redactor.redact(expected), expected, "redacting twice changes nothing more");
    }

    #[test]
    fn keys_are_masked_wherever_they_stand() {
        check(KEY, "GET /query?function=X&apikey=QX7Z1K4M9P2R8S3T&x=1", "GET /query?function=X&apikey=***&x=1");
        check(KEY, "detected your API key as QX7Z1K4M9P2R8S3T and", "detected your API key as *** and");
        check(KEY, "no pattern: QX7Z1K4M9P2R8S3TQX7Z1K4M9P2R8S3T.", "no pattern: ******.");
        check(KEY, "nothing here, QX7Z1K4M9P2R8S3", "nothing here, QX7Z1K4M9P2R8S3");
    }

    #[test]
    fn patterns_hold_for_any_key() {
        for key in ["", "A", "abc", "  ", KEY] {
            check(key, r#"url?APIKEY=OTHER&b "apiKey=two" c"#, r#"url?APIKEY=***&b "apiKey=***" c"#);
            check(key, "API key as `OTHER`, and", "API key as *** and");
            check(key, r#"{"apikey":"OTHER","apikey": "X"}"#, r#"{"apikey":"***","apikey": "***"}"#);
            check(key, "redirect=%2Fq%3Fapikey%3DOTHER%26b", "redirect=%2Fq%3Fapikey%3D***%26b");
            check(key, "a cab; apikey= apikey=\"\" äöü", "a cab; apikey= apikey=\"\" äöü");
        }
    }

    #[test]
    fn encoded_keys_are_masked() {
        let key = "a/b=c d";
        check(key, "x a%2Fb%3Dc%20d y", "x *** y");
        check(key, "x a%2fb%3dc+d y", "x *** y");
        check(key, "x %61%2F%62%3D%63%20%64 y", "x *** y");
        check(key, r#"x "a\/b=c d" y"#, r#"x "***" y"#);
        check("50%25\\", "x 50%25\\ 50%2525%5c y", "x *** *** y");
        // A key that would form itself anew from its own mask.
        check("***a", "***a ***a", "### ###");
        check("apikey=Q", "apikey=Q apikey=other", "*** apikey=***");
    }

    #[test]
    fn the_key_is_in_no_debug_form() {
        assert_eq!(format!("{:?} {:#?}", Redactor::new(KEY), Redactor::new(KEY)), "Redactor(***) Redactor(***)");
    }

    fn encoded(key: &str, upper: bool) -> String {
        key.bytes()
            .map(|byte| match byte {
                byte if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
                byte if upper => format!("%{byte:02X}"),
                byte => format!("%{byte:02x}"),
            })
            .collect()
    }

    proptest! {
        #[test]
        fn no_key_survives(
            key in "[^\\s].{2,14}[^\\s]|[A-Z0-9]{16}|[*#~a=]{4,6}|apikey.?|[aA]pikey=",
            parts in proptest::collection::vec(
                prop_oneof![Just(None), ".{0,12}".prop_map(Some), Just(Some("apikey=".to_owned())),
                            Just(Some("***".to_owned())), Just(Some("API key as ".to_owned()))], 0..12),
            spelling in 0..4u8,
        ) {
            let spelt = match spelling {
                0 => key.clone(),
                1 => encoded(&key, true),
                2 => encoded(&key, false),
                _ => format!("apikey={key}"),
            };
            let text: String = parts.iter().map(|part| part.as_deref().unwrap_or(&spelt)).collect();
            let redactor = Redactor::new(&key);
            let clean = redactor.redact(&text);
            prop_assert!(!clean.contains(&key), "{clean:?}");
            prop_assert!(!clean.contains(&encoded(&key, true)), "{clean:?}");
            prop_assert!(!clean.contains(&encoded(&key, false)), "{clean:?}");
            prop_assert!(clean.len() <= text.len() * 12 + 12);
        }

        #[test]
        fn short_keys_leave_text_alone(key in "[a-z]{0,3}", text in "[a-z ]{0,40}") {
            prop_assume!(!text.contains("api key as "));
            prop_assert_eq!(Redactor::new(&key).redact(&text), text);
        }
    }
}
