//! Entry errors against the exact inverse of small matrices, by every route and on
//! every instruction set.

use super::accuracy::judge;
use super::common::*;
use ainv::*;
use testkit::*;

const BAR: f64 = 4.0;

/// A complex matrix of order n is an integer matrix of order 2n for the oracle: of those fewer, and above
/// order 12 real ones whose rows and columns are turned.
fn exact_orders<T: Scalar>() -> Vec<usize> {
    match (T::COMPLEX, is_child()) {
        (false, false) => (1..=24).collect(),
        (false, true) => vec![1, 2, 3, 4, 5, 7, 8, 12, 13, 17, 24],
        (true, false) => (1..=9).chain([12, 13, 16, 17, 20, 21, 24]).collect(),
        (true, true) => vec![1, 2, 3, 5, 8],
    }
}

type Exact = Vec<((f64, f64), (f64, f64))>;

/// The families with their exact inverses. Elements that grow are another row's. Clement's inverse has
/// zeros for which this bound is zero, too: elimination rounds |L| |U|, which is more than |A| there.
fn with_inverses<T: Scalar>(n: usize) -> (Vec<(String, Mat<T>)>, Vec<Exact>) {
    if T::COMPLEX && n > 12 {
        let (families, inverses) = with_inverses::<f32>(n);
        let of = |((name, a), x): ((String, Mat<f32>), Exact)| {
            let (a, x) = turned(&a, &x);
            ((name, a), x)
        };
        return families.into_iter().zip(inverses).map(of).unzip();
    }
    let gallery = known_inverses::<T>(n)
        .into_iter()
        .filter(|(name, ..)| *name != "clement")
        .map(|(name, a, _)| (name.to_string(), a));
    let types = ["8", "9", "one", "random"];
    let of_type = |name: &str| types.iter().any(|t| name.starts_with(t));
    let all = gallery
        .chain(general(n, 5).into_iter().filter(|(name, _)| of_type(name)))
        .chain(traps(n, 5).into_iter().filter(|(name, _)| !name.contains("growth")));
    all.filter_map(|(name, a)| exact_inverse(&a).map(|x| ((name, a), x))).unzip()
}

/// D A E with powers of i on the diagonals of D and E, and the exact inverse of that.
fn turned<T: Scalar>(a: &Mat<f32>, x: &Exact) -> (Mat<T>, Exact) {
    let n = a.rows;
    let quarters = |i: usize, j: usize| (i * i + i / 3 + 3 * j + j / 2) % 4;
    let turned = Mat::from_fn(n, n, |i, j| {
        let x = a[(i, j)] as f64;
        match quarters(i, j) {
            0 => parts(x, 0.0),
            1 => parts(0.0, x),
            2 => parts(-x, 0.0),
            _ => parts(0.0, -x),
        }
    });
    let entry = |at: usize| {
        let minus = |(high, low): (f64, f64)| (-high, -low);
        let (re, im) = x[at];
        // Back again: the inverse's row is the matrix's column.
        match quarters(at % n, at / n) {
            0 => (re, im),
            1 => (im, minus(re)),
            2 => (minus(re), minus(im)),
            _ => (minus(im), re),
        }
    };
    (turned, (0..n * n).map(entry).collect())
}

fn exact_errors<T: Scalar>() {
    let mut worst = Worst::new(format!("entry errors against the exact inverse, {}", T::NAME));
    for n in exact_orders::<T>() {
        let (families, inverses) = with_inverses::<T>(n);
        assert!(families.len() >= 15, "n = {n}: {}", families.len());
        for assume in [Assume::General, Assume::Auto] {
            judge(&mut worst, Call::Inv(assume), &families, |k, x| {
                vec![("entries", entry_error(&families[k].1, x, &inverses[k]), BAR)]
            });
        }
        // Pascal's matrix is not positive definite any more in single precision.
        let single = unit_roundoff::<T>() > 1e-10;
        let posdef: Vec<(String, Mat<T>)> = positive_definite_gallery::<T>(n)
            .into_iter()
            .filter(|(name, ..)| !(single && *name == "pascal"))
            .map(|(name, a, _)| (name.to_string(), a))
            .collect();
        let exact: Vec<Exact> = posdef.iter().map(|(_, a)| exact_inverse(a).unwrap()).collect();
        judge(&mut worst, Call::Inv(Assume::Posdef), &posdef, |k, x| {
            vec![("entries", entry_error(&posdef[k].1, x, &exact[k]), BAR)]
        });
    }
    worst.finish();
}

