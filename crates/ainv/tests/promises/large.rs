//! Large matrices: every edge of a panel, strip, group and tile, and the orders that are worked on
//! in the result's own memory.

use super::bits::THREADS;
use super::common::*;
use ainv::*;
use testkit::*;

/// Above this order a matrix that is inverted in its place is worked on there.
const SCRATCH_IN_PLACE: usize = 1024;

/// Where tiles (24 and 48 rows), rows done apart (96), groups (128), panels (32, 64, 128 columns, the
/// first a quarter and the last halves: 208, 800) and what is packed as a whole (1024) end, +-1.
const EDGES: [usize; 42] = [
    71, 72, 73, 95, 96, 97, 127, 128, 129, 143, 144, 145, 191, 192, 193, 207, 208, 209, 255, 256,
    257, 383, 384, 385, 511, 512, 513, 639, 640, 641, 767, 768, 769, 799, 800, 801, 1023, 1024,
    1025, 1151, 1152, 1153,
];

fn random<T: Scalar>(n: usize, cols: usize, seed: u64) -> Mat<T> {
    let rng = &mut Rng::new(seed);
    Mat::from_fn(n, cols, |_, _| parts(rng.uniform() - 0.5, rng.uniform() - 0.5))
}

/// A Gram matrix of condition about 40.
fn gram<T: Scalar>(n: usize, seed: u64) -> Mat<T> {
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
fn hidden<T: Scalar>(a: &Mat<T>, reads: impl Fn(usize, usize) -> bool) -> Mat<T> {
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

fn right_of<T: Scalar>(a: &Mat<T>, x: &Mat<T>) -> f64 {
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

/// The calls that have a result in the place of their matrix.
const CALLS: [Call; 9] = [
    Call::Inv(Assume::Auto),
    Call::Inv(Assume::General),
    Call::Inv(Assume::Posdef),
    Call::Cholesky(Uplo::Lower),
    Call::Cholesky(Uplo::Upper),
    Call::CholeskyInv(Uplo::Lower),
    Call::CholeskyInv(Uplo::Upper),
    Call::TriInv(Uplo::Lower, Diag::NonUnit),
    Call::TriInv(Uplo::Upper, Diag::Unit),
];

fn dense(count: usize, n: usize) -> Layout {
    Layout::new("C", [count, n, n], [(n * n) as isize, n as isize, 1], (0, 0))
}

/// The result of a dense matrix in its own place.
fn run_in_place<T: Scalar>(call: Call, n: usize, a: &[T]) -> (Vec<T>, Vec<Status>) {
    let (mut x, mut status) = (a.to_vec(), vec![Status::default()]);
    call.in_place(&dense(1, n), [1, n, n], &mut x, &mut status).unwrap();
    (x, status)
}

/// Threads, layouts, a place in a stack, the place of the matrix itself: the bits of one thread on a
/// dense matrix alone.
fn one_result<T: Scalar>(n: usize, calls: &[Call], layouts: &[&str]) {
    let _guard = THREADS.lock().unwrap_or_else(|e| e.into_inner());
    let canary = T::from_re(T::Real::from_f64(12345.5));
    for &call in calls {
        // Two threads share the last one of three, and each large one.
        let count = if n < 512 { 3 } else { 2 };
        let shape = [count, n, n];
        let a = examples::<T>(call, count, n, 7);
        set_num_threads(1).unwrap();
        let alone: Vec<T> = a.chunks(n * n).flat_map(|a| call.run(1, n, a).0).collect();
        for threads in [1, 2, 3, 5, 8] {
            set_num_threads(threads).unwrap();
            let what = format!("{call:?}, n = {n}, {threads} threads");
            let (first, alone) = (&a[..n * n], &alone[..n * n]);
            assert_same_bits(alone, &call.run(1, n, first).0, &what);
            let (x, _) = run_in_place(call, n, first);
            assert_same_bits(alone, &x, format!("{what}, in place"));
        }
        set_num_threads(2).unwrap();
        let all = Layout::all(count, n, n);
        let some: Vec<_> = all.iter().filter(|l| layouts.contains(&l.name)).collect();
        assert_eq!(some.len(), layouts.len(), "{layouts:?}");
        for (k, from) in some.iter().enumerate() {
            let mut memory = from.scatter(shape, &a, canary);
            let to = some[(k + 1) % some.len()];
            let mut out = vec![canary; to.len];
            call.into(from.view(shape, &memory), to.view_mut(shape, &mut out), &mut []).unwrap();
            let (x, intact) = to.gather(shape, &out, canary);
            let what = format!("{call:?}, {count} of {n}, {} to {}", from.name, to.name);
            assert_same_bits(&alone, &x, &what);
            assert!(intact, "{what}: written beside the output");
            call.in_place(from, shape, &mut memory, &mut []).unwrap();
            let (x, intact) = from.gather(shape, &memory, canary);
            let what = format!("{call:?}, {count} of {n}, in place, {}", from.name);
            assert_same_bits(&alone, &x, &what);
            assert!(intact, "{what}: written beside the output");
        }
    }
}

const LAYOUTS: [&str; 10] = [
    "C",
    "Fortran",
    "rows reversed",
    "columns reversed",
    "all reversed",
    "padded rows",
    "padded columns",
    "every second",
    "batch innermost",
    "batch innermost, Fortran",
];

fn one_result_of_order_200<T: Scalar>() {
    one_result::<T>(200, &CALLS, &LAYOUTS);
}

#[test]
fn one_result_of_order_520() {
    one_result::<f64>(520, &CALLS, &["C", "Fortran", "all reversed", "padded rows"]);
}

#[test]
fn one_result_of_order_1030() {
    let layouts = ["C", "Fortran", "rows reversed", "padded columns"];
    let upper =
        |call: &Call| matches!(call, Call::Cholesky(u) | Call::CholeskyInv(u) if *u == Uplo::Upper);
    let calls: Vec<_> = CALLS[1..].iter().copied().filter(|call| !upper(call)).collect();
    one_result::<f64>(1030, &calls, &layouts);
    one_result::<c32>(1030, &[Call::Inv(Assume::Posdef)], &layouts);
}

/// In place the strips are narrower than the groups of 512 columns.
#[test]
fn one_result_of_order_2100() {
    let triangle = Call::TriInv(Uplo::Lower, Diag::NonUnit);
    one_result::<f32>(2100, &[Call::Inv(Assume::General), triangle], &["C"]);
}

#[test]
fn what_is_not_read_may_be_nan_in_place() {
    let n = SCRATCH_IN_PLACE + 6;
    let g = gram::<f64>(n, 3);
    let seen = g.map(|i, j, x| if i == j { x } else { x / n as f64 });
    let calls = [
        Call::Inv(Assume::Posdef),
        Call::Cholesky(Uplo::Lower),
        Call::Cholesky(Uplo::Upper),
        Call::CholeskyInv(Uplo::Lower),
        Call::TriInv(Uplo::Lower, Diag::NonUnit),
        Call::TriInv(Uplo::Upper, Diag::Unit),
    ];
    for call in calls {
        let reads = |i: usize, j: usize| match call {
            Call::TriInv(_, Diag::Unit) => i < j,
            Call::Cholesky(Uplo::Upper) => i <= j,
            _ => i >= j,
        };
        let (x, _) = call.run(1, n, &seen.data);
        let (y, status) = run_in_place(call, n, &hidden(&seen, reads).data);
        assert!(status[0].is_ok(), "{call:?}: {status:?}");
        assert_same_bits(&x, &y, format!("{call:?}: in place, the rest NaN"));
    }
}

/// The status of a matrix, the same in place, and a result that is all NaN exactly where there is
/// none.
fn status_of<T: Scalar>(call: Call, a: &Mat<T>) -> (Status, Mat<T>) {
    let n = a.rows;
    let (x, status) = call.run(1, n, &a.data);
    let (y, again) = run_in_place(call, n, &a.data);
    assert_eq!(status, again, "{call:?}, n = {n}: in place");
    for x in [&x, &y] {
        let x = Mat::new(n, n, x.clone());
        assert_eq!(status[0].is_ok(), x.is_finite(), "{call:?}, n = {n}: {status:?}");
        assert_eq!(!status[0].is_ok(), x.is_all_nan(), "{call:?}, n = {n}: {status:?}");
    }
    assert_same_bits(&x, &y, format!("{call:?}, n = {n}: in place"));
    (status[0], Mat::new(n, n, x))
}

fn singular_at(at: usize) -> Status {
    Status { code: Code::Singular, at: at as u32 }
}

/// Orders on both sides of the switch.
const BAD: [usize; 2] = [520, SCRATCH_IN_PLACE + 6];
const INVERSES: [Call; 2] = [Call::Inv(Assume::Auto), Call::Inv(Assume::General)];

#[test]
fn zero_rows_and_columns() {
    for n in BAD {
        let a = random::<f64>(n, n, 1);
        for call in INVERSES {
            for k in [0, 130, n - 1] {
                let column = a.map(|_, j, x| if j == k { 0.0 } else { x });
                assert_eq!(status_of(call, &column).0, singular_at(k + 1), "column {k} of {n}");
                let row = a.map(|i, _, x| if i == k { 0.0 } else { x });
                assert_eq!(status_of(call, &row).0, singular_at(n), "row {k} of {n}");
            }
        }
    }
}

/// Whole numbers that are eliminated without rounding, the pivot `q` zero: L U with a row of zeros in
/// U; and two equal rows of a matrix that is nearly the identity.
#[test]
fn pivots_that_are_zero() {
    for n in BAD {
        let rng = &mut Rng::new(n as u64);
        let mut few = |inside: bool| match rng.below(20) {
            0 if inside => 1.0,
            1 if inside => -1.0,
            _ => 0.0,
        };
        let l = Mat::from_fn(n, n, |i, j| if i == j { 1.0 } else { few(i > j) });
        let u = Mat::from_fn(n, n, |i, j| if i == j { 1.0 } else { few(i < j) });
        for q in [5, 200, n - 1] {
            let u = u.map(|i, _, x| if i == q { 0.0 } else { x });
            let a = mat(matmul(l.view(), u.view(), &Options::default()).unwrap());
            let one = |i: usize, j: usize| i == j || (i.max(j) == q && i.min(j) == 3);
            let equal = Mat::<f64>::real(n, n, |i, j| one(i, j) as u8 as f64);
            for call in INVERSES {
                assert_eq!(status_of(call, &a).0, singular_at(q + 1), "pivot {q} of {n}");
                let rows = status_of(call, &equal).0;
                assert_eq!(rows, singular_at(q + 1), "rows 3 and {q} of {n}");
            }
        }
    }
}

#[test]
fn not_finite() {
    for n in BAD {
        for call in CALLS {
            let a = call.example::<f64>(n, 1);
            let (i, j) = match call {
                Call::Cholesky(Uplo::Upper) | Call::CholeskyInv(Uplo::Upper) => (7, n - 9),
                Call::TriInv(Uplo::Upper, _) => (7, n - 9),
                _ => (n - 9, 7),
            };
            for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
                let mut a = a.clone();
                a[(i, j)] = bad;
                let status = status_of(call, &a).0;
                assert_eq!(status.code, Code::NonFinite, "{call:?}, {n}, {bad}");
            }
        }
    }
}

#[test]
fn not_positive_definite() {
    for n in BAD {
        let calls =
            [Call::Inv(Assume::Posdef), Call::Cholesky(Uplo::Lower), Call::Cholesky(Uplo::Upper)];
        for k in [0, 130, n - 1] {
            let mut a = calls[0].example::<f64>(n, 1);
            a[(k, k)] = -1.0;
            let bad = Status { code: Code::NotPositiveDefinite, at: k as u32 + 1 };
            for call in calls {
                assert_eq!(status_of(call, &a).0, bad, "{call:?}, pivot {k} of {n}");
            }
        }
    }
}

#[test]
fn zeros_on_the_diagonal_of_a_triangle() {
    for n in BAD {
        let calls = [
            Call::TriInv(Uplo::Lower, Diag::NonUnit),
            Call::TriInv(Uplo::Upper, Diag::NonUnit),
            Call::CholeskyInv(Uplo::Lower),
            Call::CholeskyInv(Uplo::Upper),
        ];
        for call in calls {
            for k in [130, n - 1] {
                let mut a = call.example::<f64>(n, 1);
                a[(k, k)] = 0.0;
                assert_eq!(status_of(call, &a).0, singular_at(k + 1), "{call:?}, {k} of {n}");
            }
        }
        // Triangles that "auto" finds.
        for lower in [true, false] {
            let mut a = calls[0].example::<f64>(n, 1);
            a = a.map(|i, j, x| if (i > j) == lower || i == j { x } else { 0.0 });
            let x = status_of(INVERSES[0], &a).1;
            assert!(right_of(&a, &x) <= TIGHT, "lower: {lower}");
            a[(130, 130)] = 0.0;
            assert_eq!(status_of(INVERSES[0], &a).0.code, Code::Singular, "lower: {lower}");
        }
    }
}

/// A power of two changes no bit but the exponents, in whichever range.
#[test]
fn far_out_of_range() {
    for n in BAD {
        for call in CALLS {
            if matches!(call, Call::TriInv(_, Diag::Unit)) {
                continue;
            }
            let a = call.example::<f64>(n, 1);
            let x = status_of(call, &a).1;
            for k in [600, -600] {
                let by = match call {
                    Call::Cholesky(_) => k / 2,
                    _ => -k,
                };
                // L^-H L^-1 has twice the factor's exponents: a range that it can be written in.
                let k = if matches!(call, Call::CholeskyInv(_)) { k / 2 } else { k };
                let (status, y) = status_of(call, &a.ldexp(k));
                assert!(status.is_ok(), "{call:?}, {n}, 2^{k}: {status:?}");
                assert_same_bits(&x.ldexp(by).data, &y.data, format!("{call:?}, {n}, 2^{k}"));
            }
        }
    }
}

/// A Hermitian matrix with a positive diagonal that is not definite: the Cholesky attempt fails part
/// of the way, and what follows has the matrix as it was. A complex symmetric one is not Hermitian.
fn hopeless_attempts<T: Scalar>() {
    for n in BAD {
        for (k, size) in [(1, 100.0), (n / 2, 100.0), (n - 1, 100.0)] {
            let mut a = gram::<T>(n, 3);
            let x: T = parts(size * n as f64, n as f64);
            (a[(k, k - 1)], a[(k - 1, k)]) = (x, Scalar::conj(x));
            let (status, x) = status_of(Call::Inv(Assume::Auto), &a);
            assert!(status.is_ok(), "{status:?}");
            assert!(right_of(&a, &x) <= TIGHT, "n = {n}, {k}");
            let y = status_of(Call::Inv(Assume::General), &a).1;
            assert_same_bits(&x.data, &y.data, format!("n = {n}: the attempt at {k}"));
        }
        if T::COMPLEX {
            let a = gram::<T>(n, 3);
            let a = a.map(|i, j, x| if i < j { a[(j, i)] } else { x });
            let x = status_of(Call::Inv(Assume::Auto), &a).1;
            assert!(right_of(&a, &x) <= TIGHT, "n = {n}: complex symmetric");
            let y = status_of(Call::Inv(Assume::General), &a).1;
            assert_same_bits(&x.data, &y.data, format!("n = {n}: complex symmetric"));
        }
    }
}

#[test]
fn hopeless_attempts_real() {
    hopeless_attempts::<f64>();
}

#[test]
fn hopeless_attempts_complex() {
    hopeless_attempts::<c32>();
}

/// Two threads that call at once share the pool, and disturb each other in nothing.
#[test]
fn two_calls_at_once() {
    let n = 600;
    let work = |call: Call| {
        let a = call.example::<f64>(n, 1);
        let (x, _) = call.run(1, n, &a.data);
        (call, a, x)
    };
    let works = [Call::Inv(Assume::General), Call::Inv(Assume::Posdef)].map(work);
    std::thread::scope(|s| {
        for (call, a, x) in &works {
            s.spawn(move || {
                for _ in 0..10 {
                    assert_same_bits(x, &call.run(1, n, &a.data).0, format!("{call:?} at once"));
                }
            });
        }
    });
}

/// The threads of this process.
#[cfg(target_os = "linux")]
fn threads_of_this_process() -> usize {
    std::fs::read_dir("/proc/self/task").unwrap().count()
}

/// What `inside_a_pool_of_one_thread` runs in a process of its own, where no other test makes
/// threads.
#[cfg(target_os = "linux")]
#[test]
fn child_in_a_pool() {
    if !is_child() {
        return;
    }
    let n = 600;
    let call = Call::Inv(Assume::General);
    let a = call.example::<f64>(n, 1);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    let before = threads_of_this_process();
    let (seen, x) = pool.install(|| (num_threads(), call.run(1, n, &a.data).0));
    assert_eq!((seen, threads_of_this_process()), (1, before), "threads inside the pool");
    // Outside ainv makes its own: so the count would have shown them.
    set_num_threads(3).unwrap();
    assert_same_bits(&x, &call.run(1, n, &a.data).0, "inside and outside a pool");
    assert_eq!(threads_of_this_process(), before + 3);
    say("IN A POOL");
}

#[cfg(target_os = "linux")]
#[test]
fn inside_a_pool_of_one_thread() {
    if is_child() {
        return;
    }
    let output = child("large::child_in_a_pool", instruction_set().unwrap().name());
    let text = String::from_utf8_lossy(&output.stderr);
    let out = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("IN A POOL"), "{text}{out}");
}

#[test]
fn on_every_instruction_set() {
    on_every_quick_set("large::stamped::some_edges::", 4);
}

mod stamped {
    super::for_all_scalars!(one_result_of_order_200, some_edges);
}
