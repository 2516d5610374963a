//! The text of records is a contract with every archive: within a version fields are added, and a
//! record without them stays what it was, byte for byte. So its id stays, too.

use jiff::SignedDuration;
use market::{Basis, Fact, Flag, Freshness, Interval, Origin, Subject};
use wire::{IndicatorBody, IndicatorFlag, IndicatorReading, Record, SeriesText, indicator, observation};

use crate::sample;

/// Compares the text of revision 1, received three seconds after the event.
#[track_caller]
fn check(record: &Record, event_time: jiff::Timestamp, expected: &str) {
    assert_eq!(record.to_json(1, event_time + SignedDuration::from_secs(3)), expected);
}

#[track_caller]
fn check_fact(fact: Fact, flags: &[Flag], expected: &str) {
    let event_time = fact.event_time();
    check(&observation(&sample::seen(fact, flags)), event_time, expected);
}

#[test]
fn a_quote_of_a_trading_day() {
    check_fact(
        Fact::Quote(sample::quote()),
        &[],
        r#"{"schema":"quote.v1","key":"0addb1e84227a2f152448a2889d7cca1","rev":1,"id":"b4c93a4a337c42fe6c6756b35e2d55f3","source":"alphavantage","timestamp":"2018-10-05T13:30:00.000Z","ingested_at":"2018-10-05T13:30:03.000Z","flags":[],"symbol":"MSFT","trading_day":"2018-10-05","basis":"raw","freshness":"eod","origin":"vendor","open":112.63,"high":113.17,"low":110.64,"price":112.13,"volume":29062853,"previous_close":112.79,"change":-0.66,"change_percent":-0.5852,"final":true}"#,
    );
}

#[test]
fn a_quote_with_little_in_it() {
    let mut quote = sample::quote();
    (quote.previous_close, quote.change, quote.change_percent) = (None, None, None);
    (quote.symbol, quote.is_final, quote.freshness) = ("CELG^".parse().unwrap(), false, Freshness::Delayed15);
    check_fact(
        Fact::Quote(quote),
        &[Flag::Stale, Flag::Partial],
        r#"{"schema":"quote.v1","key":"9ae1da6b3fd05c0aedc07f29cd87a315","rev":1,"id":"5f389fa26a89e196dc3436fd1ffd631c","source":"alphavantage","timestamp":"2018-10-05T13:30:00.000Z","ingested_at":"2018-10-05T13:30:03.000Z","flags":["stale","partial"],"symbol":"CELG^","trading_day":"2018-10-05","basis":"raw","freshness":"delayed15","origin":"vendor","open":112.63,"high":113.17,"low":110.64,"price":112.13,"volume":29062853,"previous_close":null,"change":null,"change_percent":null,"final":false}"#,
    );
}

#[test]
fn a_daily_bar() {
    check_fact(
        Fact::Bar(sample::daily_bar()),
        &[Flag::Rounded],
        r#"{"schema":"bar.v1","key":"6d64217a555949e25fd8a4a2efd9d8d1","rev":1,"id":"50df7f5ba4b039b888d23f82550b1d50","source":"alphavantage","timestamp":"2026-05-15T13:30:00.000Z","ingested_at":"2026-05-15T13:30:03.000Z","flags":["rounded"],"symbol":"IBM","interval":"1day","basis":"raw","freshness":"eod","origin":"vendor","open":218.2,"high":220.91,"low":217.615,"close":219.3,"volume":6154450,"final":true}"#,
    );
}

#[test]
fn a_bar_without_volume() {
    let mut bar = sample::daily_bar();
    (bar.bar.volume, bar.bar.interval, bar.basis) = (None, Interval::Min5, Basis::SplitDividendAdjusted);
    check_fact(
        Fact::Bar(bar),
        &[],
        r#"{"schema":"bar.v1","key":"e320e83cb6427832f39895b98386c04e","rev":1,"id":"bd0497764f7e1f296caeed2ceccf9247","source":"alphavantage","timestamp":"2026-05-15T13:30:00.000Z","ingested_at":"2026-05-15T13:30:03.000Z","flags":[],"symbol":"IBM","interval":"5min","basis":"split_dividend_adjusted","freshness":"eod","origin":"vendor","open":218.2,"high":220.91,"low":217.615,"close":219.3,"volume":null,"final":true}"#,
    );
}

