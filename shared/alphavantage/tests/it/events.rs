//! Articles, markets, movers, calendars: fields, scales, lists, who is there twice.

use alphavantage::{Reading, Request, Verdict};
use market::{Article, EarningsDate, Event, Fact, Flag, MarketStatus, Mover, MoverList};

use crate::shape::{EARNINGS, MARKETS, MOVERS, NEWS, NOW, at, earnings_request, news_request, read_at, read_now};

fn events(reading: &Reading) -> Vec<&Event> {
    assert_eq!(reading.verdict, Verdict::Data, "{:?}", reading.message);
    let event = |fact: &'_ Fact| match fact {
        Fact::Event(_) => {}
        other => panic!("no event: {other:?}"),
    };
    reading.observations.iter().for_each(|observation| event(&observation.fact));
    let facts = reading.observations.iter().map(|observation| &observation.fact);
    facts.filter_map(|fact| if let Fact::Event(event) = fact { Some(event) } else { None }).collect()
}

macro_rules! only {
    ($name:ident, $kind:ident) => {
        fn $name(reading: &Reading) -> Vec<&$kind> {
            let events = events(reading).into_iter();
            events.map(|event| if let Event::$kind(event) = event { event } else { panic!("{event:?}") }).collect()
        }
    };
}

only!(articles, Article);
only!(markets, MarketStatus);
only!(movers, Mover);
only!(dates, EarningsDate);

/// One row of several breaks a rule, the others stay.
fn check_broken(request: &Request, body: &str, from: &str, to: &str, reason: &str) {
    assert!(body.contains(from), "{from}");
    let good = read_now(request, body);
    let reading = read_now(request, &body.replacen(from, to, 1));
    assert_eq!(reading.verdict, Verdict::Data);
    let (rows, left) = (good.observations.len(), reading.observations.len());
    assert_eq!((left, reading.rejected.len()), (rows - 1, 1), "{to}: {:?}", reading.rejected);
    let text = reading.rejected[0].reason.to_string();
    assert!(text.contains(reason), "{to}: {text}");
}

#[test]
fn an_article_says_what_the_vendor_wrote() {
    let reading = read_now(&news_request(), NEWS);
    assert_eq!((reading.rejected.len(), reading.unknown_fields.len()), (0, 0));
    let articles = articles(&reading);
    let article = articles[0];
    assert_eq!((article.url.as_str(), article.title.as_str()), ("https://news.example/1", "ACME opens a mill"));
    assert_eq!((article.at, article.authors.join("|").as_str()), (at("2026-11-20T10:15:00Z"), "A. Writer|B. Writer"));
    assert_eq!(article.sentiment_score.unwrap().to_string(), "0.22902");
    assert_eq!(article.topics[0].relevance.to_string(), "0.846949");
    let ticker = &article.tickers[1];
    assert_eq!((ticker.ticker.as_str(), ticker.score.to_string().as_str()), ("CRYPTO:BTC", "-0.5"));
    let article = articles[1];
    assert_eq!((article.at, article.summary.as_str()), (at("2026-11-20T09:00:00Z"), ""));
    assert_eq!((article.banner_image.as_ref(), article.sentiment_score), (None, None));
    assert!(article.authors.is_empty() && article.topics.is_empty() && article.tickers.is_empty());
}

#[test]
fn broken_articles_are_named() {
    for (from, to, reason) in [
        ("0.22902", "1.00001", "`overall sentiment score` is `1.00001`, which is outside of -1 to 1"),
        ("0.22902", "\"much\"", "`overall sentiment score` is `much`"),
        ("\"0.846949\"", "\"-0.1\"", "`relevance score` is `-0.1`, which is outside of 0 to 1"),
        ("\"1.000000\"", "1.5", "`relevance score` is `1.5`"),
        ("\"-0.5\"", "\"-1.5\"", "`ticker sentiment score` is `-1.5`, which is outside of -1 to 1"),
        ("20261120T101500", "20261120T153201", "lies in the future"),
        ("20261120T101500", "19991120T101500", "lies before 2000-01-01"),
        ("20261120T101500", "yesterday", "is not written as"),
        ("\"https://news.example/1\"", "null", "`url` is missing"),
        ("\"https://news.example/1\"", "[1]", "`url` is `[1]`, which is neither a text nor a number"),
        ("\"ACME opens a mill\"", "\"\"", "`title` is missing"),
        ("[\"A. Writer\",\"B. Writer\"]", "\"A. Writer\"", "`authors` is not a list"),
        ("[{\"topic\"", "[7,{\"topic\"", "not an object"),
        ("https://news.example/2", "https://news.example/2\",\"URL\":\"x", "`url` is given twice"),
    ] {
        check_broken(&news_request(), NEWS, from, to, reason);
    }
    // The same article twice is one.
    let twice = NEWS.replace("example/2", "example/1").replace("20261120T0900", "20261120T1015");
    let reading = read_now(&news_request(), &twice);
    assert_eq!(reading.rejected[0].reason.to_string(), "`https://news.example/1` is there twice");
    let extra = NEWS.replace("\"source\":", "\"paywall\":true,\"source\":");
    assert_eq!(read_now(&news_request(), &extra).unknown_fields, ["paywall"]);
}

