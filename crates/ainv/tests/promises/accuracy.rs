//! Residual ratios of every own route over the families, on every instruction set: tight on the side that a
//! route bounds, recorded on the other.
//!
//! The matrices of one order go alone and side by side in one stack, so that every kernel's results are
//! measured. There is no public LU: its backward error is that of `solve`.

use super::common::*;
use ainv::*;
use testkit::*;

/// `orders`, and where blocks, tiles and panels end. In the processes that run other sets, some of them.
/// `AINV_TEST_ORDER=1000` asks for that one alone, with all families.
fn all_orders() -> Vec<usize> {
    if let Ok(asked) = std::env::var("AINV_TEST_ORDER") {
        return vec![asked.parse().expect("AINV_TEST_ORDER is an order")];
    }
    let edges = [63, 96, 97, 127, 128, 129, 257];
    match instruction_set().unwrap() {
        // These go lane by lane in plain code.
        IsaId::Fused | IsaId::Portable => FEW.to_vec(),
        _ if is_child() => FEW.iter().copied().chain([63, 100, 129]).collect(),
        _ => orders().into_iter().chain(edges).collect(),
    }
}

/// The edges of registers and of routes.
const FEW: [usize; 23] =
    [0, 1, 2, 3, 4, 5, 7, 8, 9, 12, 13, 16, 17, 20, 21, 24, 25, 32, 33, 40, 64, 65, 97];

type Family<T> = (String, Mat<T>);

/// A side, its ratio and the bar of it.
type Ratio = (&'static str, f64, f64);

/// The bar of what is recorded.
pub(crate) const ANY: f64 = f64::MAX;

/// Right and left, for a route that bounds the right one.
pub(crate) fn sides<T: Scalar>(a: &Mat<T>, x: &Mat<T>) -> Vec<Ratio> {
    let (right, left) = right_and_left(a, x);
    vec![("right", right, TIGHT), ("left", left, ANY)]
}

/// What must hold as it is: infinite if it does not.
fn holds(what: &'static str, good: bool) -> Ratio {
    (what, if good { 0.0 } else { f64::INFINITY }, 0.0)
}

/// The route of a call, in the tables' word.
pub(crate) fn route<T: Scalar>(call: Call, count: usize, n: usize) -> &'static str {
    let (operation, assume) = match call {
        Call::Inv(assume) => (Operation::Inv, assume),
        Call::Cholesky(_) => (Operation::Cholesky, Assume::Auto),
        Call::CholeskyInv(_) => (Operation::CholeskyInv, Assume::Auto),
        Call::TriInv(..) => (Operation::TriInv, Assume::Auto),
        Call::Solve(assume) => (Operation::Solve { rhs: n }, assume),
        Call::Pinv => (Operation::Pinv, Assume::Auto),
    };
    word(plan::<T>(operation, [count, n, n], &assuming(assume)).unwrap().route, call, n, T::COMPLEX)
}

fn name(call: Call) -> &'static str {
    match call {
        Call::Inv(Assume::Posdef) => "inv posdef",
        Call::Inv(Assume::Lower | Assume::Upper) => "inv of a triangle",
        Call::Inv(Assume::Symmetric | Assume::Hermitian) => "inv Hermitian",
        Call::Inv(_) => "inv",
        Call::Cholesky(_) => "cholesky",
        Call::CholeskyInv(_) => "cholesky_inv",
        Call::TriInv(..) => "tri_inv",
        Call::Solve(Assume::Posdef) => "solve posdef",
        Call::Solve(_) => "solve",
        Call::Pinv => "pinv",
    }
}

fn word(route: Route, call: Call, n: usize, complex: bool) -> &'static str {
    let general = matches!(call, Call::Inv(Assume::Auto | Assume::General));
    match route {
        Route::Lanes if general && n <= if complex { 2 } else { 3 } => "closed form",
        Route::Lanes => "lanes",
        Route::Columns => "columns",
        Route::Blocked => "blocked",
        Route::Certified => "certified",
        Route::Decomposition => "singular values",
    }
}

