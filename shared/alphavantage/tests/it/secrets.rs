//! The API key wherever the vendor might put it: no text that leaves holds a part of it.

use alphavantage::{Redactor, Request};

use crate::shape::{read_now, replies, tables};

const KEY: &str = "QX7Z1K4M9P2R8S3T";

/// What is long enough to be a part of the key and no accident.
const PART: usize = 5;

fn check(request: &Request, body: &str) {
    let reading = read_now(request, body);
    let redactor = Redactor::new(KEY);
    let reasons = reading.rejected.iter().flat_map(|row| [row.reason.to_string(), row.payload.clone()]);
    let texts = reasons.chain(reading.message).chain(reading.unknown_fields);
    for text in texts.map(|text| redactor.redact(&text)) {
        let parts = KEY.as_bytes().windows(PART).map(|part| std::str::from_utf8(part).unwrap());
        for part in parts {
            assert!(!text.to_uppercase().contains(part), "{request}: {text}");
        }
        assert!(text.len() < 20_000);
    }
}

/// Every place of every reply holds a long text with the key in it, at every offset around the bounds
/// at which texts of reasons end.
#[test]
fn no_text_holds_a_part_of_the_key() {
    let pads: Vec<usize> = (0..4).chain(14..68).chain([120, 300, 1000]).collect();
    for (request, body, ..) in replies().into_iter().chain(tables()) {
        let places: Vec<(usize, usize)> = if body.starts_with('{') { strings(&body) } else { cells(&body) };
        for (nth, (from, to)) in places.into_iter().enumerate() {
            // Not every offset in every place: the places share their offsets out.
            for pad in pads.iter().skip(nth % 3).step_by(3) {
                let text = format!("{}{KEY}{}", "x".repeat(*pad), "y".repeat(pad % 7));
                check(&request, &format!("{}{text}{}", &body[..from], &body[to..]));
            }
        }
        check(&request, &format!("{{\"Information\":\"detected your API key as {KEY} and\"}}"));
        check(&request, &format!("{{\"{KEY}\":1}}"));
        check(&request, &format!("{}{KEY}", "x".repeat(200)));
    }
}

/// Insides of strings: names and values.
fn strings(body: &str) -> Vec<(usize, usize)> {
    let quotes: Vec<usize> = body.match_indices('"').map(|(at, _)| at).collect();
    quotes.chunks(2).map(|pair| (pair[0] + 1, pair[1])).collect()
}

/// Cells of a CSV.
fn cells(body: &str) -> Vec<(usize, usize)> {
    let mut from = 0;
    body.match_indices([',', '\n']).map(|(at, _)| (std::mem::replace(&mut from, at + 1), at)).collect()
}
