//! What a detector is fed: one price of a series with its time.

use jiff::{SignedDuration, Timestamp};
use market::{Fact, Interval, Subject, session};
use rust_decimal::prelude::ToPrimitive;

/// What sort of market and interval a series is of. It decides which returns are usual.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Bars or readings of an equity within the day.
    EquityIntraday,
    /// Days of an equity.
    EquityDaily,
    /// A pair with a digital currency.
    Crypto,
    /// A pair of physical currencies.
    Fx,
}

impl Kind {
    /// All of them, in the order of their numbers in the state.
    pub(crate) const ALL: [Self; 4] = [Self::EquityIntraday, Self::EquityDaily, Self::Crypto, Self::Fx];

    /// The logarithmic return up to which a move is never a spike, however calm the market.
    pub const fn floor(self) -> f64 {
        match self {
            Self::EquityIntraday => 0.05,
            Self::EquityDaily => 0.20,
            Self::Crypto => 0.10,
            Self::Fx => 0.02,
        }
    }

    /// The longest time over which a return is one of the series' own interval: it excludes nights from bars
    /// within the day, and outages from all. Four days are a weekend with a holiday.
    pub const fn longest_interval(self) -> SignedDuration {
        SignedDuration::from_hours(match self {
            Self::EquityIntraday => 4,
            Self::EquityDaily => 5 * 24,
            Self::Crypto | Self::Fx => 26,
        })
    }
}

/// One price of a series.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reading {
    /// Event time: a bar's begin, a rate's refresh, a quote's day. It counts in whole milliseconds.
    pub at: Timestamp,
    /// The price, a bar's close.
    pub price: f64,
    /// What was traded, if the source says so. Zero is a volume.
    pub volume: Option<f64>,
    /// The series' kind.
    pub kind: Kind,
    /// Whether the market trades at that time.
    pub in_session: bool,
    /// Whether the interval is over. A price counts anyhow; the volume of an interval that is never
    /// completed is judged, but does not become part of what is usual.
    pub is_final: bool,
    /// New shares for one old share as of this day, if the source says so: 2 for a split of 2:1, 1 for none.
    pub split_coefficient: Option<f64>,
}

impl Reading {
    /// The reading that a fact gives, with what the calendar says of its time. `None` for what has no price,
    /// or names nobody.
    pub fn of(fact: &Fact) -> Option<Self> {
        let (price, volume, is_final, split_coefficient) = match fact {
            Fact::Quote(quote) => (quote.price(), Some(quote.volume), quote.is_final, None),
            Fact::Bar(bar) => {
                let split = bar.adjustment.as_ref().and_then(|of_day| of_day.split_coefficient.to_f64());
                (bar.bar.prices.close(), bar.bar.volume, bar.bar.is_final, split)
            }
            Fact::Rate(rate) => (rate.rate, None, true, None),
            Fact::Event(_) => return None,
        };
        let at = fact.event_time();
        let (kind, in_session) = match fact.subject()? {
            Subject::Equity(_) if fact.interval() == Some(Interval::Day) => (Kind::EquityDaily, true),
            Subject::Equity(_) => (Kind::EquityIntraday, session::is_open(at, session::Hours::Regular)),
            Subject::Pair(pair) => {
                let is_digital = pair.base.is_digital() || pair.quote.is_digital();
                (if is_digital { Kind::Crypto } else { Kind::Fx }, session::pair_is_open(&pair, at))
            }
        };
        let volume = volume.map(market::Volume::to_f64);
        Some(Self { at, price: price.to_f64(), volume, kind, in_session, is_final, split_coefficient })
    }

    /// The reading with its time in whole milliseconds, as the state keeps it; `None` if a number cannot be.
    pub(crate) fn checked(&self) -> Option<Self> {
        let positive = |value: f64| value.is_finite() && value > 0.0;
        let good = positive(self.price)
            && self.volume.is_none_or(|volume| volume == 0.0 || positive(volume))
            && self.split_coefficient.is_none_or(positive);
        let at = Timestamp::from_millisecond(self.at.as_millisecond()).ok()?;
        good.then_some(Self { at, ..*self })
    }

