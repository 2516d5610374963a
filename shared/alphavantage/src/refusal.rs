//! The class of a refusal, by its wording.
//!
//! Only a reply without data comes here: wording never turns a reply into data. The order of the
//! rules matters, since today's text about the second also speaks of days and premium endpoints.

use crate::Verdict;

/// Phrases in lower case, in the order in which they decide. All phrases of a rule must occur.
const RULES: &[(&[&str], Verdict)] = &[
    (&["artificial"], Verdict::Artificial),
    (&["burst pattern"], Verdict::LimitSecond),
    (&["requests per second"], Verdict::LimitSecond),
    (&["request per second"], Verdict::LimitSecond),
    (&["calls per second"], Verdict::LimitSecond),
    (&["call per second"], Verdict::LimitSecond),
    (&["spreading out"], Verdict::LimitSecond),
    (&["minute-level rate limit"], Verdict::LimitMinute),
    (&["calls per minute"], Verdict::LimitMinute),
    (&["requests per minute"], Verdict::LimitMinute),
    (&["requests per day", "we have detected"], Verdict::LimitDay),
    (&["requests per day", "standard api rate limit"], Verdict::LimitDay),
    // The wording of 2018: no number, and a mention of premium.
    (&["higher api call volume"], Verdict::LimitMinute),
    (&["premium endpoint"], Verdict::Premium),
    (&["premium feature"], Verdict::Premium),
    (&["apikey is invalid or missing"], Verdict::BadKey),
    (&["api key is invalid or missing"], Verdict::BadKey),
    (&["**demo** api key"], Verdict::DemoKey),
    (&["demo api key"], Verdict::DemoKey),
    (&["invalid api call"], Verdict::BadRequest),
    (&["does not exist"], Verdict::BadRequest),
    (&["invalid inputs"], Verdict::BadRequest),
    (&["could not satisfy the request accept header"], Verdict::BadRequest),
    (&["internal or external error"], Verdict::Transient),
    (&["no articles found"], Verdict::Empty),
    // Last, since a text about premium may mention them too.
    (&["requests per day"], Verdict::LimitDay),
    (&["calls per day"], Verdict::LimitDay),
];

/// The words with one blank between each two: phrases of more than one word, and the key behind its
/// announcement, are found however the vendor breaks its lines.
pub(crate) fn spaced(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The class of the vendor's words, [`spaced`], or nothing if they are not known.
pub(crate) fn classify(text: &str) -> Option<Verdict> {
    let text = text.to_lowercase();
    RULES.iter().find(|(phrases, _)| phrases.iter().all(|phrase| text.contains(phrase))).map(|(_, verdict)| *verdict)
}

/// Whether a field of the top level holds the vendor's words, by its name as [`crate::field::word`] gives it.
pub(crate) fn is_message(word: &str) -> bool {
    matches!(word, "information" | "note" | "errormessage" | "error" | "message" | "detail")
}

/// The number before the words `requests per second`, or others of their kind; not one of zero.
pub(crate) fn per_second(text: &str) -> Option<u32> {
    let text = text.to_lowercase();
    let named = ["request", "requests", "call", "calls"].iter().find_map(|word| {
        let (before, _) = text.split_once(&format!(" {word} per second"))?;
        let digits = before.len() - before.trim_end_matches(|c: char| c.is_ascii_digit()).len();
        before[before.len() - digits..].parse().ok()
    });
    named.filter(|calls| *calls > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_read_from_the_refusal() {
        for (text, expected) in [
            ("Please make no more than 5 requests per second.", Some(5)),
            ("(1 request per second). lift the rate limit (25 requests per day)", Some(1)),
            ("at 1200 calls per minute and 30 calls per second", Some(30)),
            ("NO MORE THAN 20 REQUESTS PER SECOND", Some(20)),
            ("burst pattern detected, 75 requests per minute", None),
            ("no more than 0 requests per second", None),
            ("too many requests per second", None),
            ("99999999999 requests per second", None),
            ("", None),
        ] {
            assert_eq!(per_second(text), expected, "{text}");
        }
    }
}
