//! What is printed, without API keys: JSON of any layout enters, one line of the same JSON leaves with keys masked.
//!
//! Numbers stay as they are written. Keys are looked for within each text of the JSON, so that masking
//! one never breaks a quotation; what cannot be masked so is masked whole.

use alphavantage::Redactor;
use serde_json::value::RawValue;

const MASK: &str = "\"***\"";

/// The JSON on one line, every key masked that the redactor finds in its texts, and the text of every field `apikey`.
pub(crate) fn line(redactor: &Redactor, json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    let mut rest = json;
    let mut after_apikey = false;
    while let Some(begin) = rest.find('"') {
        let between = rest[..begin].chars().filter(|c| !c.is_ascii_whitespace());
        let is_value = after_apikey && between.clone().eq([':']);
        out.extend(between);
        let (text, behind) = rest[begin..].split_at(length(&rest[begin..]));
        rest = behind;
        after_apikey = text.eq_ignore_ascii_case("\"apikey\"");
        if is_value && text != "\"\"" {
            out.push_str(MASK);
        } else {
            push(&mut out, &masked(redactor, text));
        }
    }
    out.extend(rest.chars().filter(|c| !c.is_ascii_whitespace()));
    out
}

/// The text with keys masked, for messages to people.
pub(crate) fn text(redactor: &Redactor, text: &str) -> String {
    redactor.redact(text).chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// How many bytes the text takes that begins here, its quotes included.
fn length(json: &str) -> usize {
    let mut escaped = false;
    for (at, byte) in json.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return at + 1,
            _ => {}
        }
    }
    json.len()
}

/// A text of JSON, in its quotes, with keys masked.
fn masked(redactor: &Redactor, quoted: &str) -> String {
    if let Ok(plain) = serde_json::from_str::<String>(quoted) {
        let clean = redactor.redact(&plain);
        return if clean == plain { quoted.to_owned() } else { serde_json::Value::from(clean).to_string() };
    }
    // Half of a character's escape: no text, although it is JSON.
    let clean = redactor.redact(quoted);
    if serde_json::from_str::<&RawValue>(&clean).is_ok() { clean } else { MASK.to_owned() }
}

/// Some readers take these characters for the end of a line, and some terminals obey them.
fn push(out: &mut String, quoted: &str) {
    for c in quoted.chars() {
        if c.is_control() || c == '\u{2028}' || c == '\u{2029}' {
            out.push_str(&format!("\\u{:04x}", u32::from(c)));
        } else {
            out.push(c);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(json: &str, expected: &str) {
        let redactor = Redactor::new("CANARY1234567890");
        let clean = line(&redactor, json);
        assert_eq!(clean, expected);
        assert!(serde_json::from_str::<&RawValue>(&clean).is_ok());
        assert_eq!(line(&redactor, &clean), clean);
    }

    #[test]
    fn keys_go_and_json_stays() {
        check("{\n \"a b\" : [ 1.50 , 1e400, \"x  y\" ]\r\n}\n", r#"{"a b":[1.50,1e400,"x  y"]}"#);
        check(r#"{"u":"q?apikey=abc\"d&e=1"}"#, r#"{"u":"q?apikey=***\"d&e=1"}"#);
        check(r#"{"m":"your API key as CANARY1234567890 \\\" x"}"#, r#"{"m":"your API key as *** \\\" x"}"#);
        check(r#"{"m":"CANARY123\u0034567890"}"#, r#"{"m":"***"}"#);
        check(r#"{"apikey" : "x y", "ApiKey":"", "apikey":7}"#, r#"{"apikey":"***","ApiKey":"","apikey":7}"#);
        check(r#"["apikey","x"]"#, r#"["apikey","x"]"#);
        check("[\"a\u{2028}b\u{85}c\"]", r#"["a\u2028b\u0085c"]"#);
        check(r#"["\ud800 apikey=x\"y", "\ud800"]"#, r#"["***","\ud800"]"#);
        check("17", "17");
        check("\"\"", "\"\"");
    }

    #[test]
    fn messages_stay_on_their_line() {
        assert_eq!(text(&Redactor::new(""), "GET ?apikey=x&y\n\u{1b}[2J"), "GET ?apikey=***&y  [2J");
    }
}
