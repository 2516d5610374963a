//! The shares of which the market speaks unasked: in the news, among the movers, in the calendar.

use market::Currency;

use super::{NoData, World};

/// Tickers of companies, and rights and warrants of some. Only names: their prices come from the seed.
const TICKERS: [&str; 118] = [
    "A", "AAPL", "ABBV", "ABT", "ACN", "ADBE", "AEP", "AMD", "AMGN", "AMZN", "AXP", "BA", "BAC", "BITO", "BLK", "BMY",
    "BRK.B", "C", "CAT", "CMCSA", "COST", "CRM", "CSCO", "CVX", "DE", "DIS", "EMR", "F", "FDX", "GE", "GM", "GOOG",
    "GOOGL", "GS", "HD", "HON", "IBM", "INTC", "INTU", "ISRG", "JNJ", "JPM", "KO", "LIN", "LLY", "LMT", "LOW", "MA",
    "MCD", "MDT", "META", "MMM", "MO", "MRK", "MS", "MSFT", "NEE", "NFLX", "NKE", "NOK", "NOW", "NU", "NVDA", "ORCL",
    "PEP", "PFE", "PG", "PLTR", "PM", "PYPL", "QCOM", "RTX", "SBUX", "SCHW", "SO", "SOXS", "SPY", "T", "TGT", "TMO",
    "TSLA", "TXN", "TZA", "UNH", "UNP", "UPS", "USB", "V", "VZ", "WFC", "WMT", "XOM", "ABBV^", "ACHR+", "BMY^",
    "CELG^", "CVX^", "EMR^", "FDX^", "GSK^", "HON^", "IONQ+", "JNJ^", "LLY^", "MRK^", "OPEN+", "ORCL^", "PFE^", "PG^",
    "QBTS+", "RTX^", "SOFI+", "TMO^", "UNH^", "USB^", "WFC^", "XOM^", "ZTS^",
];
/// How many of them are in the news.
const IN_THE_NEWS: usize = 40;
/// Currencies in the news, as the vendor writes them.
const CURRENCIES: [&str; 4] = ["CRYPTO:BTC", "CRYPTO:ETH", "FOREX:EUR", "FOREX:USD"];

impl World {
    /// All tickers that are spoken of unasked: those that this simulator is about, and the board.
    pub(super) fn board(&self) -> Vec<&str> {
        let mut board: Vec<&str> = self.symbols.iter().map(market::Symbol::as_str).chain(TICKERS).collect();
        board.retain(|ticker| !self.unknown.contains(*ticker));
        board.sort_unstable();
        board.dedup();
        board
    }

    /// The tickers that have news of their own: those that this simulator is about, or the first of the board.
    pub(super) fn in_the_news(&self) -> Vec<String> {
        let mut tickers: Vec<String> = self.symbols.iter().map(ToString::to_string).collect();
        tickers.extend(self.pairs.iter().filter(|pair| pair.is_crypto()).map(|pair| format!("CRYPTO:{}", pair.base)));
        if tickers.is_empty() {
            tickers.extend(TICKERS.iter().take(IN_THE_NEWS).chain(&CURRENCIES).map(|ticker| (*ticker).to_owned()));
        }
        tickers.retain(|ticker| !self.unknown.contains(ticker));
        tickers.sort_unstable();
        tickers.dedup();
        tickers
    }

    /// The name of a ticker in the news: a share, or a currency as `CRYPTO:BTC` or `FOREX:USD`.
    pub(super) fn news_ticker(&self, asked: &str) -> Result<String, NoData> {
        let asked = asked.to_ascii_uppercase();
        let Some(code) = asked.strip_prefix("CRYPTO:").or_else(|| asked.strip_prefix("FOREX:")) else {
            return Ok(self.known(&asked)?.to_string());
        };
        let currency: Currency = code.parse().map_err(|_| NoData::UnknownSymbol)?;
        let is_known = (self.pairs.is_empty()
            || self.pairs.iter().any(|pair| pair.base == currency || pair.quote == currency))
            && !self.unknown.contains(&asked);
        if is_known { Ok(asked) } else { Err(NoData::UnknownSymbol) }
    }
}
