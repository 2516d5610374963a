//! What is asked together: entries that were picked enter, calls leave.

use crate::Allowance;

/// One quote.
pub(crate) const GLOBAL_QUOTE: &str = "GLOBAL_QUOTE";
/// Many quotes.
const REALTIME_BULK_QUOTES: &str = "REALTIME_BULK_QUOTES";
/// Symbols in one REALTIME_BULK_QUOTES: what goes beyond is dropped without a word.
/// <https://www.alphavantage.co/documentation/#realtime-bulk-quotes>
pub const BULK_MAX: usize = 100;

/// One call to the vendor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// The vendor's name of the function.
    pub function: &'static str,
    /// What it asks for: symbols, or pairs as BASE/QUOTE.
    pub subjects: Vec<String>,
}

/// The calls that ask a function for these subjects, in their order.
pub fn requests(function: &'static str, subjects: &[String], allowance: &Allowance) -> Vec<Call> {
    let together = allowance.subjects_per_call(function);
    let function = if together > 1 { REALTIME_BULK_QUOTES } else { function };
    subjects.chunks(together).map(|subjects| Call { function, subjects: subjects.to_vec() }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use alphavantage::{Entitlement, Plan};

    #[test]
    fn quotes_go_a_hundred_at_a_time_where_the_plan_allows_it() {
        let symbols: Vec<String> = (0..250).map(|number| format!("S{number}")).collect();
        for (plan, entitlement, sizes) in [
            (Plan::P600, Some(Entitlement::Realtime), vec![100, 100, 50]),
            (Plan::P1200, Some(Entitlement::Realtime), vec![100, 100, 50]),
            (Plan::P1200, Some(Entitlement::Delayed), vec![1; 250]),
            (Plan::P300, Some(Entitlement::Realtime), vec![1; 250]),
            (Plan::P600, None, vec![1; 250]),
        ] {
            let allowance = Allowance::new(plan, entitlement, None);
            let calls = requests(GLOBAL_QUOTE, &symbols, &allowance);
            assert_eq!(calls.iter().map(|call| call.subjects.len()).collect::<Vec<_>>(), sizes, "{plan}");
            assert!(calls.iter().all(|call| (call.function == REALTIME_BULK_QUOTES) == allowance.has_bulk()));
            assert_eq!(calls.into_iter().flat_map(|call| call.subjects).collect::<Vec<_>>(), symbols);
        }
        let allowance = Allowance::new(Plan::P1200, Some(Entitlement::Realtime), None);
        let intraday = requests("TIME_SERIES_INTRADAY", &symbols[..2], &allowance);
        assert_eq!(intraday.len(), 2);
        assert_eq!(intraday[0], Call { function: "TIME_SERIES_INTRADAY", subjects: vec!["S0".into()] });
    }
}
