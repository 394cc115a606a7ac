//! Large matrices: residuals at every edge of a panel, strip, group and tile.

use super::common::*;
use ainv::*;
use testkit::*;

/// Above this order a matrix that is inverted in its place is worked on there.
pub(crate) const SCRATCH_IN_PLACE: usize = 1024;

/// Where tiles (24 and 48 rows), rows done apart (96), groups (128), panels (32, 64, 128 columns, the
/// first a quarter and the last halves: 208, 800) and what is packed as a whole (1024) end, +-1.
const EDGES: [usize; 42] = [
    71, 72, 73, 95, 96, 97, 127, 128, 129, 143, 144, 145, 191, 192, 193, 207, 208, 209, 255, 256,
    257, 383, 384, 385, 511, 512, 513, 639, 640, 641, 767, 768, 769, 799, 800, 801, 1023, 1024,
    1025, 1151, 1152, 1153,
];

pub(crate) fn random<T: Scalar>(n: usize, cols: usize, seed: u64) -> Mat<T> {
    let rng = &mut Rng::new(seed);
    Mat::from_fn(n, cols, |_, _| parts(rng.uniform() - 0.5, rng.uniform() - 0.5))
}

/// A Gram matrix of condition about 40.
pub(crate) fn gram<T: Scalar>(n: usize, seed: u64) -> Mat<T> {
    let b = random::<T>(n, n, seed);
    let g = mat(matmul(b.view(), b.adjoint().view(), &Options::default()).unwrap());
    let more = T::Real::from_f64(0.01 * n as f64);
    g.map(|i, j, x| match i.cmp(&j) {
        std::cmp::Ordering::Greater => x,
        std::cmp::Ordering::Equal => T::from_re(x.re() + more),
        std::cmp::Ordering::Less => Scalar::conj(g[(j, i)]),
    })
}

/// The matrix with NaN where `reads` says that nothing is read.
pub(crate) fn hidden<T: Scalar>(a: &Mat<T>, reads: impl Fn(usize, usize) -> bool) -> Mat<T> {
    a.map(|i, j, x| if reads(i, j) { x } else { T::nan() })
}

/// A column of signs, which meets every entry, and unit columns at the edges.
fn probes<W: Scalar>(n: usize) -> Mat<W> {
    let rng = &mut Rng::new(n as u64);
    let places = [0, 1, 31, 64, 127, 128, n / 2, n - 2, n - 1];
    Mat::real(n, 1 + places.len(), |i, j| match j {
        0 => 2.0 * rng.below(2) as f64 - 1.0,
        j => (places[j - 1] == i) as u8 as f64,
    })
}

fn modulus<W: Scalar<Real = f64>>(x: W) -> f64 {
    (x.re() * x.re() + x.im() * x.im()).sqrt()
}

/// The largest sums of a column and of a row.
fn norms<W: Scalar<Real = f64>>(a: &Mat<W>) -> (f64, f64) {
    let (mut columns, mut largest) = (vec![0.0; a.cols], 0.0f64);
    for row in a.data.chunks(a.cols) {
        let mut sum = 0.0;
        for (x, column) in row.iter().zip(&mut columns) {
            *column += modulus(*x);
            sum += modulus(*x);
        }
        largest = largest.max(sum);
    }
    (columns.into_iter().fold(0.0, f64::max), largest)
}

/// What `r`, a remainder times the probes, says of the remainder's norm over n u times the others:
/// the unit columns of its 1-norm, the signs of its infinity norm.
fn over<W: Scalar<Real = f64>>(r: &Mat<W>, u: f64, others: (f64, f64)) -> f64 {
    if !r.is_finite() || !(others.0 * others.1).is_finite() {
        return f64::INFINITY;
    }
    let n = r.rows as f64;
    let signs = (0..r.rows).map(|i| modulus(r[(i, 0)])).fold(0.0, f64::max);
    let unit = |j: usize| (0..r.rows).map(|i| modulus(r[(i, j)])).sum::<f64>();
    let units = (1..r.cols).map(unit).fold(0.0, f64::max);
    (signs / (n * u * others.1)).max(units / (n * u * others.0))
}

fn minus<W: Scalar>(a: &Mat<W>, b: &Mat<W>) -> Mat<W> {
    a.map(|i, j, x| x - b[(i, j)])
}

