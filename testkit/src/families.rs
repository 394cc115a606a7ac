//! Matrix families: LAPACK's test types (`dlatb4`), positive definite ones, triangles, and the traps
//! that random matrices do not show.

use crate::mat::{Mat, parts};
use crate::rng::Rng;
use ainv::{RealScalar, Scalar};

/// LAPACK's `dlamch('Precision')`.
fn eps<T: Scalar>() -> f64 {
    T::Real::EPSILON.to_f64()
}

/// The orders that every accuracy table runs over.
pub fn orders() -> Vec<usize> {
    (0..=40).chain([50, 64, 65, 100]).collect()
}

/// Singular values from 1 down to 1 / cond.
pub fn spectrum(kind: &str, n: usize, cond: f64) -> Vec<f64> {
    let at = |i: usize| if n > 1 { i as f64 / (n - 1) as f64 } else { 0.0 };
    (0..n)
        .map(|i| match kind {
            "arithmetic" => 1.0 - at(i) * (1.0 - 1.0 / cond),
            "geometric" => cond.powf(-at(i)),
            "one large" => {
                if i == 0 {
                    1.0
                } else {
                    1.0 / cond
                }
            }
            "one small" => {
                if i + 1 == n {
                    1.0 / cond
                } else {
                    1.0
                }
            }
            _ => panic!("no spectrum {kind}"),
        })
        .collect()
}

/// Vectors whose reflections together make a random orthogonal (unitary) matrix of order n; above
/// order 64 only 64 of them, so not a uniformly random one.
fn reflections<W: Scalar<Real = f64>>(n: usize, rng: &mut Rng) -> Vec<Vec<W>> {
    let zero_before =
        |k: usize, i: usize, rng: &mut Rng| if i < k { W::default() } else { rng.scalar() };
    (0..n.min(64)).map(|k| (0..n).map(|i| zero_before(k, i, rng)).collect()).collect()
}

/// (I - 2 v v^H / v^H v) A.
fn reflect_rows<W: Scalar<Real = f64>>(v: &[W], a: &mut Mat<W>) {
    let norm: f64 = v.iter().map(|x| x.re() * x.re() + x.im() * x.im()).sum();
    let mut dots = vec![W::default(); a.cols];
    for (row, v) in a.data.chunks(a.cols.max(1)).zip(v) {
        let v = Scalar::conj(*v);
        row.iter().zip(&mut dots).for_each(|(x, d)| *d = *d + v * *x);
    }
    for (row, v) in a.data.chunks_mut(a.cols.max(1)).zip(v) {
        let v = v.map(|x| 2.0 * x / norm);
        row.iter_mut().zip(&dots).for_each(|(x, d)| *x = *x - v * *d);
    }
}

/// A (I - 2 v v^H / v^H v).
fn reflect_columns<W: Scalar<Real = f64>>(v: &[W], a: &mut Mat<W>) {
    let norm: f64 = v.iter().map(|x| x.re() * x.re() + x.im() * x.im()).sum();
    for row in a.data.chunks_mut(a.cols.max(1)) {
        let dot = row.iter().zip(v).fold(W::default(), |s, (x, v)| s + *x * *v);
        let dot = dot.map(|x| 2.0 * x / norm);
        row.iter_mut().zip(v).for_each(|(x, v)| *x = *x - dot * Scalar::conj(*v));
    }
}

fn diagonal_of<W: Scalar<Real = f64>>(m: usize, n: usize, s: &[f64]) -> Mat<W> {
    Mat::real(m, n, |i, j| if i == j { s.get(i).copied().unwrap_or(0.0) } else { 0.0 })
}

/// An m x n matrix with these singular values, made in double precision.
pub fn from_singular_values<T: Scalar>(m: usize, n: usize, s: &[f64], rng: &mut Rng) -> Mat<T> {
    let mut a = diagonal_of::<T::Wide>(m, n, s);
    reflections::<T::Wide>(m, rng).iter().for_each(|v| reflect_rows(v, &mut a));
    reflections::<T::Wide>(n, rng).iter().for_each(|v| reflect_columns(v, &mut a));
    a.narrow()
}

