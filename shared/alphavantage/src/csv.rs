//! CSV bodies: a header, then one row per record.
//!
//! Which lines are data is decided by the header alone: without the columns of the function that was
//! asked, a body is no CSV of ours. A cell in quotes may hold commas and line ends.

use crate::field;

/// A header and its rows.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) columns: Vec<String>,
    /// Cells of each row, in its order; rows may have too few or too many.
    pub(crate) rows: Vec<Vec<String>>,
}

/// Columns of adjusted series. Who asks for something else and finds one has other days before him.
const ADJUSTED: &[&str] = &["adjustedclose", "dividendamount", "splitcoefficient"];

impl Table {
    /// Reads a body whose header has all of the `needed` columns, given as words; nothing if it has not.
    pub(crate) fn read(text: &str, needed: &[&str], may_be_adjusted: bool) -> Option<Self> {
        let mut records = Records { rest: text, is_quoting: true };
        // A line end within a name: whatever ends the lines of this body, they are not told apart here.
        let columns = records.next().filter(|columns| !columns.iter().any(|name| name.contains(['\r', '\n'])))?;
        let words: Vec<_> = columns.iter().map(|name| field::word(field::split_unit(name).0)).collect();
        let has = |name: &&str| words.iter().any(|word| word == name);
        let is_ours = !needed.is_empty() && needed.iter().all(has) && (may_be_adjusted || !ADJUSTED.iter().any(has));
        is_ours.then(|| Self { columns, rows: records.collect() })
    }

    /// The cell of a row in the column of that word.
    pub(crate) fn cell<'a>(&self, row: &'a [String], word: &str) -> Option<&'a str> {
        let column = self.columns.iter().position(|name| field::word(name) == word)?;
        row.get(column).map(String::as_str)
    }
}

/// The records of a text that are not blank.
struct Records<'a> {
    rest: &'a str,
    /// A quote that nobody closes is a character like any other, and so are all after it: otherwise one
    /// stray quote would swallow the rest of the body.
    is_quoting: bool,
}

impl Iterator for Records<'_> {
    type Item = Vec<String>;

    fn next(&mut self) -> Option<Vec<String>> {
        self.rest = self.rest.trim_start_matches(['\r', '\n', ' ', '\t']);
        if self.rest.is_empty() {
            return None;
        }
        if self.is_quoting
            && let Some((cells, rest)) = quoted_record(self.rest)
        {
            self.rest = rest;
            return Some(cells);
        }
        self.is_quoting = false;
        let (line, rest) = self.rest.split_once('\n').unwrap_or((self.rest, ""));
        self.rest = rest;
        Some(line.split(',').map(|cell| cell.trim().trim_matches('"').to_owned()).collect())
    }
}

/// One record and what follows it; nothing if a quote is not closed.
fn quoted_record(text: &str) -> Option<(Vec<String>, &str)> {
    let (mut cells, mut rest) = (Vec::new(), text);
    loop {
        let start = rest.trim_start_matches([' ', '\t']);
        let mut cell = String::new();
        rest = match start.strip_prefix('"') {
            Some(mut inside) => loop {
                let (part, after) = inside.split_once('"')?;
                cell.push_str(part);
                match after.strip_prefix('"') {
                    Some(next) => {
                        cell.push('"');
                        inside = next;
                    }
                    None => break after,
                }
            },
            None => start,
        };
        let end = rest.find([',', '\n']).unwrap_or(rest.len());
        cell.push_str(rest[..end].trim_end());
        cells.push(cell.trim().to_owned());
        match rest[end..].strip_prefix(',') {
            Some(next) => rest = next,
            None => return Some((cells, rest[end..].strip_prefix('\n').unwrap_or_default())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[&[&str]]) {
        let records: Vec<Vec<String>> = Records { rest: text, is_quoting: true }.collect();
        assert_eq!(records, expected, "{text:?}");
    }

    #[test]
    fn records_end_where_lines_end_unless_they_are_quoted() {
        check("", &[]);
        check("\r\n \n", &[]);
        check("a,b\r\n1,2\r\n", &[&["a", "b"], &["1", "2"]]);
        check("a,b\n\n1, 2 ,\n", &[&["a", "b"], &["1", "2", ""]]);
        check("a,,\n,b", &[&["a", "", ""], &["", "b"]]);
        check("\"a\",\"b, c\"\r\n\"d\ne\",\"say \"\"f\"\"\"\n", &[&["a", "b, c"], &["d\ne", "say \"f\""]]);
        check(" \"a\" ,b\n", &[&["a", "b"]]);
        check("a\"b,c\n", &[&["a\"b", "c"]]);
        // A stray quote costs its own record at most.
        check("a,\"b\n1,2\n3,4", &[&["a", "b"], &["1", "2"], &["3", "4"]]);
        check("a,\"b\n1,2\"\n3,4", &[&["a", "b\n1,2"], &["3", "4"]]);
    }

    #[test]
    fn the_header_decides() {
        let read =
            |text: &str, adjusted| Table::read(text, &["timestamp", "close"], adjusted).map(|table| table.rows.len());
        assert_eq!(read("close,timestamp\n1,2\n3", false), Some(2));
        assert_eq!(read("Timestamp,4. close (USD)\n1,2", false), Some(1));
        assert_eq!(read("timestamp,open\n1,2", false), None);
        assert_eq!(read("timestamp,close,adjusted close\n1,2,3", false), None);
        assert_eq!(read("timestamp,close,adjusted_close\n1,2,3", true), Some(1));
        assert!(Table::read("a,b", &[], true).is_none());
    }
}