/// Factors of whole numbers, whose product is exact.
fn exact_of_factors<T: Scalar>() {
    let mut worst = Worst::new(format!("entry errors of cholesky_inv, {}", T::NAME));
    for n in exact_orders::<T>() {
        let rng = &mut Rng::new(n as u64);
        let mut whole = |most: usize| rng.below(2 * most + 1) as f64 - most as f64;
        let mut factor = |most: usize, diagonal: f64| {
            Mat::<T>::from_fn(n, n, |i, j| match i.cmp(&j) {
                std::cmp::Ordering::Less => T::default(),
                std::cmp::Ordering::Equal => parts(diagonal, 0.0),
                std::cmp::Ordering::Greater => parts(whole(most), whole(most)),
            })
        };
        let factors = [
            ("dominant".to_string(), factor(1, n as f64 + 1.0)),
            ("moderate".to_string(), factor(1, 3.0)),
            ("large below".to_string(), factor(3, 8.0)),
        ];
        let products: Vec<Mat<T>> = factors.iter().map(|(_, l)| l.times(&l.adjoint())).collect();
        let exact: Vec<Exact> = products.iter().map(|a| exact_inverse(a).unwrap()).collect();
        for uplo in [Uplo::Lower, Uplo::Upper] {
            let turned = |l: &Mat<T>| if uplo == Uplo::Lower { l.clone() } else { l.adjoint() };
            let given: Vec<_> = factors.iter().map(|(f, l)| (f.clone(), turned(l))).collect();
            judge(&mut worst, Call::CholeskyInv(uplo), &given, |k, x| {
                vec![("entries", entry_error(&products[k], x, &exact[k]), BAR)]
            });
        }
    }
    worst.finish();
}

fn exact_of_triangles<T: Scalar>() {
    let mut worst = Worst::new(format!("entry errors of tri_inv, {}", T::NAME));
    for n in exact_orders::<T>() {
        for (family, unit, a) in triangles::<T>(n, 7) {
            let diag = if unit { Diag::Unit } else { Diag::NonUnit };
            let one = T::from_re(T::Real::ONE);
            let meant = a.map(|i, j, x| if unit && i == j { one } else { x });
            let exact = exact_inverse(&meant).unwrap();
            let transposed: Exact = (0..n * n).map(|at| exact[at % n * n + at / n]).collect();
            for (uplo, meant, given, exact) in [
                (Uplo::Lower, meant.clone(), a.clone(), exact.clone()),
                (Uplo::Upper, meant.transposed(), a.transposed(), transposed),
            ] {
                let given = [(family.clone(), given.clone()), (family.clone(), given)];
                judge(&mut worst, Call::TriInv(uplo, diag), &given, |_, x| {
                    vec![("entries", entry_error(&meant, x, &exact), BAR)]
                });
            }
        }
    }
    worst.finish();
}

/// x = A^-1 b for a b of plus and minus one: each entry over n u (|A^-1| |A| |x|).
fn exact_solutions<T: Scalar>() {
    let mut worst = Worst::new(format!("entry errors of solve, {}", T::NAME));
    for n in exact_orders::<T>() {
        let (families, inverses) = with_inverses::<T>(n);
        let signs: Vec<f64> = (0..n).map(|j| if j % 3 == 1 { -1.0 } else { 1.0 }).collect();
        let b: Vec<T> = signs.iter().map(|s| parts(*s, 0.0)).collect();
        let count = families.len();
        let a: Vec<T> = families.iter().flat_map(|(_, a)| a.data.clone()).collect();
        let sides: Vec<T> = (0..count).flat_map(|_| b.clone()).collect();
        let o = assuming(Assume::General);
        let run = |count: usize, a: &[T], b: &[T]| {
            let a = Stack::new(a, &[count, n, n]).unwrap();
            solve(a, Stack::new(b, &[count, n, 1]).unwrap(), &o).unwrap().into_vec()
        };
        let together = run(count, &a, &sides);
        for (k, ((family, a), inverse)) in families.iter().zip(&inverses).enumerate() {
            let alone = run(1, &a.data, &b);
            for (route, x) in [("alone", &alone[..]), ("in a stack", &together[k * n..(k + 1) * n])]
            {
                let error = solution_error(a, x, inverse, &signs);
                worst.check(format!("{route}: {family}"), format!("n = {n}"), error, BAR);
            }
        }
    }
    worst.finish();
}

