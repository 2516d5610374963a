//! Events with whatever texts and numbers the vendor may send: what is written reads back as it was,
//! in one line, under the key and the partition key of the contract.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use market::{
    Alert, Article, Date, Decimal, EarningsDate, Event, Fact, Interval, MarketStatus, Mover, MoverList, Price, Subject,
    Symbol, TickerSentiment, Topic, Volume,
};
use proptest::{collection::vec, option, prelude::*};
use serde_json::{Value, value::RawValue};
use wire::{Record, decode, limits::PARTITION_KEY_CHARS, observation};

use crate::sample;

/// Any text, and often the characters that writers of JSON and of lines get wrong.
fn text() -> impl Strategy<Value = String> {
    let nasty = prop::sample::select(vec![
        '"',
        '\\',
        '/',
        '\0',
        '\n',
        '\r',
        '\t',
        '\u{b}',
        '\u{c}',
        '\u{1b}',
        '\u{1c}',
        '\u{7f}',
        '\u{85}',
        '\u{2028}',
        '\u{2029}',
        '\u{feff}',
        '\u{fffe}',
        '\u{d7ff}',
        '\u{e000}',
        '\u{10ffff}',
        '😀',
        '<',
        '&',
        '\'',
    ]);
    vec(prop_oneof![2 => any::<char>(), 1 => nasty], 0..12).prop_map(String::from_iter)
}

/// Any decimal: 96 bits, up to 28 places, either sign.
fn decimal() -> impl Strategy<Value = Decimal> {
    (any::<(u32, u32, u32, bool)>(), 0u32..=28)
        .prop_map(|((low, mid, high, negative), scale)| Decimal::from_parts(low, mid, high, negative, scale))
}

fn moment() -> impl Strategy<Value = Timestamp> {
    (946_684_800_000i64..4_102_444_800_000).prop_map(|millis| Timestamp::from_millisecond(millis).unwrap())
}

fn day() -> impl Strategy<Value = Date> {
    (2000i16..2100, 1i8..=12, 1i8..=28).prop_map(|(year, month, day)| Date::new(year, month, day).unwrap())
}

fn symbol() -> impl Strategy<Value = Symbol> {
    "[A-Z0-9.^=:_/-]([A-Z0-9.^=:_/ -]{0,22}[A-Z0-9])?".prop_map(|text| text.parse().unwrap())
}

fn article() -> impl Strategy<Value = Article> {
    let topic = (text(), decimal()).prop_map(|(name, relevance)| Topic { name, relevance });
    let ticker = (text(), decimal(), decimal(), text()).prop_map(|(ticker, relevance, score, label)| TickerSentiment {
        ticker,
        relevance,
        score,
        label,
    });
    (
        (text(), text(), moment(), vec(text(), 0..3), text()),
        (option::of(text()), text(), option::of(text()), option::of(text())),
        (vec(topic, 0..3), option::of(decimal()), option::of(text()), vec(ticker, 0..3)),
    )
        .prop_map(
            |(
                (url, title, at, authors, summary),
                (banner_image, source, source_domain, category),
                (topics, sentiment_score, sentiment_label, tickers),
            )| Article {
                url,
                title,
                at,
                authors,
                summary,
                banner_image,
                source,
                source_domain,
                category,
                topics,
                sentiment_score,
                sentiment_label,
                tickers,
            },
        )
}

fn earnings() -> impl Strategy<Value = EarningsDate> {
    (symbol(), text(), day(), day(), option::of(decimal()), option::of(text()), option::of(text())).prop_map(
        |(symbol, name, report_date, fiscal_date_ending, estimate, currency, time_of_day)| EarningsDate {
            symbol,
            name,
            report_date,
            fiscal_date_ending,
            estimate,
            currency,
            time_of_day,
        },
    )
}

fn status() -> impl Strategy<Value = MarketStatus> {
    ((text(), text(), text()), option::of(text()), option::of(text()), any::<bool>(), option::of(text()), day())
        .prop_map(|((market_type, region, primary_exchanges), local_open, local_close, is_open, notes, seen_on)| {
            MarketStatus { market_type, region, primary_exchanges, local_open, local_close, is_open, notes, seen_on }
        })
}

