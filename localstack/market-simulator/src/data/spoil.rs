//! Faults in data: one value that cannot be, or the answer to another request.

use jiff::{SignedDuration, Span, Timestamp, civil::Date};
use market::{Currency, session};

use super::{CurrencyBars, CurrencyDays, Data, Days, Series};
use crate::{
    faults::Spoiled,
    function::{Function, Query},
    hours::never_rests,
};

const DAY: SignedDuration = SignedDuration::from_hours(24);

/// The request for something else, to which the answer is about the wrong thing.
pub(crate) fn other_subject(function: Function, query: &Query) -> Query {
    let Some(parameter) = function.subject_parameter() else { return query.clone() };
    let is_digital =
        || query.get(parameter).and_then(|code| code.parse::<Currency>().ok()).is_some_and(|code| code.is_digital());
    let choice = match function {
        Function::CryptoIntraday | Function::DigitalCurrencyDaily => ["ETH", "BTC", "SOL"],
        Function::CurrencyExchangeRate if is_digital() => ["ETH", "BTC", "SOL"],
        Function::CurrencyExchangeRate | Function::FxIntraday => ["EUR", "GBP", "CHF"],
        _ => ["IBM", "MSFT", "AAPL"],
    };
    let asked = query.subject();
    let free = choice.into_iter().find(|code| !asked.split(['/', ',']).any(|part| part == *code));
    query.with(parameter, free.unwrap_or(choice[0]))
}

impl Data {
    /// Makes one value bad; a fault that is not about values, or that these data cannot have, changes nothing.
    pub(crate) fn spoil(&mut self, how: Spoiled) {
        match how {
            Spoiled::NegativePrice => self.make_negative(),
            Spoiled::OutOfSession => self.leave_session(),
            Spoiled::BrokenJson | Spoiled::Cut | Spoiled::WrongSymbol => {}
        }
    }

    fn make_negative(&mut self) {
        // Of many the oldest one: it is complete, so nothing else speaks against it.
        match self {
            Self::Quote(quote) => quote.bar.close = -quote.bar.close,
            Self::Rate(rate) => rate.rate = -rate.rate,
            Self::Bulk(quotes) => {
                if let Some(quote) = quotes.last_mut() {
                    quote.bar.close = -quote.bar.close;
                }
            }
            Self::Series(Series { bars, .. })
            | Self::CurrencyBars(CurrencyBars { bars, .. })
            | Self::CurrencyDays(CurrencyDays { bars, .. }) => {
                if let Some(bar) = bars.last_mut() {
                    bar.low = -bar.low;
                }
            }
            Self::Days(Days { days, .. }) => {
                if let Some(day) = days.last_mut() {
                    day.bar.low = -day.bar.low;
                }
            }
            Self::Movers(movers) => {
                if let Some(mover) = movers.gainers.first_mut() {
                    mover.price = -mover.price;
                }
            }
            Self::News(_) | Self::Status(_) | Self::Calendar(_) => {}
        }
    }

    fn leave_session(&mut self) {
        match self {
            Self::Quote(quote) => quote.day = sunday_before(quote.day),
            Self::Bulk(quotes) => {
                if let Some(quote) = quotes.last_mut() {
                    quote.at = night_of(quote.at);
                }
            }
            // Two o'clock on the day of the oldest bar, so that the order remains.
            Self::Series(series) => {
                if let Some(bar) = series.bars.last_mut() {
                    bar.start = night_of(bar.start);
                }
            }
            Self::Days(days) => {
                if let Some(day) = days.days.last_mut() {
                    day.date = sunday_before(day.date);
                }
            }
            // A digital currency always trades, so tomorrow.
            Self::Rate(rate) => {
                rate.at = if never_rests(&rate.pair) { rate.at + DAY } else { saturday_before(rate.at) }
            }
            Self::CurrencyBars(CurrencyBars { pair, bars, .. }) if never_rests(pair) => {
                if let Some(bar) = bars.first_mut() {
                    bar.start += DAY;
                }
            }
            Self::CurrencyBars(CurrencyBars { bars, .. }) => {
                if let Some(bar) = bars.last_mut() {
                    bar.start = saturday_before(bar.start);
                }
            }
            Self::CurrencyDays(CurrencyDays { bars, .. }) => {
                if let Some(bar) = bars.first_mut() {
                    bar.start += DAY;
                }
            }
            // Tomorrow's news.
            Self::News(articles) => {
                if let Some(article) = articles.first_mut() {
                    article.at += DAY;
                }
            }
            Self::Movers(movers) => movers.updated += DAY,
            // Before the end of the quarter that it is about.
            Self::Calendar(reports) => {
                if let Some(report) = reports.first_mut() {
                    report.day = sunday_before(report.fiscal_end);
                }
            }
            Self::Status(markets) => {
                if let Some(market) = markets.first_mut() {
                    market.is_open = !market.is_open;
                }
            }
        }
    }
}

fn sunday_before(day: Date) -> Date {
    let back = Span::new().days(i64::from(day.weekday().to_sunday_zero_offset()));
    day.checked_sub(back).unwrap_or(day)
}

/// Two o'clock in New York.
fn night_of(at: Timestamp) -> Timestamp {
    let night = session::new_york_date(at).at(2, 0, 0, 0);
    session::instant(night, &session::new_york()).unwrap_or(at)
}

/// Noon in New York.
fn saturday_before(at: Timestamp) -> Timestamp {
    let day = session::new_york_date(at);
    let back = i64::from(day.weekday().to_sunday_zero_offset()) + 1;
    let noon = day.checked_sub(Span::new().days(back)).unwrap_or(day).at(12, 0, 0, 0);
    session::instant(noon, &session::new_york()).unwrap_or(at)
}
