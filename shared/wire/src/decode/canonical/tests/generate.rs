//! Records of the encoder: any fact of any kind, with numbers, texts and moments of all sizes.

use jiff::{Timestamp, civil::Date, tz::Offset};
use market::{
    Adjustment, Alert, Article, Bar, Basis, Decimal, EarningsDate, Event, ExtendedHours, Fact, Flag, Freshness,
    Interval, MarketStatus, Mover, MoverList, Observation, Ohlc, Pair, Price, Quote, Rate, Subject, TickerSentiment,
    Topic, VendorBar, Volume,
};
use proptest::prelude::*;

use super::at;
use crate::observation;

/// Digits as markets have them, as many as a u64 or a decimal has, and zero.
fn digits() -> impl Strategy<Value = Decimal> {
    let mantissa = prop_oneof![
        4 => 0..1i128 << 24,
        2 => 0..1i128 << 45,
        1 => 0..1i128 << 66,
        1 => 0..1i128 << 96,
        1 => Just(0i128),
    ];
    (mantissa, prop_oneof![0u32..=8, 0u32..=28])
        .prop_map(|(mantissa, scale)| Decimal::from_i128_with_scale(mantissa, scale))
}

fn signed() -> impl Strategy<Value = Decimal> {
    (digits(), any::<bool>()).prop_map(|(value, negative)| if negative { -value } else { value })
}

fn a_price() -> impl Strategy<Value = Price> {
    digits().prop_filter_map("prices are positive", |value| Price::new(value).ok())
}

fn a_volume() -> impl Strategy<Value = Volume> {
    digits().prop_filter_map("volumes are not negative", |value| Volume::new(value).ok())
}

fn ohlc() -> impl Strategy<Value = Ohlc> {
    ([a_price(), a_price(), a_price(), a_price()], any::<[bool; 2]>()).prop_map(|(mut prices, [falls, rounded])| {
        prices.sort();
        let [low, first, second, high] = prices;
        let (open, close) = if falls { (second, first) } else { (first, second) };
        let beyond = high.get().checked_add("0.0049".parse().unwrap()).and_then(|price| Price::new(price).ok());
        let open = beyond.filter(|_| rounded).unwrap_or(open);
        Ohlc::new(open, high, low, close).unwrap()
    })
}

/// Within the years that RFC 3339 knows; others are read the long way.
fn moment() -> impl Strategy<Value = Timestamp> {
    let whole = at("0000-01-01T00:00:00Z").as_millisecond()..Timestamp::MAX.as_millisecond();
    let near = at("2024-01-01T00:00:00Z").as_millisecond()..at("2030-01-01T00:00:00Z").as_millisecond();
    prop_oneof![whole, near].prop_map(|at| Timestamp::from_millisecond(at).unwrap())
}

fn day() -> impl Strategy<Value = Date> {
    moment().prop_map(|at| Offset::UTC.to_datetime(at).date())
}

fn symbol() -> impl Strategy<Value = market::Symbol> {
    "[A-Z0-9.^=+:_/-]([A-Z0-9.^=+:_/ -]{0,22}[A-Z0-9.^=+:_/-])?".prop_map(|text| text.parse().unwrap())
}

fn pair() -> impl Strategy<Value = Pair> {
    ("[A-Z0-9]{1,10}", "[A-Z0-9]{1,10}")
        .prop_map(|(base, quote)| Pair { base: base.parse().unwrap(), quote: quote.parse().unwrap() })
}

fn freshness() -> impl Strategy<Value = Freshness> {
    prop::sample::select(Freshness::ALL)
}

fn a_quote() -> impl Strategy<Value = Fact> {
    let money =
        (ohlc(), prop::option::of(a_price()), prop::option::of(signed()), prop::option::of(signed()), a_volume());
    let extended = (a_price(), prop::option::of(signed()), prop::option::of(signed()))
        .prop_map(|(price, change, change_percent)| ExtendedHours { price, change, change_percent });
    let rest = (freshness(), any::<bool>(), prop::option::of(moment()), prop::option::of(extended));
    (symbol(), day(), money, rest).prop_map(|(symbol, trading_day, money, rest)| {
        let (prices, previous_close, change, change_percent, volume) = money;
        let (freshness, is_final, quoted_at, extended_hours) = rest;
        Fact::Quote(Quote {
            symbol,
            trading_day,
            prices,
            previous_close,
            change,
            change_percent,
            volume,
            freshness,
            is_final,
            quoted_at,
            extended_hours,
        })
    })
}

