//! Whether two programs did the same work: the last line of each symbol of both comes in, what differs leaves.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use wire::Digest128;

/// What a line says besides its values; `id` is checked for itself, since it covers the last digit of each value.
const FIELDS: [&str; 18] = [
    "schema",
    "key",
    "rev",
    "source",
    "timestamp",
    "ingested_at",
    "flags",
    "symbol",
    "interval",
    "basis",
    "freshness",
    "origin",
    "bars",
    "open",
    "high",
    "low",
    "close",
    "volume",
];

/// The outputs that are compared, and by how much they may differ, of their size. Where libraries seed an average in
/// another way, as talipp does ATR, ADX and MACD, the difference has decayed by the bar that is compared.
pub(crate) const OUTPUTS: [(&str, f64); 15] = [
    ("SMA(20)", TOLERANCE),
    ("EMA(20)", TOLERANCE),
    ("RSI(14)", TOLERANCE),
    // A difference of two prices: its size is theirs, see `size`.
    ("MACD(12,26,9).macd", TOLERANCE),
    ("MACD(12,26,9).signal", TOLERANCE),
    ("MACD(12,26,9).hist", TOLERANCE),
    ("BBANDS(20,2).upper", TOLERANCE),
    ("BBANDS(20,2).middle", TOLERANCE),
    ("BBANDS(20,2).lower", TOLERANCE),
    ("ATR(14)", TOLERANCE),
    ("ADX(14)", TOLERANCE),
    ("STOCH(14,3,3).k", TOLERANCE),
    ("STOCH(14,3,3).d", TOLERANCE),
    ("OBV", TOLERANCE),
    ("VWAP", TOLERANCE),
];
const TOLERANCE: f64 = 1e-6;
/// With our engine the values are the same to the last digits.
pub(crate) const EXACT: f64 = 1e-12;

/// Fails unless `theirs` says what `ours` says. Gives the greatest difference of a value, of its size.
pub(crate) fn same(
    ours: &BTreeMap<String, String>,
    theirs: &BTreeMap<String, String>,
    tolerance: Option<f64>,
) -> Result<f64> {
    ensure!(ours.keys().eq(theirs.keys()), "{} symbols have lines instead of {}", theirs.len(), ours.len());
    let mut greatest = 0.0_f64;
    for (our, their) in ours.values().zip(theirs.values()) {
        identified(their)?;
        let (our, their): (Value, Value) = (serde_json::from_str(our)?, serde_json::from_str(their)?);
        for field in FIELDS {
            // A number may be written as `190` or `190.0`.
            let equal = match (our[field].as_f64(), their[field].as_f64()) {
                (Some(our), Some(their)) => our == their,
                _ => our[field] == their[field],
            };
            ensure!(equal && !our[field].is_null(), "`{field}` differs: `{our}` and `{their}`");
        }
        for name in our["values"].as_object().context("a line has values")?.keys() {
            let (name, allowed) = OUTPUTS
                .iter()
                .find(|(output, _)| output == name)
                .with_context(|| format!("`{name}` is new: list it"))?;
            let value = |of: &Value| of["values"][name].as_f64().with_context(|| format!("no `{name}` in `{of}`"));
            let (one, other) = (value(&our)?, value(&their)?);
            let difference = (one - other).abs() / size(name, one, &our);
            ensure!(
                difference <= tolerance.unwrap_or(*allowed),
                "`{name}` differs by {difference:e}: {one} here, {other} there, in `{their}`"
            );
            greatest = greatest.max(difference);
        }
    }
    Ok(greatest)
}

/// What a difference is measured by. The lines of a MACD cross zero, so there it is a hundredth of a percent of the
/// price, which is about what they are worth.
fn size(name: &str, value: f64, line: &Value) -> f64 {
    let least = if name.starts_with("MACD") { line["close"].as_f64().unwrap_or_default() * 1e-4 } else { 0.0 };
    value.abs().max(least).max(f64::MIN_POSITIVE)
}

/// That the id is the digest of the line without `id`, `ingested_at` and `flags`.
pub(crate) fn identified(line: &str) -> Result<()> {
    let parts = line.split_once(r#""id":""#).and_then(|(head, rest)| {
        let (id, rest) = rest.split_once(r#"","#)?;
        let (source, rest) = rest.split_once(r#""ingested_at":"#)?;
        let (_, body) = rest.split_once(r#""flags":[],"#)?;
        Some((id, format!("{head}{source}{body}")))
    });
    let (id, canonical) = parts.with_context(|| format!("no record: `{line}`"))?;
    ensure!(Digest128::of_text(&canonical).to_string() == id, "the id of `{line}` is not that of its content");
    Ok(())
}
