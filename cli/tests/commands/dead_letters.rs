//! `kinetick dead-letters`: what it refuses, and what it says where AWS gives nothing. What it does is tested on the
//! emulator, in `tests/it/stack/by_hand.rs`.

use std::net::TcpListener;

use crate::{kinetick, refused, run, text};

const ID: &str = "0123456789abcdef0123456789abcdef";

#[test]
fn wrong_use_is_refused() {
    for (arguments, words) in [
        (&[][..], &["list", "show", "redrive", "discard"][..]),
        (&["retry"], &["unrecognized subcommand"]),
        (&["list", "--kind", "odd"], &["`odd` is not known; allowed: transport", "given_up"]),
        (&["list", "--status", "lost"], &["waiting, redriving, redriven, discarded, expired, all"]),
        (&["list", "--from", "yesterday"], &["write a time of RFC 3339"]),
        (
            &["list", "--from", "2026-11-20T15:00:00Z", "--to", "2026-11-20T15:00:00Z"],
            &["`--from` is 2026-11-20T15:00:00Z and `--to` is 2026-11-20T15:00:00Z"],
        ),
        (&["list", "--limit", "0"], &["1..=1000000"]),
        (&["list", "--format", "csv"], &["text, json"]),
        (&["list", "--env", "staging"], &["local, dev, prod"]),
        (&["list", "--endpoint-url", "127.0.0.1"], &["write a URL"]),
        (&["show"], &["<ID>"]),
        (&["show", "xyz"], &["write 4 to 32 hex digits"]),
        (&["show", "abc"], &["write 4 to 32 hex digits"]),
        (&["show", ID, "--raw", "--format", "json"], &["cannot be used with"]),
        (&["redrive"], &["<ID>"]),
        (&["redrive", ID, "--all"], &["cannot be used with"]),
        (&["redrive", "--all", "--rate", "0"], &["--rate"]),
        (&["discard", "--reason", "x"], &["<ID>"]),
        (&["discard", ID], &["--reason"]),
        (&["discard", ID, "--reason", " "], &["write a text of 1 to 500 characters on one line"]),
        (&["discard", ID, "--reason", "x", "--by", "a\nb"], &["on one line"]),
    ] {
        refused(&[&["dead-letters"], arguments].concat(), words);
    }
}

#[test]
fn without_access_every_command_says_so() {
    // A port that nobody listens at: it was free a moment ago.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let nowhere = format!("http://127.0.0.1:{port}");
    for command in [
        &["list"][..],
        &["show", ID],
        &["redrive", "--all"],
        &["redrive", ID, "--dry-run"],
        &["discard", ID, "--reason", "x", "--yes"],
    ] {
        let command = [&["dead-letters"], command].concat();
        for (place, words) in [
            (&[][..], "there are no credentials for AWS"),
            (&["--endpoint-url", nowhere.as_str()], "the stack `kinetick-dev` cannot be looked up in us-east-1"),
        ] {
            let output = run(kinetick(&[&command, place].concat()), b"");
            let said = text(&output.stderr);
            assert!(output.status.code() == Some(3) && said.contains(words), "{command:?}: {said}");
            assert!(output.stdout.is_empty());
        }
    }
}