    /// Whether its volume is comparable to others of the series: before and after the session an equity
    /// trades so little that every opening would be a spike.
    pub(crate) fn usual_volume(&self) -> Option<f64> {
        self.volume.filter(|_| self.in_session || self.kind != Kind::EquityIntraday)
    }
}

#[cfg(test)]
mod tests {
    use market::{Adjustment, Bar, Basis, Decimal, Freshness, Ohlc, Quote, Rate, VendorBar};

    use super::*;

    fn bar(subject: Subject, interval: Interval, volume: Option<&str>) -> Fact {
        let price = |text: &str| text.parse().unwrap();
        let bar = Bar {
            start: "2026-11-20T14:30:00Z".parse().unwrap(),
            interval,
            prices: Ohlc::new(price("10"), price("12"), price("9"), price("11.5")).unwrap(),
            volume: volume.map(|text| text.parse().unwrap()),
            is_final: false,
        };
        let subject = Some(subject);
        Fact::Bar(VendorBar { subject, basis: Basis::Raw, freshness: Freshness::Realtime, bar, adjustment: None })
    }

    #[test]
    fn every_fact_gives_a_reading() {
        let equity = || Subject::Equity("MSFT".parse().unwrap());
        let pair = |text: &str| Subject::Pair(text.parse().unwrap());
        let at: Timestamp = "2026-11-20T14:30:00Z".parse().unwrap();
        let Fact::Bar(day) = bar(equity(), Interval::Day, None) else { unreachable!() };
        let quote = Fact::Quote(Quote {
            symbol: "MSFT".parse().unwrap(),
            trading_day: market::session::new_york_date(at),
            prices: day.bar.prices,
            previous_close: None,
            change: None,
            change_percent: None,
            volume: "7".parse().unwrap(),
            freshness: Freshness::Eod,
            is_final: true,
            quoted_at: None,
            extended_hours: None,
        });
        let rate = Fact::Rate(Rate {
            pair: "BTC/USD".parse().unwrap(),
            at,
            rate: "11.5".parse().unwrap(),
            bid: None,
            ask: None,
            freshness: Freshness::Realtime,
        });
        for (fact, kind, volume, is_final) in [
            (quote, Kind::EquityDaily, Some(7.0), true),
            (rate, Kind::Crypto, None, true),
            (bar(equity(), Interval::Day, Some("5")), Kind::EquityDaily, Some(5.0), false),
            (bar(equity(), Interval::Min5, Some("0")), Kind::EquityIntraday, Some(0.0), false),
            (bar(pair("ETH/EUR"), Interval::Day, None), Kind::Crypto, None, false),
            (bar(pair("USD/BTC"), Interval::Min1, None), Kind::Crypto, None, false),
            (bar(pair("EUR/USD"), Interval::Min60, None), Kind::Fx, None, false),
        ] {
            let expected =
                Reading { at, price: 11.5, volume, kind, in_session: true, is_final, split_coefficient: None };
            assert_eq!(Reading::of(&fact), Some(expected));
        }
        let Fact::Bar(mut split) = bar(equity(), Interval::Day, None) else { unreachable!() };
        split.adjustment = Some(Adjustment {
            adjusted_close: "5.75".parse().unwrap(),
            dividend: Decimal::ZERO,
            split_coefficient: Decimal::TWO,
        });
        assert_eq!(Reading::of(&Fact::Bar(split)).unwrap().split_coefficient, Some(2.0));
        let Fact::Bar(mut nameless) = bar(equity(), Interval::Min1, None) else { unreachable!() };
        nameless.bar.start = "2026-11-20T12:00:00Z".parse().unwrap();
        assert!(!Reading::of(&Fact::Bar(nameless.clone())).unwrap().in_session, "before the open");
        nameless.subject = None;
        assert_eq!(Reading::of(&Fact::Bar(nameless)), None);
    }
}
