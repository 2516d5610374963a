//! What a reply is expected to be: all that its request says, or as much of it as somebody knows.
//!
//! A recorded reply on disk comes without its request. What is not known is then taken from the reply,
//! as far as it says it; what is known is checked against it.

use market::{Currency, InstrumentError, Interval, Pair, Subject, Symbol, session::Hours};

use crate::{
    Function, Request,
    function::About,
    parameter::{Month, OutputSize},
};

/// What a reply is expected to be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Expected {
    /// The function that was asked. Without one there can be no data, and a refusal is still told apart.
    pub function: Option<Function>,
    /// The symbols that were asked for; more than one for bulk quotes only. Empty if it is not known.
    pub symbols: Vec<Symbol>,
    /// The currency that is priced.
    pub base: Option<Currency>,
    /// The currency that it is priced in.
    pub quote: Option<Currency>,
    /// The length of bars of minutes.
    pub interval: Option<Interval>,
    /// The hours of the day; if they are not known, extended ones are accepted.
    pub hours: Option<Hours>,
    /// How much was asked for.
    pub output: Option<OutputSize>,
    /// The month that was asked for; its bars may be as old as they like.
    pub month: Option<Month>,
}

impl Expected {
    /// A reply of that function, of which nothing else is known.
    pub fn of(function: Function) -> Self {
        Self { function: Some(function), ..Self::default() }
    }

    /// Takes in what somebody says that the reply is about: `MSFT`; `MSFT,AAPL` for bulk quotes; `BTC/EUR` or
    /// only `BTC` for pairs. Functions that are about nothing in particular do not look at it.
    pub fn about(mut self, text: &str) -> Result<Self, InstrumentError> {
        match self.function.map(Function::about) {
            Some(About::Symbol) | None => self.symbols = vec![text.parse()?],
            Some(About::Symbols) => {
                self.symbols = text.split(',').map(|symbol| symbol.trim().parse()).collect::<Result<_, _>>()?;
            }
            Some(About::Pair) => match text.split_once('/') {
                Some(_) => self = self.pair(&text.parse()?),
                None => self.base = Some(text.parse()?),
            },
            Some(About::Nothing) => {}
        }
        Ok(self)
    }

    fn pair(self, pair: &Pair) -> Self {
        Self { base: Some(pair.base.clone()), quote: Some(pair.quote.clone()), ..self }
    }

    /// The instrument that is known to be asked for, if it is one.
    pub(crate) fn subject(&self) -> Option<Subject> {
        match (self.symbols.as_slice(), &self.base, &self.quote) {
            ([symbol], ..) => Some(Subject::Equity(symbol.clone())),
            (_, Some(base), Some(quote)) => Some(Subject::Pair(Pair { base: base.clone(), quote: quote.clone() })),
            _ => None,
        }
    }

    /// What was asked for, in words.
    pub(crate) fn in_words(&self) -> String {
        let mut words = Vec::new();
        match (self.subject(), self.symbols.len(), &self.base) {
            (Some(subject), ..) => words.push(subject.to_string()),
            (None, 0, Some(base)) => words.push(base.to_string()),
            (None, 0, None) => {}
            (None, count, _) => words.push(format!("{count} symbols")),
        }
        words.extend(self.interval.map(|interval| interval.to_string()));
        words.extend(self.function.map(|function| function.to_string()).filter(|_| words.is_empty()));
        words.join(" ")
    }
}

impl From<&Request> for Expected {
    fn from(request: &Request) -> Self {
        let expected = Self::of(request.function());
        let expected = match request.subject() {
            Some(Subject::Equity(symbol)) => Self { symbols: vec![symbol], ..expected },
            Some(Subject::Pair(pair)) => expected.pair(&pair),
            None => expected,
        };
        match request {
            Request::RealtimeBulkQuotes { symbols } => Self { symbols: symbols.as_slice().to_vec(), ..expected },
            Request::TimeSeriesIntraday { interval, hours, month, output, .. } => Self {
                interval: Some(*interval),
                hours: Some(*hours),
                month: *month,
                output: Some(*output),
                ..expected
            },
            Request::TimeSeriesDaily { output, .. } | Request::TimeSeriesDailyAdjusted { output, .. } => {
                Self { output: Some(*output), ..expected }
            }
            Request::CryptoIntraday { interval, output, .. } | Request::FxIntraday { interval, output, .. } => {
                Self { interval: Some(*interval), output: Some(*output), ..expected }
            }
            Request::GlobalQuote { .. }
            | Request::CurrencyExchangeRate { .. }
            | Request::DigitalCurrencyDaily { .. }
            | Request::NewsSentiment { .. }
            | Request::MarketStatus
            | Request::TopGainersLosers
            | Request::EarningsCalendar { .. } => expected,
        }
    }
}

impl From<&Expected> for Expected {
    fn from(expected: &Expected) -> Self {
        expected.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_of_a_pair_is_something_too() {
        let about = |function, text: &str| Expected::of(function).about(text).map(|expected| expected.in_words());
        assert_eq!(about(Function::GlobalQuote, "msft").unwrap(), "MSFT");
        assert_eq!(about(Function::FxIntraday, "EUR/USD").unwrap(), "EUR/USD");
        assert_eq!(about(Function::DigitalCurrencyDaily, "btc").unwrap(), "BTC");
        assert_eq!(about(Function::RealtimeBulkQuotes, "MSFT, AAPL").unwrap(), "2 symbols");
        assert_eq!(about(Function::MarketStatus, "whatever it is").unwrap(), "MARKET_STATUS");
        assert!(about(Function::GlobalQuote, "M*").is_err());
        assert!(about(Function::FxIntraday, "EUR/EUR").is_err());
        assert!(about(Function::RealtimeBulkQuotes, "MSFT,,AAPL").is_err());
    }
}
