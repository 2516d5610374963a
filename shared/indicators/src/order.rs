//! The larger and the smaller of two numbers, by one comparison: no number here is NaN.
//!
//! `f64::max` has to ask for NaN first, which takes three times as long, and may return either zero of two.

/// The larger; the second of equal ones.
#[inline(always)]
pub(crate) fn larger(one: f64, other: f64) -> f64 {
    if one > other { one } else { other }
}

/// The smaller; the second of equal ones.
#[inline(always)]
pub(crate) fn smaller(one: f64, other: f64) -> f64 {
    if one < other { one } else { other }
}
