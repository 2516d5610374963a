//! Replies about the market as a whole: which markets are open, the movers, the calendar of reports.

use market::Date;
use rust_decimal::Decimal;
use serde_json::Value;

use crate::client::{FRIDAY_NOON, Session};

#[tokio::test]
async fn markets_have_a_status() {
    let session = Session::start(FRIDAY_NOON, |_| {}).await;
    let reply = session.query("function=MARKET_STATUS&datatype=csv").await;
    assert_eq!((reply.status, reply.content_type.as_str()), (200, "application/json"), "it has no CSV");
    let json = reply.json();
    assert_eq!((json.as_object().unwrap().len(), &json["endpoint"]), (2, &"Global Market Open & Close Status".into()));
    let markets = json["markets"].as_array().unwrap();
    assert_eq!(markets.len(), 16);
    for market in markets {
        let names =
            ["market_type", "region", "primary_exchanges", "local_open", "local_close", "current_status", "notes"];
        assert_eq!(market.as_object().unwrap().len(), names.len());
        assert!(names.iter().all(|name| market[name].is_string()), "{market}");
        assert!(["open", "closed"].contains(&market["current_status"].as_str().unwrap()));
    }
    let us = &markets[0];
    assert_eq!(
        (&us["region"], &us["local_open"], &us["local_close"]),
        (&"United States".into(), &"09:30".into(), &"16:15".into())
    );
    assert_eq!(
        (&us["current_status"], &markets[7]["region"], &markets[7]["current_status"]),
        (&"open".into(), &"Japan".into(), &"closed".into())
    );
}

fn list(json: &Value, name: &str) -> Vec<(String, Decimal, Decimal, Decimal, u64)> {
    let movers = json[name].as_array().unwrap();
    assert_eq!(movers.len(), 20, "{name}");
    movers
        .iter()
        .map(|mover| {
            assert_eq!(mover.as_object().unwrap().len(), 5);
            let text = |name: &str| mover[name].as_str().unwrap().to_owned();
            let percent = text("change_percentage");
            (
                text("ticker"),
                text("price").parse().unwrap(),
                text("change_amount").parse().unwrap(),
                percent.strip_suffix('%').unwrap().parse().unwrap(),
                text("volume").parse().unwrap(),
            )
        })
        .collect()
}

#[tokio::test]
async fn movers_are_twenty_each_and_agree_with_quotes() {
    for (start, updated) in [
        (FRIDAY_NOON, "2026-11-20 12:00:20 US/Eastern"),
        ("2026-11-22T12:00:00Z", "2026-11-20 16:16:00 US/Eastern"),
        ("2026-11-18T14:30:00Z", "2026-11-18 09:30:00 US/Eastern"),
    ] {
        let session = Session::start(start, |options| options.symbols = vec!["XQZ".parse().unwrap()]).await;
        let reply = session.query("function=TOP_GAINERS_LOSERS").await;
        let json = reply.json();
        assert_eq!((json.as_object().unwrap().len(), &json["last_updated"]), (5, &updated.into()));
        assert!(json["metadata"].is_string());
        let [gainers, losers, active] =
            ["top_gainers", "top_losers", "most_actively_traded"].map(|name| list(&json, name));
        assert!(gainers.is_sorted_by(|before, after| before.3 >= after.3) && gainers[0].3 > Decimal::ZERO);
        assert!(losers.is_sorted_by(|before, after| before.3 <= after.3) && losers[0].3 < Decimal::ZERO);
        assert!(active.is_sorted_by(|before, after| before.4 >= after.4));
        assert!(gainers.iter().chain(&losers).any(|mover| mover.0.ends_with('^')), "{gainers:?}");
        for (ticker, price, change, percent, _) in gainers.iter().chain(&losers).chain(&active) {
            assert!(*price > Decimal::ZERO, "{ticker}");
            let exact = change * Decimal::ONE_HUNDRED / (price - change);
            assert!((percent - exact).abs() <= Decimal::new(5, 5), "{ticker} {percent} {exact}");
        }
        let open = Session::start(start, |_| {}).await;
        for (ticker, price, change, _, volume) in
            gainers.iter().chain(&active).filter(|mover| !mover.0.ends_with('+')).take(3)
        {
            let ticker = ticker.replace('^', "%5E");
            let quote =
                open.query(&format!("function=GLOBAL_QUOTE&symbol={ticker}")).await.json()["Global Quote"].clone();
            assert_eq!(quote["05. price"].as_str().unwrap().parse::<Decimal>().unwrap(), *price, "{ticker}");
            assert_eq!(quote["09. change"].as_str().unwrap().parse::<Decimal>().unwrap(), *change);
            assert_eq!(quote["06. volume"], volume.to_string().as_str());
        }
    }
}

fn rows(body: &str) -> Vec<Vec<&str>> {
    let mut lines = body.split("\r\n");
    assert_eq!(lines.next(), Some("symbol,name,reportDate,fiscalDateEnding,estimate,currency,timeOfTheDay"));
    let mut rows: Vec<Vec<&str>> = lines.map(|line| line.split(',').collect()).collect();
    assert_eq!(rows.pop(), Some(vec![""]), "the last line ends too");
    assert!(rows.iter().all(|row| row.len() == 7));
    rows
}

#[tokio::test]
async fn the_calendar_is_csv_whatever_is_asked_for() {
    let session = Session::start(FRIDAY_NOON, |options| options.unknown = vec!["GONE".to_owned()]).await;
    let reply = session.query("function=EARNINGS_CALENDAR").await;
    assert_eq!((reply.status, reply.content_type.as_str()), (200, "application/x-download"));
    assert_eq!(session.query("function=EARNINGS_CALENDAR&datatype=json").await.body, reply.body);
    let rows_of_all = rows(&reply.body);
    assert!(rows_of_all.len() >= 80, "{}", rows_of_all.len());
    assert!(rows_of_all.is_sorted_by(|before, after| (before[0], before[2]) < (after[0], after[2])));
    for row in &rows_of_all {
        let [day, fiscal]: [Date; 2] = [row[2], row[3]].map(|text| text.parse().unwrap());
        assert!(fiscal < day && ("2026-11-20"..="2027-02-20").contains(&row[2]), "{row:?}");
        assert!(row[4].is_empty() || row[4].parse::<Decimal>().is_ok(), "{row:?}");
        assert!(row[5] == "USD" && ["", "pre-market", "post-market"].contains(&row[6]), "{row:?}");
    }
    for column in [4, 6] {
        let empty = rows_of_all.iter().filter(|row| row[column].is_empty()).count();
        assert!(empty > 10 && empty < rows_of_all.len() - 10, "{empty}");
    }
    for (horizon, least, most) in [("3month", 1, 2), ("6month", 1, 3), ("12month", 3, 5)] {
        session.clock.advance(1_000);
        let reply = session.query(&format!("function=EARNINGS_CALENDAR&symbol=ibm&horizon={horizon}")).await;
        let rows = rows(&reply.body);
        assert!((least..=most).contains(&rows.len()) && rows.iter().all(|row| row[0] == "IBM"), "{horizon}: {rows:?}");
        assert_eq!(rows[0], *rows_of_all.iter().find(|row| row[0] == "IBM").unwrap());
    }
    assert!(rows(&session.query("function=EARNINGS_CALENDAR&symbol=GONE").await.body).is_empty());
    session.clock.advance(1_000);
    let wrong = session.query("function=EARNINGS_CALENDAR&horizon=2month").await;
    assert_eq!(wrong.content_type, "application/json");
    assert!(wrong.json()["Error Message"].as_str().unwrap().contains("for EARNINGS_CALENDAR."));
}
