//! From CSV to bars: lines enter, and for each row leaves its time and bar, or why there is none.
//!
//! A row is a line: a quote that is left open spoils its own row only. Empty lines are no rows. The order of
//! rows is not looked at here.

use std::{
    io::{self, BufRead, Read},
    str,
};

use csv_core::{Reader, ReaderBuilder, Terminator};
use indicators::{BadBar, Bar};
use jiff::Timestamp;

use super::moment::{BadMoment, moment};

/// The columns that are read, in the order of [`Rows::columns`].
const COLUMNS: [&str; 6] = ["timestamp", "open", "high", "low", "close", "volume"];
/// Longest line that is read. Longer ones are no bars, and would fill the memory.
const LINE_MAX: u64 = 64 * 1024;
/// Letters of a cell that a message shows.
const SHOWN: usize = 40;

/// Why there is nothing to begin with.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BadHeader {
    /// It cannot be read.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// Nothing in it.
    #[error("it is empty; its first line must name the columns {}", COLUMNS.join(","))]
    Empty,
    /// A first line that is none.
    #[error("its first line cannot be read: {0}")]
    Line(Fault),
    /// A column that must be there.
    #[error("its header has no column `{missing}`, it has: {found}{}", hint(missing))]
    Missing {
        /// Which.
        missing: &'static str,
        /// Those that are there.
        found: String,
    },
    /// A column that is there twice.
    #[error("its header has two columns `{0}`; leave one out")]
    Twice(&'static str),
}

fn hint(missing: &str) -> &'static str {
    if missing == "volume" { "; where there is no volume its cells may be empty" } else { "" }
}

/// Why a row is not taken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    #[error("it is longer than {LINE_MAX} bytes")]
    TooLong,
    #[error("a quote in it is not closed")]
    OpenQuote,
    #[error("it has `{found}` cells, the header has `{expected}`")]
    Cells { found: usize, expected: usize },
    #[error("its {0} is missing")]
    Missing(&'static str),
    #[error("its {column} is `{text}`, not a number")]
    NotANumber { column: &'static str, text: String },
    #[error("its timestamp `{text}` {reason}")]
    Timestamp { text: String, reason: BadMoment },
    #[error("its volume is `{0}`; volumes are not negative")]
    NegativeVolume(f64),
    #[error("{0}")]
    Bar(#[from] BadBar),
    #[error("its time is that of the last row taken, `{0}`")]
    Repeated(Timestamp),
    #[error("its time is before that of the last row taken, `{0}`")]
    OutOfOrder(Timestamp),
}

/// A row.
#[derive(Debug)]
pub(crate) struct Row<'a> {
    /// Its line, from 1.
    pub(crate) line: u64,
    /// The cell, as it stands; empty if there is none.
    pub(crate) timestamp: &'a [u8],
    /// Its time, and its bar without a session.
    pub(crate) bar: Result<(Timestamp, Bar), Fault>,
}

/// The rows of a file behind its header.
#[derive(Debug)]
pub(crate) struct Rows<R> {
    input: R,
    line: Line,
    /// Where the [`COLUMNS`] are.
    columns: [usize; 6],
    width: usize,
}

impl<R: BufRead> Rows<R> {
    /// Reads the header.
    pub(crate) fn open(mut input: R) -> Result<Self, BadHeader> {
        let mut line = Line::default();
        let read = line.read(&mut input)?.ok_or(BadHeader::Empty)?;
        read.map_err(BadHeader::Line)?;
        let cells: Vec<String> = line.cells().map(|cell| String::from_utf8_lossy(cell).trim().to_lowercase()).collect();
        let mut columns = [0; 6];
        for (place, name) in columns.iter_mut().zip(COLUMNS) {
            let mut named = cells.iter().enumerate().filter(|(_, cell)| *cell == name);
            let found = || shown(&cells.join(","));
            (*place, _) = named.next().ok_or_else(|| BadHeader::Missing { missing: name, found: found() })?;
            if named.next().is_some() {
                return Err(BadHeader::Twice(name));
            }
        }
        Ok(Self { input, line, columns, width: cells.len() })
    }

    /// The next row, if there is one.
    pub(crate) fn next(&mut self) -> io::Result<Option<Row<'_>>> {
        let Some(read) = self.line.read(&mut self.input)? else { return Ok(None) };
        let (line, cells) = (self.line.number, &self.line);
        let [at, ..] = self.columns;
        let timestamp = if read.is_ok() { cells.cell(at).unwrap_or_default() } else { &[] };
        let bar = match read {
            Ok(()) if cells.ends.len() == self.width => bar(cells, self.columns),
            Ok(()) => Err(Fault::Cells { found: cells.ends.len(), expected: self.width }),
            Err(fault) => Err(fault),
        };
        Ok(Some(Row { line, timestamp, bar }))
    }

    /// How many bytes were read.
    pub(crate) fn bytes(&self) -> u64 {
        self.line.bytes
    }

    /// The input.
    pub(crate) fn input(&self) -> &R {
        &self.input
    }
}

