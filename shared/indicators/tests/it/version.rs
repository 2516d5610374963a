//! The states of a version are fixed, indicator by indicator, by length and checksum after 1,000 fixed bars.
//!
//! `version.txt` is the table, written by `BLESS=1 cargo test -p indicators --test it version`.

use std::{collections::BTreeMap, fs, path::PathBuf};

use indicators::{Bar, Indicators, STATE_VERSION, catalogue};

/// Indicators that another parameter makes something else, beside the defaults of the catalogue.
const OPTIONS: [&str; 1] = ["VWAP(cumulative)"];

/// Where the table is. It is read when the test runs, so that one just written counts.
fn table() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/it/version.txt")
}

/// Bars of every kind, by arithmetic that every machine does alike: moves, rests, gaps without a range,
/// volumes of zero, sessions, and one misprint.
fn bars() -> Vec<Bar> {
    let mut random = 12_345_u32;
    let mut next = |below: u32| {
        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (random >> 16) % below
    };
    let mut close = 100.0;
    let bar = |index: u32| {
        let open = close;
        if index % 100 < 80 {
            close = 100.0 + f64::from(next(1 << 14)) / 1e3;
        }
        if index == 500 {
            close = 1e9;
        }
        let shadow = if index % 7 == 3 { 0.0 } else { f64::from(next(1_000)) / 1e3 };
        let open = if shadow == 0.0 { close } else { open };
        let (high, low) = (open.max(close) + shadow, open.min(close) - shadow / 2.0);
        let volume = if index % 11 == 5 { 0.0 } else { f64::from(next(60_000)) };
        Bar { open, high, low, close, volume: Some(volume), session: index / 390 }
    };
    (0..1_000_u32).map(bar).collect()
}

/// The text of each indicator with what its state is.
fn states() -> BTreeMap<String, String> {
    let bars = bars();
    let texts = catalogue().into_iter().chain(OPTIONS.map(str::to_owned));
    let state = |text: String| {
        let mut set = text.parse::<Indicators>().unwrap().start();
        for bar in &bars {
            set.update(bar).unwrap();
        }
        let mut bytes = Vec::new();
        set.encode(&mut bytes);
        let checksum = u64::from_le_bytes(*bytes.last_chunk().unwrap());
        (text, format!("{:>4} {checksum:016x}", bytes.len()))
    };
    texts.map(state).collect()
}

/// If this fails, layout or arithmetic have changed, and states that were saved would not continue as they began.
#[test]
fn the_states_of_a_version_are_fixed() {
    let states = states();
    if std::env::var_os("BLESS").is_some() {
        let lines = states.iter().map(|(text, state)| format!("{state} {text}\n")).collect::<String>();
        fs::write(table(), format!("version {STATE_VERSION}: length, checksum, indicator\n{lines}")).unwrap();
        return;
    }
    let text = fs::read_to_string(table()).unwrap();
    let (head, lines) = text.split_once('\n').unwrap();
    // Lengths and checksums are as wide in every line.
    let written: BTreeMap<&str, &str> = lines.lines().map(|line| (&line[22..], &line[..21])).collect();
    let mut problems = Vec::new();
    for (text, state) in &states {
        match written.get(text.as_str()) {
            None => problems.push(format!("{text} is missing in the table")),
            Some(written) if written != state => {
                problems.push(format!("{text} is {}, was {}", state.trim_start(), written.trim_start()));
            }
            Some(_) => {}
        }
    }
    let gone = written.keys().filter(|text| !states.contains_key(**text));
    problems.extend(gone.map(|text| format!("{text} is in the table and does not exist")));
    if !head.starts_with(&format!("version {STATE_VERSION}:")) {
        problems.push(format!("the table is of another version than {STATE_VERSION}"));
    }
    assert!(
        problems.is_empty(),
        "states are not those of the table:\n  {}\nIf one was changed that has been released, raise `STATE_VERSION`, \
         or saved states continue wrongly. Then write the table: BLESS=1 cargo test -p indicators --test it version",
        problems.join("\n  ")
    );
}
