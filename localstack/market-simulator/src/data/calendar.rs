//! When companies will report: four times a year, some weeks after a quarter of their own.

use jiff::{
    Span, Timestamp,
    civil::{Date, Weekday},
};
use market::session;

use super::{NoData, World};
use crate::{
    function::Query,
    seeded::{Kind, draw, key, mix},
};

/// Days from the end of a fiscal quarter to the report: at least so many, and fewer than that and as many again.
const DAYS_AFTER: (i64, u64) = (18, 45);

/// An announced report.
#[derive(Debug, Clone)]
pub(crate) struct Report {
    pub(crate) symbol: String,
    pub(crate) name: String,
    pub(crate) day: Date,
    pub(crate) fiscal_end: Date,
    /// Earnings per share, in ten-thousandths.
    pub(crate) estimate: Option<i64>,
    /// `pre-market`, `post-market` or nothing.
    pub(crate) time_of_day: &'static str,
}

impl World {
    /// Reports from today on, by symbol and day. A symbol that is not known has none.
    pub(super) fn calendar(&self, query: &Query, now: Timestamp) -> Result<Vec<Report>, NoData> {
        let months = match query.get("horizon") {
            None | Some("3month") => 3,
            Some("6month") => 6,
            Some("12month") => 12,
            Some(_) => return Err(NoData::BadRequest),
        };
        let today = session::new_york_date(now);
        let until = today.checked_add(Span::new().months(months)).map_err(|_| NoData::BadRequest)?;
        let symbols: Vec<String> = match query.get("symbol") {
            Some(asked) => self.known(asked).map(|symbol| symbol.to_string()).into_iter().collect(),
            // Rights and warrants report nothing.
            None => {
                self.board().into_iter().filter(|ticker| !ticker.ends_with(['^', '+'])).map(str::to_owned).collect()
            }
        };
        Ok(symbols.iter().flat_map(|symbol| reports(self.seed, symbol, today, until)).collect())
    }
}

fn reports(seed: u64, symbol: &str, today: Date, until: Date) -> Vec<Report> {
    let company = key(seed, Kind::Earnings, symbol);
    // The month of the quarter in which the fiscal quarter ends.
    let third = draw(company, 1, 3) as i8;
    let mut reports = Vec::new();
    let Ok(mut month) = today.first_of_month().checked_sub(Span::new().months(4)) else { return reports };
    while month <= until {
        let fiscal_end = month.last_of_month();
        if month.month() % 3 == third
            && let Some(report) = report(company, symbol, fiscal_end)
            && today <= report.day
            && report.day <= until
        {
            reports.push(report);
        }
        let Ok(next) = month.checked_add(Span::new().months(1)) else { break };
        month = next;
    }
    reports
}

fn report(company: u64, symbol: &str, fiscal_end: Date) -> Option<Report> {
    let own = mix(company ^ fiscal_end.year() as u64 ^ (fiscal_end.month() as u64) << 32);
    let mut day = fiscal_end.checked_add(Span::new().days(DAYS_AFTER.0 + draw(own, 1, DAYS_AFTER.1))).ok()?;
    while matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday) {
        day = day.tomorrow().ok()?;
    }
    Some(Report {
        symbol: symbol.to_owned(),
        // The vendor has no name for half of its symbols.
        name: if draw(company, 2, 2) == 0 { symbol.to_owned() } else { format!("{symbol} Holdings Inc") },
        day,
        fiscal_end,
        estimate: (draw(own, 2, 3) > 0).then(|| draw(own, 3, 50_000) - 8_000),
        time_of_day: match draw(own, 4, 3) {
            0 => "pre-market",
            1 => "post-market",
            _ => "",
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_company_reports_four_times_a_year() {
        let (today, until): (Date, Date) = ("2026-01-01".parse().unwrap(), "2026-12-31".parse().unwrap());
        for symbol in ["MSFT", "BRK.B", "A", "ZZZZ"] {
            let reports = reports(7, symbol, today, until);
            assert!((4..=5).contains(&reports.len()), "{symbol}: {}", reports.len());
            assert!(
                reports.is_sorted_by(|before, after| before.day < after.day && before.fiscal_end < after.fiscal_end)
            );
            for report in &reports {
                assert!(report.fiscal_end < report.day && session::is_weekday(report.day));
                assert_eq!(report.fiscal_end, report.fiscal_end.last_of_month());
            }
            // A report is announced as before until its day has passed.
            let later = super::reports(7, symbol, reports[1].day, until);
            assert_eq!(later.len(), reports.len() - 1);
            assert_eq!(later[0].day, reports[1].day);
        }
    }
}
