//! The run over the rows: each enters the set, and its line leaves.

use std::io::{self, BufReader, BufWriter, Read, Write};

use anyhow::{Context, Result};
use indicatif::ProgressBar;
use indicators::Readings;

use super::{
    BUFFER, note,
    rows::{Fault, Row, Rows},
    saved::Saved,
};

/// Rows that are named one by one if they are left out.
const NAMED: u64 = 20;
/// Rows between two looks at the bar.
const PER_LOOK: u64 = 8_192;

/// What came of it.
#[derive(Debug)]
pub(crate) struct Done {
    /// The state after the last row.
    pub(crate) saved: Saved,
    /// How many rows were not taken.
    pub(crate) left_out: u64,
    /// Whether nobody reads the output any more; the rest of the rows was then not read.
    pub(crate) closed: bool,
}

/// A run that has begun.
pub(crate) struct Run<R, W: Write> {
    rows: Rows<BufReader<R>>,
    output: BufWriter<W>,
    bar: ProgressBar,
    done: Done,
}

impl<R: Read, W: Write> Run<R, W> {
    pub(crate) fn new(start: Saved, rows: Rows<BufReader<R>>, output: W, bar: ProgressBar) -> Self {
        let output = BufWriter::with_capacity(BUFFER, output);
        Self { rows, output, bar, done: Done { saved: start, left_out: 0, closed: false } }
    }

    /// Goes through all rows.
    pub(crate) fn finish(mut self) -> Result<Done> {
        let through = self.through();
        self.bar.finish_and_clear();
        match through {
            Err(Failed::Write(error)) if error.kind() == io::ErrorKind::BrokenPipe => self.done.closed = true,
            Err(Failed::Write(error)) => return Err(error).context("cannot write the values"),
            Err(Failed::Read(error)) => return Err(error).context("the input broke off"),
            Ok(()) => {}
        }
        // What is left in the buffer can go nowhere.
        let _ = self.output.into_parts();
        match self.done.left_out.saturating_sub(NAMED) {
            0 => {}
            more => note(&format!("error: `{more}` more rows were left out")),
        }
        Ok(self.done)
    }

    fn through(&mut self) -> Result<(), Failed> {
        let Self { rows, output, bar, done } = self;
        header(output, done.saved.set.names()).map_err(Failed::Write)?;
        let (mut line, mut count) = (Vec::new(), 0_u64);
        loop {
            // Whoever waits for the rows of a pipe waits for the values, too.
            if rows.input().buffer().is_empty() {
                output.flush().map_err(Failed::Write)?;
            }
            let Some(row) = rows.next().map_err(Failed::Read)? else { break };
            let (number, outputs) = (row.line, done.saved.set.names().len());
            line.clear();
            cell(&mut line, row.timestamp);
            match take(&mut done.saved, row) {
                Ok(readings) => values(&mut line, readings),
                Err(fault) => {
                    line.resize(line.len() + outputs, b',');
                    done.left_out += 1;
                    if done.left_out <= NAMED {
                        bar.suspend(|| note(&format!("error: line {number} is left out: {fault}")));
                    }
                }
            }
            line.push(b'\n');
            output.write_all(&line).map_err(Failed::Write)?;
            count += 1;
            if count.is_multiple_of(PER_LOOK) {
                bar.set_position(rows.bytes());
            }
        }
        output.flush().map_err(Failed::Write)
    }
}

/// Which side failed.
enum Failed {
    Read(io::Error),
    Write(io::Error),
}

/// Gives a row to the set. One that is refused changes nothing, and its time does not count.
fn take<'a>(saved: &'a mut Saved, row: Row<'_>) -> Result<Readings<'a>, Fault> {
    let (at, mut bar) = row.bar?;
    match saved.last {
        Some(last) if at == last => return Err(Fault::Repeated(last)),
        Some(last) if at < last => return Err(Fault::OutOfOrder(last)),
        _ => {}
    }
    bar.session = saved.zone.session(at);
    saved.set.update(&bar)?;
    saved.last = Some(at);
    Ok(saved.set.readings())
}

fn header(output: &mut impl Write, names: &[String]) -> io::Result<()> {
    let mut line = b"timestamp".to_vec();
    for name in names {
        line.push(b',');
        cell(&mut line, name.as_bytes());
    }
    line.push(b'\n');
    output.write_all(&line)
}

/// Appends a cell of text, in quotes where CSV demands them.
fn cell(line: &mut Vec<u8>, text: &[u8]) {
    if !text.iter().any(|byte| matches!(byte, b',' | b'"' | b'\r' | b'\n')) {
        return line.extend_from_slice(text);
    }
    line.push(b'"');
    for byte in text {
        line.extend_from_slice(if *byte == b'"' { b"\"\"" } else { std::slice::from_ref(byte) });
    }
    line.push(b'"');
}

/// Appends the values, as the shortest texts that read back as they are.
fn values(line: &mut Vec<u8>, readings: Readings<'_>) {
    let mut buffer = zmij::Buffer::new();
    for value in readings.values() {
        line.push(b',');
        if let Some(value) = value {
            line.extend_from_slice(buffer.format(value).as_bytes());
        }
    }
}