/// A lower bound of `testkit::right`, by probes: of order n^2.
fn probed<T: Scalar>(a: &Mat<T>, x: &Mat<T>) -> f64 {
    let (a, x, v) = (a.widen(), x.widen(), probes(a.rows));
    let (na, nx) = (norms(&a), norms(&x));
    over(&minus(&v, &a.times(&x.times(&v))), unit_roundoff::<T>(), (na.0 * nx.0, na.1 * nx.1))
}

/// Up to here the whole residual is formed.
const WHOLE: usize = 300;

pub(crate) fn right_of<T: Scalar>(a: &Mat<T>, x: &Mat<T>) -> f64 {
    if a.rows <= WHOLE { right(a, x) } else { probed(a, x) }
}

fn left_of<T: Scalar>(a: &Mat<T>, x: &Mat<T>) -> f64 {
    if a.rows <= WHOLE { left(a, x) } else { probed(x, a) }
}

fn rebuilt_of<T: Scalar>(a: &Mat<T>, l: &Mat<T>) -> f64 {
    if a.rows <= WHOLE {
        return rebuilt(a, l, &l.adjoint());
    }
    let (a, l, v) = (a.widen(), l.widen(), probes(a.rows));
    let r = minus(&a.times(&v), &l.times(&l.adjoint().times(&v)));
    over(&r, unit_roundoff::<T>(), norms(&a))
}

/// `testkit::residual_of_solve` in plain double arithmetic.
pub(crate) fn solved<T: Scalar>(a: &Mat<T>, b: &Mat<T>, x: &Mat<T>) -> f64 {
    let (a, b, x) = (a.widen(), b.widen(), x.widen());
    if (x.rows, x.cols) != (b.rows, b.cols) {
        return f64::INFINITY;
    }
    let r = minus(&b, &a.times(&x));
    if !r.is_finite() {
        return f64::INFINITY;
    }
    let sum = |m: &Mat<T::Wide>, j: usize| (0..m.rows).map(|i| modulus(m[(i, j)])).sum::<f64>();
    let scale = a.rows as f64 * unit_roundoff::<T>() * norms(&a).0;
    let ratio = |j: usize| sum(&r, j) / (scale * sum(&x, j));
    (0..b.cols).map(ratio).fold(0.0, |m: f64, x| if x.is_nan() { f64::INFINITY } else { m.max(x) })
}

/// A probe that cannot fail proves nothing: one wrong entry, wherever it is, is seen.
#[test]
fn probes_see_one_wrong_entry() {
    let n = 385;
    let a = random::<f64>(n, n, 1);
    let x = mat(inv(a.view(), &assuming(Assume::General)).unwrap());
    assert!(probed(&a, &x) <= TIGHT && right(&a, &x) <= TIGHT);
    for (i, j) in [(0, 0), (200, 300), (384, 129), (n - 1, n - 1)] {
        let mut wrong = x.clone();
        wrong[(i, j)] *= 1.0 + 1e-4;
        assert!(!(probed(&a, &wrong) <= HARD), "({i}, {j})");
        wrong[(i, j)] = f64::NAN;
        assert!(!(probed(&a, &wrong) <= HARD), "({i}, {j})");
    }
}

