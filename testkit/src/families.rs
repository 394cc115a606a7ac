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

/// A random orthogonal (unitary) matrix: a product of reflections, in double precision.
pub fn orthogonal<T: Scalar>(n: usize, rng: &mut Rng) -> Mat<T::Wide> {
    let mut q = Mat::<T::Wide>::identity(n);
    for k in 0..n {
        let v: Vec<T::Wide> =
            (0..n).map(|i| if i < k { T::Wide::default() } else { rng.scalar() }).collect();
        let norm: f64 = v.iter().map(|x| x.re() * x.re() + x.im() * x.im()).sum();
        if norm == 0.0 {
            continue;
        }
        for i in 0..n {
            let mut dot = T::Wide::default();
            for j in k..n {
                dot = dot + q[(i, j)] * v[j];
            }
            let dot = dot.map(|x| x * 2.0 / norm);
            for j in k..n {
                q[(i, j)] = q[(i, j)] - dot * Scalar::conj(v[j]);
            }
        }
    }
    q
}

/// An m x n matrix with these singular values.
pub fn from_singular_values<T: Scalar>(m: usize, n: usize, s: &[f64], rng: &mut Rng) -> Mat<T> {
    let (u, v) = (orthogonal::<T>(m, rng), orthogonal::<T>(n, rng));
    let us = Mat::from_fn(m, s.len(), |i, j| u[(i, j)].map(|x| x * s[j]));
    us.times(&Mat::from_fn(s.len(), n, |i, j| v[(i, j)])).narrow()
}

/// A Hermitian matrix with these eigenvalues, exactly its own conjugate transpose.
pub fn hermitian_from<T: Scalar>(w: &[f64], rng: &mut Rng) -> Mat<T> {
    let n = w.len();
    let q = orthogonal::<T>(n, rng);
    let qw = Mat::from_fn(n, n, |i, j| q[(i, j)].map(|x| x * w[j]));
    let a: Mat<T> = qw.times(&q.adjoint()).narrow();
    a.map(|i, j, x| match i.cmp(&j) {
        std::cmp::Ordering::Greater => x,
        std::cmp::Ordering::Equal => T::from_re(x.re()),
        std::cmp::Ordering::Less => Scalar::conj(a[(j, i)]),
    })
}

/// The power of two that brings a matrix of norm about one to the edge of underflow (`false`) or
/// overflow, as `dlatb4`'s types 10 and 11.
pub fn scale<T: Scalar>(large: bool) -> i32 {
    let small = T::Real::MIN_EXP + T::Real::MANTISSA;
    if large { -small - 2 } else { small + 2 }
}

fn random<T: Scalar>(n: usize, rng: &mut Rng) -> Mat<T> {
    Mat::from_fn(n, n, |_, _| rng.scalar())
}