/// A Hermitian matrix with these eigenvalues, exactly its own conjugate transpose.
pub fn hermitian_from<T: Scalar>(w: &[f64], rng: &mut Rng) -> Mat<T> {
    let n = w.len();
    let mut a = diagonal_of::<T::Wide>(n, n, w);
    for v in reflections::<T::Wide>(n, rng) {
        reflect_rows(&v, &mut a);
        reflect_columns(&v, &mut a);
    }
    let a: Mat<T> = a.narrow();
    a.map(|i, j, x| match i.cmp(&j) {
        std::cmp::Ordering::Greater => x,
        std::cmp::Ordering::Equal => T::from_re(x.re()),
        std::cmp::Ordering::Less => Scalar::conj(a[(j, i)]),
    })
}

/// The power of two that brings a matrix of norm one to `dlatb4`'s edge of underflow (`false`), a quarter
/// of the smallest normal number over eps, or of overflow, its reciprocal.
pub fn scale<T: Scalar>(large: bool) -> i32 {
    let small = T::Real::MIN_EXP + T::Real::MANTISSA - 2;
    if large { -small } else { small }
}

fn random<T: Scalar>(n: usize, rng: &mut Rng) -> Mat<T> {
    Mat::from_fn(n, n, |_, _| rng.scalar())
}

/// `dlatb4`'s invertible general types (their spectra are geometric), and more spectra.
pub fn general<T: Scalar>(n: usize, seed: u64) -> Vec<(String, Mat<T>)> {
    let rng = &mut Rng::new(seed);
    let (c8, c9) = ((0.1 / eps::<T>()).sqrt(), 0.1 / eps::<T>());
    let mut of = |kind: &str, cond: f64| -> Mat<T> {
        let s = spectrum(kind, n, cond);
        from_singular_values(n, n, &s, rng)
    };
    let full = of("geometric", 2.0);
    let mut all = vec![
        ("4 full, condition 2".to_string(), full.clone()),
        ("8 condition sqrt(0.1/eps)".into(), of("geometric", c8)),
        ("9 condition 0.1/eps".into(), of("geometric", c9)),
        ("10 near underflow".into(), full.ldexp(scale::<T>(false))),
        ("11 near overflow".into(), full.ldexp(scale::<T>(true))),
        ("arithmetic spectrum".into(), of("arithmetic", c9)),
        ("one dominant singular value".into(), of("one large", c8)),
        ("one small singular value".into(), of("one small", c9)),
    ];
    let r: Mat<T> = random(n, rng);
    let diagonal = |i: usize| parts::<T>(1.0 + i as f64 / n as f64, 0.5);
    all.push((
        "1 diagonal".into(),
        full.map(|i, j, _| if i == j { diagonal(i) } else { T::default() }),
    ));
    let triangle = |lower: bool| {
        r.map(|i, j, x| match (i == j, (i > j) == lower) {
            (true, _) => x + diagonal(i) + diagonal(i),
            (_, true) => x.map(|x| x / T::Real::from_f64(n as f64)),
            _ => T::default(),
        })
    };
    all.push(("2 upper triangular".into(), triangle(false)));
    all.push(("3 lower triangular".into(), triangle(true)));
    all.push(("random normal".into(), r));
    all
}

