//! Numbers for the eye.

use ainv::{RealScalar, Scalar};

/// Digits of a number in a table.
const DIGITS: i32 = 6;

/// In few characters: what a table shows.
pub(crate) fn short<T: Scalar>(x: T) -> String {
    written(x, rounded)
}

/// In the fewest digits that read back exactly.
pub(crate) fn full<T: Scalar>(x: T) -> String {
    written(x, |x| format!("{x:?}"))
}

fn written<T: Scalar>(x: T, write: impl Fn(f64) -> String) -> String {
    let (re, im) = (x.re().to_f64(), x.im().to_f64());
    if !T::COMPLEX {
        return write(re);
    }
    let sign = if im.is_sign_negative() && !im.is_nan() { '\u{2212}' } else { '+' };
    format!("{} {sign} {}j", write(re), write(im.abs()))
}

fn rounded(x: f64) -> String {
    if x == 0.0 || !x.is_finite() {
        return if x == 0.0 { "0".to_owned() } else { x.to_string() };
    }
    let power = x.abs().log10().floor() as i32;
    let plain = |text: &str| match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text.to_owned(),
    };
    if (-4..DIGITS + 2).contains(&power) {
        return plain(&format!("{x:.*}", (DIGITS - 1 - power).max(0) as usize));
    }
    let text = format!("{x:.*e}", DIGITS as usize - 1);
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    format!("{}e{exponent}", plain(mantissa))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ainv::c64;

    #[test]
    fn few_characters_and_no_digit_that_says_nothing() {
        for (x, shown) in [
            (0.0, "0"),
            (-0.0, "0"),
            (1.0, "1"),
            (-0.5, "-0.5"),
            (1.0 / 3.0, "0.333333"),
            (0.1 + 0.2, "0.3"),
            (123_456.789, "123457"),
            (1e7, "10000000"),
            (1e8, "1e8"),
            (-1.25e-7, "-1.25e-7"),
            (f64::MAX, "1.79769e308"),
            (5e-324, "4.94066e-324"),
            (f64::NAN, "NaN"),
            (f64::NEG_INFINITY, "-inf"),
        ] {
            assert_eq!(short(x), shown);
        }
        assert_eq!(full(0.1 + 0.2), "0.30000000000000004");
        assert_eq!(short(0.1f32), "0.1");
        assert_eq!(short(c64::new(1.0, -0.25)), "1 \u{2212} 0.25j");
    }
}
