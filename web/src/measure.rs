//! How good the results are: of inverses the library's report, of pseudo-inverses the conditions that define
//! them.

use crate::picture;
use ainv::{Digits, Options, OwnedStack, RealScalar, Scalar, Stack, Verdict, matmul};
use serde_json::{Value, json};

/// What the library reports on the inverses: all of it as text, and the worst closely.
pub(crate) fn inverses<T: Scalar>(a: &OwnedStack<T>, options: &Options) -> Result<Value, String> {
    let report = ainv::report(a, None, options).map_err(|error| error.to_string())?;
    let Some(picture) = &report.picture else { return Err("there is no matrix in it".to_owned()) };
    let (told, verdict) = (report.told(picture.index), report.matrices[picture.index].verdict());
    let measured: Vec<_> = told.measured.iter().map(|m| [m.label, &m.value, &m.meaning]).collect();
    let counts: Vec<_> =
        Verdict::ALL.iter().zip(report.counts()).map(|(v, n)| json!([v.name(), n])).collect();
    let mut maps =
        vec![picture::of_grid("A, the matrix", "The sizes of its entries.", &picture.matrix)];
    if picture.inverse.cells.iter().any(|x| x.is_finite()) {
        let note = "The sizes of its entries. Where they are much larger than one over those of A, errors grow.";
        maps.push(picture::of_grid("X, its inverse", note, &picture.inverse));
        let note = "What is left of the identity, entry by entry: should be as small as rounding.";
        maps.push(picture::of_grid("|A X \u{2212} I|", note, &picture.residual));
    }
    Ok(json!({
        "verdict": verdict.name(),
        "headline": told.headline,
        "why": told.why,
        "advice": told.advice,
        "measured": measured,
        "matrix": picture.index,
        "counts": counts,
        "maps": maps,
        "singular_values": picture.singular_values,
        "cut": picture.cut,
        "text": report.to_string(),
    }))
}

/// The pseudo-inverse with the worst condition: Penrose's first two conditions, its rank, and what is left of the
/// identity where that is what a product should be. `a` and `x` are in double, `of` are the digits of their own
/// scalar.
pub(crate) fn pseudo_inverses<T: Scalar>(
    a: &OwnedStack<T>,
    x: &OwnedStack<T>,
    of: u32,
) -> Result<Value, String> {
    let [.., rows, cols] = *a.shape() else { return Ok(Value::Null) };
    let size = (rows * cols).max(1);
    let matrices = || a.as_slice().chunks_exact(size).zip(x.as_slice().chunks_exact(size));
    let worst = matrices().map(|(a, x)| norm1(a, cols) * norm1(x, rows)).enumerate();
    let worst = worst.filter(|(_, c)| !c.is_nan()).max_by(|a, b| a.1.total_cmp(&b.1));
    let Some((index, condition)) = worst else { return Ok(Value::Null) };
    let Some((matrix, pseudo)) = matrices().nth(index) else { return Ok(Value::Null) };
    let found = Penrose::of([rows, cols], matrix, pseudo).map_err(|error| error.to_string())?;

    // Of zeros the pseudo-inverse is zeros, and exact.
    let rcond = if condition == 0.0 { 1.0 } else { 1.0 / condition };
    let digits = Digits::expected(rcond, f64::EPSILON, of);
    let verdict = match digits {
        Digits { good: 0, .. } => Verdict::Worthless,
        digits if digits.are_few() => Verdict::Care,
        _ => Verdict::Good,
    };
    let mut headline = format!("{digits}.");
    headline[..1].make_ascii_uppercase();
    let map = |title, note, shape, of: &[T]| picture::map(title, note, shape, of);
    let sizes = "The sizes of its entries.";
    Ok(json!({
        "verdict": verdict.name(),
        "headline": headline,
        "why": found.means([rows, cols]),
        "advice": [],
        "measured": found.rows([rows, cols], digits, rcond),
        "matrix": index,
        "maps": [
            map("A, the matrix", sizes, [rows, cols], matrix),
            map("X, its pseudo-inverse", sizes, [cols, rows], pseudo),
            map(
                "|A X A \u{2212} A|",
                "What is left of A, entry by entry: should be as small as rounding.",
                [rows, cols],
                &found.remainder,
            ),
        ],
    }))
}

/// What was measured on one pseudo-inverse.
struct Penrose<T> {
    rank: usize,
    /// The first two conditions, relative to the largest entry.
    first: f64,
    second: f64,
    /// The 1-norms of A X - I and of X A - I, where the rank makes them small.
    right: Option<f64>,
    left: Option<f64>,
    /// A X A - A.
    remainder: Vec<T>,
}

