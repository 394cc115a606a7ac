//! Residual ratios of every own route over the families (RELIABILITY 1.1, 1.2, 1.4, 1.5, 1.8, 1.9,
//! 1.11, 1.13): tight on the side that a route bounds, recorded on the other.

use super::common::*;
use ainv::*;
use testkit::*;

/// `orders`, and where blocks and panels end.
fn all_orders<T: Scalar>() -> Vec<usize> {
    let mut all = orders();
    if T::NAME == "float64" {
        all.extend([63, 127, 128, 129, 257]);
    }
    all
}

fn general_inverses<T: Scalar>() {
    let mut worst = Worst::new(format!("inv, {}", T::NAME));
    for n in all_orders::<T>() {
        let families = general::<T>(n, n as u64).into_iter().chain(traps::<T>(n, n as u64));
        for (family, a) in families {
            for assume in [Assume::Auto, Assume::General] {
                let case = format!("n = {n}, {assume:?}");
                match inv(a.view(), &assuming(assume)) {
                    Ok(x) => {
                        let (r, l) = right_and_left(&a, &mat(x));
                        worst.check(format!("{family}: right"), &case, r, TIGHT);
                        worst.record(format!("{family}: left"), &case, l);
                    }
                    Err(e) => worst.fail(format!("{family}, {case}: {e}")),
                }
            }
        }
    }
    worst.finish();
}

fn positive_definite_inverses<T: Scalar>() {
    let mut worst = Worst::new(format!("posdef inverse, {}", T::NAME));
    for n in all_orders::<T>() {
        for (family, a) in positive_definite::<T>(n, n as u64) {
            let case = format!("n = {n}");
            let o = Options::default();
            let mut check = |route: &str, x: Result<OwnedStack<T>, Error>, bar: f64| match x {
                Ok(x) => {
                    let x = mat(x);
                    let (r, l) = right_and_left(&a, &x);
                    worst.check(format!("{route}, {family}"), &case, r.max(l), bar);
                    if !x.is_hermitian() {
                        worst.fail(format!("{route}, {family}, {case}: not Hermitian"));
                    }
                }
                Err(e) => worst.fail(format!("{route}, {family}, {case}: {e}")),
            };
            check("posdef", inv(a.view(), &assuming(Assume::Posdef)), TIGHT);
            let l = cholesky(a.view(), Uplo::Lower, &o);
            let u = cholesky(a.view(), Uplo::Upper, &o);
            if let (Ok(l), Ok(u)) = (&l, &u) {
                check("cholesky_inv", cholesky_inv(l, Uplo::Lower, &o), TIGHT);
                check("cholesky_inv upper", cholesky_inv(u, Uplo::Upper, &o), TIGHT);
                let (l, u) = (mat(l.clone()), mat(u.clone()));
                let (rl, ru) = (rebuilt(&a, &l, &l.adjoint()), rebuilt(&a, &u.adjoint(), &u));
                worst.check(format!("L L^H, {family}"), &case, rl.max(ru), TIGHT);
                let zero = |i: usize, j: usize| {
                    i >= j || l[(i, j)] == T::default() && u[(j, i)] == T::default()
                };
                if !(0..n * n).all(|at| zero(at / n, at % n)) {
                    worst.fail(format!(
                        "cholesky, {family}, {case}: the other triangle is not zero"
                    ));
                }
            } else {
                worst.fail(format!("cholesky, {family}, {case}: {:?} {:?}", l.err(), u.err()));
            }
        }
    }
    worst.finish();
}

fn triangular_inverses<T: Scalar>() {
    let mut worst = Worst::new(format!("tri_inv, {}", T::NAME));
    for n in all_orders::<T>() {
        for (family, unit, a) in triangles::<T>(n, n as u64) {
            for uplo in [Uplo::Lower, Uplo::Upper] {
                let a = if uplo == Uplo::Lower { a.clone() } else { a.transposed() };
                let diag = if unit { Diag::Unit } else { Diag::NonUnit };
                let case = format!("n = {n}, {uplo:?}");
                let one = |i: usize, j: usize, x: T| {
                    if unit && i == j { T::from_re(T::Real::ONE) } else { x }
                };
                match tri_inv(a.view(), uplo, diag, &Options::default()) {
                    Ok(x) => {
                        let x = mat(x);
                        let (r, l) = right_and_left(&a.map(one), &x);
                        worst.check(format!("{family}: right"), &case, r, TIGHT);
                        worst.record(format!("{family}: left"), &case, l);
                        let other =
                            |i: usize, j: usize| if uplo == Uplo::Lower { i < j } else { i > j };
                        let zero = |at: usize| bits(x.data[at]) == [0, 0];
                        if !(0..n * n).all(|at| !other(at / n, at % n) || zero(at)) {
                            worst.fail(format!("{family}, {case}: the other triangle is not zero"));
                        }
                    }
                    Err(e) => worst.fail(format!("{family}, {case}: {e}")),
                }
            }
        }
    }
    worst.finish();
}

