//! CSV bodies: a header, then one line per row.
//!
//! Which lines are data is decided by the header alone: without the columns of the function that was
//! asked, a body is no CSV of ours. Cells of these functions hold no commas and no line ends.

use crate::field;

/// A header and its lines.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) columns: Vec<String>,
    /// Cells of each line, in its order; lines may have too few or too many.
    pub(crate) lines: Vec<Vec<String>>,
}

fn cells(line: &str) -> Vec<String> {
    line.split(',').map(|cell| cell.trim().trim_matches('"').to_owned()).collect()
}

/// Columns of adjusted series. Their prices are on another basis, so a header with one is not ours.
const FOREIGN: &[&str] = &["adjustedclose", "dividendamount", "splitcoefficient"];

/// Reads a body whose header has all of the `needed` columns, given as words; nothing if it has not.
pub(crate) fn table(text: &str, needed: &[&str]) -> Option<Table> {
    let mut lines = text.lines().filter(|line| !line.trim().is_empty());
    let columns = cells(lines.next()?);
    let words: Vec<_> = columns.iter().map(|name| field::word(field::split_unit(name).0)).collect();
    let has = |name: &&str| words.iter().any(|word| word == name);
    (needed.iter().all(has) && !FOREIGN.iter().any(has)).then(|| Table { columns, lines: lines.map(cells).collect() })
}

impl Table {
    /// The cell of a line in the column of that word.
    pub(crate) fn cell<'a>(&self, line: &'a [String], word: &str) -> Option<&'a str> {
        let column = self.columns.iter().position(|name| field::word(name) == word)?;
        line.get(column).map(String::as_str)
    }
}
