//! The verdict on every refusal, and on every reply that is not quite data.

use alphavantage::{Context, Reason, Reply, Request, Verdict, read};
use market::{Interval, session::Hours};

use crate::shape::{
    BULK, EARNINGS, NOW, QUOTE, RATE, adjusted_request, at, bulk_request, crypto_minutes, crypto_request, daily,
    daily_request, days, days_request, earnings_request, equity_days, fx_minutes, fx_request, intraday,
    intraday_request, quote_request, rate_request, read_now, requests,
};

fn check_reply(request: &Request, status: u16, content_type: Option<&str>, body: &[u8], expected: Verdict) {
    let context = Context { now: at(NOW), entitlement: None };
    let reading = read(request, &Reply { status, content_type, body }, &context);
    let shown = String::from_utf8_lossy(body);
    assert_eq!(reading.verdict, expected, "{request}, status {status}: {shown}\n{:?}", reading.message);
    if expected != Verdict::Data {
        assert!(reading.observations.is_empty() && reading.rejected.is_empty(), "{shown}");
        assert!(reading.message.is_some_and(|message| !message.is_empty()), "{shown}");
    }
}

/// The same for every function.
fn check(body: &str, expected: Verdict) {
    for request in requests() {
        check_reply(&request, 200, Some("application/json"), body.as_bytes(), expected);
    }
}

const THANKS: &str = "Thank you for using Alpha Vantage! ";

#[test]
fn refusals_are_told_apart_by_their_words() {
    use Verdict::*;
    for (words, expected) in [
        (
            "Please consider spreading out your free API requests more sparingly (1 request per second). You may \
             subscribe to any of the premium plans to lift the free key rate limit (25 requests per day), raise the \
             per-second burst limit, and instantly unlock all premium endpoints",
            LimitSecond,
        ),
        ("Burst pattern detected. Please make no more than 5 requests per second. See our premium plans.", LimitSecond),
        ("We have detected a minute-level rate limit violation: 75 requests per minute.", LimitMinute),
        ("Our standard API call frequency is 5 calls per minute and 500 calls per day.", LimitMinute),
        (
            "We have detected your API key as QX7Z1K4M9P2R8S3T and our standard API rate limit is 25 requests per \
             day. Please subscribe to any of the premium plans to instantly remove all daily rate limits.",
            LimitDay,
        ),
        ("Our standard API rate limit is 25 requests per day.", LimitDay),
        ("Please visit our premium page if you would like to have a higher API call volume.", LimitMinute),
        ("This is a premium endpoint. You may subscribe to any of the premium plans", Premium),
        ("The outputsize=full parameter value is a premium feature, beyond 25 requests per day", Premium),
        ("the parameter apikey is invalid or missing. Please claim your free API key on our site.", BadKey),
        ("The **demo** API key is for demo purposes only. Please claim your free API key.", DemoKey),
        ("Invalid API call. Please retry or visit the documentation for TIME_SERIES_INTRADAY.", BadRequest),
        ("This API function (GLOBAL_QUOTES) does not exist.", BadRequest),
        ("Invalid inputs. Please refer to the API documentation and try again.", BadRequest),
        ("Could not satisfy the request Accept header.", BadRequest),
        ("Sorry, there was an internal or external error. Please try again later.", Transient),
        ("No articles found. Please adjust the time range.", Empty),
        ("***THE SAMPLE DATA SCHEMA BELOW IS ARTIFICIAL*** This is a premium endpoint.", Artificial),
        ("Something that was never said before.", UnknownShape),
    ] {
        // The key moved more than once, so it decides nothing.
        for key in ["Information", "Note", "Error Message", "message", "detail", "1. Information", "ERROR MESSAGE"] {
            check(&format!("{{\"{key}\": \"{THANKS}{words}\"}}"), expected);
        }
        check(&format!("{{\r\n\"Meta Data\": {{}},\r\n\"Note\": \"{}\"\r\n}}", words.to_uppercase()), expected);
        check(&format!("\u{feff}  \r\n{{\"Note\": \"{words}\"}}\r\n"), expected);
        check(&format!("\n\u{feff}{THANKS}{words}"), expected);
    }
}

