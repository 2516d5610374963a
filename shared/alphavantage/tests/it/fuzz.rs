//! Broken replies by the hundred thousand: bodies of every function with bytes flipped, cut, renamed,
//! swapped and spliced, and bytes that never were a reply.
//!
//! `FUZZ_INPUTS` says how many, `SEED` of which series, and `FUZZ_INPUT` replays a single one.

use std::{
    env,
    panic::{AssertUnwindSafe, catch_unwind},
    thread,
};

use alphavantage::{Context, Entitlement, Expected, Function, Reply, UNKNOWN_FIELDS_MAX, Verdict, read};
use market::Timestamp;
use serde_json::value::RawValue;

use crate::shape::{at, replies, tables};

const INPUTS: u64 = 200_000;

/// SplitMix64: a number of a series depends on its place alone, so that any input can be replayed.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below the bound, or 0.
    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound.max(1) as u64) as usize
    }

    fn one_of<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        &choices[self.below(choices.len())]
    }
}

/// A good reply, of which broken ones are made.
struct Good {
    expected: Expected,
    body: Vec<u8>,
    /// The word without which nothing is data.
    key: &'static str,
    /// Where its strings stand, without their quotes; in a CSV its cells.
    places: Vec<(usize, usize)>,
}

fn good() -> Vec<Good> {
    let places = |body: &str| -> Vec<(usize, usize)> {
        let is_json = body.starts_with('{');
        let ends: Vec<usize> =
            body.match_indices(if is_json { &['"'][..] } else { &[',', '\n'] }).map(|(at, _)| at).collect();
        let pairs = ends.windows(2).step_by(if is_json { 2 } else { 1 });
        pairs.map(|pair| (pair[0] + 1, pair[1])).collect()
    };
    let good = |(request, body, key, _): (alphavantage::Request, String, &'static str, usize)| Good {
        expected: Expected::from(&request),
        places: places(&body),
        body: body.into_bytes(),
        key,
    };
    replies().into_iter().chain(tables()).map(good).collect()
}

/// What is put where something else stood.
const TOKENS: &[&str] = &[
    "",
    "-",
    "None",
    "null",
    "0",
    "-1",
    "1e28",
    "1e-28",
    "9e999",
    "79228162514264337593543950335",
    "NaN",
    "%",
    "\"",
    "\"\"",
    "{",
    "}",
    "[",
    "]",
    "{}",
    "[]",
    ":",
    ",",
    "\n",
    "\r\n",
    "\\",
    "\\u0000",
    "\u{feff}",
    "\u{fffd}",
    "é",
    "true",
    "17",
    "2026-11-19",
    "2026-11-19 10:00:00",
    "2026-11-01 01:30:00",
    "2026-03-08 02:30:00",
    "9999-12-31 23:59:59",
    "0000-01-01",
    "20261120T101500",
    "US/Eastern",
    "UTC",
    "Mars/Olympus",
    "ACME",
    "A*",
    "BTC",
    "5min",
    "1min",
    "Daily",
    "Global Quote",
    "Meta Data",
    "Time Series (5min)",
    "Time Series (Daily)",
    "data",
    "feed",
    "markets",
    "top_gainers",
    "message",
    "success",
    "Information",
    "Note",
    "Error Message",
    "This is a premium endpoint",
    "timestamp",
    "1. open",
    "(",
    "5. volume",
    "symbol,reportDate,fiscalDateEnding",
    "12345678901234567890123456789012345678901234567890123456789012345",
];

/// Breaks a body in one way.
fn mutate(body: &mut Vec<u8>, places: &[(usize, usize)], others: &[Good], chance: &mut Chance) {
    let (from, length) = (chance.below(body.len() + 1), chance.below(24));
    let to = (from + length).min(body.len());
    let place = |chance: &mut Chance, body: &[u8]| {
        let (from, to) = *chance.one_of(places);
        (to <= body.len()).then_some((from, to))
    };
    match chance.below(20) {
        0 | 1 => {
            if let Some(byte) = body.get_mut(from) {
                *byte ^= 1 << chance.below(8);
            }
        }
        2 => body.truncate(from),
        3 => {
            body.drain(from..to);
        }
        4 => {
            let copy = body[from..to].to_vec();
            body.splice(from..from, copy);
        }
        5 => {
            body.splice(from..to, chance.one_of(TOKENS).bytes());
        }
        // A name or value becomes another: a token, one of this reply, or one of another's.
        6..=11 => {
            if let Some((from, to)) = place(chance, body) {
                body.splice(from..to, chance.one_of(TOKENS).bytes());
            }
        }
        12..=16 => {
            if let (Some((from, to)), Some((other, end))) = (place(chance, body), place(chance, body)) {
                let copy = body[other..end].to_vec();
                body.splice(from..to, copy);
            }
        }
        17 | 18 => {
            let other = chance.one_of(others);
            let (at, end) = *chance.one_of(&other.places);
            if let Some((from, to)) = place(chance, body) {
                body.splice(from..to, other.body[at..end].iter().copied());
            }
        }
        _ => {
            let other = chance.one_of(others);
            let cut = chance.below(other.body.len());
            body.truncate(from);
            body.extend_from_slice(&other.body[cut..]);
        }
    }
}

/// An input: what is expected, and what comes.
struct Input {
    expected: Expected,
    status: u16,
    content_type: Option<&'static str>,
    body: Vec<u8>,
    context: Context,
}

