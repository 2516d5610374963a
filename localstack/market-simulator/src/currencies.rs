//! Currencies by code: their name in replies and what they are worth, roughly.
//!
//! Only a starting point for the price process, so that rates look plausible; not market data.

/// A currency that the simulator knows by name.
pub(crate) struct Known {
    code: &'static str,
    pub(crate) name: &'static str,
    /// What one unit is worth, in millionths of a dollar.
    pub(crate) micro_dollars: i64,
}

const fn known(code: &'static str, name: &'static str, micro_dollars: i64) -> Known {
    Known { code, name, micro_dollars }
}

/// Sorted by code.
const TABLE: &[Known] = &[
    known("ADA", "Cardano", 600_000),
    known("AUD", "Australian Dollar", 650_000),
    known("BNB", "Binance-Coin", 650_000_000),
    known("BRL", "Brazilian Real", 180_000),
    known("BTC", "Bitcoin", 95_000_000_000),
    known("CAD", "Canadian Dollar", 720_000),
    known("CHF", "Swiss Franc", 1_150_000),
    known("CNY", "Chinese Yuan", 140_000),
    known("DOGE", "DogeCoin", 200_000),
    known("DOT", "Polkadot", 6_000_000),
    known("ETH", "Ethereum", 3_300_000_000),
    known("EUR", "Euro", 1_090_000),
    known("GBP", "British Pound Sterling", 1_270_000),
    known("HKD", "Hong Kong Dollar", 128_000),
    known("IDR", "Indonesian Rupiah", 61),
    known("INR", "Indian Rupee", 12_000),
    known("JPY", "Japanese Yen", 6_600),
    known("KRW", "South Korean Won", 720),
    known("LINK", "ChainLink", 15_000_000),
    known("LTC", "Litecoin", 90_000_000),
    known("MXN", "Mexican Peso", 52_000),
    known("NOK", "Norwegian Krone", 94_000),
    known("NZD", "New Zealand Dollar", 600_000),
    known("PLN", "Polish Zloty", 255_000),
    known("SEK", "Swedish Krona", 96_000),
    known("SGD", "Singapore Dollar", 745_000),
    known("SOL", "Solana", 180_000_000),
    known("USD", "United States Dollar", 1_000_000),
    known("VND", "Vietnamese Dong", 39),
    known("XRP", "Ripples", 2_200_000),
    known("ZAR", "South African Rand", 55_000),
];

/// The entry of a code in upper case.
pub(crate) fn find(code: &str) -> Option<&'static Known> {
    TABLE.binary_search_by_key(&code, |known| known.code).ok().map(|index| &TABLE[index])
}

/// The name of a currency; its code where the table has none.
pub(crate) fn name(code: &str) -> &str {
    find(code).map_or(code, |known| known.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_so_that_every_code_is_found() {
        assert!(TABLE.is_sorted_by_key(|known| known.code));
        assert_eq!(name("BTC"), "Bitcoin");
        assert_eq!(name("FOO"), "FOO");
    }
}