/// Runs `call` on matrices of one order, each alone and, where there are kernels for several, all in one
/// stack; every result is judged by `ratios` of the matrix's number and the result. Equal bits are judged
/// once.
pub(crate) fn judge<T: Scalar>(
    worst: &mut Worst,
    call: Call,
    families: &[(String, Mat<T>)],
    ratios: impl Fn(usize, &Mat<T>) -> Vec<Ratio>,
) {
    let Some((_, first)) = families.first() else { return };
    let n = first.rows;
    let together = (1..=64).contains(&n).then(|| {
        let data: Vec<T> = families.iter().flat_map(|(_, a)| a.data.iter().copied()).collect();
        call.run(families.len(), n, &data)
    });
    for (k, (family, a)) in families.iter().enumerate() {
        let mut results = vec![(1, call.run(1, n, &a.data))];
        if let Some((x, status)) = &together {
            let part = x[k * n * n..(k + 1) * n * n].to_vec();
            results.push((families.len(), (part, vec![status[k]])));
        }
        let mut judged: Option<(Mat<T>, Vec<Ratio>)> = None;
        for (count, (x, status)) in results {
            let case = format!("n = {n}, {call:?}");
            if !status[0].is_ok() {
                worst.fail(format!("{family}, {case}, {count} matrices: {:?}", status[0]));
                continue;
            }
            let ratios = match judged.take() {
                Some((y, ratios)) if same_bits(&x, &y.data) => (y, ratios),
                _ => {
                    let x = Mat::new(n, n, x);
                    let ratios = ratios(k, &x);
                    (x, ratios)
                }
            };
            for (side, ratio, bar) in &ratios.1 {
                let row =
                    format!("{}, {}, {side}: {family}", name(call), route::<T>(call, count, n));
                worst.check(row, &case, *ratio, *bar);
            }
            judged = Some(ratios);
        }
    }
}

fn general_inverses<T: Scalar>() {
    let mut worst = Worst::new(format!("general, {}", T::NAME));
    for n in all_orders() {
        let mut families: Vec<Family<T>> = general(n, n as u64);
        families.extend(traps(n, n as u64));
        for assume in [Assume::Auto, Assume::General] {
            judge(&mut worst, Call::Inv(assume), &families, |k, x| sides(&families[k].1, x));
        }
    }
    worst.finish();
}

/// Indefinite ones of which one triangle is read: the other is filled in, and it goes the general way.
fn hermitian_inverses<T: Scalar>() {
    let mut worst = Worst::new(format!("Hermitian and symmetric, {}", T::NAME));
    for n in all_orders() {
        let rng = &mut Rng::new(n as u64);
        let cond = (0.1 / T::Real::EPSILON.to_f64()).sqrt();
        let mut values = spectrum("geometric", n, cond);
        values.iter_mut().step_by(2).for_each(|x| *x = -*x);
        let hermitian = hermitian_from::<T>(&values, rng);
        let r: Mat<T> = Mat::from_fn(n, n, |_, _| rng.scalar());
        let symmetric = r.map(|i, j, x| if i >= j { x } else { r[(j, i)] });
        for (assume, a) in [(Assume::Hermitian, hermitian), (Assume::Symmetric, symmetric)] {
            let spoilt = a.map(|i, j, x| if i >= j { x } else { T::nan() });
            let families = vec![(format!("{assume:?}"), spoilt); 2];
            judge(&mut worst, Call::Inv(assume), &families, |_, x| sides(&a, x));
        }
    }
    worst.finish();
}

