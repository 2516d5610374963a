//! What a fact is about: an equity symbol or a pair of currencies.

use std::{fmt, str::FromStr};

use arrayvec::ArrayString;

/// Longest symbol that is accepted, in characters.
pub const SYMBOL_MAX: usize = 24;
/// Longest currency code that is accepted, in characters (`1000SATS` is one).
pub const CURRENCY_MAX: usize = 10;

/// Why a text is no instrument.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InstrumentError {
    /// Empty, too long, or with a character that no listed symbol has.
    #[error("symbol `{0}` is not valid; allowed are 1 to 24 of A-Z a-z 0-9 . - ^ = + : _ / and inner spaces")]
    Symbol(String),
    /// Empty, too long, or not alphanumeric.
    #[error("currency `{0}` is not valid; allowed are 1 to 10 letters and digits, such as `USD`")]
    Currency(String),
    /// No `BASE/QUOTE`.
    #[error("pair `{0}` is not valid; write it as BASE/QUOTE, such as `BTC/USD`")]
    Pair(String),
}

/// An exchange symbol such as `MSFT`, `BRK.B`, `FRA:IQQE` or `CELG^`, in upper case.
///
/// It may hold characters that are special in URLs, object keys and NATS subjects: encode it there.
///
/// Its text lies within it, so that a clone is a copy of some bytes: every record makes and clones some.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Symbol(ArrayString<SYMBOL_MAX>);

impl Symbol {
    /// The symbol's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Symbol {
    type Err = InstrumentError;

    #[inline]
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // The only white space among the good characters is the space.
        let inner = !text.starts_with(' ') && !text.ends_with(' ');
        upper_case(text, is_in_symbols)
            .filter(|_| inner)
            .map(Self)
            .ok_or_else(|| InstrumentError::Symbol(begin(text, 2 * SYMBOL_MAX)))
    }
}

const fn is_in_symbols(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'^' | b'=' | b'+' | b':' | b'_' | b'/' | b' ')
}

/// The text in upper case, unless it is empty, too long, or has a byte that is not good. Good bytes are ASCII.
#[inline]
fn upper_case<const MAX: usize>(text: &str, good: impl Fn(u8) -> bool) -> Option<ArrayString<MAX>> {
    if text.is_empty() || text.len() > MAX || !text.bytes().all(good) {
        return None;
    }
    let mut upper = ArrayString::from(text).ok()?;
    upper.make_ascii_uppercase();
    Some(upper)
}

/// As much of a bad text as an error shows.
#[cold]
fn begin(text: &str, characters: usize) -> String {
    text.chars().take(characters).collect()
}

impl fmt::Display for Symbol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The code of a currency, physical or digital, in upper case. A clone is a copy of some bytes.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Currency(ArrayString<CURRENCY_MAX>);

/// Physical currencies by ISO 4217 that Alpha Vantage lists. Any other code is taken for digital.
const PHYSICAL: &[&str] = &[
    "AED", "ARS", "AUD", "BDT", "BGN", "BHD", "BRL", "CAD", "CHF", "CLP", "CNH", "CNY", "COP", "CZK", "DKK", "EGP",
    "EUR", "GBP", "HKD", "HUF", "IDR", "ILS", "INR", "ISK", "JPY", "KES", "KRW", "KWD", "KZT", "LKR", "MAD", "MXN",
    "MYR", "NGN", "NOK", "NZD", "OMR", "PEN", "PHP", "PKR", "PLN", "QAR", "RON", "RUB", "SAR", "SEK", "SGD", "THB",
    "TRY", "TWD", "UAH", "USD", "UYU", "VND", "ZAR",
];

impl Currency {
    /// The code's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this is a digital currency, one without an ISO 4217 code that the vendor lists.
    pub fn is_digital(&self) -> bool {
        PHYSICAL.binary_search(&self.as_str()).is_err()
    }
}

impl FromStr for Currency {
    type Err = InstrumentError;

