//! Numbers as text.

/// A real number as Rust and Python write it: `1`, `-2.5e-3`, `nan`, `inf`. `shown` is what the
/// error calls it.
pub(crate) fn real(text: &str, shown: &str) -> Result<f64, String> {
    let short: String = shown.chars().take(40).collect();
    match text.parse::<f64>() {
        // A number of digits alone that became infinite would be another number.
        Ok(x) if x.is_infinite() && !text.contains(['n', 'N']) => {
            Err(format!("{short:?} is too large for float64"))
        }
        Ok(x) => Ok(x),
        Err(_) if short.is_empty() => Err("a number is missing".to_owned()),
        Err(_) => Err(format!("{short:?} is not a number")),
    }
}

/// The fewest digits that read back exactly, with an exponent where it is shorter; `nan`.
pub(crate) fn digits(x: f64) -> String {
    format!("{x:?}").to_ascii_lowercase()
}