impl<T: Scalar> Penrose<T> {
    fn of([rows, cols]: [usize; 2], a: &[T], x: &[T]) -> Result<Penrose<T>, ainv::Error> {
        let options = Options::default();
        let (of_a, of_x) = (a, x);
        let (a, x) = (Stack::new(a, &[rows, cols])?, Stack::new(x, &[cols, rows])?);
        let ax = || matmul(a, x, &options);
        let xa = || matmul(x, a, &options);
        // By the smaller of the two products: the larger might not fit the memory.
        let (trace, axa, xax) = if cols <= rows {
            let xa = xa()?;
            (trace(&xa), matmul(a, xa.view(), &options)?, matmul(xa.view(), x, &options)?)
        } else {
            let ax = ax()?;
            (trace(&ax), matmul(ax.view(), a, &options)?, matmul(x, ax.view(), &options)?)
        };
        // They are projectors: the trace is the rank.
        let rank = trace.round() as usize;
        let remainder = less(axa.as_slice(), of_a);
        Ok(Penrose {
            rank,
            first: relative(&remainder, of_a),
            second: relative(&less(xax.as_slice(), of_x), of_x),
            right: (rank == rows).then(|| ax().map(off_identity)).transpose()?,
            left: (rank == cols).then(|| xa().map(off_identity)).transpose()?,
            remainder,
        })
    }

    /// Label, value and meaning, as a report has them.
    fn rows(&self, [rows, cols]: [usize; 2], digits: Digits, rcond: f64) -> Vec<[String; 3]> {
        let mut all = Vec::new();
        let mut row = |label: &str, value: String, meaning: &str| {
            all.push([label.to_owned(), value, meaning.to_owned()]);
        };
        let small = |x: f64| if x == 0.0 { "0".to_owned() } else { format!("{x:.1e}") };
        row(
            "Digits",
            format!("{} of {}", digits.good, digits.of),
            "About how many digits of its largest numbers are right.",
        );
        row(
            "rcond",
            small(rcond),
            "One over the 1-norms of A and of X: 1 is best. Errors in the matrix grow up to 1/rcond times.",
        );
        row(
            "Rank",
            format!("{} of {}", self.rank, rows.min(cols)),
            "How many of its rows, or columns, say something that the others do not: the trace of A X.",
        );
        row(
            "|A X A \u{2212} A|",
            small(self.first),
            "Penrose's first condition: the largest entry of what is left, beside the largest of A.",
        );
        row(
            "|X A X \u{2212} X|",
            small(self.second),
            "His second: the same the other way round, beside the largest entry of X.",
        );
        if let Some(right) = self.right {
            let meaning = "The rows are independent, so A X is the identity; this is what is left: the \
                           1-norm of A X \u{2212} I.";
            row("Right residual", small(right), meaning);
        }
        if let Some(left) = self.left {
            let meaning = "The columns are independent, so X A is the identity; this is what is left: the \
                           1-norm of X A \u{2212} I.";
            row("Left residual", small(left), meaning);
        }
        all
    }

    /// What a pseudo-inverse of this rank is good for.
    fn means(&self, [rows, cols]: [usize; 2]) -> String {
        match self.rank {
            rank if rank == rows && rank == cols => {
                "It has full rank: this is its inverse.".to_owned()
            }
            rank if rank == cols => format!(
                "Its {cols} columns are independent: X A is the identity, and X b is the \
                 least-squares solution of A x = b."
            ),
            rank if rank == rows => format!(
                "Its {rows} rows are independent: A X is the identity, and X b is the shortest \
                 solution of A x = b."
            ),
            rank => format!(
                "It has rank {rank} of {}: neither product is the identity, and X b is the shortest \
                 of the least-squares solutions of A x = b.",
                rows.min(cols)
            ),
        }
    }
}

fn trace<T: Scalar>(square: &OwnedStack<T>) -> f64 {
    let n = square.view().rows();
    square.as_slice().iter().step_by(n + 1).map(|x| x.re().to_f64()).sum()
}

/// The 1-norm of P - I.
fn off_identity<T: Scalar>(mut square: OwnedStack<T>) -> f64 {
    let n = square.view().rows();
    let one = T::from_re(T::Real::from_f64(1.0));
    square.as_mut_slice().iter_mut().step_by(n + 1).for_each(|x| *x = *x - one);
    norm1(square.as_slice(), n)
}

fn less<T: Scalar>(p: &[T], q: &[T]) -> Vec<T> {
    p.iter().zip(q).map(|(&p, &q)| p - q).collect()
}

/// What is left, beside the largest entry.
fn relative<T: Scalar>(rest: &[T], of: &[T]) -> f64 {
    match largest(rest) {
        0.0 => 0.0,
        rest => rest / largest(of),
    }
}

fn abs<T: Scalar>(x: T) -> f64 {
    x.re().to_f64().hypot(x.im().to_f64())
}

/// The largest |entry|; a NaN is not passed over.
fn largest<T: Scalar>(a: &[T]) -> f64 {
    a.iter().fold(0.0, |most, &x| if abs(x) <= most { most } else { abs(x) })
}

/// The largest sum of a column's |entries|.
fn norm1<T: Scalar>(a: &[T], cols: usize) -> f64 {
    let mut sums = vec![0.0; cols];
    for row in a.chunks_exact(cols.max(1)) {
        sums.iter_mut().zip(row).for_each(|(sum, &x)| *sum += abs(x));
    }
    sums.into_iter().fold(0.0, |most, sum| if sum <= most { most } else { sum })
}