fn bar(cells: &Line, [at, open, high, low, close, volume]: [usize; 6]) -> Result<(Timestamp, Bar), Fault> {
    let text = |place: usize| str::from_utf8(cells.cell(place).unwrap_or_default().trim_ascii());
    let number = |place: usize, column: &'static str| {
        let text = text(place).unwrap_or("\u{fffd}");
        if text.is_empty() {
            return Ok(None);
        }
        text.parse().map(Some).map_err(|_| Fault::NotANumber { column, text: shown(text) })
    };
    let price = |place, column| number(place, column)?.ok_or(Fault::Missing(column));
    let at = match text(at).unwrap_or("\u{fffd}") {
        "" => return Err(Fault::Missing("timestamp")),
        text => moment(text).map_err(|reason| Fault::Timestamp { text: shown(text), reason })?,
    };
    let (open, high) = (price(open, "open")?, price(high, "high")?);
    let (low, close) = (price(low, "low")?, price(close, "close")?);
    let volume = number(volume, "volume")?;
    match volume {
        Some(volume) if volume < 0.0 => Err(Fault::NegativeVolume(volume)),
        _ => Ok((at, Bar { open, high, low, close, volume, session: 0 })),
    }
}

/// The begin of a text, without anything that a terminal would obey.
fn shown(text: &str) -> String {
    let begin: String = text.chars().take(SHOWN).flat_map(char::escape_debug).collect();
    if text.chars().nth(SHOWN).is_some() { format!("{begin}…") } else { begin }
}

/// A line that is read again and again, and its cells.
#[derive(Debug)]
struct Line {
    number: u64,
    /// Of the input, so far.
    bytes: u64,
    text: Vec<u8>,
    parser: Reader,
    /// The cells without their quotes, one behind the other.
    content: Vec<u8>,
    /// Where each of them ends.
    ends: Vec<usize>,
}

impl Default for Line {
    fn default() -> Self {
        // Lines are read here; a carriage return within one must not end it.
        let parser = ReaderBuilder::new().terminator(Terminator::Any(b'\n')).build();
        Self { number: 0, bytes: 0, text: Vec::new(), parser, content: Vec::new(), ends: Vec::new() }
    }
}

impl Line {
    /// Goes to the next line that is not empty.
    fn read(&mut self, input: &mut impl BufRead) -> io::Result<Option<Result<(), Fault>>> {
        loop {
            self.text.clear();
            let read = input.by_ref().take(LINE_MAX).read_until(b'\n', &mut self.text)?;
            if read == 0 {
                return Ok(None);
            }
            self.number += 1;
            self.bytes += read as u64;
            if self.text.last() != Some(&b'\n') && read as u64 == LINE_MAX {
                self.bytes += input.skip_until(b'\n')? as u64;
                return Ok(Some(Err(Fault::TooLong)));
            }
            let mut text = self.text.as_slice();
            if self.number == 1 {
                text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
            }
            text = text.strip_suffix(b"\n").unwrap_or(text);
            text = text.strip_suffix(b"\r").unwrap_or(text);
            if !text.is_empty() {
                if text.contains(&b'"') && text.iter().filter(|byte| **byte == b'"').count() % 2 == 1 {
                    return Ok(Some(Err(Fault::OpenQuote)));
                }
                split(&mut self.parser, text, &mut self.content, &mut self.ends);
                return Ok(Some(Ok(())));
            }
        }
    }

    fn cell(&self, place: usize) -> Option<&[u8]> {
        let begin = if place == 0 { 0 } else { *self.ends.get(place - 1)? };
        self.content.get(begin..*self.ends.get(place)?)
    }

    fn cells(&self) -> impl Iterator<Item = &[u8]> {
        (0..self.ends.len()).filter_map(|place| self.cell(place))
    }
}