fn positive_definite_inverses<T: Scalar>() {
    let mut worst = Worst::new(format!("positive definite, {}", T::NAME));
    for n in all_orders() {
        let families: Vec<Family<T>> = positive_definite(n, n as u64);
        let both = |k: usize, x: &Mat<T>| {
            let (right, left) = right_and_left(&families[k].1, x);
            vec![
                ("right", right, TIGHT),
                ("left", left, TIGHT),
                holds("Hermitian, bit for bit", x.is_hermitian()),
            ]
        };
        judge(&mut worst, Call::Inv(Assume::Posdef), &families, both);
        for uplo in [Uplo::Lower, Uplo::Upper] {
            judge(&mut worst, Call::Cholesky(uplo), &families, |k, x| {
                let other = if uplo == Uplo::Lower { x.transposed() } else { x.clone() };
                let mut below = (0..n * n).filter(|at| at / n > at % n);
                let (f, g) = if uplo == Uplo::Lower {
                    (x.clone(), x.adjoint())
                } else {
                    (x.adjoint(), x.clone())
                };
                vec![
                    ("rebuilt", rebuilt(&families[k].1, &f, &g), TIGHT),
                    holds("zero beside it", below.all(|at| is_zero(other.data[at]))),
                ]
            });
            let factor = |(family, a): &Family<T>| {
                let (l, status) = Call::Cholesky(uplo).run(1, n, &a.data);
                assert!(status[0].is_ok(), "{family}, n = {n}: {:?}", status[0]);
                (family.clone(), Mat::new(n, n, l))
            };
            let given: Vec<Family<T>> = families.iter().map(factor).collect();
            judge(&mut worst, Call::CholeskyInv(uplo), &given, both);
        }
    }
    worst.finish();
}

fn is_zero<T: Scalar>(x: T) -> bool {
    bits(x) == [0, 0]
}

fn triangular_inverses<T: Scalar>() {
    let mut worst = Worst::new(format!("triangular, {}", T::NAME));
    for n in all_orders() {
        let all = triangles::<T>(n, n as u64);
        for (uplo, diag) in [
            (Uplo::Lower, Diag::NonUnit),
            (Uplo::Upper, Diag::NonUnit),
            (Uplo::Lower, Diag::Unit),
            (Uplo::Upper, Diag::Unit),
        ] {
            let unit = diag == Diag::Unit;
            let turned = |a: &Mat<T>| match uplo {
                Uplo::Lower => a.clone(),
                Uplo::Upper => a.transposed(),
            };
            // An inverse that grows leaves the range of single precision.
            let fits = |family: &str| n < 1000 || !family.starts_with("growing");
            let of_kind = all.iter().filter(|(family, u, _)| *u == unit && fits(family));
            let families: Vec<Family<T>> =
                of_kind.map(|(family, _, a)| (family.clone(), turned(a))).collect();
            let judged = |k: usize, x: &Mat<T>| {
                let meant = families[k].1.map(|i, j, x| match unit && i == j {
                    true => T::from_re(T::Real::ONE),
                    false => x,
                });
                let (right, left) = right_and_left(&meant, x);
                let beside = |at: usize| match uplo {
                    Uplo::Lower => at / n < at % n,
                    Uplo::Upper => at / n > at % n,
                };
                let zero = (0..n * n).all(|at| !beside(at) || is_zero(x.data[at]));
                vec![("right", right, TIGHT), ("left", left, ANY), holds("zero beside it", zero)]
            };
            judge(&mut worst, Call::TriInv(uplo, diag), &families, judged);
            if !unit {
                let assume = if uplo == Uplo::Lower { Assume::Lower } else { Assume::Upper };
                judge(&mut worst, Call::Inv(assume), &families, judged);
            }
        }
    }
    worst.finish();
}

