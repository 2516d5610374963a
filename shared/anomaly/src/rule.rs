//! The numbers and formulas by which a value is unusual.
//!
//! Scale, measured on daily returns of MSFT: half of them are below 0.9 %, 99 % below 6.8 %, 99.9 % below 12 %.

use crate::{reading::Kind, ring::Ring};

/// How many of the last returns and volumes say what is usual.
pub const WINDOW: usize = 60;
/// From how many on they say anything.
pub const WARM_UP: usize = 20;
/// How many median absolute deviations a return may have. Of normal returns that is 5.4 standard deviations.
pub const SPIKE_DEVIATIONS: f64 = 8.0;
/// How many medians a volume may have.
pub const VOLUME_FACTOR: f64 = 20.0;
/// How many equal prices in a row are a line.
pub const FLAT_READINGS: u8 = 30;
/// Price after over price before of the usual splits, either way.
pub const SPLIT_RATIOS: [f64; 10] = [1.0 / 2.0, 2.0 / 3.0, 1.0 / 3.0, 1.0 / 4.0, 1.0 / 10.0, 2.0, 1.5, 3.0, 4.0, 10.0];
/// How far from such a ratio, in logarithms, a jump still looks like that split: the share also moves on
/// that day. MSFT was 3.4 % off the half at its split of 2003-02-18, so 3 % would miss the very case that
/// the rule is for.
pub const SPLIT_TOLERANCE: f64 = 0.05;

/// The middle value, or the mean of both; `None` of nothing. Sorts its input.
fn median(values: &mut [f64]) -> Option<f64> {
    values.sort_unstable_by(f64::total_cmp);
    let middle = values.len() / 2;
    let upper = *values.get(middle)?;
    Some(if values.len() % 2 == 1 { upper } else { (values[middle - 1] + upper) / 2.0 })
}

/// The ring's values on the stack.
fn copied<'a>(ring: &Ring, into: &'a mut [f64; WINDOW]) -> &'a mut [f64] {
    let values = ring.values();
    for (to, from) in into.iter_mut().zip(values) {
        *to = f64::from(*from);
    }
    &mut into[..values.len()]
}

/// How large a logarithmic return may be: the kind's floor, or 8 median absolute deviations if that is more.
pub(crate) fn return_threshold(kind: Kind, returns: &Ring) -> f64 {
    if returns.values().len() < WARM_UP {
        return kind.floor();
    }
    let mut buffer = [0.0; WINDOW];
    let values = copied(returns, &mut buffer);
    let Some(centre) = median(values) else { return kind.floor() };
    for value in values.iter_mut() {
        *value = (*value - centre).abs();
    }
    median(values).map_or(kind.floor(), |deviation| kind.floor().max(SPIKE_DEVIATIONS * deviation))
}

/// How large a volume may be; `None` before the warm-up, and where usually nothing is traded, so that any
/// trade would be infinitely more.
pub(crate) fn volume_threshold(volumes: &Ring) -> Option<f64> {
    if volumes.values().len() < WARM_UP {
        return None;
    }
    let mut buffer = [0.0; WINDOW];
    median(copied(volumes, &mut buffer)).filter(|median| *median > 0.0).map(|median| VOLUME_FACTOR * median)
}

/// The usual split whose ratio is nearest to a logarithmic return, if it is near enough.
pub(crate) fn usual_split(change: f64) -> Option<f64> {
    let off = |ratio: &f64| (change - ratio.ln()).abs();
    SPLIT_RATIOS.into_iter().min_by(|a, b| off(a).total_cmp(&off(b))).filter(|ratio| off(ratio) <= SPLIT_TOLERANCE)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ring(values: &[f64]) -> Ring {
        let mut ring = Ring::default();
        values.iter().for_each(|value| ring.push(*value));
        ring
    }

    #[test]
    fn the_threshold_is_the_floor_until_deviations_are_known_and_larger() {
        let wild: Vec<f64> = (0..60).map(|n| if n % 2 == 0 { 0.5 } else { -0.25 }).collect();
        for (values, expected) in [
            (&[][..], 0.05),
            (&wild[..WARM_UP - 1], 0.05),
            // Half of them lie 0.375 above the middle and half below.
            (&wild[..WARM_UP], 8.0 * 0.375),
            (&wild[..], 8.0 * 0.375),
            (&[0.001; 60][..], 0.05),
        ] {
            assert_eq!(return_threshold(Kind::EquityIntraday, &ring(values)), expected, "{values:?}");
        }
    }

    #[test]
    fn volumes_need_a_warm_up_and_something_traded() {
        assert_eq!(volume_threshold(&ring(&[5.0; WARM_UP - 1])), None);
        assert_eq!(volume_threshold(&ring(&[5.0; WARM_UP])), Some(100.0));
        assert_eq!(volume_threshold(&ring(&[0.0; WINDOW])), None);
        let mostly: Vec<f64> = (0..60).map(|n| if n % 3 == 0 { 0.0 } else { 7.0 }).collect();
        assert_eq!(volume_threshold(&ring(&mostly)), Some(140.0));
    }

    #[test]
    fn only_the_last_values_count() {
        let mut ring = ring(&[9.0; WINDOW]);
        (0..WINDOW).for_each(|n| ring.push(n as f64));
        assert_eq!(ring.values().len(), WINDOW);
        assert_eq!((ring.values()[0], ring.values()[WINDOW - 1]), (0.0, 59.0));
        assert_eq!(volume_threshold(&ring), Some(20.0 * 29.5));
    }

    #[test]
    fn ratios_near_usual_splits_are_found() {
        for (ratio, expected) in [
            (0.5168, Some(0.5)),
            (0.477, Some(0.5)),
            (0.53, None),
            (0.65, Some(2.0 / 3.0)),
            (0.34, Some(1.0 / 3.0)),
            (0.1, Some(0.1)),
            (10.3, Some(10.0)),
            (1.5, Some(1.5)),
            (0.8, None),
            (7.0, None),
            (180.0, None),
        ] {
            assert_eq!(usual_split(f64::ln(ratio)), expected, "{ratio}");
        }
    }
}