/// All ratios of order n into the table.
fn ratios<T: Scalar>(n: usize, worst: &mut Worst) {
    let (o, case) = (Options::default(), format!("n = {n}"));
    let one = |i: usize, j: usize, x: T| if i == j { T::from_re(T::Real::ONE) } else { x };
    let mut of = |name: &str, ratio: f64| worst.check(name, &case, ratio, TIGHT);

    let a = random::<T>(n, n, n as u64);
    of("inv", right_of(&a, &mat(inv(a.view(), &assuming(Assume::General)).unwrap())));
    for k in [1, 40] {
        let b = random::<T>(n, k, 7);
        of("solve", solved(&a, &b, &mat(solve(a.view(), b.view(), &o).unwrap())));
    }

    let g = gram::<T>(n, n as u64);
    let below = hidden(&g, |i, j| i >= j);
    let x = mat(inv(below.view(), &assuming(Assume::Posdef)).unwrap());
    of("posdef, right", right_of(&g, &x));
    of("posdef, left", left_of(&g, &x));
    assert!(x.is_hermitian(), "{case}: posdef");
    let b = random::<T>(n, 40, 7);
    let y = mat(solve(below.view(), b.view(), &assuming(Assume::Posdef)).unwrap());
    of("posdef solve", solved(&g, &b, &y));
    let auto = mat(inv(g.view(), &o).unwrap());
    assert_same_bits(&x.data, &auto.data, format!("{case}: auto finds the definite matrix"));

    let l = mat(cholesky(below.view(), Uplo::Lower, &o).unwrap());
    of("L L^H", rebuilt_of(&g, &l));
    let above = hidden(&g, |i, j| i <= j);
    let u = mat(cholesky(above.view(), Uplo::Upper, &o).unwrap());
    of("U^H U", rebuilt_of(&g, &u.adjoint()));
    let is_zero = |m: &Mat<T>, i: usize, j: usize| bits(m[(i, j)]) == [0, 0];
    assert!(
        (0..n).all(|i| (i + 1..n).all(|j| is_zero(&l, i, j) && is_zero(&u, j, i))),
        "{case}: the other triangle of a factor is not zero"
    );
    let x = cholesky_inv(hidden(&l, |i, j| i >= j).view(), Uplo::Lower, &o);
    let x = mat(x.unwrap());
    of("cholesky_inv, right", right_of(&g, &x));
    of("cholesky_inv, left", left_of(&g, &x));
    assert!(x.is_hermitian(), "{case}: cholesky_inv");

    let scale = T::Real::from_f64(1.0 / (n as f64).sqrt());
    for uplo in [Uplo::Lower, Uplo::Upper] {
        let lower = uplo == Uplo::Lower;
        let inside = |i: usize, j: usize| if lower { i >= j } else { i <= j };
        let t = if lower { l.clone() } else { u.clone() };
        let unit = a.map(|i, j, x| match inside(i, j) {
            true => one(i, j, x.map(|x| x * scale)),
            false => T::default(),
        });
        for (diag, t) in [(Diag::NonUnit, t), (Diag::Unit, unit)] {
            let seen = hidden(&t, |i, j| inside(i, j) && (i != j || diag == Diag::NonUnit));
            let x = mat(tri_inv(seen.view(), uplo, diag, &o).unwrap());
            of("tri_inv", right_of(&t, &x));
            assert!(
                (0..n * n).all(|at| inside(at / n, at % n) || bits(x.data[at]) == [0, 0]),
                "{case}, {uplo:?}, {diag:?}: the other triangle is not zero"
            );
        }
    }
}

#[test]
fn every_edge_in_double_precision() {
    let mut worst = Worst::new("large, float64");
    EDGES.iter().for_each(|&n| ratios::<f64>(n, &mut worst));
    worst.finish();
}

fn some_edges<T: Scalar>() {
    let mut worst = Worst::new(format!("large, {}", T::NAME));
    // The portable sets go lane by lane in plain code.
    let most = match instruction_set().unwrap() {
        IsaId::Fused | IsaId::Portable => 257,
        _ => 1025,
    };
    for n in [73, 129, 193, 257, 385, 768, 1025].into_iter().filter(|n| *n <= most) {
        ratios::<T>(n, &mut worst);
    }
    worst.finish();
}

/// Where panels and groups of strips become wider, and where a copy is no longer worked in.
fn where_blocks_change<T: Scalar>(orders: &[usize]) {
    let mut worst = Worst::new(format!("where blocks change, {}", T::NAME));
    for &n in orders {
        for (what, assume) in [("inv", Assume::General), ("posdef", Assume::Posdef)] {
            let a = Call::Inv(assume).example::<T>(n, 1);
            let x = mat(inv(a.view(), &assuming(assume)).unwrap());
            worst.check(format!("{what}, right"), format!("n = {n}"), probed(&a, &x), TIGHT);
            if assume == Assume::Posdef {
                let left = probed(&x, &a);
                worst.check("posdef, left", format!("n = {n}"), left, TIGHT);
            }
        }
    }
    worst.finish();
}

#[test]
fn where_blocks_of_float32_change() {
    where_blocks_change::<f32>(&[1535, 1537, 2047, 2048, 2049, 2559, 2561, 3071, 3072, 3073]);
}

#[test]
fn where_blocks_of_the_others_change() {
    where_blocks_change::<f64>(&[1535, 1537, 2047, 2048, 2049, 2113, 2504, 2505]);
    where_blocks_change::<c32>(&[2047, 2049]);
    where_blocks_change::<c64>(&[1772, 1773, 2049]);
}

#[test]
fn on_every_instruction_set() {
    on_every_set("large::stamped::some_edges::", 4);
}

mod stamped {
    super::for_all_scalars!(some_edges);
}