fn mover() -> impl Strategy<Value = Mover> {
    let price = decimal().prop_filter_map("a price is positive", |value| Price::new(value.abs()).ok());
    let volume = decimal().prop_map(|value| Volume::new(value.abs()).unwrap());
    (
        (prop::sample::select(MoverList::ALL.to_vec()), any::<u32>(), symbol(), moment()),
        (price, decimal(), decimal(), volume),
    )
        .prop_map(|((list, rank, symbol, at), (price, change, change_percent, volume))| Mover {
            list,
            rank,
            symbol,
            at,
            price,
            change,
            change_percent,
            volume,
        })
}

fn alert() -> impl Strategy<Value = Alert> {
    (
        (
            prop::sample::select(vec!["price_spike", "volume_spike", "über größe\n", "a|b"]),
            prop::sample::select(vec!["low", "high"]),
            prop_oneof![symbol().prop_map(Subject::Equity), Just(Subject::Pair("BTC/USD".parse().unwrap())),],
        ),
        (moment(), option::of(prop::sample::select(Interval::ALL.to_vec())), option::of(text())),
        (any::<f64>(), any::<f64>(), text()),
    )
        .prop_map(|((kind, severity, subject), (at, interval, rule), (value, threshold, text))| Alert {
            kind,
            severity,
            subject,
            at,
            interval,
            rule,
            value,
            threshold,
            text,
        })
}

/// A record as a reader sees it: texts by serde_json, numbers as the decimals that stand there.
struct Read {
    values: Value,
    raw: BTreeMap<String, Box<RawValue>>,
}

