//! Which markets are open.

use jiff::{
    SignedDuration, Timestamp,
    civil::{Time, time},
};
use market::{
    Pair,
    session::{self, Hours},
};

use super::shares::newest_minute;
use crate::hours::last_refreshed;

/// How long after the last minute of a session has begun the vendor calls the United States open.
const UNTIL_CLOSED: SignedDuration = SignedDuration::from_mins(16);

/// A market as the vendor describes it.
#[derive(Debug, Clone)]
pub(crate) struct Market {
    pub(crate) market_type: &'static str,
    pub(crate) region: &'static str,
    pub(crate) exchanges: &'static str,
    pub(crate) open: Time,
    pub(crate) close: Time,
    pub(crate) is_open: bool,
    pub(crate) notes: &'static str,
}

/// A stock market of another country: no holidays.
struct Country {
    region: &'static str,
    exchanges: &'static str,
    zone: &'static str,
    open: Time,
    close: Time,
    rest: Option<(Time, Time)>,
    notes: &'static str,
}

type HourMinute = (i8, i8);

const fn country(
    region: &'static str,
    exchanges: &'static str,
    zone: &'static str,
    open: HourMinute,
    close: HourMinute,
) -> Country {
    Country { region, exchanges, zone, open: at(open), close: at(close), rest: None, notes: "" }
}

const fn at((hour, minute): HourMinute) -> Time {
    time(hour, minute, 0, 0)
}

impl Country {
    const fn resting(mut self, from: HourMinute, to: HourMinute, notes: &'static str) -> Self {
        (self.rest, self.notes) = (Some((at(from), at(to))), notes);
        self
    }

    fn status(&self, now: Timestamp) -> Market {
        let is_open = session::zone(self.zone).is_ok_and(|zone| {
            let local = now.to_zoned(zone).datetime();
            let clock = local.time();
            let rests = self.rest.is_some_and(|(from, to)| from <= clock && clock < to);
            session::is_weekday(local.date()) && self.open <= clock && clock < self.close && !rests
        });
        let Self { region, exchanges, open, close, notes, .. } = *self;
        Market { market_type: "Equity", region, exchanges, open, close, is_open, notes }
    }
}

/// In the vendor's order, after the United States.
const COUNTRIES: [Country; 13] = [
    country("Canada", "Toronto, Toronto Ventures", "America/Toronto", (9, 30), (16, 0)),
    country("United Kingdom", "London", "Europe/London", (8, 0), (16, 30)),
    country("Germany", "XETRA, Berlin, Frankfurt, Munich, Stuttgart", "Europe/Berlin", (8, 0), (20, 0)),
    country("France", "Paris", "Europe/Paris", (9, 0), (17, 30)),
    country("Spain", "Barcelona, Madrid", "Europe/Madrid", (9, 0), (17, 30)),
    country("Portugal", "Lisbon", "Europe/Lisbon", (8, 0), (16, 30)),
    country("Japan", "Tokyo", "Asia/Tokyo", (9, 0), (15, 0)).resting((11, 30), (12, 30), "Noon break 11:30 to 12:30"),
    country("India", "NSE, BSE", "Asia/Kolkata", (9, 15), (15, 30)),
    country("Mainland China", "Shanghai, Shenzhen", "Asia/Shanghai", (9, 30), (15, 0)).resting(
        (11, 30),
        (13, 0),
        "Noon break 11:30 to 13:00",
    ),
    country("Hong Kong", "Hong Kong", "Asia/Hong_Kong", (9, 30), (16, 0)).resting(
        (12, 0),
        (13, 0),
        "Noon break 12:00 to 13:00",
    ),
    country("Brazil", "Sao Paolo", "America/Sao_Paulo", (10, 0), (17, 30)),
    country("Mexico", "Mexico", "America/Mexico_City", (8, 30), (15, 0)),
    country("South Africa", "Johannesburg", "Africa/Johannesburg", (9, 0), (17, 0)),
];

/// All markets at a moment. That of the United States counts as open until a quarter of an hour
/// after its session, as the vendor has it.
pub(super) fn status(now: Timestamp) -> Vec<Market> {
    let newest = newest_minute(Hours::Regular, now);
    let mut markets = vec![Market {
        market_type: "Equity",
        region: "United States",
        exchanges: "NASDAQ, NYSE, AMEX, BATS",
        open: at((9, 30)),
        close: at((16, 15)),
        is_open: newest.is_some_and(|newest| now < newest + UNTIL_CLOSED),
        notes: "",
    }];
    markets.extend(COUNTRIES.iter().map(|country| country.status(now)));
    let global = |market_type, is_open, notes| Market {
        market_type,
        region: "Global",
        exchanges: "Global",
        open: at((0, 0)),
        close: at((23, 59)),
        is_open,
        notes,
    };
    let fx_is_open =
        "EUR/USD".parse::<Pair>().is_ok_and(|pair| now.duration_since(last_refreshed(&pair, now)).as_secs() == 0);
    markets.push(global("Forex", fx_is_open, "Closed from Friday to Sunday, 17:00 in New York"));
    markets.push(global("Cryptocurrency", true, "Open 24 hours a day"));
    markets
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markets_open_by_their_own_clock() {
        let open = |now: &str| -> Vec<&'static str> {
            let markets = status(now.parse().unwrap());
            assert_eq!(markets.len(), 16);
            markets
                .into_iter()
                .filter(|market| market.is_open)
                .map(|market| if market.region == "Global" { market.market_type } else { market.region })
                .collect()
        };
        for (now, expected) in [
            // A Friday in November: before the open in New York, and from the close on.
            (
                "2026-11-20T14:29:59Z",
                &[
                    "United Kingdom",
                    "Germany",
                    "France",
                    "Spain",
                    "Portugal",
                    "Brazil",
                    "South Africa",
                    "Forex",
                    "Cryptocurrency",
                ][..],
            ),
            ("2026-11-20T21:14:59Z", &["United States", "Forex", "Cryptocurrency"]),
            ("2026-11-20T21:15:00Z", &["Forex", "Cryptocurrency"]),
            ("2026-11-20T22:00:00Z", &["Cryptocurrency"]),
            ("2026-11-22T22:00:00Z", &["Forex", "Cryptocurrency"]),
            // Noon in Asia.
            ("2026-11-19T02:15:00Z", &["Japan", "Mainland China", "Hong Kong", "Forex", "Cryptocurrency"]),
            ("2026-11-19T03:45:00Z", &["Japan", "India", "Hong Kong", "Forex", "Cryptocurrency"]),
        ] {
            assert_eq!(open(now), expected, "{now}");
        }
        // Clocks change on different days: on this one 09:30 in New York is 13:30 in London, in winter time.
        assert!(open("2026-10-30T13:30:00Z").starts_with(&["United States", "Canada", "United Kingdom"]));
    }
}
