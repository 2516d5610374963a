//! `kinetick audit`: what it refuses, and what it says where AWS gives nothing. The account itself is tested beside the
//! code, and on the emulator in `tests/it/stack/audit.rs`.

use std::net::TcpListener;

use crate::{kinetick, refused, run, text};

#[test]
fn wrong_use_is_refused() {
    for (arguments, words) in [
        (&["--from", "yesterday"][..], &["write a time of RFC 3339"][..]),
        (&["--from", "2026-11-20T15:00:00"], &["write a time of RFC 3339"]),
        (&["--to", "15:00"], &["write a time of RFC 3339"]),
        (&["--last", "1"], &["write a number and its unit"]),
        (&["--last", "0m"], &["write a number from 1"]),
        (&["--last", "1h", "--from", "2026-11-20T15:00:00Z"], &["cannot be used with"]),
        (
            &["--from", "2026-11-20T15:00:00Z", "--to", "2026-11-20T15:00:00Z"],
            &["`--from` is 2026-11-20T15:00:00Z, and the window ends at 2026-11-20T15:00:00Z"],
        ),
        (&["--from", "2999-01-01T00:00:00Z", "--to", "2999-01-02T00:00:00Z"], &["which is still to come"]),
        (&["--format", "xml"], &["text, json"]),
        (&["--limit=-1"], &["--limit"]),
        (&["--limit", "100001"], &["0..=100000"]),
        (&["--env", "staging"], &["local, dev, prod"]),
        (&["--endpoint-url", "127.0.0.1"], &["write a URL"]),
        (&["now"], &["unexpected argument"]),
    ] {
        refused(&[&["audit"], arguments].concat(), words);
    }
}

#[test]
fn what_cannot_be_read_is_no_balance() {
    let output = run(kinetick(&["audit"]), b"");
    assert_eq!(output.status.code(), Some(3));
    assert!(text(&output.stderr).contains("no credentials for AWS"), "{}", text(&output.stderr));

    // A port that nobody listens at: it was free a moment ago.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let url = format!("http://127.0.0.1:{port}");
    let explicit = ["--stream", "s", "--data-bucket", "d", "--dead-letter-bucket", "l", "--state-table", "t"];
    for (arguments, words) in [
        (&["--stack", "mine"][..], "the stack `mine` cannot be looked up in us-east-1"),
        (&explicit[..], "cannot read the stream `s`"),
    ] {
        let output = run(kinetick(&[&["audit", "--endpoint-url", &url], arguments].concat()), b"");
        assert_eq!(output.status.code(), Some(3), "{}", text(&output.stderr));
        assert!(text(&output.stderr).contains(words) && output.stdout.is_empty(), "{}", text(&output.stderr));
    }
}
