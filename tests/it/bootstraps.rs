//! The bootstraps as processes: a configuration that is wrong is refused whole, before anything starts.

use std::process::{Command, Output};

use crate::built::binary;

fn start(function: &str, variables: &[(&str, &str)]) -> Output {
    Command::new(binary(function)).env_clear().envs(variables.iter().copied()).output().unwrap()
}

#[track_caller]
fn check(function: &str, variables: &[(&str, &str)], expected: &[&str]) {
    let output = start(function, variables);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(output.stdout.is_empty());
    let problems: Vec<&str> = said.lines().filter_map(|line| line.strip_prefix("- ")).collect();
    assert_eq!(problems.len(), expected.len(), "{said}");
    for (problem, expected) in problems.iter().zip(expected) {
        assert!(problem.starts_with(expected), "{problem} is not {expected}");
    }
}

#[test]
fn a_wrong_configuration_lists_all_of_its_mistakes_and_exits_with_2() {
    check(
        "poll-equities",
        &[
            ("KINETICK_ENV", "prod"),
            ("SYMBOLS", "MSFT,A*"),
            ("INTERVAL", "7min"),
            ("KINESIS_FINANCIAL_STREAM", "financial"),
            ("MARKET_CLOCK", "now"),
            ("COOLDOWNS", "record"),
            ("LOG_LEVEL", "loud"),
        ],
        &[
            "`API_KEY_SECRET` is not set",
            "`COOLDOWNS` serves local runs alone",
            "`DEAD_LETTER_BUCKET` is not set",
            "`INTERVAL` is `7min`: interval `7min` is not known; allowed: 1min",
            "`KINESIS_EVENTS_STREAM` is not set",
            "`LOG_LEVEL` is `loud`",
            "`MARKET_CLOCK` is `now`: simulated time `now` is not REAL,MARKET,SPEED",
            "`MARKET_CLOCK` serves local runs alone",
            "`STATE_TABLE` is not set",
            "`SYMBOLS` is `MSFT,A*`: entry 2 of the list: symbol `A*` is not valid",
        ],
    );
    check(
        "poll-crypto",
        &[("KINETICK_ENV", "dev"), ("PAIRS", "BTC"), ("VENDOR_URL", "http://127.0.0.1:1/query"), ("STATE_TABLE", "t")],
        &[
            "`API_KEY_SECRET` is not set",
            "`DEAD_LETTER_BUCKET` is not set",
            "`KINESIS_CRYPTO_STREAM` is not set",
            "`KINESIS_EVENTS_STREAM` is not set",
            "`PAIRS` is `BTC`: entry 1 of the list: pair `BTC` is not valid; write it as BASE/QUOTE",
            "`VENDOR_URL` serves local runs alone: leave it out or at `https://www.alphavantage.co/query`",
        ],
    );
    check(
        "poll-events",
        &[("KINETICK_ENV", "prod"), ("NEWS_TOPICS", "ipo,ipo"), ("API_KEY_SECRET", "s"), ("STATE_TABLE", "t")],
        &[
            "`DEAD_LETTER_BUCKET` is not set",
            "`KINESIS_EVENTS_STREAM` is not set",
            "`NEWS_TOPICS` is `ipo,ipo`: `ipo` stands twice in the list",
        ],
    );
    check(
        "compute-indicators",
        &[("CLOSE_AFTER_SECONDS", "0"), ("STATE_TABLE", "a b"), ("INDICATORS", "RSI; 7min: SMA(20)")],
        &[
            "`CLOSE_AFTER_SECONDS` is `0`: write a whole number of seconds",
            "`DEAD_LETTER_BUCKET` is not set",
            "`INDICATORS` is `RSI; 7min: SMA(20)`: `7min: SMA(20)`: interval `7min` is not known; allowed: 1min",
            "`INDICATOR_DELIVERY_STREAM` is not set",
            "`KINESIS_EVENTS_STREAM` is not set",
            "`KINETICK_ENV` is not set",
            "`RAW_DELIVERY_STREAM` is not set",
            "`REDELIVER_AFTER_SECONDS` is not set",
            "`STATE_TABLE` is `a b`: a name has letters, digits",
        ],
    );
    check(
        "sweep-series",
        &[("KINETICK_ENV", "local"), ("STATE_TABLE", "t"), ("CLOSE_AFTER_SECONDS", "125"), ("ALERTS", "RSI(9) > 70")],
        &[
            "`ALERTS`: rule `RSI(9) > 70`: `RSI(9)` is not known; allowed: a number, open, high, low, close, volume, SMA(20)",
            "`INDICATOR_DELIVERY_STREAM` is not set",
            "`KINESIS_EVENTS_STREAM` is not set",
            "`REDELIVER_AFTER_SECONDS` is not set",
        ],
    );
    check(
        "handle-dead-letters",
        &[("KINETICK_ENV", "dev"), ("STATE_TABLE", "t"), ("REDRIVE_PER_SECOND", "0"), ("MARKET_CLOCK", "now")],
        &[
            "`DEAD_LETTER_BUCKET` is not set",
            "`FUNCTION_PREFIX` is not set",
            "`MARKET_CLOCK` is `now`",
            "`MARKET_CLOCK` serves local runs alone",
            "`REDRIVE_PER_SECOND` is `0`",
        ],
    );
    // A rule speaks of what is computed; where that cannot be read, nothing is said of the rule.
    let sweep = |indicators, alerts| {
        [
            ("KINETICK_ENV", "local"),
            ("STATE_TABLE", "t"),
            ("INDICATOR_DELIVERY_STREAM", "i"),
            ("KINESIS_EVENTS_STREAM", "e"),
            ("CLOSE_AFTER_SECONDS", "125"),
            ("REDELIVER_AFTER_SECONDS", "120"),
            ("INDICATORS", indicators),
            ("ALERTS", alerts),
        ]
    };
    check(
        "sweep-series",
        &sweep("SMA(1)", "SMA(1) > 3"),
        &["`INDICATORS` is `SMA(1)`: in `SMA(1)`: `SMA(1)`: parameter"],
    );
    check("sweep-series", &sweep("5min: SMA(5)", "5min: RSI(14) > 70"), &["`ALERTS`: rule `5min: RSI(14) > 70`"]);
    check("sweep-series", &sweep("SMA(20)", "SMA(20) 70"), &["`ALERTS`: rule `SMA(20) 70` compares nothing; write"]);
}