#[test]
fn no_news_is_a_success() {
    for body in [
        r#"{"items":"0","sentiment_score_definition":"x","relevance_score_definition":"y","feed":[]}"#,
        r#"{"items":0,"feed":[]}"#,
        r#"{"Information":"No articles found. Please adjust the time range or refer to the API documentation."}"#,
    ] {
        assert_eq!(read_now(&news_request(), body).verdict, Verdict::Empty, "{body}");
    }
    for (body, verdict) in [
        (r#"{"items":"0"}"#, Verdict::UnknownShape),
        (r#"{"items":"1","feed":{}}"#, Verdict::UnknownShape),
        (r#"{"feed":[],"feed":[]}"#, Verdict::UnknownShape),
        (
            r#"{"Information":"Invalid inputs. Please refer to the API documentation and try again."}"#,
            Verdict::BadRequest,
        ),
    ] {
        assert_eq!(read_now(&news_request(), body).verdict, verdict, "{body}");
    }
}

#[test]
fn markets_are_open_or_closed() {
    let reading = read_now(&Request::MarketStatus, MARKETS);
    assert_eq!((reading.rejected.len(), reading.unknown_fields.len()), (0, 0));
    let seen = markets(&reading);
    let market = seen[0];
    assert_eq!((market.market_type.as_str(), market.region.as_str()), ("Equity", "United States"));
    assert_eq!((market.local_open.as_deref(), market.local_close.as_deref()), (Some("09:30"), Some("16:15")));
    assert_eq!((market.is_open, market.notes.as_deref()), (true, None));
    assert_eq!((seen[1].is_open, seen[1].notes.as_deref()), (false, Some("Rests on weekends")));
    assert_eq!(market.seen_on.to_string(), "2026-11-20");
    // The day is UTC's: half past seven in the evening in New York.
    let late = read_at(&Request::MarketStatus, MARKETS, "2026-11-21T00:30:00Z", None);
    assert_eq!(markets(&late)[0].seen_on.to_string(), "2026-11-21");
    let check = |from, to, reason| check_broken(&Request::MarketStatus, MARKETS, from, to, reason);
    check("\"closed\"", "\"lunch\"", "`current status` is `lunch`; known are open, closed");
    check("\"open\",", "\"\",", "`current status` is missing");
    check("\"United States\"", "{}", "`region` is `{}`, which is neither a text nor a number");
}

#[test]
fn movers_have_their_place_in_their_list() {
    let reading = read_now(&Request::TopGainersLosers, MOVERS);
    assert_eq!((reading.rejected.len(), reading.unknown_fields.len()), (0, 0));
    let places: Vec<_> =
        movers(&reading).iter().map(|mover| format!("{} {} {}", mover.list, mover.rank, mover.symbol)).collect();
    let expected = ["top_gainers 1 DUKRW", "top_gainers 2 CELG^", "top_losers 1 OPFI+", "most_actively_traded 1 CELG^"];
    assert_eq!(places, expected);
    let mover = movers(&reading)[0];
    assert_eq!((mover.list, mover.at), (MoverList::TopGainers, at("2026-11-19T21:16:00Z")));
    assert_eq!((mover.price.to_string().as_str(), mover.change_percent.to_string().as_str()), ("1.8", "17900"));
    assert_eq!((mover.change.to_string().as_str(), mover.volume.to_string().as_str()), ("1.79", "166004"));
    for (from, to, reason) in [
        ("\"1.79\"", "\"-\"", "`change amount` is missing"),
        ("17900.0%", "%", "`change percentage` is `%`"),
        ("\"1.8\"", "\"0\"", "`price`: price `0` is not positive"),
        ("166004", "-1", "volume `-1` is negative"),
        ("DUKRW", "DU*RW", "`DU*RW` is neither a symbol nor a pair"),
        ("DUKRW", "", "`ticker` is missing"),
    ] {
        check_broken(&Request::TopGainersLosers, MOVERS, from, to, reason);
    }
    // The second place stays the second.
    let reading = read_now(&Request::TopGainersLosers, &MOVERS.replace("DUKRW", "CELG^"));
    assert_eq!(reading.rejected[0].reason.to_string(), "`top_gainers|CELG^` is there twice");
    let reading = read_now(&Request::TopGainersLosers, &MOVERS.replace("DUKRW", ""));
    assert_eq!((movers(&reading)[0].rank, movers(&reading)[0].symbol.as_str()), (2, "CELG^"));
}

#[test]
fn the_time_of_the_lists_has_a_zone_of_its_own() {
    let read = |updated: &str| {
        read_now(&Request::TopGainersLosers, &MOVERS.replace("2026-11-19 16:16:00 US/Eastern", updated))
    };
    for (updated, expected) in [
        ("2026-11-18 16:16:00 US/Eastern", "2026-11-18T21:16:00Z"),
        ("2026-11-20 10:00:00 UTC", "2026-11-20T10:00:00Z"),
        ("2026-07-15 16:16:00 US/Eastern", "2026-07-15T20:16:00Z"),
    ] {
        assert_eq!(movers(&read(updated))[0].at, at(expected));
    }
    assert_eq!(read("2026-07-15 16:16:00 US/Eastern").observations[0].flags, [Flag::Stale]);
    for (updated, reason) in [
        ("2026-11-19 16:16:00", "time zone `16:16:00` is not in the tz database"),
        ("2026-11-19 16:16:00 Mars/Olympus", "time zone `Mars/Olympus` is not in the tz database"),
        ("2026-11-20 16:16:00 US/Eastern", "lies in the future"),
        ("", "is not written as"),
    ] {
        let reading = read(updated);
        assert_eq!((reading.verdict, reading.observations.len(), reading.rejected.len()), (Verdict::Data, 0, 4));
        let text = reading.rejected[0].reason.to_string();
        assert!(text.contains(reason), "{text}");
    }
    let lists = r#"{"last_updated":"x","top_gainers":[],"top_losers":[]}"#;
    assert_eq!(read_now(&Request::TopGainersLosers, lists).verdict, Verdict::Empty);
    assert_eq!(read_now(&Request::TopGainersLosers, r#"{"top_gainers":7}"#).verdict, Verdict::UnknownShape);
}

#[test]
fn a_report_says_what_the_vendor_wrote() {
    let reading = read_now(&earnings_request(None), EARNINGS);
    assert_eq!((reading.rejected.len(), reading.unknown_fields.len()), (0, 0));
    let seen = dates(&reading);
    let shown = |date: &EarningsDate| {
        let estimate = date.estimate.map(|estimate| estimate.to_string());
        format!("{} {} {} {estimate:?} {:?}", date.symbol, date.report_date, date.fiscal_date_ending, date.time_of_day)
    };
    assert_eq!(
        seen.iter().map(|date| shown(date)).collect::<Vec<_>>(),
        [
            "ACME 2026-12-03 2026-10-31 Some(\"1.58\") Some(\"post-market\")",
            "BRK.B 2027-02-20 2026-12-31 None None",
            "ACME 2027-03-04 2027-01-31 Some(\"-0.1\") Some(\"pre-market\")",
        ]
    );
    assert_eq!((seen[1].name.as_str(), seen[1].currency.as_deref()), ("Berk, Shire\nInc", Some("USD")));
}

#[test]
fn columns_of_the_calendar_are_found_by_their_names() {
    // Before 2026 there was no time of the day.
    let old =
        "symbol,name,reportDate,fiscalDateEnding,estimate,currency\nACME,Acme Corp,2026-12-03,2026-10-31,1.58,USD\n";
    assert_eq!(dates(&read_now(&earnings_request(Some("ACME")), old))[0].time_of_day, None);
    let least = "\u{feff}fiscalDateEnding,reportDate,symbol\r\n2026-10-31,2026-12-03,acme\r\n";
    let reading = read_now(&earnings_request(None), least);
    let date = dates(&reading)[0];
    assert_eq!((date.symbol.as_str(), date.name.as_str(), date.estimate), ("ACME", "", None));
    let grown = EARNINGS.replace("timeOfTheDay", "confidence");
    assert_eq!(read_now(&earnings_request(None), &grown).unknown_fields, ["confidence"]);
    for (from, to, reason) in [
        ("2026-12-03", "2099-99-99", "is not written as"),
        ("2026-12-03", "", "`report date` is missing"),
        ("2026-10-31", "1999-10-31", "lies before 2000-01-01"),
        ("1.58", "n/a", "`estimate` is `n/a`"),
        ("BRK.B", "BRK*B", "`BRK*B` is neither a symbol"),
        ("ACME,Acme Corp,2027-03-04", "ACME,2027-03-04", "the line has 6 cells and the header 7"),
        ("2027-01-31", "2026-10-31", "`ACME` is there twice"),
    ] {
        check_broken(&earnings_request(None), EARNINGS, from, to, reason);
    }
}

#[test]
fn a_calendar_is_a_csv_and_its_refusals_are_not() {
    use Verdict::*;
    let header = EARNINGS.lines().next().unwrap();
    for (body, verdict) in [
        (header, Empty),
        ("symbol,name,reportDate\r\nACME,Acme,2026-12-03", UnknownShape),
        (r#"{"Information":"This is a premium endpoint."}"#, Premium),
        ("{}", UnknownSymbol),
        (r#"{"data":[1]}"#, UnknownShape),
        ("", UnknownShape),
    ] {
        let reading = read_at(&earnings_request(None), body, NOW, None);
        assert_eq!(reading.verdict, verdict, "{body}");
    }
}
