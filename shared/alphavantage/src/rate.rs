//! CURRENCY_EXCHANGE_RATE: a row becomes the rate of a pair.

use jiff::SignedDuration;
use market::{Fact, Flag, Freshness, Observation, Pair, Rate, session};

use crate::{Context, Expected, Reading, Reason, Rejected, Verdict, field::Row, naming, number, time};

/// From this age on a rate is flagged as stale: longer than a weekend with a holiday, on which
/// currencies rest.
pub const STALE_RATE: SignedDuration = SignedDuration::from_hours(4 * 24);

/// Reads the rate of a reply.
pub(crate) fn read(expected: &Expected, row: &Row<'_>, context: &Context) -> Reading {
    if row.is_blank() {
        return Reading::without_data(Verdict::UnknownSymbol, "all fields of the rate are blank");
    }
    let (base, quote) = match (row.text("from currency code"), row.text("to currency code")) {
        (Ok(Some(base)), Ok(Some(quote))) => (base, quote),
        (Err(reason), _) | (_, Err(reason)) => {
            return Reading::without_data(Verdict::UnknownShape, format!("the rate: {reason}"));
        }
        _ => return Reading::without_data(Verdict::UnknownShape, "the rate does not name its currencies"),
    };
    match naming::same_pair(expected, base, quote).and_then(|pair| rate(pair, row, context)) {
        Ok(observation) => Reading::data(vec![observation], Vec::new()),
        Err(reason) => Reading::data(Vec::new(), vec![Rejected { reason, payload: row.payload() }]),
    }
}

fn rate(pair: Pair, row: &Row<'_>, context: &Context) -> Result<Observation, Reason> {
    let optional = |name: &'static str| row.text(name)?.map(|text| number::price(name, text)).transpose();
    let rate = number::price("exchange rate", row.required("exchange rate")?)?;
    let (bid, ask) = (optional("bid price")?, optional("ask price")?);
    if let (Some(bid), Some(ask)) = (bid, ask)
        && bid > ask
    {
        return Err(Reason::BidAboveAsk { bid: bid.get(), ask: ask.get() });
    }
    let local = time::local(row.required("last refreshed")?)?;
    let at = session::instant(local, &time::zone(row.required("time zone")?)?)?;
    time::not_too_early(local.date())?;
    time::not_in_the_future(at, context.now)?;
    let stale = context.now.duration_since(at) > STALE_RATE;
    let rate = Rate { pair, at, rate, bid, ask, freshness: Freshness::Realtime };
    Ok(Observation { fact: Fact::Rate(rate), flags: if stale { vec![Flag::Stale] } else { Vec::new() } })
}
