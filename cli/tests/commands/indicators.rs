//! `kinetick indicators`.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{ExitStatus, Stdio},
};

use indicators::{Bar, Indicators, catalogue};
use rustix::process::{Pid, Signal, kill_process};

use crate::{kinetick, refused, run, text};

const HEADER: &str = "timestamp,open,high,low,close,volume\n";
const SET: &str = "SMA(3),RSI(5),MACD(3,6,4),ATR(4)";

/// Bars whose numbers have all their digits.
fn bars(count: u32) -> Vec<Bar> {
    let wave = |index: u32| 100.0 + 7.0 * (f64::from(index) * 0.7).sin() + f64::from(index % 5) / 3.0;
    let bar = |index: u32| {
        let (open, close) = (wave(index), wave(index + 1));
        let (high, low) = (open.max(close) + 0.1, open.min(close) - 0.3);
        Bar {
            open,
            high,
            low,
            close,
            volume: (!index.is_multiple_of(7)).then_some(f64::from(index * 31 % 97)),
            session: index,
        }
    };
    (0..count).map(bar).collect()
}

/// Bars as rows, a day apart.
fn rows(bars: &[Bar]) -> Vec<String> {
    let row = |(day, bar): (usize, &Bar)| {
        let volume = bar.volume.map(|volume| volume.to_string()).unwrap_or_default();
        format!("{},{},{},{},{},{volume}\n", 86_400 * day, bar.open, bar.high, bar.low, bar.close)
    };
    bars.iter().enumerate().map(row).collect()
}

fn csv(rows: &[String]) -> Vec<u8> {
    format!("{HEADER}{}", rows.concat()).into_bytes()
}

/// What a run prints on both, and its exit code.
fn says(arguments: &[&str], input: impl AsRef<[u8]>) -> (Option<i32>, String, String) {
    let output = run(kinetick(&[&["indicators"], arguments].concat()), input.as_ref());
    (output.status.code(), text(&output.stdout).to_owned(), text(&output.stderr).to_owned())
}

/// The output of a run that takes all rows and says nothing else.
fn values(arguments: &[&str], input: impl AsRef<[u8]>) -> String {
    let (code, output, said) = says(arguments, input);
    assert_eq!((code, said.as_str()), (Some(0), ""));
    output
}