/// All matrices of one order in one stack, and each alone, with k right-hand sides each.
fn solutions<T: Scalar>() {
    let mut worst = Worst::new(format!("solutions, {}", T::NAME));
    for n in all_orders().into_iter().filter(|n| !T::COMPLEX || *n != 257) {
        let not_growing: Vec<Family<T>> =
            traps(n, 5).into_iter().filter(|(f, _)| n <= 10 || !f.contains("growth")).collect();
        for (assume, families) in [
            (Assume::General, general::<T>(n, 5)),
            (Assume::Auto, not_growing),
            (Assume::Posdef, positive_definite(n, 5)),
        ] {
            let o = assuming(assume);
            for k in [1, 3, n.min(33)] {
                let rng = &mut Rng::new(n as u64);
                let b: Mat<T> = Mat::from_fn(n, k, |_, _| rng.scalar());
                let run = |families: &[Family<T>]| {
                    let count = families.len();
                    let a: Vec<T> = families.iter().flat_map(|(_, a)| a.data.clone()).collect();
                    let sides: Vec<T> = (0..count).flat_map(|_| b.data.clone()).collect();
                    let mut x = vec![T::nan(); count * n * k];
                    let mut status = vec![Status::default(); count];
                    let (a, sides) =
                        (Stack::new(&a, &[count, n, n]), Stack::new(&sides, &[count, n, k]));
                    let to = StackMut::new(&mut x, &[count, n, k]).unwrap();
                    solve_into(a.unwrap(), sides.unwrap(), to, &mut status, &o).unwrap();
                    (x, status)
                };
                let together = (1..=64).contains(&n).then(|| run(&families));
                for (i, (family, a)) in families.iter().enumerate() {
                    let (x, status) = run(std::slice::from_ref(&families[i]));
                    let mut results = vec![(1, x, status[0])];
                    if let Some((x, status)) = &together {
                        let part = x[i * n * k..(i + 1) * n * k].to_vec();
                        results.push((families.len(), part, status[i]));
                    }
                    for (count, x, status) in results {
                        let case = format!("n = {n}, k = {k}");
                        if !status.is_ok() {
                            worst.fail(format!("{assume:?}, {family}, {case}: {status:?}"));
                            continue;
                        }
                        let plan = plan::<T>(Operation::Solve { rhs: k }, [count, n, n], &o);
                        let route = word(plan.unwrap().route, Call::Solve(assume), n, T::COMPLEX);
                        let ratio = residual_of_solve(a, &b, &Mat::new(n, k, x));
                        // A root, two divisions and their complex parts are all there is at order 1.
                        let bar = if assume == Assume::Posdef && n == 1 { 6.0 } else { TIGHT };
                        let row = format!("{}, {route}: {family}", name(Call::Solve(assume)));
                        worst.check(row, case, ratio, bar);
                    }
                }
            }
        }
    }
    worst.finish();
}

/// Order 1000: what memory and panels of large matrices add.
fn order_1000<T: Scalar>() {
    let mut worst = Worst::new(format!("order 1000, {}", T::NAME));
    let (n, rng) = (1000, &mut Rng::new(1));
    let values = spectrum("geometric", n, 0.1 / T::Real::EPSILON.to_f64());
    let random = Mat::<T>::from_fn(n, n, |_, _| rng.scalar());
    let ill = from_singular_values(n, n, &values, rng);
    let families = [("random normal".to_string(), random), ("9 condition 0.1/eps".into(), ill)];
    let call = Call::Inv(Assume::General);
    judge(&mut worst, call, &families, |k, x| sides(&families[k].1, x));
    let values = spectrum("geometric", n, (0.1 / T::Real::EPSILON.to_f64()).sqrt());
    let families = [("6 condition sqrt(0.1/eps)".to_string(), hermitian_from::<T>(&values, rng))];
    judge(&mut worst, Call::Inv(Assume::Posdef), &families, |_, x| {
        let (right, left) = right_and_left(&families[0].1, x);
        let hermitian = holds("Hermitian, bit for bit", x.is_hermitian());
        vec![("right", right, TIGHT), ("left", left, TIGHT), hermitian]
    });
    worst.finish();
}

#[test]
fn of_order_1000() {
    if !is_child() {
        order_1000::<f32>();
        order_1000::<f64>();
    }
}

/// Matrices whose elements grow in the elimination: what is lost is not more than the growth, which is
/// printed. From order 47 (in single precision 17) on this growth leaves no digit, and the bar says that
/// the result is finite.
fn elements_grow<T: Scalar>() {
    let mut worst = Worst::new(format!("inv where elements grow, {}", T::NAME));
    let mut most = 0.0f64;
    for n in 2..=60 {
        let (families, growths): (Vec<Family<T>>, Vec<f64>) =
            growing::<T>(n).into_iter().map(|(f, a, growth)| ((f, a), growth)).unzip();
        most = growths.iter().copied().fold(most, f64::max);
        judge(&mut worst, Call::Inv(Assume::General), &families, |k, x| {
            let (right, left) = right_and_left(&families[k].1, x);
            vec![
                ("right over growth", right / growths[k].max(1.0), TIGHT),
                ("right", right, ANY),
                ("left", left, ANY),
            ]
        });
    }
    say(format!("growth up to {most:.1e}"));
    assert!(most >= 2f64.powi(58), "Wilkinson's matrix doubles in each step: {most:?}");
    worst.finish();
}