/// What random matrices do not show: growth, zero minors, grading, near-dependence, permutations.
pub fn traps<T: Scalar>(n: usize, seed: u64) -> Vec<(String, Mat<T>)> {
    let rng = &mut Rng::new(seed);
    let r: Mat<T> = random(n, rng);
    // Grading stays inside half of the digits of the exponent range of f32.
    let step = (40.0 / n.max(1) as f64).min(4.0);
    let grade = |i: usize| (i as f64 * step) as i32;
    let (p, q) = (rng.permutation(n), rng.permutation(n));
    let (s, c) = (0.6f64, 0.8f64);
    let kahan = |i: usize, j: usize| match i.cmp(&j) {
        std::cmp::Ordering::Less => -c * s.powi(i as i32),
        std::cmp::Ordering::Equal => s.powi(i as i32),
        std::cmp::Ordering::Greater => 0.0,
    };
    let zero_minors = r.map(|i, j, x| {
        if (i / 2 == j / 2 && i % 2 == j % 2 && i / 2 * 2 + 1 < n) || i + j + 1 < n / 2 {
            T::default()
        } else {
            x
        }
    });
    let half = n / 2;
    let zero_block = r.map(|i, j, x| if i < half && j < half { T::default() } else { x });
    let hilbert = n.min(if eps::<T>() < 1e-10 { 10 } else { 5 });
    let mut all = vec![
        ("graded rows".to_string(), r.map(|i, _, x| x.ldexp(-grade(i)))),
        ("graded rows, upwards".into(), r.map(|i, _, x| x.ldexp(grade(i)))),
        ("graded columns".into(), r.map(|_, j, x| x.ldexp(-grade(j)))),
        ("graded both".into(), r.map(|i, j, x| x.ldexp(-(grade(i) + grade(j)) / 2))),
        ("zero diagonal and corner".into(), zero_minors),
        ("zero leading block".into(), zero_block),
        ("permutation".into(), Mat::real(n, n, |i, j| (p[i] == j) as u8 as f64)),
        (
            "permuted triangle".into(),
            r.map(|i, j, _| {
                if p[i] == q[j] {
                    parts(2.0, 1.0)
                } else if p[i] > q[j] {
                    r[(i, j)].map(|x| x / T::Real::from_f64(n as f64))
                } else {
                    T::default()
                }
            }),
        ),
    ];
    let wilkinson = |i: usize, j: usize| wilkinson(n, i, j);
    // Beyond these orders nobody's bar holds: see `growing`.
    if n <= 20 {
        all.push(("Wilkinson growth".into(), Mat::real(n, n, wilkinson)));
        all.push(("Wilkinson growth, transposed".into(), Mat::real(n, n, |i, j| wilkinson(j, i))));
    }
    // Harmless with the largest pivot, growth of 2.9^n with one that is only half as large.
    let half = |i: usize, j: usize| if i > j { -1.9 } else { wilkinson(i, j) };
    all.push(("pivots half as large".into(), Mat::real(n, n, half)));
    all.push(("pivots half as large, transposed".into(), Mat::real(n, n, |i, j| half(j, i))));
    if n <= 10 {
        let near = |i, j| wilkinson(j, i) * 0.9;
        all.push(("Wilkinson growth, rounded".into(), Mat::real(n, n, near)));
    }
    if n <= 60 {
        all.push(("Kahan".into(), Mat::real(n, n, kahan)));
        all.push(("Kahan transposed".into(), Mat::real(n, n, |i, j| kahan(j, i))));
    }
    let mut near_hilbert: Mat<T> = Mat::real(n, n, |i, j| (i == j) as u8 as f64);
    for i in 0..hilbert {
        for j in 0..hilbert {
            near_hilbert[(i, j)] = parts(1.0 / (i + j + 1) as f64, 0.0);
        }
    }
    all.push(("Hilbert block".into(), near_hilbert));
    all
}

/// Wilkinson's matrix: partial pivoting doubles its last column in each step.
fn wilkinson(n: usize, i: usize, j: usize) -> f64 {
    match (i == j, j + 1 == n, i > j) {
        (true, ..) | (_, true, false) => 1.0,
        (_, _, true) => -1.0,
        _ => 0.0,
    }
}

/// Matrices whose elements grow in the elimination, and by how much: the largest of |U| over the largest
/// of |A|, when the transpose is eliminated with partial pivoting. The whole numbers of Wilkinson's own
/// are exact for long, the others are not.
pub fn growing<T: Scalar>(n: usize) -> Vec<(String, Mat<T>, f64)> {
    let plain = |i: usize, j: usize| wilkinson(n, i, j);
    let rounded =
        |i: usize, j: usize| 0.9 * plain(i, j) + if i > j { 0.03 / n as f64 } else { 0.0 };
    let of = |name: &str, f: &dyn Fn(usize, usize) -> f64| {
        let a = Mat::<T>::real(n, n, f);
        let growth = growth(&a.transposed());
        (name.to_string(), a, growth)
    };
    vec![
        of("Wilkinson", &plain),
        of("Wilkinson, transposed", &|i, j| plain(j, i)),
        of("Wilkinson, rounded", &rounded),
        of("Wilkinson, rounded, transposed", &|i, j| rounded(j, i)),
    ]
}

/// The largest of |U| over the largest of |A| in an elimination with partial pivoting.
fn growth<T: Scalar>(a: &Mat<T>) -> f64 {
    let mut w: Mat<f64> = a.map(|_, _, x| x.re().to_f64());
    let n = a.rows;
    let largest = |w: &Mat<f64>| w.data.iter().fold(0.0f64, |m, x| m.max(x.abs()));
    let (first, mut top) = (largest(&w), largest(&w));
    for k in 0..n {
        let p = (k..n)
            .rev()
            .max_by(|&i, &j| w[(i, k)].abs().total_cmp(&w[(j, k)].abs()))
            .expect("a row");
        for j in 0..n {
            w.data.swap(k * n + j, p * n + j);
        }
        for i in k + 1..n {
            let f = w[(i, k)] / w[(k, k)];
            for j in k..n {
                w[(i, j)] -= f * w[(k, j)];
            }
        }
        top = top.max(largest(&w));
    }
    top / first
}

