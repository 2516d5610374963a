//! What is said about the market as a whole: status, movers, the calendar of reports.

use market::session;
use rust_decimal::Decimal;

use super::{DATE_TIME, Node, PERCENT_DECIMALS, csv, float, nodes, object, percent, stamp, text};
use crate::{
    data::{Market, Mover, Movers, Report},
    prices::EQUITY_DECIMALS,
};

const HOUR_MINUTE: &str = "%H:%M";

pub(super) fn status_json(markets: &[Market]) -> Node {
    let market = |market: &Market| {
        object([
            ("market_type", market.market_type.to_owned()),
            ("region", market.region.to_owned()),
            ("primary_exchanges", market.exchanges.to_owned()),
            ("local_open", market.open.strftime(HOUR_MINUTE).to_string()),
            ("local_close", market.close.strftime(HOUR_MINUTE).to_string()),
            ("current_status", if market.is_open { "open" } else { "closed" }.to_owned()),
            ("notes", market.notes.to_owned()),
        ])
    };
    nodes([
        ("endpoint", text("Global Market Open & Close Status")),
        ("markets", Node::List(markets.iter().map(market).collect())),
    ])
}

pub(super) fn movers_json(movers: &Movers) -> Node {
    let price = |units: i64| float(Decimal::new(units, EQUITY_DECIMALS));
    let mover = |mover: &Mover| {
        let change = percent(mover.change, mover.previous_close, PERCENT_DECIMALS);
        object([
            ("ticker", mover.ticker.clone()),
            ("price", price(mover.price)),
            ("change_amount", price(mover.change)),
            ("change_percentage", format!("{}%", float(change))),
            ("volume", mover.volume.to_string()),
        ])
    };
    let list = |movers: &[Mover]| Node::List(movers.iter().map(mover).collect());
    let updated = stamp(movers.updated, &session::new_york(), DATE_TIME);
    nodes([
        ("metadata", text("Top gainers, losers, and most actively traded US tickers")),
        ("last_updated", text(format!("{updated} US/Eastern"))),
        ("top_gainers", list(&movers.gainers)),
        ("top_losers", list(&movers.losers)),
        ("most_actively_traded", list(&movers.active)),
    ])
}

/// The header since 2026; until 2025 it had no `timeOfTheDay`.
pub(super) fn calendar_csv(reports: &[Report]) -> String {
    let row = |report: &Report| {
        let estimate = report.estimate.map(|units| Decimal::new(units, 4).normalize().to_string());
        vec![
            report.symbol.clone(),
            report.name.clone(),
            report.day.to_string(),
            report.fiscal_end.to_string(),
            estimate.unwrap_or_default(),
            "USD".to_owned(),
            report.time_of_day.to_owned(),
        ]
    };
    let header = "symbol,name,reportDate,fiscalDateEnding,estimate,currency,timeOfTheDay";
    csv(header, reports.iter().map(row))
}
