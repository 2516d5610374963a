//! What a series is about: its key and its `Meta Data` against what was asked for.
//!
//! A series about something else is data, and none of its rows is taken. A JSON series that does not
//! say what it is about has changed its format. A CSV never says, so that what was asked for counts.

use market::{Interval, Pair, Subject};

use crate::{
    Expected, Reading, Reason, Rejected, Verdict,
    field::{self, Row},
    reason::excerpt,
    series::Series,
};

/// Why no row of a series can be taken.
#[derive(Debug)]
pub(crate) enum Refused {
    /// The reply is none of the known shapes.
    Shape(String),
    /// All rows are rejected for the same reason.
    Rows(Reason),
}

impl Refused {
    pub(crate) fn reading(self, rows: Vec<Row<'_>>) -> Reading {
        match self {
            Self::Shape(message) => Reading::without_data(Verdict::UnknownShape, message),
            Self::Rows(reason) => {
                let reject = |row: Row<'_>| Rejected { reason: reason.clone(), payload: row.payload() };
                Reading::data(Vec::new(), rows.into_iter().map(reject).collect())
            }
        }
    }
}

/// A field of `Meta Data`.
fn text<'a>(meta: &'a Row<'_>, name: &'static str) -> Result<Option<&'a str>, Refused> {
    meta.text(name).map_err(|reason| Refused::Shape(format!("`Meta Data`: {reason}")))
}

fn wrong(expected: &Expected, got: &str) -> Refused {
    Refused::Rows(Reason::WrongSubject { asked: expected.in_words(), got: excerpt(got) })
}

/// The key of a series without what may be said behind it of its delay, ` - DATA DELAYED BY 15 MINUTES`.
fn unmarked(key: &str) -> &str {
    key.split_once(" - ").map_or(key, |(name, _)| name)
}

/// Checks that the key of the series, without a mark, is that of the function.
pub(crate) fn check_kind(
    expected: &Expected,
    series: &Series<'_>,
    is_ours: impl Fn(&str) -> bool,
) -> Result<(), Refused> {
    match &series.named {
        Some((key, _)) if !is_ours(unmarked(key)) => Err(wrong(expected, key)),
        _ => Ok(()),
    }
}

/// The symbol of a series of an equity.
pub(crate) fn equity(expected: &Expected, series: &Series<'_>) -> Result<Option<Subject>, Refused> {
    let asked = expected.symbols.first();
    let Some((_, meta)) = &series.named else { return Ok(asked.cloned().map(Subject::Equity)) };
    let Some(name) = text(meta, "symbol")? else {
        return Err(Refused::Shape("`Meta Data` does not name the symbol".to_owned()));
    };
    match asked {
        Some(symbol) if !name.eq_ignore_ascii_case(symbol.as_str()) => Err(wrong(expected, name)),
        Some(symbol) => Ok(Some(Subject::Equity(symbol.clone()))),
        None => match name.parse() {
            Ok(symbol) => Ok(Some(Subject::Equity(symbol))),
            Err(_) => Err(Refused::Rows(Reason::NotAnInstrument(excerpt(name)))),
        },
    }
}

/// The pair of a series, under the names by which its `Meta Data` has it.
pub(crate) fn pair(
    expected: &Expected,
    series: &Series<'_>,
    (base, quote): (&'static str, &'static str),
) -> Result<Option<Pair>, Refused> {
    let Some((_, meta)) = &series.named else {
        let asked = expected.base.clone().zip(expected.quote.clone());
        return Ok(asked.map(|(base, quote)| Pair { base, quote }));
    };
    let (Some(base), Some(quote)) = (text(meta, base)?, text(meta, quote)?) else {
        return Err(Refused::Shape("`Meta Data` does not name both currencies".to_owned()));
    };
    same_pair(expected, base, quote).map(Some).map_err(Refused::Rows)
}

/// The pair of two currencies that a reply names, if it is the one that was asked for.
pub(crate) fn same_pair(expected: &Expected, base: &str, quote: &str) -> Result<Pair, Reason> {
    let differs = |asked: &Option<market::Currency>, got: &str| {
        asked.as_ref().is_some_and(|asked| !got.eq_ignore_ascii_case(asked.as_str()))
    };
    let got = format!("{base}/{quote}");
    if differs(&expected.base, base) || differs(&expected.quote, quote) {
        return Err(Reason::WrongSubject { asked: expected.in_words(), got: excerpt(&got) });
    }
    got.parse().map_err(|_| Reason::NotAnInstrument(excerpt(&got)))
}

/// The interval of a series of minutes; `None` where a CSV came and nobody knows.
pub(crate) fn interval(expected: &Expected, series: &Series<'_>) -> Result<Option<Interval>, Refused> {
    let Some((key, meta)) = &series.named else { return Ok(expected.interval) };
    let named: Vec<&str> =
        [field::split_unit(unmarked(key)).1, text(meta, "interval")?].into_iter().flatten().collect();
    let Some(first) = named.first() else {
        return Err(Refused::Shape("the reply does not name its interval".to_owned()));
    };
    let read = |name: &str| field::word(name).parse().ok().filter(|interval| *interval != Interval::Day);
    let Some(interval) = expected.interval.or_else(|| read(first)) else { return Err(wrong(expected, key)) };
    match named.iter().find(|name| read(name) != Some(interval)) {
        Some(other) => Err(wrong(expected, other)),
        None => Ok(Some(interval)),
    }
}