/// Splits a line into its cells.
fn split(parser: &mut Reader, text: &[u8], content: &mut Vec<u8>, ends: &mut Vec<usize>) {
    // Room for any line of this length.
    content.resize(text.len() + 1, 0);
    ends.resize(text.len() + 1, 0);
    parser.reset();
    let (_, _, bytes, cells) = parser.read_record(text, content, ends);
    // An empty input says that the last cell is complete.
    let (_, _, more_bytes, more_cells) = parser.read_record(&[], &mut content[bytes..], &mut ends[cells..]);
    content.truncate(bytes + more_bytes);
    ends.truncate(cells + more_cells);
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "timestamp,open,high,low,close,volume\n";

    /// Each row as its line, timestamp, and bar or fault.
    fn rows(text: impl AsRef<[u8]>) -> Vec<(u64, String, Result<Bar, String>)> {
        let mut rows = Rows::open(text.as_ref()).unwrap();
        let mut found = Vec::new();
        while let Some(row) = rows.next().unwrap() {
            let bar = row.bar.map(|(_, bar)| bar).map_err(|fault| fault.to_string());
            found.push((row.line, String::from_utf8_lossy(row.timestamp).into_owned(), bar));
        }
        found
    }

    const BAR: Bar = Bar { open: 1.0, high: 2.0, low: 0.5, close: 1.5, volume: Some(7.0), session: 0 };

    #[test]
    fn rows_are_read_by_the_names_of_their_columns_in_all_forms_of_csv() {
        for text in [
            "timestamp,open,high,low,close,volume\n5,1,2,.5,1.5,7\n",
            "timestamp,open,high,low,close,volume\n5,1,2,.5,1.5,7",
            "timestamp,open,high,low,close,volume\r\n5,1,2,.5,1.5,7\r\n",
            "\u{feff}timestamp,open,high,low,close,volume\n5,1,2,.5,1.5,7\n",
            "\u{feff}\"timestamp\",open,high,low,close,volume\n\"5\",1,2,.5,\"1.5\",7\n",
            "volume,close,name,low,high,open,timestamp\n7,1.5,\"a \"\"b\"\", c\",5e-1,+2,1.0,5\n",
            "Timestamp, OPEN,high,low,Close ,volume\n5, 1,2 ,.5,1.5,7\n",
        ] {
            assert_eq!(rows(text), [(2, "5".to_owned(), Ok(BAR))], "{text}");
        }
        assert_eq!(rows(format!("{HEADER}5,1,2,.5,1.5,\n"))[0].2, Ok(Bar { volume: None, ..BAR }));
        assert_eq!(rows(HEADER), []);
    }

    #[test]
    fn lines_are_counted_as_an_editor_does() {
        let text = format!("\r\n{HEADER}\n\n5,1,2,.5,1.5,7\r\n\r\n6,1,2,.5,1.5,7\n\n");
        assert_eq!(rows(text).into_iter().map(|row| row.0).collect::<Vec<_>>(), [5, 7]);
    }

    #[test]
    fn a_row_that_cannot_be_taken_says_why_and_spoils_no_other() {
        for (row, expected) in [
            ("5,1,2,.5,1.5", "it has `5` cells, the header has `6`"),
            ("5,1,2,.5,1.5,7,8", "it has `7` cells, the header has `6`"),
            ("x", "it has `1` cells, the header has `6`"),
            ("5,1,2,.5,1.5,\"7", "a quote in it is not closed"),
            ("\"5,1,2,.5,1.5,7", "a quote in it is not closed"),
            (",1,2,.5,1.5,7", "its timestamp is missing"),
            ("5,1,2,.5, ,7", "its close is missing"),
            ("5,1,2,.5,1.5x,7", "its close is `1.5x`, not a number"),
            ("5,1,2,.5,1.5,7k", "its volume is `7k`, not a number"),
            ("5,1,2,.5,\"1,5\",7", "its close is `1,5`, not a number"),
            ("5,1,2,.5,\u{1b}[31m,7", "its close is `\\u{1b}[31m`, not a number"),
            ("5,1,2,.5,1.5,-7", "its volume is `-7`; volumes are not negative"),
            (
                "yesterday,1,2,.5,1.5,7",
                "its timestamp `yesterday` is no time; \
                 write RFC 3339, YYYY-MM-DD, YYYY-MM-DD HH:MM:SS or seconds since 1970",
            ),
        ] {
            let found = rows(format!("{HEADER}{row}\n6,1,2,.5,1.5,7\n"));
            assert_eq!((found[0].0, found[0].2.clone()), (2, Err(expected.to_owned())), "{row}");
            assert_eq!(found[1..], [(3, "6".to_owned(), Ok(BAR))], "{row}");
        }
        let long = [HEADER.as_bytes(), &[b'1'; 200_000], b"\n6,1,2,.5,1.5,7\n"].concat();
        assert_eq!(rows(&long)[0].2, Err("it is longer than 65536 bytes".to_owned()));
        assert_eq!(rows(&long)[1], (3, "6".to_owned(), Ok(BAR)));
        let bytes = [HEADER.as_bytes(), b"5,1,2,.5,\xff,7\n\xff,1,2,.5,1.5,7\n6,1,2,.5,1.5,7\n"].concat();
        assert_eq!(rows(&bytes).iter().map(|row| row.2.is_ok()).collect::<Vec<_>>(), [false, false, true]);
    }

    #[test]
    fn a_header_that_is_none_says_what_is_missing() {
        for (text, expected) in [
            ("", "it is empty; its first line must name the columns timestamp,open,high,low,close,volume"),
            ("\n\r\n", "it is empty; its first line must name the columns timestamp,open,high,low,close,volume"),
            (
                "timestamp,open,high,low,close\n",
                "its header has no column `volume`, it has: timestamp,open,high,low,close; \
                 where there is no volume its cells may be empty",
            ),
            ("5,1,2,.5,1.5,7\n", "its header has no column `timestamp`, it has: 5,1,2,.5,1.5,7"),
            ("timestamp;open\n", "its header has no column `timestamp`, it has: timestamp;open"),
            ("timestamp,open,high,low,close,Close,volume\n", "its header has two columns `close`; leave one out"),
            ("timestamp,open\rx,1\r", "its header has no column `open`, it has: timestamp,open\\rx,1"),
        ] {
            assert_eq!(Rows::open(text.as_bytes()).unwrap_err().to_string(), expected, "{text:?}");
        }
    }
}