fn solution_error<T: Scalar>(a: &Mat<T>, x: &[T], inverse: &Exact, signs: &[f64]) -> f64 {
    let n = a.rows;
    if !x.iter().all(|x| Scalar::is_finite(*x)) {
        return f64::INFINITY;
    }
    // The sum of the exact entries, less x, largest parts first.
    let sum = |i: usize, part: &dyn Fn(usize) -> (f64, f64), less: f64| {
        let (mut high, mut low) = (-less, 0.0);
        for j in 0..n {
            let (h, l) = part(i * n + j);
            let term = h * signs[j];
            let s = high + term;
            let z = s - high;
            low += (high - (s - z)) + (term - z) + l * signs[j];
            high = s;
        }
        high + low
    };
    let modulus = |x: T| x.re().to_f64().hypot(x.im().to_f64());
    let (re, im) = (|at: usize| inverse[at].0, |at: usize| inverse[at].1);
    let size: Vec<f64> = (0..n).map(|i| sum(i, &re, 0.0).hypot(sum(i, &im, 0.0))).collect();
    let product: Vec<f64> =
        (0..n).map(|i| (0..n).map(|j| modulus(a[(i, j)]) * size[j]).sum()).collect();
    (0..n).fold(0.0, |worst: f64, i| {
        let error = sum(i, &re, x[i].re().to_f64()).hypot(sum(i, &im, x[i].im().to_f64()));
        let entry = |j: usize| inverse[i * n + j].0.0.hypot(inverse[i * n + j].1.0);
        let bound: f64 = (0..n).map(|j| entry(j) * product[j]).sum();
        let ratio =
            if error == 0.0 { 0.0 } else { error / (n as f64 * unit_roundoff::<T>() * bound) };
        worst.max(if ratio.is_nan() { f64::INFINITY } else { ratio })
    })
}

/// The measure of solutions fails as the others do.
#[test]
fn wrong_solutions_fail() {
    let rng = &mut Rng::new(1);
    let a = Mat::<c64>::from_fn(3, 3, |_, _| rng.scalar());
    let (exact, signs) = (exact_inverse(&a).unwrap(), [1.0, -1.0, 1.0]);
    let b = Mat::new(3, 1, signs.map(|s| c64::new(s, 0.0)).to_vec());
    let x = solve(a.view(), b.view(), &Options::default()).unwrap().into_vec();
    let error = |x: &[c64]| solution_error(&a, x, &exact, &signs);
    assert!(error(&x) <= BAR, "{}", error(&x));
    for (name, wrong) in [
        ("NaN", c64::new(f64::NAN, 0.0)),
        ("NaN beside i", c64::new(0.0, f64::NAN)),
        ("infinity", c64::new(f64::INFINITY, 0.0)),
        ("zero", c64::new(0.0, 0.0)),
        ("conjugated", x[1].conj()),
        ("a little off", x[1] * (1.0 + 1e-10)),
    ] {
        let mut y = x.clone();
        y[1] = wrong;
        assert!(!(error(&y) <= HARD), "{name} passes");
    }
}

#[test]
fn on_every_instruction_set() {
    on_every_set("exact::stamped::", 16);
}

mod stamped {
    super::for_all_scalars!(exact_errors, exact_of_factors, exact_of_triangles, exact_solutions);
}
