//! Words for matrices, places, times and what went wrong.

use std::fmt;
use std::time::Duration;

/// `13125 float64 matrices of 3 x 3`.
pub(crate) fn matrices(dtype: &str, shape: &[usize]) -> String {
    let [lead @ .., rows, cols] = shape else { unreachable!("a stack has two axes at least") };
    let count: usize = lead.iter().product();
    if lead.is_empty() {
        format!("one {dtype} matrix of {rows} x {cols}")
    } else {
        let s = if count == 1 { "matrix" } else { "matrices" };
        format!("{count} {dtype} {s} of {rows} x {cols}")
    }
}

/// A shape or an index as Python writes it.
pub(crate) fn tuple(numbers: &[usize]) -> String {
    let numbers: Vec<_> = numbers.iter().map(usize::to_string).collect();
    format!("({})", numbers.join(", "))
}

/// The index of a matrix along the axes of its stack.
pub(crate) fn place(mut index: usize, shape: &[usize]) -> String {
    let lead = &shape[..shape.len() - 2];
    if lead.len() <= 1 {
        return index.to_string();
    }
    let mut along = vec![0; lead.len()];
    for (at, &length) in along.iter_mut().zip(lead).rev() {
        *at = index % length;
        index /= length;
    }
    tuple(&along)
}

/// A name out of a file, or a file's own, for people: what would command their terminal, or break the line, is
/// escaped.
pub(crate) struct Plain<'a>(pub(crate) &'a str);

impl fmt::Display for Plain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.0.contains(char::is_control) {
            return f.pad(self.0);
        }
        let escape = |c: char| match c.is_control() {
            true => c.escape_default().to_string(),
            false => c.to_string(),
        };
        f.pad(&self.0.chars().map(escape).collect::<String>())
    }
}

pub(crate) fn time(t: Duration) -> String {
    let s = t.as_secs_f64();
    match s {
        _ if s < 1e-3 => format!("{:.0} us", s * 1e6),
        _ if s < 1.0 => format!("{:.1} ms", s * 1e3),
        _ if s < 120.0 => format!("{s:.2} s"),
        _ => format!("{} min {:02} s", s as u64 / 60, s as u64 % 60),
    }
}

pub(crate) fn rounded(x: f64) -> String {
    match x {
        _ if x >= 1e6 => format!("{:.1} million", x / 1e6),
        _ if x >= 1e3 => format!("{:.1} thousand", x / 1e3),
        _ => format!("{x:.0}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places() {
        assert_eq!(place(7, &[9, 2, 2]), "7");
        assert_eq!(place(7, &[3, 5, 2, 2]), "(1, 2)");
        assert_eq!(place(0, &[2, 2]), "0");
    }

    #[test]
    fn names() {
        assert_eq!(Plain("a b, \u{e9}").to_string(), "a b, \u{e9}");
        assert_eq!(Plain("a\x1b[31m\n\u{9b}").to_string(), r"a\u{1b}[31m\n\u{9b}");
        assert_eq!(format!("{:4}|", Plain("\t")), r"\t  |");
    }

    #[test]
    fn times() {
        let told = [2e-5, 0.25, 3.0, 3725.0].map(|s| time(Duration::from_secs_f64(s)));
        assert_eq!(told, ["20 us", "250.0 ms", "3.00 s", "62 min 05 s"]);
    }
}
