//! Reads records by a reader of its own: nothing of the code under test says what stands in a line.
//!
//! Records are compact JSON whose fields stand in the order of `docs/records.md`. Only what the checker compares is
//! read; anything else makes no difference here.

/// The envelope of a record, and what follows it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Line<'a> {
    /// The schema with its version.
    pub schema: &'a str,
    /// Which fact.
    pub key: u128,
    /// Which revision of it.
    pub rev: u32,
    /// Which content of that.
    pub id: u128,
    /// Event time, in milliseconds since 1970.
    pub at: i64,
    /// All before `ingested_at`.
    pub head: &'a [u8],
    /// All behind `flags`.
    pub body: &'a [u8],
}

/// Reads the envelope.
pub(crate) fn read(line: &[u8]) -> Option<Line<'_>> {
    let mut rest = line;
    let schema = std::str::from_utf8(text(&mut rest, b"{\"schema\":\"")?).ok()?;
    let key = hex(text(&mut rest, b"\"key\":\"")?)?;
    let rev = number(&mut rest, b"\"rev\":")?.parse().ok()?;
    let id = hex(text(&mut rest, b"\"id\":\"")?)?;
    let at = millis(text(&mut rest, b"\"timestamp\":\"")?)?;
    let head = &line[..line.len() - rest.len()];
    text(&mut rest, b"\"ingested_at\":\"")?;
    let begin = find(rest, b"\"flags\":[")?;
    let end = begin + find(&rest[begin..], b"]")?;
    Some(Line { schema, key, rev, id, at, head, body: &rest[end..] })
}

/// Where a name stands: seldom far away, so that nothing has to be prepared for the search.
pub(crate) fn find(text: &[u8], name: &[u8]) -> Option<usize> {
    let (first, others) = name.split_first()?;
    let begins = text.iter().enumerate().filter(|(_, byte)| *byte == first);
    begins.map(|(at, _)| at).find(|at| text[at + 1..].starts_with(others))
}

/// The text behind a name; what is left begins behind it.
pub(crate) fn text<'a>(rest: &mut &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let begin = find(rest, name)? + name.len();
    let end = begin + find(&rest[begin..], b"\"")?;
    let text = &rest[begin..end];
    *rest = &rest[end..];
    Some(text)
}

/// The number, or other word, behind a name.
pub(crate) fn number<'a>(rest: &mut &'a [u8], name: &[u8]) -> Option<&'a str> {
    let begin = find(rest, name)? + name.len();
    let end = begin + rest[begin..].iter().position(|byte| b",}]".contains(byte))?;
    let word = std::str::from_utf8(&rest[begin..end]).ok()?;
    *rest = &rest[end..];
    Some(word)
}

/// The number behind a name as bits; `None` for `null`.
pub(crate) fn bits(rest: &mut &[u8], name: &[u8]) -> Option<Option<u64>> {
    let word = number(rest, name)?;
    if word == "null" { Some(None) } else { Some(Some(bits_of(word.parse().ok()?))) }
}

/// The bits of a number. A zero has no sign in a record.
pub(crate) fn bits_of(number: f64) -> u64 {
    if number == 0.0 { 0 } else { number.to_bits() }
}

/// The names in a list of texts.
pub(crate) fn list<'a>(rest: &mut &'a [u8], name: &[u8]) -> Option<Vec<&'a [u8]>> {
    let begin = find(rest, name)? + name.len();
    let end = begin + find(&rest[begin..], b"]")?;
    let mut words = &rest[begin..end];
    let mut names = Vec::new();
    while let Some(word) = text(&mut words, b"\"") {
        names.push(word);
        words = &words[1..];
    }
    *rest = &rest[end..];
    Some(names)
}

fn hex(digits: &[u8]) -> Option<u128> {
    u128::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

/// `2026-11-20T14:30:00.000Z` in milliseconds since 1970.
fn millis(text: &[u8]) -> Option<i64> {
    let digits =
        |from: usize, to: usize| -> Option<i64> { std::str::from_utf8(text.get(from..to)?).ok()?.parse().ok() };
    let (year, month, day) = (digits(0, 4)?, digits(5, 7)?, digits(8, 10)?);
    // Days from the first of March of the year 0, in which leap days come last.
    let year = if month <= 2 { year - 1 } else { year };
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let days = 365 * year + year / 4 - year / 100 + year / 400 + of_year - 719_468;
    let seconds = digits(11, 13)? * 3600 + digits(14, 16)? * 60 + digits(17, 19)?;
    Some((days * 86_400 + seconds) * 1000 + digits(20, 23)?)
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    #[test]
    fn times_are_those_of_the_calendar() {
        for text in ["1970-01-01T00:00:00.000Z", "2024-02-29T23:59:59.999Z", "2026-11-20T14:30:00.125Z"] {
            assert_eq!(millis(text.as_bytes()), Some(text.parse::<Timestamp>().unwrap().as_millisecond()), "{text}");
        }
    }

    #[test]
    fn a_line_is_read_up_to_what_follows_its_flags() {
        let text = br#"{"schema":"bar.v1","key":"0a","rev":3,"id":"ff","source":"x","timestamp":"1970-01-01T00:00:01.000Z","ingested_at":"y","flags":["partial"],"symbol":"A","open":1.5,"volume":null,"warming":["a","b"]}"#;
        let line = read(text).unwrap();
        assert_eq!((line.schema, line.key, line.rev, line.id, line.at), ("bar.v1", 10, 3, 255, 1000));
        let mut rest = line.body;
        assert_eq!(super::text(&mut rest, b"\"symbol\":\""), Some(&b"A"[..]));
        assert_eq!(bits(&mut rest, b"\"open\":"), Some(Some(1.5_f64.to_bits())));
        assert_eq!(bits(&mut rest, b"\"volume\":"), Some(None));
        assert_eq!(list(&mut rest, b"\"warming\":["), Some(vec![&b"a"[..], b"b"]));
        assert!(read(b"{\"schema\":\"boom\"}").is_none());
    }
}