fn solutions<T: Scalar>() {
    let mut worst = Worst::new(format!("solve, {}", T::NAME));
    for n in orders() {
        let of_kind =
            |assume, all: Vec<(String, Mat<T>)>| all.into_iter().map(move |(f, a)| (f, a, assume));
        let families = of_kind(Assume::General, general(n, 5))
            .chain(of_kind(Assume::Auto, traps(n, 5)))
            .chain(of_kind(Assume::Posdef, positive_definite(n, 5)));
        for (family, a, assume) in families {
            if family.contains("growth") && n > 10 {
                continue;
            }
            for k in [1, 3, n.min(33)] {
                let rng = &mut Rng::new(n as u64);
                let b: Mat<T> = Mat::from_fn(n, k, |_, _| rng.scalar());
                let case = format!("n = {n}, k = {k}");
                match solve(a.view(), b.view(), &assuming(assume)) {
                    Ok(x) => {
                        let ratio = residual_of_solve(&a, &b, &mat(x));
                        // A root, two divisions and their complex parts are all there is at order 1.
                        let bar = if assume == Assume::Posdef && n < 4 { 6.0 } else { TIGHT };
                        worst.check(format!("{assume:?}, {family}"), case, ratio, bar);
                    }
                    Err(e) => worst.fail(format!("{assume:?}, {family}, {case}: {e}")),
                }
            }
        }
    }
    worst.finish();
}

/// Against the exact inverse: random matrices and the gallery.
fn exact_errors<T: Scalar>() {
    const BAR: f64 = 4.0;
    let mut worst = Worst::new(format!("entry errors against the exact inverse, {}", T::NAME));
    let sizes =
        if T::COMPLEX { vec![1, 2, 3, 4, 5, 8, 12] } else { (1..=17).chain([24]).collect() };
    for n in sizes {
        let rng = &mut Rng::new(n as u64);
        let random: Mat<T> = Mat::from_fn(n, n, |_, _| rng.scalar());
        let gallery = known_inverses::<T>(n).into_iter().map(|(name, a, _)| (name, a));
        for (name, a) in gallery.chain([("random", random)]) {
            let exact = exact_inverse(&a).unwrap_or_else(|| panic!("{name} {n} is singular"));
            let x = mat(inv(a.view(), &assuming(Assume::General)).unwrap());
            worst.check(name, format!("n = {n}"), entry_error(&a, &x, &exact), BAR);
        }
        for (name, a, _) in positive_definite_gallery::<T>(n) {
            let exact = exact_inverse(&a).unwrap();
            match inv(a.view(), &assuming(Assume::Posdef)) {
                Ok(x) => {
                    let error = entry_error(&a, &mat(x), &exact);
                    worst.check(format!("{name}, posdef"), format!("n = {n}"), error, BAR);
                }
                // Pascal's matrix is not positive definite any more in single precision.
                Err(e) => assert!(
                    name == "pascal" && testkit::unit_roundoff::<T>() > 1e-10,
                    "{name} {n}: {e}"
                ),
            }
        }
    }
    worst.finish();
}

/// Against the inverses known in closed form, to order 100.
fn known_errors<T: Scalar>() {
    let mut worst = Worst::new(format!("entry errors against known inverses, {}", T::NAME));
    for n in (1..=32).chain([50, 64, 100]) {
        for (name, a, y) in known_inverses::<T>(n) {
            let exact: Vec<_> =
                y.data.iter().map(|x| ((x.re().to_f64(), 0.0), (x.im().to_f64(), 0.0))).collect();
            let x = mat(inv(a.view(), &Options::default()).unwrap());
            // The known inverse is itself rounded once, and A's entries too.
            worst.check(name, format!("n = {n}"), entry_error(&a, &x, &exact), 5.0);
        }
    }
    worst.finish();
}

/// The same matrix small, and as a block of one that takes the blocked route.
fn small_equals_large<T: Scalar>() {
    let mut worst = Worst::new(format!("the same matrix in lanes and blocked, {}", T::NAME));
    for n in 4..=32 {
        for (family, a) in general::<T>(n, 11).into_iter().chain(traps(n, 11)) {
            let size = n + 20;
            let one = |i: usize, j: usize| T::from_re(T::Real::from_f64((i == j) as u8 as f64));
            let big =
                Mat::from_fn(size, size, |i, j| if i < n && j < n { a[(i, j)] } else { one(i, j) });
            let x = mat(inv(big.view(), &assuming(Assume::General)).unwrap());
            let part = Mat::from_fn(n, n, |i, j| x[(i, j)]);
            worst.check(format!("{family}: blocked"), format!("n = {n}"), right(&a, &part), TIGHT);
            let x = mat(inv(a.view(), &assuming(Assume::General)).unwrap());
            worst.check(format!("{family}: alone"), format!("n = {n}"), right(&a, &x), TIGHT);
        }
    }
    worst.finish();
}

mod stamped {
    super::for_all_scalars!(
        general_inverses,
        positive_definite_inverses,
        triangular_inverses,
        solutions,
        exact_errors,
        known_errors,
        small_equals_large,
    );
}