fn input(good: &[Good], nows: &[Timestamp], seed: u64, index: u64) -> Input {
    let mut chance = Chance(seed.wrapping_mul(0x5851_f42d_4c95_7f2d) ^ index.wrapping_mul(0x1405_7b7e_f767_814f));
    let subject = chance.one_of(good);
    let body = match chance.below(24) {
        0 => (0..chance.below(200)).map(|_| chance.next() as u8).collect(),
        1 => (0..chance.below(40)).flat_map(|_| chance.one_of(TOKENS).bytes()).collect(),
        _ => {
            let mut body = subject.body.clone();
            for _ in 0..=chance.below(5).saturating_sub(1) {
                mutate(&mut body, &subject.places, good, &mut chance);
            }
            body
        }
    };
    // Mostly the reply's own request; else half of it, somebody else's, or nobody's.
    let expected = match chance.below(12) {
        0 | 1 => {
            let function = subject.expected.function;
            Expected { function, ..Expected::default() }
        }
        2 => chance.one_of(good).expected.clone(),
        3 => Expected::default(),
        _ => subject.expected.clone(),
    };
    let entitlement = *chance.one_of(&[None, Some(Entitlement::Delayed), Some(Entitlement::Realtime)]);
    Input {
        expected,
        status: *chance.one_of(&[200, 200, 200, 200, 200, 200, 200, 200, 200, 200, 201, 404, 429, 503]),
        content_type: *chance.one_of(&[None, None, Some("application/json"), Some("text/html")]),
        body,
        context: Context { now: *chance.one_of(nows), entitlement },
    }
}

/// Letters and digits in lower case, as names are compared: as they stand there, and without JSON's escapes.
fn letters(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let mut unescaped = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' if characters.next() == Some('u') => drop(characters.nth(3)),
            '\\' => {}
            _ => unescaped.push(character),
        }
    }
    text.chars().chain(unescaped.chars()).filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

fn check(input: &Input, good: &[Good]) -> bool {
    let Input { expected, status, content_type, body, context } = input;
    let reading = read(expected, &Reply { status: *status, content_type: *content_type, body }, context);
    let rows = reading.observations.len() + reading.rejected.len();
    if reading.verdict != Verdict::Data {
        assert_eq!((rows, reading.unknown_fields.len()), (0, 0));
        assert!(reading.message.is_some_and(|message| !message.is_empty()));
        return false;
    }
    assert!(expected.function.is_some() && (200..300).contains(status));
    let found = letters(body);
    let mut same = good.iter().filter(|good| good.expected.function == expected.function);
    let is_list = expected.function == Some(Function::TopGainersLosers) && found.contains("mostactivelytraded");
    let has_key = is_list || same.any(|good| found.contains(good.key));
    assert!(has_key, "data without their key");
    // Every row begins after one of these.
    let bound = body.iter().filter(|byte| b":,[\n".contains(byte)).count() + expected.symbols.len();
    assert!(0 < rows && rows <= bound, "{rows} rows of {bound}");
    let one = expected.symbols.len() == 1 || expected.base.is_some() && expected.quote.is_some();
    for observation in &reading.observations {
        assert!(observation.flags.windows(2).all(|pair| pair[0] < pair[1]));
        let subject = observation.fact.subject();
        if let (true, Some(subject)) = (one, &subject) {
            let asked = match (expected.symbols.as_slice(), &expected.base, &expected.quote) {
                ([symbol], ..) => symbol.to_string(),
                (_, Some(base), Some(quote)) => format!("{base}/{quote}"),
                _ => String::new(),
            };
            assert_eq!(subject.to_string(), asked);
        }
    }
    for rejected in &reading.rejected {
        assert!(serde_json::from_str::<&RawValue>(&rejected.payload).is_ok(), "{}", rejected.payload);
        assert!(rejected.reason.to_string().len() < 600);
    }
    assert!(reading.unknown_fields.len() <= UNKNOWN_FIELDS_MAX && reading.unknown_fields.is_sorted());
    !reading.observations.is_empty()
}

fn number(name: &str) -> Option<u64> {
    env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("`{name}` is `{text}`, which is no number")))
}

#[test]
fn no_body_breaks_the_reader() {
    let seed = number("SEED").unwrap_or(0);
    let (good, nows) = (
        good(),
        ["2026-11-20T15:30:00Z", "2026-11-20T15:30:00Z", "2026-11-19T15:12:30Z", "1999-01-01T00:00:00Z"].map(at),
    );
    let run = |index: u64| {
        let input = input(&good, &nows, seed, index);
        catch_unwind(AssertUnwindSafe(|| check(&input, &good))).unwrap_or_else(|_| {
            let body = String::from_utf8_lossy(&input.body);
            panic!("replay it by SEED={seed} FUZZ_INPUT={index}: {:?}, status {}: {body}", input.expected, input.status)
        })
    };
    if let Some(index) = number("FUZZ_INPUT") {
        run(index);
        return;
    }
    let inputs = number("FUZZ_INPUTS").unwrap_or(INPUTS);
    let threads = thread::available_parallelism().map_or(1, usize::from) as u64;
    let taken: u64 = thread::scope(|scope| {
        let share = |nth: u64| (nth..inputs).step_by(threads as usize).filter(|index| run(*index)).count() as u64;
        let workers: Vec<_> = (0..threads).map(|nth| scope.spawn(move || share(nth))).collect();
        workers.into_iter().map(|worker| worker.join().unwrap_or_else(|error| std::panic::resume_unwind(error))).sum()
    });
    // Inputs that all end at the first brace would test nothing.
    assert!(inputs < 1_000 || taken * 10 > inputs, "only {taken} of {inputs} inputs held anything good");
}