/// Against the inverses known in closed form, to order 100.
fn known_errors<T: Scalar>() {
    let mut worst = Worst::new(format!("entry errors, known inverses, {}", T::NAME));
    let orders = all_orders().into_iter().filter(|n| (1..=100).contains(n));
    for n in orders {
        let all = known_inverses::<T>(n);
        let families: Vec<Family<T>> =
            all.iter().map(|(name, a, _)| (name.to_string(), a.clone())).collect();
        for assume in [Assume::Auto, Assume::General] {
            judge(&mut worst, Call::Inv(assume), &families, |k, x| {
                let (name, a, y) = &all[k];
                // Its inverse has zeros of which the bound is zero, too.
                if *name == "clement" {
                    return sides(a, x);
                }
                let double = |x: T::Real| (x.to_f64(), 0.0);
                let exact: Vec<_> =
                    y.data.iter().map(|x| (double(x.re()), double(x.im()))).collect();
                // The known inverse is itself rounded, and A's entries, too.
                vec![("entries", entry_error(a, x, &exact), 5.0)]
            });
        }
    }
    worst.finish();
}

/// The same matrix small, in lanes and by columns, and as a block at the beginning or the end of one
/// that takes the blocked route.
fn small_equals_large<T: Scalar>() {
    let mut worst = Worst::new(format!("the same matrix small and large, {}", T::NAME));
    let call = Call::Inv(Assume::General);
    for n in all_orders().into_iter().filter(|n| (2..=32).contains(n)) {
        let families: Vec<Family<T>> = general(n, 11).into_iter().chain(traps(n, 11)).collect();
        judge(&mut worst, call, &families, |k, x| sides(&families[k].1, x));
        for (family, a) in &families {
            for (size, first) in [(65, 0), (80, 80 - n)] {
                assert_eq!(route::<T>(call, 1, size), "blocked");
                let big = Mat::from_fn(size, size, |i, j| {
                    if (first..first + n).contains(&i) && (first..first + n).contains(&j) {
                        a[(i - first, j - first)]
                    } else {
                        T::from_re(T::Real::from_f64((i == j) as u8 as f64))
                    }
                });
                let (x, status) = call.run(1, size, &big.data);
                assert!(status[0].is_ok(), "{family}, n = {n}: {:?}", status[0]);
                let x = Mat::new(size, size, x);
                let part = Mat::from_fn(n, n, |i, j| x[(first + i, first + j)]);
                let row = format!("inv, blocked, in one of {size}: {family}");
                worst.check(row, format!("n = {n}"), right(a, &part), TIGHT);
                let apart = |i: usize, j: usize| {
                    let inside = |i: usize| (first..first + n).contains(&i);
                    inside(i) == inside(j) && (inside(i) || i == j)
                };
                let zero = |at: usize| {
                    let x = x.data[at];
                    x.re().to_f64() == 0.0 && x.im().to_f64() == 0.0
                };
                let good = (0..size * size).all(|at| apart(at / size, at % size) || zero(at));
                if !good {
                    worst.fail(format!("{family}, n = {n} of {size}: the blocks are mixed"));
                }
            }
        }
    }
    worst.finish();
}

#[test]
fn on_every_instruction_set() {
    on_every_set("accuracy::stamped::", 32);
}

mod stamped {
    super::for_all_scalars!(
        general_inverses,
        hermitian_inverses,
        positive_definite_inverses,
        triangular_inverses,
        solutions,
        elements_grow,
        known_errors,
        small_equals_large,
    );
}