fn a_bar() -> impl Strategy<Value = Fact> {
    let subject = prop_oneof![symbol().prop_map(Subject::Equity), pair().prop_map(Subject::Pair)];
    let adjustment = (a_price(), signed(), signed()).prop_map(|(adjusted_close, dividend, split_coefficient)| {
        Adjustment { adjusted_close, dividend, split_coefficient }
    });
    let labels =
        (prop::sample::select(Basis::ALL), freshness(), prop::sample::select(&Interval::ALL[..]), any::<bool>());
    (subject, moment(), labels, ohlc(), prop::option::of(a_volume()), prop::option::of(adjustment)).prop_map(
        |(subject, start, (basis, freshness, interval, is_final), prices, volume, adjustment)| {
            let bar = Bar { start, interval, prices, volume, is_final };
            Fact::Bar(VendorBar { subject: Some(subject), basis, freshness, bar, adjustment })
        },
    )
}

fn a_rate() -> impl Strategy<Value = Fact> {
    (pair(), moment(), a_price(), prop::option::of(a_price()), prop::option::of(a_price()), freshness())
        .prop_map(|(pair, at, rate, bid, ask, freshness)| Fact::Rate(Rate { pair, at, rate, bid, ask, freshness }))
}

/// Any event, with texts of any characters in it.
fn an_event() -> impl Strategy<Value = Fact> {
    let text = || ".{0,12}";
    (0..5, [text(), text(), text()], symbol(), moment(), signed(), (any::<f64>(), a_price(), a_volume())).prop_map(
        |(kind, [a, b, c], symbol, at, number, (float, price, volume))| {
            Fact::Event(match kind {
                0 => Event::Article(Article {
                    url: a.clone(),
                    title: b.clone(),
                    at,
                    authors: vec![c.clone(), a.clone()],
                    summary: b.clone(),
                    banner_image: None,
                    source: c.clone(),
                    source_domain: Some(a.clone()),
                    category: None,
                    topics: vec![Topic { name: b.clone(), relevance: number }],
                    sentiment_score: Some(number),
                    sentiment_label: None,
                    tickers: vec![TickerSentiment { ticker: a, relevance: number, score: number, label: c }],
                }),
                1 => Event::EarningsDate(EarningsDate {
                    symbol,
                    name: a,
                    report_date: Offset::UTC.to_datetime(at).date(),
                    fiscal_date_ending: Offset::UTC.to_datetime(at).date(),
                    estimate: Some(number),
                    currency: Some(b),
                    time_of_day: None,
                }),
                2 => Event::MarketStatus(MarketStatus {
                    market_type: a,
                    region: b,
                    primary_exchanges: c,
                    local_open: None,
                    local_close: None,
                    is_open: number.is_sign_negative(),
                    notes: None,
                    seen_on: Offset::UTC.to_datetime(at).date(),
                }),
                3 => Event::Mover(Mover {
                    list: MoverList::TopGainers,
                    rank: 1,
                    symbol,
                    at,
                    price,
                    change: number,
                    change_percent: number,
                    volume,
                }),
                _ => Event::Alert(Alert {
                    kind: "price_spike",
                    severity: "low",
                    subject: Subject::Equity(symbol),
                    at,
                    interval: None,
                    value: float,
                    threshold: 0.05,
                    rule: None,
                    text: a,
                }),
            })
        },
    )
}

const FLAGS: [Flag; 4] = [Flag::Stale, Flag::Rounded, Flag::EndLabelled, Flag::SplitSuspected];

/// The text of a record of the encoder.
pub(super) fn record() -> impl Strategy<Value = String> {
    let fact = prop_oneof![3 => a_bar(), 3 => a_quote(), 2 => a_rate(), 1 => an_event()];
    let flags = prop::sample::subsequence(FLAGS.to_vec(), 0..=FLAGS.len());
    let rev = prop_oneof![0u32..12, Just(u32::MAX), any::<u32>()];
    (fact, flags, rev, moment())
        .prop_map(|(fact, flags, rev, received)| observation(&Observation { fact, flags }).to_json(rev, received))
}