/// `dlatb4`'s invertible positive definite types.
pub fn positive_definite<T: Scalar>(n: usize, seed: u64) -> Vec<(String, Mat<T>)> {
    let rng = &mut Rng::new(seed);
    let room = (n as f64 / 20.0).max(1.0);
    let (c6, c7) = ((0.1 / eps::<T>()).sqrt(), 0.1 / eps::<T>() / room);
    let mut of =
        |kind: &str, cond: f64| -> Mat<T> { hermitian_from(&spectrum(kind, n, cond), rng) };
    let full = of("geometric", 2.0);
    let b: Mat<T> = random(n, &mut Rng::new(seed + 1));
    let gram: Mat<T> = b.widen().times(&b.widen().adjoint()).narrow();
    vec![
        (
            "1 diagonal".to_string(),
            Mat::real(n, n, |i, j| if i == j { 1.0 + i as f64 } else { 0.0 }),
        ),
        ("2 condition 2".into(), full.clone()),
        ("6 condition sqrt(0.1/eps)".into(), of("geometric", c6)),
        ("7 condition 0.1/eps".into(), of("geometric", c7)),
        ("8 near underflow".into(), full.ldexp(scale::<T>(false))),
        ("9 near overflow".into(), full.ldexp(scale::<T>(true))),
        ("arithmetic spectrum".into(), of("arithmetic", c7)),
        ("one dominant singular value".into(), of("one large", c6)),
        (
            "graded D A D".into(),
            full.map(|i, j, x| x.ldexp(-((i + j) as f64 * (20.0 / n as f64)) as i32)),
        ),
        (
            "Gram matrix + n".into(),
            gram.map(|i, j, x| match i.cmp(&j) {
                std::cmp::Ordering::Equal => T::from_re(x.re() + T::Real::from_f64(n as f64)),
                std::cmp::Ordering::Greater => x,
                std::cmp::Ordering::Less => Scalar::conj(gram[(j, i)]),
            }),
        ),
    ]
}

/// Lower triangles: `(name, unit, matrix)`; a unit one has garbage on its diagonal.
pub fn triangles<T: Scalar>(n: usize, seed: u64) -> Vec<(String, bool, Mat<T>)> {
    let rng = &mut Rng::new(seed);
    let r: Mat<T> = random(n, rng);
    let lower = |f: &dyn Fn(usize, usize, T) -> T| {
        r.map(|i, j, x| if i >= j { f(i, j, x) } else { T::default() })
    };
    let small = |x: T, by: f64| x.map(|x| x / T::Real::from_f64(by));
    let conditioned = |kind: &str, cond: f64, rng: &mut Rng| -> Mat<T> {
        // The L of A = L Q has A's singular values.
        gram_schmidt::<T::Wide>(from_singular_values(n, n, &spectrum(kind, n, cond), rng)).narrow()
    };
    let diagonal =
        lower(&|i, j, _| if i == j { parts(1.0 + i as f64, -0.5) } else { T::default() });
    let dominant = lower(&|i, j, x| if i == j { parts(2.0, 0.5) } else { small(x, n as f64) });
    let largest = 0.1 / eps::<T>();
    let mut all = vec![
        ("1 diagonal".to_string(), false, diagonal),
        ("2 condition 2".into(), false, conditioned("geometric", 2.0, rng)),
        ("3 condition sqrt(0.1/eps)".into(), false, conditioned("geometric", largest.sqrt(), rng)),
        ("4 condition 0.1/eps".into(), false, conditioned("geometric", largest, rng)),
        ("arithmetic spectrum".into(), false, conditioned("arithmetic", largest, rng)),
        ("5 near underflow".into(), false, dominant.ldexp(scale::<T>(false))),
        ("6 near overflow".into(), false, dominant.ldexp(scale::<T>(true))),
        ("dominant diagonal".into(), false, dominant.clone()),
    ];
    if n <= 60 {
        let kahan = |i: usize, j: usize| 0.6f64.powi(j as i32) * if i == j { 1.0 } else { -0.8 };
        all.push(("Kahan".into(), false, lower(&|i, j, _| parts(kahan(i, j), 0.0))));
    }
    let garbage = parts::<T>(-7.5, 3.0);
    let unit = |f: &dyn Fn(T) -> T| lower(&|i, j, x| if i == j { garbage } else { f(x) });
    all.push(("7 identity, unit".into(), true, unit(&|_| T::default())));
    for (name, cond) in [
        ("8 condition 2, unit", 2.0),
        ("9 condition sqrt(0.1/eps), unit", largest.sqrt()),
        ("10 condition 0.1/eps, unit", largest),
    ] {
        let known = unit_triangle::<T>(n, cond, rng);
        let a = known.map(|i, j, x| if i == j { garbage } else { x });
        all.push((name.into(), true, a));
    }
    all.push(("small, unit".into(), true, unit(&|x| small(x, n as f64))));
    all.push(("random, unit".into(), true, unit(&|x| small(x, (n as f64).sqrt() + 1.0))));
    all.push(("growing, unit".into(), true, unit(&|x| small(x, 2.0))));
    all
}

