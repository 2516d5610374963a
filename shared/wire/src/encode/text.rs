//! The text of numbers and moments, as records have it: appended to a record's text without the machinery of
//! formatting, which took most of the time of writing a record. Tests hold each to what formatting says.

use jiff::{Timestamp, civil::Date, tz::Offset};
use market::Decimal;

/// Appends texts.
pub(super) fn push_all(text: &mut String, parts: &[&str]) {
    text.reserve(parts.iter().map(|part| part.len()).sum());
    parts.iter().for_each(|part| text.push_str(part));
}

/// Appends a decimal, as `Display` writes it: digits, a point where it has a scale, no exponent.
pub(super) fn push_decimal(text: &mut String, value: Decimal) {
    let (mantissa, scale) = (value.mantissa().unsigned_abs(), value.scale() as usize);
    let Ok(mut rest) = u64::try_from(mantissa) else {
        // A digit more than a u64 has is nothing that a market quotes.
        return text.push_str(&value.to_string());
    };
    // Up to 28 digits behind the point, one before it, and the point.
    let mut digits = [b'0'; 32];
    let mut at = digits.len();
    let mut written = 0;
    while rest > 0 || written <= scale {
        if written == scale && scale > 0 {
            at -= 1;
            digits[at] = b'.';
        }
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        written += 1;
    }
    if value.is_sign_negative() {
        text.push('-');
    }
    push_ascii(text, &digits[at..]);
}

/// Appends digits.
fn push_ascii(text: &mut String, digits: &[u8]) {
    text.push_str(std::str::from_utf8(digits).unwrap_or_default());
}

/// Appends `"name":` with the decimal, or with `null`, behind a comma.
pub(super) fn push_number(text: &mut String, name: &str, value: Option<Decimal>) {
    push_all(text, &[",\"", name, "\":"]);
    match value {
        Some(value) => push_decimal(text, value),
        None => text.push_str("null"),
    }
}

/// Appends a day: `2026-11-20`.
pub(super) fn push_date(text: &mut String, date: Date) {
    if !(0..=9999).contains(&date.year()) {
        return text.push_str(&date.to_string());
    }
    push_padded::<4>(text, date.year().unsigned_abs().into());
    text.push('-');
    push_padded::<2>(text, date.month().unsigned_abs().into());
    text.push('-');
    push_padded::<2>(text, date.day().unsigned_abs().into());
}

/// Appends a moment: RFC 3339 in UTC with milliseconds.
pub(super) fn push_millis(text: &mut String, at: Timestamp) {
    let civil = Offset::UTC.to_datetime(at);
    if !(0..=9999).contains(&civil.year()) {
        return text.push_str(&format!("{at:.3}"));
    }
    push_date(text, civil.date());
    text.push('T');
    push_padded::<2>(text, civil.hour().unsigned_abs().into());
    text.push(':');
    push_padded::<2>(text, civil.minute().unsigned_abs().into());
    text.push(':');
    push_padded::<2>(text, civil.second().unsigned_abs().into());
    text.push('.');
    push_padded::<3>(text, civil.millisecond().unsigned_abs().into());
    text.push('Z');
}

/// Appends a number of exactly so many digits.
fn push_padded<const DIGITS: usize>(text: &mut String, mut value: u32) {
    let mut digits = [b'0'; DIGITS];
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + (value % 10) as u8;
        value /= 10;
    }
    push_ascii(text, &digits);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn pushed<T>(push: fn(&mut String, T), value: T) -> String {
        let mut text = "x".to_owned();
        push(&mut text, value);
        text.split_off(1)
    }

    #[test]
    fn edges_of_numbers_and_time() {
        for scale in 0..=28 {
            for mantissa in [0, 1, 9, 10, 100, i64::MAX.into(), u64::MAX.into(), i128::from(u64::MAX) + 1] {
                for value in [mantissa, -mantissa] {
                    let value = Decimal::from_i128_with_scale(value, scale);
                    assert_eq!(pushed(push_decimal, value), value.to_string());
                }
            }
        }
        let negative_zero: Decimal = "-0.00".parse().unwrap();
        assert_eq!(pushed(push_decimal, negative_zero), negative_zero.to_string());
        for at in [Timestamp::MIN, Timestamp::MAX, Timestamp::UNIX_EPOCH] {
            assert_eq!(pushed(push_millis, at), format!("{at:.3}"));
        }
        for date in [Date::MIN, Date::MAX, Date::ZERO] {
            assert_eq!(pushed(push_date, date), date.to_string());
        }
    }

    proptest! {
        #[test]
        fn texts_are_those_of_formatting(
            (mantissa, scale) in (prop_oneof![any::<i64>().prop_map(i128::from), -(1i128 << 95)..(1 << 95)], 0u32..=28),
            nanosecond in Timestamp::MIN.as_nanosecond()..=Timestamp::MAX.as_nanosecond(),
        ) {
            let value = Decimal::from_i128_with_scale(mantissa, scale);
            prop_assert_eq!(pushed(push_decimal, value), value.to_string());
            let at = Timestamp::from_nanosecond(nanosecond).unwrap();
            prop_assert_eq!(pushed(push_millis, at), format!("{at:.3}"));
            let date = Offset::UTC.to_datetime(at).date();
            prop_assert_eq!(pushed(push_date, date), date.to_string());
        }
    }
}