    #[inline]
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        upper_case(text, |byte| byte.is_ascii_alphanumeric())
            .map(Self)
            .ok_or_else(|| InstrumentError::Currency(begin(text, 2 * CURRENCY_MAX)))
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Two currencies: one unit of `base` costs so many of `quote`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Pair {
    /// What is priced.
    pub base: Currency,
    /// What it is priced in.
    pub quote: Currency,
}

impl Pair {
    /// Whether the base is a digital currency, so that DIGITAL_CURRENCY_DAILY knows it.
    pub fn is_crypto(&self) -> bool {
        self.base.is_digital()
    }
}

impl FromStr for Pair {
    type Err = InstrumentError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (base, quote) =
            text.split_once('/').ok_or_else(|| InstrumentError::Pair(text.chars().take(48).collect()))?;
        let pair = Self { base: base.parse()?, quote: quote.parse()? };
        if pair.base == pair.quote {
            return Err(InstrumentError::Pair(text.to_owned()));
        }
        Ok(pair)
    }
}

impl fmt::Display for Pair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.base, self.quote)
    }
}

/// What a fact is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Subject {
    /// A share, fund or index on an exchange.
    Equity(Symbol),
    /// A rate between two currencies.
    Pair(Pair),
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Equity(symbol) => symbol.fmt(f),
            Self::Pair(pair) => pair.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::hash::{DefaultHasher, Hash, Hasher};

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn symbols_of_every_kind_are_read_and_upper_cased() {
        for text in ["MSFT", "BRK.B", "FRA:IQQE", "CELG^", "-P-HIZ", "600104.SHH", "EURUSD=X", "OPFI+"] {
            assert_eq!(text.parse::<Symbol>().unwrap().as_str(), text);
        }
        assert_eq!("duol".parse::<Symbol>().unwrap().as_str(), "DUOL");
        assert_eq!("A B".parse::<Symbol>().unwrap().to_string(), "A B");
        for text in ["", " MSFT", "MSFT ", " ", "MS\nFT", "Ünï", "A*", "ABCDEFGHIJKLMNOPQRSTUVWXY"] {
            assert!(text.parse::<Symbol>().is_err(), "{text:?}");
        }
        for text in ["", "U", "1000SATS", "ABCDEFGHIJ", "ABCDEFGHIJK", "US D", "É"] {
            assert_eq!(
                text.parse::<Currency>().is_ok(),
                text.is_ascii() && matches!(text.len(), 1 | 8 | 10),
                "{text:?}"
            );
        }
    }

    fn hash(value: &(impl Hash + ?Sized)) -> u64 {
        let mut hasher = DefaultHasher::new();
        value.hash(&mut hasher);
        hasher.finish()
    }

    proptest! {
        #[test]
        fn they_compare_and_hash_as_their_texts(
            (a, b) in ("[A-C.^]{1,24}", "[A-C.^]{1,24}"),
            (c, d) in ("[A-C0]{1,10}", "[A-C0]{1,10}"),
        ) {
            let (x, y): (Symbol, Symbol) = (a.parse().unwrap(), b.parse().unwrap());
            prop_assert_eq!((x.cmp(&y), x == y, x.as_str()), (a.cmp(&b), a == b, a.as_str()));
            prop_assert_eq!(hash(&x), hash(a.as_str()));
            let (x, y): (Currency, Currency) = (c.parse().unwrap(), d.parse().unwrap());
            prop_assert_eq!((x.cmp(&y), x == y, x.as_str()), (c.cmp(&d), c == d, c.as_str()));
            prop_assert_eq!(hash(&x), hash(c.as_str()));
        }
    }

    #[test]
    fn pairs_know_digital_from_physical() {
        assert!(PHYSICAL.is_sorted());
        assert!("btc/usd".parse::<Pair>().unwrap().is_crypto());
        assert!(!"USD/JPY".parse::<Pair>().unwrap().is_crypto());
        for text in ["BTC", "BTC/", "/USD", "BTC/BTC", "BTC/US D"] {
            assert!(text.parse::<Pair>().is_err(), "{text:?}");
        }
    }
}
