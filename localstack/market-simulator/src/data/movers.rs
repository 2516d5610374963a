//! The shares that moved or traded most on the latest trading day.

use jiff::{SignedDuration, Timestamp};
use market::session::Hours;
use rust_decimal::Decimal;

use super::{NoData, World, entitled, shares::newest_minute};
use crate::function::Query;

/// Entries of each list.
const ENTRIES: usize = 20;
/// Until when after the begin of the last minute of a session the lists are refreshed.
const LAST_REFRESH: SignedDuration = SignedDuration::from_mins(17);

/// A share on one of the lists.
#[derive(Debug, Clone)]
pub(crate) struct Mover {
    pub(crate) ticker: String,
    pub(crate) price: i64,
    pub(crate) change: i64,
    pub(crate) previous_close: i64,
    pub(crate) volume: i64,
}

/// Three lists of twenty.
#[derive(Debug, Clone)]
pub(crate) struct Movers {
    pub(crate) updated: Timestamp,
    pub(crate) gainers: Vec<Mover>,
    pub(crate) losers: Vec<Mover>,
    pub(crate) active: Vec<Mover>,
}

impl Mover {
    /// By how much the price changed, as a fraction.
    fn ratio(&self) -> Decimal {
        Decimal::from(self.change).checked_div(Decimal::from(self.previous_close)).unwrap_or_default()
    }
}

impl World {
    pub(super) fn movers(&self, query: &Query, now: Timestamp) -> Result<Movers, NoData> {
        let (_, now) = entitled(query, now)?;
        let newest = newest_minute(Hours::Regular, now).ok_or(NoData::BadRequest)?;
        let mover = |ticker: &str| {
            let (_, bar, previous_close) = self.day(ticker, now)?;
            let change = bar.close - previous_close;
            Some(Mover { ticker: ticker.to_owned(), price: bar.close, change, previous_close, volume: bar.volume })
        };
        let mut all: Vec<Mover> = self.board().into_iter().filter_map(mover).collect();
        let first = |all: &[Mover]| all.iter().take(ENTRIES).cloned().collect::<Vec<Mover>>();
        // Sorting is stable, so equals come by ticker.
        all.sort_by_key(|mover| std::cmp::Reverse(mover.ratio()));
        let gainers = first(&all);
        all.sort_by_key(Mover::ratio);
        let losers = first(&all);
        all.sort_by_key(|mover| std::cmp::Reverse(mover.volume));
        Ok(Movers { updated: now.min(newest + LAST_REFRESH), gainers, losers, active: first(&all) })
    }
}