#[test]
fn hollow_data_is_no_data() {
    use Verdict::*;
    let series = intraday_request(Interval::Min5, Hours::Regular);
    for request in requests() {
        // Of markets and movers nobody is unknown: an empty reply is a change of the format.
        let about_nothing = ["NEWS_SENTIMENT", "MARKET_STATUS", "TOP_GAINERS_LOSERS"];
        let is_about_nothing = about_nothing.contains(&request.function().as_str());
        check_reply(&request, 200, None, b"{}", if is_about_nothing { UnknownShape } else { UnknownSymbol });
    }
    for (request, body, expected) in [
        (quote_request(), r#"{"Global Quote": {}}"#, UnknownSymbol),
        (quote_request(), r#"{"Global Quote - DATA DELAYED BY 15 MINUTES": {}}"#, UnknownSymbol),
        (quote_request(), r#"{"Global Quote": {"01. symbol": "", "05. price": null, "02. open": "-"}}"#, UnknownSymbol),
        (quote_request(), r#"{"Global Quote": {"05. price": "1"}}"#, UnknownShape),
        (quote_request(), r#"{"Global Quote": []}"#, UnknownShape),
        (quote_request(), r#"{"Global Quote": null}"#, UnknownShape),
        (quote_request(), r#"{"Global Quote": {}, "Note": "5 calls per minute"}"#, LimitMinute),
        (quote_request(), r#"{"Global Quote": {"a": 1}, "Global Quote": {"a": 1}}"#, UnknownShape),
        (quote_request(), RATE, UnknownShape),
        (rate_request(), QUOTE, UnknownShape),
        (rate_request(), r#"{"Realtime Currency Exchange Rate": {}}"#, UnknownSymbol),
        (rate_request(), r#"{"Realtime Currency Exchange Rate": {"5. Exchange Rate": "1"}}"#, UnknownShape),
        (series.clone(), r#"{"Meta Data": {"2. Symbol": "ACME"}}"#, UnknownSymbol),
        (series.clone(), r#"{"Meta Data": "a word"}"#, UnknownShape),
        (series.clone(), &intraday("5min", &[]), Empty),
        (series.clone(), r#"{"Time Series (5min)": {"2026-11-19 10:00:00": {}}}"#, UnknownShape),
        (series.clone(), r#"{"Meta Data": {"2. Symbol": "-"}, "Time Series (5min)": {"x": {}}}"#, UnknownShape),
        (series.clone(), r#"{"Meta Data": {"2. Symbol": "ACME"}, "Time Series": {"x": {}}}"#, UnknownShape),
        (daily_request(), r#"{"Meta Data": {"2. Symbol": "ACME"}}"#, UnknownSymbol),
        (daily_request(), &daily(""), Empty),
        (daily_request(), r#"{"Time Series (Digital Currency Daily)": {"x": {}}}"#, UnknownShape),
        (daily_request(), r#"{"Meta Data": {}, "Time Series (Digital Currency Daily)": {"x": {}}}"#, UnknownShape),
        (intraday_request(Interval::Day, Hours::Regular), &intraday("1day", &["2026-11-19 10:00:00"]), BadRequest),
    ] {
        check_reply(&request, 200, None, body.as_bytes(), expected);
    }
}

#[test]
fn data_about_something_else_is_not_taken() {
    let series = intraday_request(Interval::Min5, Hours::Regular);
    let bars = intraday("5min", &["2026-11-19 10:00:00"]);
    let days = days(&["2026-11-19"]);
    let crypto = crypto_minutes("5min", &["2026-11-19 10:00:00"]);
    let fx = fx_minutes("5min", &["2026-11-19 10:00:00"]);
    let equity = equity_days(&["2026-11-19"], false);
    for (request, body) in [
        (quote_request(), QUOTE.replace("ACME", "ACMF")),
        (rate_request(), RATE.replace("\"CHF\"", "\"USD\"")),
        (rate_request(), RATE.replace("\"EUR\"", "\"USD\"")),
        (series.clone(), bars.replace("ACME", "ACMF")),
        (series.clone(), bars.replace("5min", "1min")),
        (series.clone(), bars.replace("Series (5min)", "Series (1min)")),
        (series.clone(), bars.replace("Interval\":\"5min", "Interval\":\"15min")),
        (series.clone(), bars.replace("Time Series (5min)", "Time Series (Daily)")),
        (series.clone(), bars.replace("Time Series (5min)", "Weekly Time Series")),
        (series.clone(), bars.replace("Time Series (5min)", "Time Series Crypto (5min)")),
        (series, days.clone()),
        (daily_request(), days.replace("\"CHF\"", "\"USD\"")),
        (daily_request(), days.replace("\"BTC\"", "\"ETH\"")),
        (daily_request(), days.replace("Currency Daily)", "Currency Weekly)")),
        (daily_request(), bars.clone()),
        (crypto_request(Interval::Min5), crypto.replace("\"ETH\"", "\"BTC\"")),
        (crypto_request(Interval::Min5), crypto.replace("Crypto (5min)\":", "FX (5min)\":")),
        (crypto_request(Interval::Min1), crypto),
        (fx_request(Interval::Min5), fx.replace("\"CHF\"", "\"USD\"")),
        (fx_request(Interval::Min1), fx),
        (days_request(), equity.replace("ACME", "ACMF")),
        (days_request(), equity.replace("Time Series (Daily)", "Weekly Time Series")),
        (adjusted_request(), equity.replace("ACME", "ACMF")),
        (days_request(), bars),
        (bulk_request(), BULK.replace("ACME", "ACMF").replace("BRK.B", "BRK.A").replace("CELG^", "CELG")),
        (earnings_request(Some("OTHER")), EARNINGS.to_owned()),
    ] {
        let reading = read_now(&request, &body);
        assert_eq!(reading.verdict, Verdict::Data, "{request}: {body}");
        assert!(reading.observations.is_empty() && !reading.rejected.is_empty(), "{request}: {body}");
        for rejected in &reading.rejected {
            let is_named = matches!(rejected.reason, Reason::WrongSubject { .. } | Reason::SymbolMissing(_));
            assert!(is_named, "{request}: {}", rejected.reason);
        }
    }
}

#[test]
fn echoes_in_another_case_and_spelling_are_data() {
    let series = intraday_request(Interval::Min5, Hours::Regular);
    let bars = intraday("5min", &["2026-11-19 10:00:00"]);
    for (request, body) in [
        (quote_request(), QUOTE.replace("ACME", "acme")),
        (quote_request(), format!("\u{feff}\r\n{}\r\n\r\n", QUOTE.replace('\n', "\r\n"))),
        (quote_request(), QUOTE.replace("\"Global Quote\"", "\"GLOBAL QUOTE - whatever comes next\"")),
        (quote_request(), QUOTE.replacen('{', "{\"endpoint\": \"x\", \"message\": \"Success\",", 1)),
        (quote_request(), QUOTE.replacen('{', "{\"Information\": \"A word to our users.\",", 1)),
        (rate_request(), RATE.replace("\"CHF\"", "\"chf\"")),
        (series.clone(), bars.replace("2. Symbol", "7. symbol").replace("6. Time Zone", "Time_Zone")),
        (series.clone(), bars.replace("Time Series (5min)", "Time Series")),
        (series, bars.replace("\"4. Interval\":\"5min\",", "")),
        (daily_request(), days(&["2026-11-19"]).replace("Market Code", "market_code")),
    ] {
        check_reply(&request, 200, Some("application/json"), body.as_bytes(), Verdict::Data);
    }
}

#[test]
fn made_up_prices_are_refused_even_in_the_shape_of_data() {
    for remark in [
        r#""message": "This is a premium endpoint. ***THE SAMPLE DATA SCHEMA BELOW IS ARTIFICIAL***""#,
        r#""message": "some other word""#,
        r#""message": 7"#,
        r#""Information": "the prices below are artificial""#,
    ] {
        let body = QUOTE.replacen('{', &format!("{{{remark},"), 1);
        let context = Context { now: at(NOW), entitlement: None };
        let reading =
            read(&quote_request(), &Reply { status: 200, content_type: None, body: body.as_bytes() }, &context);
        assert_eq!(reading.verdict, Verdict::Artificial, "{remark}");
        assert!(reading.observations.is_empty());
    }
    // The bulk quotes' sample, whatever was asked.
    let bulk = r#"{"endpoint":"Realtime Bulk Quotes","message":"***ARTIFICIAL***","data":[{"symbol":"ACME"}]}"#;
    check(bulk, Verdict::Artificial);
    // Other words beside data that nobody asked for are no better.
    check(&bulk.replace("***ARTIFICIAL***", "please subscribe"), Verdict::Artificial);
    let good = bulk.replace("***ARTIFICIAL***", "success");
    for request in requests().iter().filter(|request| **request != bulk_request()) {
        check_reply(request, 200, None, good.as_bytes(), Verdict::UnknownShape);
    }
    // Bulk quotes must say that they are good.
    for message in ["", "\"message\":\"\",", "\"message\":null,", "\"message\":\"successful\","] {
        let body = BULK.replace("\"message\":\"success\",", message);
        check_reply(&bulk_request(), 200, None, body.as_bytes(), Verdict::Artificial);
    }
    // A CSV of them could not say so.
    let csv = "symbol,timestamp,open,high,low,close,volume\nACME,2026-11-19 16:00:00,50,51,49,50,7\n";
    check_reply(&bulk_request(), 200, None, csv.as_bytes(), Verdict::UnknownShape);
}

#[test]
fn the_status_counts_before_the_body() {
    use Verdict::*;
    let page = "<!DOCTYPE html><html><head><title>Application Error</title></head></html>";
    let note = r#"{"Note": "5 calls per minute"}"#;
    for (status, content_type, body, expected) in [
        (500, Some("application/json"), QUOTE, Transient),
        (503, Some("text/html"), page, Transient),
        (503, None, "", Transient),
        (200, Some("text/html; charset=utf-8"), page, Transient),
        (200, None, page, Transient),
        (200, Some("text/html"), "Be right back", Transient),
        (200, Some("text/html"), "{ is no JSON", Transient),
        // A wrong header does not make data of it a page.
        (200, Some("text/html"), QUOTE, Data),
        (201, None, QUOTE, Data),
        (404, Some("text/html"), page, Transient),
        (404, None, "Not Found", BadRequest),
        (406, None, r#"{"detail":"Could not satisfy the request Accept header."}"#, BadRequest),
        (401, None, "{}", BadKey),
        (403, None, "denied", BadKey),
        (408, None, "", Transient),
        (429, None, "slow down", LimitMinute),
        (429, None, note, LimitMinute),
        (400, None, r#"{"Information": "no more than 5 requests per second"}"#, LimitSecond),
        (400, None, QUOTE, BadRequest),
        (302, None, QUOTE, UnknownShape),
        (302, None, "", UnknownShape),
        (0, None, "", UnknownShape),
    ] {
        check_reply(&quote_request(), status, content_type, body.as_bytes(), expected);
    }
}

#[test]
fn what_is_neither_json_nor_html_nor_csv_is_unknown() {
    for body in ["", " \r\n", "\u{feff}", "null", "[]", "17", "\"{}\"", "a,b\n1,2", QUOTE.split_at(200).0, "{}{}", "{"]
    {
        check(body, Verdict::UnknownShape);
    }
    check(&format!("{QUOTE}x"), Verdict::UnknownShape);
    for request in requests() {
        check_reply(&request, 200, None, b"{\"Global Quote\": {\"01. symbol\": \"\xff\"}}", Verdict::UnknownShape);
        check_reply(&request, 200, Some("text/html"), b"\xff", Verdict::Transient);
        check_reply(&request, 200, None, b" <html>Erreur passag\xe8re</html>", Verdict::Transient);
    }
    // Deep nesting is text to us, not recursion.
    let deep = format!("{{\"Global Quote\": {}{}}}", "[".repeat(200_000), "]".repeat(200_000));
    check(&deep, Verdict::UnknownShape);
}

#[test]
fn csv_is_known_by_its_header_alone() {
    use Verdict::*;
    let series = intraday_request(Interval::Min5, Hours::Regular);
    let quote = "symbol,open,high,low,price,volume,latestDay,previousClose,change,changePercent\r\n";
    let line = "ACME,50.1,51,49.5,50.5,123456,2026-11-19,50,0.5,1.0000%\r\n";
    let bars = "timestamp,open,high,low,close,volume\n2026-11-19 10:00:00,10,10.5,9.5,10.25,700\n";
    for (request, body, expected) in [
        (quote_request(), format!("{quote}{line}"), Data),
        (quote_request(), format!("\u{feff}{quote}{line}"), Data),
        (quote_request(), quote.to_owned(), UnknownSymbol),
        (quote_request(), format!("{quote}{}", line.replace("ACME", "ACMF")), Data),
        (quote_request(), bars.to_owned(), UnknownShape),
        (series.clone(), bars.to_owned(), Data),
        (series.clone(), "timestamp,open,high,low,close,volume".to_owned(), Empty),
        (series.clone(), format!("{quote}{line}"), UnknownShape),
        // All in one line is no header without rows.
        (series, bars.replace('\n', "\r"), UnknownShape),
        (rate_request(), bars.to_owned(), UnknownShape),
        (daily_request(), bars.replace("volume", "volume,adjusted_close").replace("700", "700,10"), UnknownShape),
        (rate_request(), "From_Currency Code,To_Currency Code,Exchange Rate\nEUR,CHF,1".to_owned(), UnknownShape),
    ] {
        check_reply(&request, 200, Some("application/x-download"), body.as_bytes(), expected);
    }
    check_reply(&quote_request(), 404, None, format!("{quote}{line}").as_bytes(), BadRequest);
    let error = r#"{"Error Message": "Invalid API call."}"#;
    check_reply(&quote_request(), 200, Some("application/x-download"), error.as_bytes(), BadRequest);
}

#[test]
fn the_message_is_the_vendors() {
    let words = "Thank you! Our standard API rate limit is 25 requests per day.";
    let reading = read_now(&quote_request(), &format!("{{\"Information\": \"{words}\"}}"));
    assert_eq!(reading.message.as_deref(), Some(words));
    // However its words are spaced.
    for space in ["  ", "\\n", "\\r\\n ", "\u{a0}"] {
        let reading = read_now(&quote_request(), &format!("{{\"Information\": \"{}\"}}", words.replace(' ', space)));
        assert_eq!((reading.verdict, reading.message.as_deref()), (Verdict::LimitDay, Some(words)), "{space:?}");
    }
    let reading = read_now(&quote_request(), &QUOTE.replace("ACME", "OTHER"));
    assert_eq!(reading.message, None);
    assert_eq!(reading.rejected[0].reason.to_string(), "asked for `ACME`; the reply is about `OTHER`");
}