/// `dlatb4`'s invertible general types, and more spectra.
pub fn general<T: Scalar>(n: usize, seed: u64) -> Vec<(String, Mat<T>)> {
    let rng = &mut Rng::new(seed);
    let (c8, c9) = ((0.1 / eps::<T>()).sqrt(), 0.1 / eps::<T>());
    let mut of = |kind: &str, cond: f64| -> Mat<T> {
        let s = spectrum(kind, n, cond);
        from_singular_values(n, n, &s, rng)
    };
    let full = of("arithmetic", 2.0);
    let mut all = vec![
        ("4 full, condition 2".to_string(), full.clone()),
        ("8 condition sqrt(0.1/eps)".into(), of("arithmetic", c8)),
        ("9 condition 0.1/eps".into(), of("arithmetic", c9)),
        ("10 near underflow".into(), full.ldexp(scale::<T>(false))),
        ("11 near overflow".into(), full.ldexp(scale::<T>(true))),
        ("geometric spectrum".into(), of("geometric", c8)),
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
    let wilkinson = |i: usize, j: usize| match (i == j, j + 1 == n, i > j) {
        (true, ..) | (_, true, false) => 1.0,
        (_, _, true) => -1.0,
        _ => 0.0,
    };
    let zero_minors = r.map(|i, j, x| {
        if (i / 2 == j / 2 && i % 2 == j % 2 && i / 2 * 2 + 1 < n) || i + j + 1 < n / 2 {
            T::default()
        } else {
            x
        }
    });
    let half = n / 2;
    let swapped = r.map(|i, j, x| if i < half && j < half { T::default() } else { x });
    let zero_block = |i: usize, j: usize| if 2 * half == n { swapped[(i, j)] } else { r[(i, j)] };
    let hilbert = n.min(if eps::<T>() < 1e-10 { 10 } else { 5 });
    let mut all = vec![
        ("graded rows".to_string(), r.map(|i, _, x| x.ldexp(-grade(i)))),
        ("graded rows, upwards".into(), r.map(|i, _, x| x.ldexp(grade(i)))),
        ("graded columns".into(), r.map(|_, j, x| x.ldexp(-grade(j)))),
        ("graded both".into(), r.map(|i, j, x| x.ldexp(-(grade(i) + grade(j)) / 2))),
        ("zero diagonal and corner".into(), zero_minors),
        ("zero leading block".into(), r.map(|i, j, _| zero_block(i, j))),
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
    // Growth of 2^(n-1) and a condition of 3^n: beyond these orders nobody's bar holds.
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

/// `dlatb4`'s invertible positive definite types.
pub fn positive_definite<T: Scalar>(n: usize, seed: u64) -> Vec<(String, Mat<T>)> {
    let rng = &mut Rng::new(seed);
    let room = (n as f64 / 20.0).max(1.0);
    let (c6, c7) = ((0.1 / eps::<T>()).sqrt(), 0.1 / eps::<T>() / room);
    let mut of =
        |kind: &str, cond: f64| -> Mat<T> { hermitian_from(&spectrum(kind, n, cond), rng) };
    let full = of("arithmetic", 2.0);
    let b: Mat<T> = random(n, &mut Rng::new(seed + 1));
    let gram: Mat<T> = b.widen().times(&b.widen().adjoint()).narrow();
    vec![
        (
            "1 diagonal".to_string(),
            Mat::real(n, n, |i, j| if i == j { 1.0 + i as f64 } else { 0.0 }),
        ),
        ("2 condition 2".into(), full.clone()),
        ("6 condition sqrt(0.1/eps)".into(), of("arithmetic", c6)),
        ("7 condition 0.1/eps".into(), of("arithmetic", c7)),
        ("8 near underflow".into(), full.ldexp(scale::<T>(false))),
        ("9 near overflow".into(), full.ldexp(scale::<T>(true))),
        ("geometric spectrum".into(), of("geometric", c6)),
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
        // The R of A = Q R has A's singular values.
        let a = from_singular_values::<T>(n, n, &spectrum(kind, n, cond), rng).widen();
        gram_schmidt(&a).adjoint().narrow()
    };
    let diagonal =
        lower(&|i, j, _| if i == j { parts(1.0 + i as f64, -0.5) } else { T::default() });
    let dominant = lower(&|i, j, x| if i == j { parts(2.0, 0.5) } else { small(x, n as f64) });
    let c = (0.1 / eps::<T>()).sqrt();
    let mut all = vec![
        ("1 diagonal".to_string(), false, diagonal),
        ("2 condition 2".into(), false, conditioned("arithmetic", 2.0, rng)),
        ("3 condition sqrt(0.1/eps)".into(), false, conditioned("arithmetic", c, rng)),
        ("4 geometric spectrum".into(), false, conditioned("geometric", c, rng)),
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
    all.push(("8 small, unit".into(), true, unit(&|x| small(x, n as f64))));
    all.push(("9 random, unit".into(), true, unit(&|x| small(x, (n as f64).sqrt() + 1.0))));
    all.push(("10 growing, unit".into(), true, unit(&|x| small(x, 2.0))));
    all
}

/// The R of A = Q R, by Gram and Schmidt, twice for orthogonality.
fn gram_schmidt<W: Scalar<Real = f64>>(a: &Mat<W>) -> Mat<W> {
    let n = a.rows;
    let (mut q, mut r) = (a.clone(), Mat::<W>::zeros(n, n));
    for j in 0..n {
        for _ in 0..2 {
            for k in 0..j {
                let dot = (0..n).fold(W::default(), |s, i| s + Scalar::conj(q[(i, k)]) * q[(i, j)]);
                r[(k, j)] = r[(k, j)] + dot;
                for i in 0..n {
                    q[(i, j)] = q[(i, j)] - q[(i, k)] * dot;
                }
            }
        }
        let norm = (0..n).map(|i| q[(i, j)].re().hypot(q[(i, j)].im()).powi(2)).sum::<f64>().sqrt();
        r[(j, j)] = W::from_re(norm);
        for i in 0..n {
            q[(i, j)] = q[(i, j)].map(|x| x / norm);
        }
    }
    r
}