fn path(folder: &tempfile::TempDir, name: &str) -> String {
    folder.path().join(name).to_str().unwrap().to_owned()
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn every_indicator_gives_for_each_row_what_it_gives_by_itself_to_the_last_bit() {
    let bars = bars(120);
    for set in catalogue() {
        let output = values(&["--set", &set], csv(&rows(&bars)));
        let indicators: Indicators = set.parse().unwrap();
        let mut lines = output.lines();
        let quoted = |name: &String| if name.contains(',') { format!("\"{name}\"") } else { name.clone() };
        let header: Vec<String> = indicators.names().iter().map(quoted).collect();
        assert_eq!(lines.next(), Some(format!("timestamp,{}", header.join(",")).as_str()));
        let mut running = indicators.start();
        for (day, bar) in bars.iter().enumerate() {
            running.update(bar).unwrap();
            let mut cells = lines.next().unwrap().split(',');
            assert_eq!(cells.next(), Some((86_400 * day).to_string().as_str()));
            let read: Vec<Option<u64>> =
                cells.map(|cell| (!cell.is_empty()).then(|| cell.parse::<f64>().unwrap().to_bits())).collect();
            let expected: Vec<Option<u64>> = running.readings().values().map(|value| value.map(f64::to_bits)).collect();
            assert_eq!(read, expected, "{set}, row {day}");
        }
        assert_eq!(lines.next(), None);
    }
}

#[test]
fn timestamps_stay_as_they_stand() {
    let input = "close,note,timestamp,open,high,low,volume\r\n\
                 1,a,2026-11-20 14:30:00,1,1,1,\r\n\
                 2,\"b, c\",2026-11-20T09:31:00-05:00,1,2,1,5\r\n\
                 3,,\"2026-11-20T14:32:00Z\",1,3,1,5\r\n\
                 4,,1795185180.5,1,4,1,5";
    assert_eq!(
        values(&["--set", "sma(2)"], input),
        "timestamp,SMA(2)\n2026-11-20 14:30:00,\n2026-11-20T09:31:00-05:00,1.5\n2026-11-20T14:32:00Z,2.5\n1795185180.5,3.5\n"
    );
}

#[test]
fn a_series_that_is_cut_anywhere_gives_what_the_whole_gives() {
    let (rows, folder) = (rows(&bars(40)), tempfile::tempdir().unwrap());
    let (whole, state) = (values(&["--set", SET], csv(&rows)), path(&folder, "state"));
    for cut in 0..=rows.len() {
        let first = values(&["--set", SET, "--to-state", &state], csv(&rows[..cut]));
        // The set is that of the state.
        let second = values(&["--from-state", &state, "--to-state", &state], csv(&rows[cut..]));
        let (_, second) = second.split_once('\n').unwrap();
        assert_eq!(format!("{first}{second}"), whole, "cut at {cut}");
    }
    let last = fs::read(&state).unwrap();
    values(&["--set", SET, "--to-state", &state], csv(&rows));
    assert!(fs::read(&state).unwrap() == last, "the states are the same, too");
}

#[test]
fn a_resumed_run_refuses_rows_that_were_taken() {
    let (rows, folder) = (rows(&bars(20)), tempfile::tempdir().unwrap());
    let state = path(&folder, "state");
    let first = values(&["--set", "SMA(3)", "--to-state", &state], csv(&rows[..12]));
    let (code, second, said) = says(&["--from-state", &state], csv(&rows[10..]));
    assert_eq!(code, Some(3));
    assert_eq!(
        said,
        "error: line 2 is left out: its time is before that of the last row taken, `1970-01-12T00:00:00Z`\n\
         error: line 3 is left out: its time is that of the last row taken, `1970-01-12T00:00:00Z`\n"
    );
    let lines: Vec<&str> = second.lines().collect();
    assert_eq!(lines[..3], ["timestamp,SMA(3)", "864000,", "950400,"]);
    let whole = values(&["--set", "SMA(3)"], csv(&rows));
    assert_eq!(format!("{first}{}\n", lines[3..].join("\n")), whole);
}

#[test]
fn another_set_continues_what_both_hold_and_says_what_begins() {
    let (rows, folder) = (rows(&bars(30)), tempfile::tempdir().unwrap());
    let state = path(&folder, "state");
    values(&["--set", "SMA(3),RSI(5)", "--to-state", &state], csv(&rows[..20]));
    let (code, output, said) = says(&["--set", "EMA(4),RSI(5)", "--from-state", &state], csv(&rows[20..]));
    assert_eq!(code, Some(0));
    assert_eq!(
        said,
        "note: not in the state, so they begin here: EMA(4)\n\
         note: in the state but not asked for, so they end here: SMA(3)\n"
    );
    let column = |text: &str, at: usize| -> Vec<String> {
        text.lines().map(|line| line.split(',').nth(at).unwrap().to_owned()).collect()
    };
    assert_eq!(column(&output, 2)[1..], column(&values(&["--set", "RSI(5)"], csv(&rows)), 1)[21..]);
    assert_eq!(column(&output, 1), column(&values(&["--set", "EMA(4)"], csv(&rows[20..])), 1));
}

#[test]
fn rows_that_cannot_be_taken_are_named_and_the_others_are_as_if_they_were_not_there() {
    let good = rows(&bars(30));
    let mut bad = good.clone();
    for (at, row) in [
        (28, "2505600,1,2,3,2.5,1\n"),
        (25, "2160000,1,2,.5\n"),
        (20, "2026-13-01,1,2,.5,1.5,1\n"),
        (16, "1382400,1,nan,.5,1.5,1\n"),
        (10, "777600,1,2,.5,1.5,1\n"),
        (10, "604800,1,2,.5,1.5,1\n"),
        (5, "432000,1,2,.5,,1\n"),
        (0, "0,one,2,.5,1.5,1\n"),
    ] {
        bad.insert(at, row.to_owned());
    }
    let (code, output, said) = says(&["--set", SET], csv(&bad));
    assert_eq!(code, Some(3));
    assert_eq!(
        said,
        "error: line 2 is left out: its open is `one`, not a number\n\
         error: line 8 is left out: its close is missing\n\
         error: line 14 is left out: its time is before that of the last row taken, `1970-01-10T00:00:00Z`\n\
         error: line 15 is left out: its time is that of the last row taken, `1970-01-10T00:00:00Z`\n\
         error: line 22 is left out: high of the bar is `NaN`, not a finite number; leave the bar out\n\
         error: line 27 is left out: its timestamp `2026-13-01` is no time; \
         write RFC 3339, YYYY-MM-DD, YYYY-MM-DD HH:MM:SS or seconds since 1970\n\
         error: line 33 is left out: it has `4` cells, the header has `6`\n\
         error: line 37 is left out: high `2` of the bar is below its low `3`\n"
    );
    let empty = ",".repeat(6);
    let lines: Vec<&str> = output.lines().collect();
    assert_eq!(
        (lines.len(), lines[1], lines[32]),
        (39, format!("0{empty}").as_str(), format!("2160000{empty}").as_str())
    );
    let left: Vec<&str> = lines
        .iter()
        .enumerate()
        .filter(|(at, _)| ![1, 7, 13, 14, 21, 26, 32, 36].contains(at))
        .map(|(_, line)| *line)
        .collect();
    assert_eq!(format!("{}\n", left.join("\n")), values(&["--set", SET], csv(&good)));
}

#[test]
fn after_twenty_rows_that_are_left_out_the_rest_is_counted() {
    let (code, output, said) = says(&["--set", "SMA(2)"], format!("{HEADER}{}", "x\n".repeat(57)));
    assert_eq!((code, output.lines().count(), said.lines().count()), (Some(3), 58, 21));
    assert!(
        said.ends_with(
            "error: line 21 is left out: it has `1` cells, the header has `6`\nerror: `37` more rows were left out\n"
        ),
        "{said}"
    );
}

#[test]
fn wrong_use_is_refused_in_words() {
    let folder = tempfile::tempdir().unwrap();
    let [bars, empty, state, absent] = ["bars.csv", "empty.csv", "state", "absent"].map(|name| path(&folder, name));
    fs::write(&bars, HEADER).unwrap();
    fs::write(&empty, "").unwrap();
    values(&["--to-state", &state], HEADER);
    let mut damaged = fs::read(&state).unwrap();
    damaged[40] ^= 1;
    fs::write(&state, damaged).unwrap();
    let root = folder.path().to_str().unwrap();
    for (arguments, words) in [
        (&["--set", "RSI(14),FOO(3)"][..], &["`FOO(3)`: there is no indicator `FOO`", "--set"][..]),
        (&["--set", "SMA(1)"], &["parameter `period` is `1`; allowed: a whole number from 2 to 1000"]),
        (&["--set", ""], &["the set names no indicator"]),
        (&["--session-zone", "Mars/Olympus"], &["there is no time zone `Mars/Olympus`", "America/New_York"]),
        (&["--input", &absent], &["cannot read bars from", "absent"]),
        (&["--input", root], &["cannot read bars from"]),
        (&["--input", &empty], &["it is empty", "timestamp,open,high,low,close,volume"]),
        (&["--input", &bars, "--from-state", &absent], &["cannot continue from", "absent"]),
        (&["--input", &bars, "--from-state", &bars], &["does not begin with `KTIF`"]),
        (&["--input", &bars, "--from-state", &state], &["it is damaged"]),
        (&["--input", &bars, "--output", &bars], &["--input and --output are the same file"]),
        (&["--input", &bars, "--to-state", &bars], &["--input and --to-state are the same file"]),
        (
            &["--input", &bars, "--output", &absent, "--to-state", &absent],
            &["--output and --to-state are the same file"],
        ),
        (&["--list", "--set", "SMA"], &["--list"]),
    ] {
        refused(&[&["indicators"], arguments].concat(), words);
    }
    assert_eq!(names(folder.path()), ["bars.csv", "empty.csv", "state"]);
    assert_eq!(fs::read_to_string(&bars).unwrap(), HEADER);
}

#[test]
fn a_file_is_replaced_when_it_is_complete_and_not_before() {
    let (rows, folder) = (rows(&bars(10)), tempfile::tempdir().unwrap());
    let [input, output, link, state] = ["bars.csv", "values.csv", "link.csv", "state"].map(|name| path(&folder, name));
    // Longer than what replaces it.
    let before = "as it was\n".repeat(10_000);
    fs::write(&output, &before).unwrap();
    std::os::unix::fs::symlink("values.csv", &link).unwrap();
    // Neither a wrong header nor a state that cannot be written touches it.
    assert_eq!(says(&["--output", &output], "x\n").0, Some(2));
    let (code, _, said) = says(&["--output", &output, "--to-state", &path(&folder, "no/state")], csv(&rows));
    assert!(code == Some(1) && said.contains("cannot write") && said.contains("no/state"), "{said}");
    let (code, _, said) = says(&["--output", folder.path().to_str().unwrap()], csv(&rows));
    assert!(code == Some(1) && said.contains("cannot write"), "{said}");
    assert!(fs::read_to_string(&output).unwrap() == before);
    assert_eq!(names(folder.path()), ["link.csv", "values.csv"]);

    fs::write(&input, csv(&rows)).unwrap();
    let expected = values(&["--set", SET], csv(&rows));
    assert_eq!(values(&["--set", SET, "--input", &input, "--output", &link, "--to-state", &state], ""), "");
    assert_eq!(fs::read_to_string(&output).unwrap(), expected);
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(values(&["--set", SET, "--input", &input, "--output", "/dev/null"], ""), "");
    assert!(!fs::metadata("/dev/null").unwrap().is_file());
    assert_eq!(names(folder.path()), ["bars.csv", "link.csv", "state", "values.csv"]);
}

/// Feeds it the first rows, reads their values, and does something to it. Its input is still open then.
fn while_it_waits(
    arguments: &[&str],
    then: impl FnOnce(Pid, BufReader<std::process::ChildStdout>),
) -> (ExitStatus, String) {
    let rows = rows(&bars(5));
    let mut command = kinetick(&[&["indicators", "--set", "SMA(2)"], arguments].concat());
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(&csv(&rows)).unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let mut lines = String::new();
    for _ in 0..6 {
        output.read_line(&mut lines).unwrap();
    }
    assert_eq!(lines, values(&["--set", "SMA(2)"], csv(&rows)));
    then(Pid::from_child(&child), output);
    let more = self::rows(&bars(6)).pop().unwrap();
    // An ended one does not take it.
    let _ = input.write_all(more.as_bytes());
    // It ends while the input is open, or else this waits for ever: give it the end.
    drop(input);
    let ended = child.wait_with_output().unwrap();
    (ended.status, text(&ended.stderr).to_owned())
}

#[test]
fn values_come_as_their_rows_do_and_an_interruption_leaves_no_file() {
    for signal in [Signal::INT, Signal::TERM] {
        let folder = tempfile::tempdir().unwrap();
        let state = path(&folder, "state");
        let (status, said) = while_it_waits(&["--to-state", &state], |child, mut output| {
            // The state is there, half done and under another name.
            assert_eq!(names(folder.path()).len(), 1);
            kill_process(child, signal).unwrap();
            let mut rest = String::new();
            // Ends when the process has ended, its input being open.
            output.read_line(&mut rest).unwrap();
            assert_eq!(rest, "");
        });
        assert_eq!((status.code(), said.as_str()), (Some(1), "error: interrupted: no file was written\n"));
        assert_eq!(names(folder.path()), Vec::<String>::new());
    }
}

#[test]
fn an_output_that_nobody_reads_any_more_ends_it_quietly() {
    let (status, said) = while_it_waits(&[], |_, output| drop(output));
    assert_eq!((status.code(), said.as_str()), (Some(0), ""));
    // But a state of rows whose values nobody saw is not kept.
    let folder = tempfile::tempdir().unwrap();
    let (status, said) = while_it_waits(&["--to-state", &path(&folder, "state")], |_, output| drop(output));
    assert_eq!(status.code(), Some(1));
    assert_eq!(said, "error: standard output was closed before the last row: the state was not written\n");
    assert_eq!(names(folder.path()), Vec::<String>::new());
}

#[test]
fn runs_side_by_side_do_not_disturb_each_other() {
    let (rows, folder) = (rows(&bars(500)), tempfile::tempdir().unwrap());
    let [input, output, state] = ["bars.csv", "values.csv", "state"].map(|name| path(&folder, name));
    fs::write(&input, csv(&rows)).unwrap();
    let arguments = ["indicators", "--set", SET, "--input", &input, "--output", &output, "--to-state", &state];
    let children: Vec<_> = (0..4).map(|_| kinetick(&arguments).stdin(Stdio::null()).spawn().unwrap()).collect();
    for mut child in children {
        assert_eq!(child.wait().unwrap().code(), Some(0));
    }
    assert_eq!(fs::read_to_string(&output).unwrap(), values(&["--set", SET], csv(&rows)));
    assert_eq!(names(folder.path()), ["bars.csv", "state", "values.csv"]);
}

#[test]
fn the_list_names_all_indicators() {
    let (code, list, said) = says(&["--list"], "");
    assert_eq!((code, said.as_str()), (Some(0), ""));
    for text in catalogue() {
        let name = text.split('(').next().unwrap();
        assert!(list.lines().any(|line| line.split_whitespace().next() == Some(name)), "{name}: {list}");
    }
}

#[test]
fn the_sessions_of_a_state_are_those_of_its_zone() {
    let folder = tempfile::tempdir().unwrap();
    let state = path(&folder, "state");
    values(&["--session-zone", "America/New_York", "--to-state", &state], HEADER);
    values(&["--from-state", &state, "--to-state", &state], HEADER);
    let (code, _, said) = says(&["--session-zone", "UTC", "--from-state", &state], HEADER);
    assert_eq!(code, Some(0));
    assert_eq!(said, "note: sessions were days of America/New_York, from here on of UTC\n");
}

/// The example of the document is what comes out.
#[test]
fn the_document_shows_what_is_printed() {
    let document = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/indicators.md")).unwrap();
    let fences: Vec<&str> = document.split("```csv\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    let [bars, expected] = fences[..] else { panic!("the document has bars and their values") };
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("bars.csv"), bars).unwrap();
    let line = document.lines().find(|line| line.starts_with("kinetick indicators --set")).unwrap();
    let mut shell = std::process::Command::new("sh");
    let (folder_name, binary) = (folder.path(), Path::new(env!("CARGO_BIN_EXE_kinetick")).parent().unwrap());
    let path = format!("{}:{}", binary.display(), std::env::var("PATH").unwrap());
    let output = shell.args(["-c", line]).current_dir(folder_name).env("PATH", path).output().unwrap();
    assert_eq!((text(&output.stderr), text(&output.stdout)), ("", expected), "{line}");
}