/// Writes the event, checks what holds for all of them, and reads it with another parser.
fn read(event: Event) -> (Record, Read) {
    let at = event.event_time();
    let record = observation(&sample::seen(Fact::Event(event), &[]));
    let json = record.to_json(4, at + SignedDuration::from_secs(5));
    let ends = |c: char| c.is_control() || "\u{2028}\u{2029}".contains(c);
    assert!(!json.contains(ends), "more than a line: {json:?}");
    let decoded = decode(json.as_bytes()).unwrap();
    assert_eq!((decoded.key, decoded.rev, decoded.id, decoded.fact), (record.key(), 4, record.id(4), None));
    let shard = record.partition_key().as_str();
    assert!(shard.len() <= PARTITION_KEY_CHARS && shard.starts_with("event_"), "{shard:?}");
    assert!(shard.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-.".contains(&b)), "{shard:?}");
    let bucket = shard.rsplit_once('_').unwrap().1;
    assert!(bucket.len() == 1 && bucket.parse::<u8>().is_ok(), "{shard:?}");
    (record, Read { values: serde_json::from_str(&json).unwrap(), raw: serde_json::from_str(&json).unwrap() })
}

impl Read {
    #[track_caller]
    fn text(&self, field: &str, expected: &str) {
        assert_eq!(self.values[field].as_str(), Some(expected), "{field}");
    }

    #[track_caller]
    fn optional(&self, field: &str, expected: &Option<String>) {
        assert!(self.raw.contains_key(field), "{field}");
        assert_eq!(self.values[field].as_str(), expected.as_deref(), "{field}");
    }

    #[track_caller]
    fn number(&self, field: &str, expected: Option<Decimal>) {
        let raw = self.raw[field].get();
        match expected {
            Some(expected) => number(raw, expected),
            None => assert_eq!(raw, "null", "{field}"),
        }
    }
}

/// The number's text is the decimal, digit by digit, without zeros at the end.
#[track_caller]
fn number(raw: &str, expected: Decimal) {
    assert_eq!(raw, expected.normalize().to_string());
    assert_eq!(raw.parse::<Decimal>().unwrap(), expected);
}

fn list(raw: &RawValue) -> Vec<BTreeMap<String, Box<RawValue>>> {
    serde_json::from_str(raw.get()).unwrap()
}

fn plain(raw: &RawValue) -> String {
    serde_json::from_str(raw.get()).unwrap()
}

proptest! {
    #[test]
    fn articles_read_back_as_they_were(article in article()) {
        let (_, read) = read(Event::Article(article.clone()));
        read.text("url", &article.url);
        read.text("title", &article.title);
        read.text("summary", &article.summary);
        read.text("publisher", &article.source);
        read.optional("publisher_domain", &article.source_domain);
        read.optional("category", &article.category);
        read.optional("banner_image", &article.banner_image);
        read.optional("sentiment_label", &article.sentiment_label);
        read.number("sentiment_score", article.sentiment_score);
        prop_assert_eq!(&read.values["authors"], &Value::from(article.authors));
        let topics = list(&read.raw["topics"]);
        prop_assert_eq!(topics.len(), article.topics.len());
        for (read, topic) in topics.iter().zip(&article.topics) {
            prop_assert_eq!(&plain(&read["topic"]), &topic.name);
            number(read["relevance"].get(), topic.relevance);
        }
        let tickers = list(&read.raw["tickers"]);
        prop_assert_eq!(tickers.len(), article.tickers.len());
        for (read, ticker) in tickers.iter().zip(&article.tickers) {
            prop_assert_eq!(&plain(&read["ticker"]), &ticker.ticker);
            prop_assert_eq!(&plain(&read["sentiment_label"]), &ticker.label);
            number(read["relevance"].get(), ticker.relevance);
            number(read["sentiment_score"].get(), ticker.score);
        }
    }

    #[test]
    fn earnings_dates_read_back_as_they_were(date in earnings()) {
        let (_, read) = read(Event::EarningsDate(date.clone()));
        read.text("type", "earnings");
        read.text("symbol", date.symbol.as_str());
        read.text("name", &date.name);
        read.text("report_date", &date.report_date.to_string());
        read.text("fiscal_date_ending", &date.fiscal_date_ending.to_string());
        read.number("estimate", date.estimate);
        read.optional("currency", &date.currency);
        read.optional("time_of_day", &date.time_of_day);
    }

    #[test]
    fn statuses_of_markets_read_back_as_they_were(status in status()) {
        let (_, read) = read(Event::MarketStatus(status.clone()));
        read.text("type", "market_status");
        read.text("market_type", &status.market_type);
        read.text("region", &status.region);
        read.text("primary_exchanges", &status.primary_exchanges);
        read.optional("local_open", &status.local_open);
        read.optional("local_close", &status.local_close);
        read.text("status", if status.is_open { "open" } else { "closed" });
        read.optional("notes", &status.notes);
    }

    #[test]
    fn movers_read_back_as_they_were(mover in mover()) {
        let (_, read) = read(Event::Mover(mover.clone()));
        read.text("symbol", mover.symbol.as_str());
        read.text("list", mover.list.as_str());
        read.number("rank", Some(mover.rank.into()));
        read.number("price", Some(mover.price.get()));
        read.number("change", Some(mover.change));
        read.number("change_percent", Some(mover.change_percent));
        read.number("volume", Some(mover.volume.get()));
    }

    #[test]
    fn alerts_read_back_as_they_were(alert in alert()) {
        let (_, read) = read(Event::Alert(alert.clone()));
        read.text("type", alert.kind);
        read.text("severity", alert.severity);
        read.text("symbol", &alert.subject.to_string());
        read.optional("interval", &alert.interval.map(|interval| interval.to_string()));
        read.text("text", &alert.text);
        prop_assert_eq!(read.values.get("rule").map(|rule| rule.as_str().unwrap()), alert.rule.as_deref());
        for (field, value) in [("value", alert.value), ("threshold", alert.threshold)] {
            let finite = Some(value).filter(|value| value.is_finite());
            // By the standard library: serde_json's reader may be off by the last bit.
            prop_assert_eq!(read.raw[field].get().parse::<f64>().ok().map(f64::to_bits), finite.map(f64::to_bits));
        }
    }
}

/// Whether a change makes another fact, or a revision of the same one.
#[track_caller]
fn check_identity(one: Fact, other: Fact, same_fact: bool) {
    let [one, other] = [one, other].map(|fact| observation(&sample::seen(fact, &[])));
    assert_eq!(one.key() == other.key(), same_fact);
    assert_ne!(one.content(), other.content());
}

#[test]
fn what_tells_events_apart() {
    let event = Fact::Event;
    let article = sample::article();
    let changed = |change: &dyn Fn(&mut Article)| {
        let mut article = article.clone();
        change(&mut article);
        event(Event::Article(article))
    };
    check_identity(changed(&|_| ()), changed(&|article| article.title.push('!')), true);
    check_identity(changed(&|_| ()), changed(&|article| article.at += SignedDuration::from_secs(60)), true);
    check_identity(changed(&|_| ()), changed(&|article| article.url.push('x')), false);

    let changed = |change: &dyn Fn(&mut EarningsDate)| {
        let mut date = sample::earnings();
        change(&mut date);
        event(Event::EarningsDate(date))
    };
    check_identity(changed(&|_| ()), changed(&|date| date.report_date = "2025-11-25".parse().unwrap()), true);
    check_identity(changed(&|_| ()), changed(&|date| date.fiscal_date_ending = "2026-01-31".parse().unwrap()), false);
    check_identity(changed(&|_| ()), changed(&|date| date.symbol = "AA".parse().unwrap()), false);

    let changed = |change: &dyn Fn(&mut MarketStatus)| {
        let mut status = sample::status();
        change(&mut status);
        event(Event::MarketStatus(status))
    };
    check_identity(changed(&|_| ()), changed(&|status| status.is_open = true), true);
    check_identity(changed(&|_| ()), changed(&|status| status.seen_on = "2026-05-18".parse().unwrap()), false);
    check_identity(changed(&|_| ()), changed(&|status| status.region = "Canada".to_owned()), false);
    check_identity(changed(&|_| ()), changed(&|status| status.market_type = "Forex".to_owned()), false);

    let changed = |change: &dyn Fn(&mut Mover)| {
        let mut mover = sample::mover();
        change(&mut mover);
        event(Event::Mover(mover))
    };
    check_identity(changed(&|_| ()), changed(&|mover| mover.rank = 2), true);
    check_identity(changed(&|_| ()), changed(&|mover| mover.list = MoverList::MostActivelyTraded), false);

    let changed = |change: &dyn Fn(&mut Alert)| {
        let mut alert = sample::alert();
        change(&mut alert);
        event(Event::Alert(alert))
    };
    check_identity(changed(&|_| ()), changed(&|alert| alert.severity = "high"), true);
    check_identity(changed(&|_| ()), changed(&|alert| alert.interval = None), false);
    check_identity(changed(&|_| ()), changed(&|alert| alert.kind = "volume_spike"), false);
    let rule = |text: &str| changed(&|alert| alert.rule = Some(text.to_owned()));
    check_identity(rule("close > 5"), rule("close > 6"), false);
}

#[test]
fn a_bulk_quote_is_a_revision_of_its_trading_day_and_an_adjusted_bar_of_its_bar() {
    let (quote, mut bulk) = (sample::quote(), sample::bulk_quote());
    (bulk.symbol, bulk.trading_day, bulk.freshness) = (quote.symbol.clone(), quote.trading_day, quote.freshness);
    check_identity(Fact::Quote(quote), Fact::Quote(bulk), true);
    check_identity(Fact::Bar(sample::daily_bar()), Fact::Bar(sample::adjusted_bar()), true);
}

#[test]
fn partition_keys_are_those_of_the_contract() {
    for (event, kind) in [
        (Event::Article(sample::article()), "event_news_"),
        (Event::EarningsDate(sample::earnings()), "event_calendar_"),
        (Event::MarketStatus(sample::status()), "event_market_status_"),
        (Event::Mover(sample::mover()), "event_mover_"),
        (Event::Alert(sample::alert()), "event_price_spike_"),
    ] {
        let record = observation(&sample::seen(Fact::Event(event), &[]));
        let key = record.partition_key().as_str();
        assert!(key.strip_prefix(kind).is_some_and(|bucket| bucket.len() == 1), "{key}");
    }
}