#[test]
fn a_bar_that_names_nobody() {
    let mut bar = sample::daily_bar();
    bar.subject = None;
    check_fact(
        Fact::Bar(bar),
        &[Flag::SymbolUnknown],
        r#"{"schema":"bar.v1","key":"c16047c8d1847397b3c3bca57f31f91b","rev":1,"id":"7b4493157bee490afee822f000fb51c1","source":"alphavantage","timestamp":"2026-05-15T13:30:00.000Z","ingested_at":"2026-05-15T13:30:03.000Z","flags":["symbol_unknown"],"symbol":null,"interval":"1day","basis":"raw","freshness":"eod","origin":"vendor","open":218.2,"high":220.91,"low":217.615,"close":219.3,"volume":6154450,"final":true}"#,
    );
}

#[test]
fn a_bar_of_a_pair() {
    check_fact(
        Fact::Bar(sample::crypto_bar()),
        &[],
        r#"{"schema":"bar.v1","key":"5a372deb20ba4a68e9e49c31000d2721","rev":1,"id":"f20dfca6a2b648a6900dc00a4f0699de","source":"alphavantage","timestamp":"2025-08-24T00:00:00.000Z","ingested_at":"2025-08-24T00:00:03.000Z","flags":[],"symbol":"BTC/EUR","base":"BTC","quote":"EUR","interval":"1day","basis":"raw","freshness":"realtime","origin":"vendor","open":97883.18,"high":98040.37,"low":97854.95,"close":97886.73,"volume":9.35943544,"final":false}"#,
    );
}

#[test]
fn a_rate() {
    check_fact(
        Fact::Rate(sample::rate()),
        &[],
        r#"{"schema":"rate.v1","key":"543b6c5d2a6e976a022e87e79d9f94df","rev":1,"id":"04dc5ebc7914d25d7ae02a258ef6d5eb","source":"alphavantage","timestamp":"2026-05-17T17:12:44.000Z","ingested_at":"2026-05-17T17:12:47.000Z","flags":[],"symbol":"USD/JPY","base":"USD","quote":"JPY","freshness":"realtime","origin":"vendor","rate":158.73166867,"bid":158.72838292,"ask":158.73495442}"#,
    );
}

#[test]
fn a_rate_without_bid_and_ask() {
    let mut rate = sample::rate();
    (rate.pair, rate.rate, rate.bid, rate.ask) = ("SHIB/USD".parse().unwrap(), "1e-8".parse().unwrap(), None, None);
    check_fact(
        Fact::Rate(rate),
        &[],
        r#"{"schema":"rate.v1","key":"381ae0a16598e6af461b2778a2f718ba","rev":1,"id":"ce5df5f9f2b92d75063637465a0feb4c","source":"alphavantage","timestamp":"2026-05-17T17:12:44.000Z","ingested_at":"2026-05-17T17:12:47.000Z","flags":[],"symbol":"SHIB/USD","base":"SHIB","quote":"USD","freshness":"realtime","origin":"vendor","rate":0.00000001,"bid":null,"ask":null}"#,
    );
}

#[test]
fn the_readings_after_a_bar() {
    let subject = Subject::Pair("BTC/EUR".parse().unwrap());
    let start = sample::at("2026-05-15T15:31:00Z");
    let reading = |name: &str, value, warm, bars| IndicatorReading {
        name: Box::leak(Box::new(wire::OutputName::new(name))),
        value,
        warm,
        bars,
    };
    let record = indicator(&IndicatorBody {
        series: &SeriesText::new(&subject, Interval::Min1, Basis::Raw, Origin::Sampled),
        start,
        freshness: Freshness::Realtime,
        bars: 20,
        prices: [97883.18, 98040.37, 97854.95, 97886.73],
        volume: None,
        readings: &[
            reading("SMA(20)", Some(97880.1), true, 20),
            reading("EMA(5)", Some(97885.25), false, 7),
            reading("RSI(14)", None, false, 20),
        ],
        flags: &[IndicatorFlag::GapBefore],
    });
    check(
        &record,
        start,
        r#"{"schema":"indicator.v1","key":"5feadae0d156c58f99b9b9576ecceefe","rev":1,"id":"7fdfbb93334b76b0a378af0464de1a2f","source":"alphavantage","timestamp":"2026-05-15T15:31:00.000Z","ingested_at":"2026-05-15T15:31:03.000Z","flags":["gap_before"],"symbol":"BTC/EUR","base":"BTC","quote":"EUR","interval":"1min","basis":"raw","freshness":"realtime","origin":"sampled","bars":20,"open":97883.18,"high":98040.37,"low":97854.95,"close":97886.73,"volume":null,"values":{"SMA(20)":97880.1,"EMA(5)":97885.25,"RSI(14)":null},"warming":["EMA(5)"],"bars_of":{"EMA(5)":7}}"#,
    );
}
