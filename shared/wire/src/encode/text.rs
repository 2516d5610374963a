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

/// Appends `"name":` with the float, or with `null` for none and for what JSON cannot write, behind a comma.
pub(super) fn push_float_field(text: &mut String, name: &str, value: Option<f64>) {
    push_all(text, &[",\"", name, "\":"]);
    push_float(text, value);
}

/// Appends the shortest text that reads back as the same float; `null` for none and for what JSON cannot write.
pub(super) fn push_float(text: &mut String, value: Option<f64>) {
    match value.filter(|value| value.is_finite()) {
        Some(value) => text.push_str(zmij::Buffer::new().format_finite(value)),
        None => text.push_str("null"),
    }
}

/// Appends a day: `2026-11-20`.
pub(super) fn push_date(text: &mut String, date: Date) {
    match date_digits(date) {
        Some(digits) => push_ascii(text, &digits),
        None => text.push_str(&date.to_string()),
    }
}

/// The digits of a day whose year has four of them.
fn date_digits(date: Date) -> Option<[u8; 10]> {
    let mut digits = *b"0000-00-00";
    if !(0..=9999).contains(&date.year()) {
        return None;
    }
    put_padded(&mut digits[..4], date.year().unsigned_abs().into());
    put_padded(&mut digits[5..7], date.month().unsigned_abs().into());
    put_padded(&mut digits[8..], date.day().unsigned_abs().into());
    Some(digits)
}

/// A moment as text: RFC 3339 in UTC with milliseconds.
pub(super) struct Millis {
    /// 24 characters, some more for years of more than four digits.
    bytes: [u8; 32],
    len: usize,
}

impl Millis {
    pub(super) fn new(at: Timestamp) -> Self {
        let mut bytes = [0; 32];
        let civil = Offset::UTC.to_datetime(at);
        let Some(date) = date_digits(civil.date()) else {
            let text = format!("{at:.3}");
            let len = text.len().min(bytes.len());
            bytes[..len].copy_from_slice(&text.as_bytes()[..len]);
            return Self { bytes, len };
        };
        bytes[..10].copy_from_slice(&date);
        bytes[10..24].copy_from_slice(b"T00:00:00.000Z");
        put_padded(&mut bytes[11..13], civil.hour().unsigned_abs().into());
        put_padded(&mut bytes[14..16], civil.minute().unsigned_abs().into());
        put_padded(&mut bytes[17..19], civil.second().unsigned_abs().into());
        put_padded(&mut bytes[20..23], civil.millisecond().unsigned_abs().into());
        Self { bytes, len: 24 }
    }

    pub(super) fn as_str(&self) -> &str {
        std::str::from_utf8(&self.bytes[..self.len]).unwrap_or_default()
    }
}

/// Writes a number with as many digits as there is room for.
fn put_padded(digits: &mut [u8], mut value: u32) {
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + (value % 10) as u8;
        value /= 10;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn push_millis(text: &mut String, at: Timestamp) {
        text.push_str(Millis::new(at).as_str());
    }

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

    #[test]
    fn floats_are_those_of_serde_json() {
        let edges = [0.0, -0.0, 1.0, 1e15, 1e16, 1e17, 1e-5, 1e-7, 0.1, -123.456, f64::MAX, f64::MIN_POSITIVE, 5e-324];
        for value in edges {
            assert_eq!(pushed(push_float, Some(value)), serde_json::Value::from(value).to_string());
        }
        for value in [None, Some(f64::NAN), Some(f64::INFINITY), Some(f64::NEG_INFINITY)] {
            assert_eq!(pushed(push_float, value), "null");
        }
        let mut text = String::new();
        push_float_field(&mut text, "open", Some(0.5));
        assert_eq!(text, r#","open":0.5"#);
    }

    proptest! {
        // The bits of floats are many.
        #![proptest_config(ProptestConfig::with_cases(20_000))]
        #[test]
        fn floats_of_any_bits_are_those_of_serde_json(bits: u64) {
            let value = f64::from_bits(bits);
            prop_assert_eq!(pushed(push_float, Some(value)), serde_json::Value::from(value).to_string());
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