/// A unit lower triangle with a geometric spectrum around one, of this condition number: rotations from
/// both sides bring a one to each place of the diagonal (Jiang, Hager and Li, "The geometric mean
/// decomposition", 2005).
fn unit_triangle<T: Scalar>(n: usize, cond: f64, rng: &mut Rng) -> Mat<T> {
    let order = rng.permutation(n);
    let s = spectrum("geometric", n, cond);
    let middle = if n > 1 { cond.sqrt() } else { 1.0 };
    let mut r = Mat::<f64>::real(n, n, |i, j| if i == j { s[order[i]] * middle } else { 0.0 });
    for k in 0..n.saturating_sub(1) {
        // Another singular value on the other side of one.
        let a = r[(k, k)];
        let other = |i: &usize| if a > 1.0 { r[(*i, *i)] <= 1.0 } else { r[(*i, *i)] >= 1.0 };
        let Some(p) = (k + 1..n).find(other) else { continue };
        let b = r[(p, p)];
        if a == b {
            continue;
        }
        (r[(p, p)], r[(k + 1, k + 1)]) = (r[(k + 1, k + 1)], b);
        let part = |x: f64| (x / ((a - b) * (a + b))).max(0.0).sqrt();
        let (cos, sin) = (part((1.0 - b) * (1.0 + b)), part((a - 1.0) * (a + 1.0)));
        for i in 0..k {
            r.data.swap(i * n + p, i * n + k + 1);
            let (x, y) = (r[(i, k)], r[(i, k + 1)]);
            (r[(i, k)], r[(i, k + 1)]) = (cos * x + sin * y, cos * y - sin * x);
        }
        r[(k, k)] = 1.0;
        r[(k, k + 1)] = sin * cos * (b - a) * (b + a);
        r[(k + 1, k + 1)] = a * b;
    }
    // Phases from both sides keep the diagonal and the spectrum.
    let phases: Vec<T::Wide> = (0..n)
        .map(|_| {
            let x: T::Wide = rng.scalar();
            let size = x.re().hypot(x.im());
            x.map(|p| p / size)
        })
        .collect();
    r.transposed().map(|i, j, x| phases[i] * T::Wide::from_re(x) * Scalar::conj(phases[j])).narrow()
}

/// The L of A = L Q, by Gram and Schmidt, twice for orthogonality.
fn gram_schmidt<W: Scalar<Real = f64>>(a: Mat<W>) -> Mat<W> {
    let n = a.rows;
    let mut l = Mat::<W>::zeros(n, n);
    let mut q: Vec<Vec<W>> = a.data.chunks(n.max(1)).map(<[W]>::to_vec).collect();
    for j in 0..n {
        let (done, rest) = q.split_at_mut(j);
        let row = &mut rest[0];
        for _ in 0..2 {
            for (k, q) in done.iter().enumerate() {
                let terms = row.iter().zip(q);
                let dot = terms.fold(W::default(), |s, (x, q)| s + *x * Scalar::conj(*q));
                l[(j, k)] = l[(j, k)] + dot;
                row.iter_mut().zip(q).for_each(|(x, q)| *x = *x - dot * *q);
            }
        }
        let norm = row.iter().map(|x| x.re() * x.re() + x.im() * x.im()).sum::<f64>().sqrt();
        l[(j, j)] = W::from_re(norm);
        row.iter_mut().for_each(|x| *x = x.map(|x| x / norm));
    }
    l
}
