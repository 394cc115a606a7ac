//! Real matrices, found by the environment variable `AINV_TEST_MATRICES` alone.
//!
//! Two bars: ten times the ratio that NumPy was measured at, and ten times our own, which is kept in `real.txt` and
//! written anew by `AINV_REAL=write cargo test --release -p ainv --test promises real`.

use super::common::*;
use ainv::*;
use std::collections::BTreeMap;
use testkit::{Entries, Mat, Worst, norm1, penrose, right_and_left, say, unit_roundoff};

#[derive(Clone, Copy, PartialEq)]
enum Is {
    /// NumPy's left and right ratios.
    General(f64, f64),
    Posdef(f64, f64),
    Singular,
    Rectangular,
}
use Is::*;

/// What NumPy's `linalg.inv` was measured at in double precision.
const TABLE: [(&str, Is); 27] = [
    ("camera_matrix", General(0.0, 0.0)),
    ("jgl009", Singular),
    ("lfat5", Posdef(1.1e-5, 7.1e-7)),
    ("bcsstk01", Posdef(1.9e-2, 9.0e-5)),
    ("cosmo_cov_mnulfi", Posdef(5.1e-3, 5.7e-3)),
    ("can_61", Singular),
    ("bcsstk02", Posdef(1.3e-2, 3.1e-3)),
    ("west0067", General(1.6e-2, 5.0e-3)),
    ("nos4", Posdef(7.5e-3, 3.2e-3)),
    ("bcsstk03", Posdef(4.1e-2, 1.5e-4)),
    ("cosmo_cov_jax_intro", General(8.8e-5, 3.6e-5)),
    ("arc130", General(1.3e-7, 1.2e-7)),
    ("mcca", General(4.6e-10, 4.1e-13)),
    ("fs_183_6", General(9.9e-4, 2.1e-12)),
    ("e05r0000", General(1.5e-2, 6.0e-4)),
    ("qc324", General(2.0e-2, 4.0e-4)),
    ("plat362", Posdef(1.5e3, 2.3e-3)),
    ("west0479", General(2.8e-6, 1.8e-8)),
    ("494_bus", Posdef(2.9e-3, 4.0e-5)),
    ("young1c", General(1.4e-2, 7.9e-4)),
    ("gr_30_30", Posdef(2.5e-3, 6.6e-4)),
    ("mhd1280b", Posdef(1.5e-10, 3.3e-12)),
    ("nnc1374", General(7.3e-1, 1.8e-7)),
    ("bcsstk13", Posdef(9.7e-2, 5.3e-8)),
    ("lp_e226", Rectangular),
    ("well1033", Rectangular),
    ("illc1033", Rectangular),
];

/// Ten times the recorded ratio, and at least what few roundings make: of small matrices that is more.
fn bar(recorded: f64, n: usize) -> f64 {
    (10.0 * recorded).max(0.6 / n as f64).max(0.05)
}

const KEPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/promises/real.txt");

/// Our own ratios: those that are kept, and those of this run.
struct Own {
    kept: BTreeMap<String, f64>,
    seen: BTreeMap<String, f64>,
}

impl Own {
    fn read() -> Own {
        let text = std::fs::read_to_string(KEPT).unwrap_or_default();
        let pair = |line: &str| {
            let (key, ratio) = line.rsplit_once(' ').unwrap();
            (key.to_string(), ratio.parse().unwrap())
        };
        Own { kept: text.lines().map(pair).collect(), seen: BTreeMap::new() }
    }

    /// One of a matrix's sides, on one way to its inverse.
    fn check(&mut self, worst: &mut Worst, key: String, ratio: f64) {
        match self.kept.get(&key) {
            _ if writes() => {}
            // The portable set rounds otherwise.
            Some(kept) => {
                worst.check("over our own, less ten times", &key, ratio / kept.max(1e-30), 10.0)
            }
            None => worst.fail(format!("{key} is not in {KEPT}")),
        }
        self.seen.insert(key, ratio);
    }

    fn finish(&self) {
        if writes() {
            let line = |(key, ratio): (&String, &f64)| format!("{key} {ratio:.1e}\n");
            let text: String = self.seen.iter().map(line).collect();
            std::fs::write(KEPT, text).unwrap();
        }
    }
}

fn writes() -> bool {
    std::env::var_os("AINV_REAL").is_some_and(|value| value == "write")
}

/// What is not invertible any more once it is rounded to single precision, and by which way.
const NOT_IN_SINGLE: [(&str, Assume); 1] = [("plat362", Assume::Posdef)];

fn check<T: Scalar>(name: &str, a: &Mat<T>, is: Is, worst: &mut Worst, own: &mut Own) {
    let single = unit_roundoff::<T>() > 1e-10;
    let inverse = |assume| inv(a.view(), &assuming(assume)).map(mat);
    let refused = |assume: Assume, e: Error, worst: &mut Worst| {
        let known = NOT_IN_SINGLE.iter().any(|&(n, by)| (n, by) == (name, assume));
        if !single || !known {
            worst.fail(format!("{name}, {assume:?}: {e}"));
        }
    };
    match is {
        General(l, r) | Posdef(l, r) => {
            let posdef = matches!(is, Posdef(..));
            match inverse(Assume::General) {
                Ok(x) => {
                    let (right, left) = right_and_left(a, &x);
                    worst.check(
                        format!("right: {name} (NumPy {r:.1e})"),
                        "general",
                        right,
                        bar(r, a.rows),
                    );
                    worst.record(format!("left: {name} (NumPy {l:.1e})"), "general", left);
                    own.check(worst, format!("{name} {} general right", T::NAME), right);
                    own.check(worst, format!("{name} {} general left", T::NAME), left);
                }
                Err(e) => refused(Assume::General, e, worst),
            }
            // By Cholesky both sides are small; NumPy's left one need not be.
            let mut both = |assume: Assume| match inverse(assume) {
                Ok(x) => {
                    let (right, left) = right_and_left(a, &x);
                    let way = format!("{assume:?}");
                    worst.check(format!("right, {way}: {name}"), &way, right, bar(r, a.rows));
                    own.check(worst, format!("{name} {} {way} right", T::NAME), right);
                    own.check(worst, format!("{name} {} {way} left", T::NAME), left);
                    if assume == Assume::Posdef && !x.is_hermitian() {
                        worst.fail(format!("{name}, {way}: not symmetric"));
                    }
                    if posdef && x.is_hermitian() {
                        worst.check(
                            format!("left, {way}: {name}"),
                            &way,
                            left,
                            bar(l, a.rows).min(1.0),
                        );
                    }
                    // Among small ones "auto" looks for no structure.
                    if posdef && !single && a.rows > 24 && !x.is_hermitian() {
                        worst.fail(format!("{name}, {way}: not by Cholesky"));
                    }
                }
                Err(e) => refused(assume, e, worst),
            };
            both(Assume::Auto);
            if posdef {
                both(Assume::Posdef);
            }
            if matches!(name, "mcca" | "nnc1374") && !single {
                beside_the_line(name, a, worst);
            }
        }
        Singular => {
            // Rounding may hide it from the elimination, and not from who asks.
            let ask =
                Options { ill_conditioned: IllConditioned::Raise(None), ..Options::default() };
            let singular = |e: &Error| matches!(e, Error::Matrix { status, .. } if status.code == Code::Singular);
            match inv(a.view(), &ask) {
                Err(Error::IllConditioned { .. }) => {}
                Err(e) if singular(&e) => {}
                other => worst.fail(format!("{name}: {:?}", other.map(drop))),
            }
            let x = mat(pinv(a.view(), &PinvOptions::default(), &Options::default()).unwrap());
            worst.check(
                format!("{name}: pinv"),
                "Penrose",
                penrose(a, &x).into_iter().fold(0.0, f64::max),
                5.0,
            );
        }
        Rectangular => {
            let x = mat(pinv(a.view(), &PinvOptions::default(), &Options::default()).unwrap());
            worst.check(
                format!("{name}: pinv"),
                "Penrose",
                penrose(a, &x).into_iter().fold(0.0, f64::max),
                5.0,
            );
        }
    }
}

/// SciPy warns of mcca, which is below the unit roundoff, and not of nnc1374, just above it. Both have a finite
/// result, and their numbers are right: its residual, in twice the precision, proves the inverse's norm.
fn beside_the_line<T: Scalar>(name: &str, a: &Mat<T>, worst: &mut Worst) {
    let (n, u) = (a.rows, unit_roundoff::<T>());
    let run = |ill_conditioned| {
        let mut x = Mat::<T>::zeros(n, n);
        let to = StackMut::new(&mut x.data, &[n, n]).unwrap();
        let mut status = [Status::default()];
        let o = Options { ill_conditioned, ..Options::default() };
        let summary = inv_into(a.view(), to, &mut status, &o).unwrap();
        assert_eq!(summary.failed, 0, "{name}");
        (x, status[0].code, summary.first_ill_conditioned.map(|(_, rcond)| rcond))
    };
    let (x, code, _) = run(IllConditioned::Warn(Some(u)));
    let expected = if name == "mcca" { Code::IllConditioned } else { Code::Ok };
    assert_eq!(code, expected, "{name}");
    assert!(x.is_finite(), "{name}");
    let raise = IllConditioned::Raise(Some(u));
    let refused = inv(a.view(), &Options { ill_conditioned: raise, ..Options::default() });
    let ill = matches!(refused, Err(Error::IllConditioned { .. }));
    assert_eq!(ill, name == "mcca", "{name}: {:?}", refused.map(drop));

    // norm(A^-1) is norm(X) but for norm(I - A X) of it.
    let product = norm1(a) * norm1(&x);
    let off = right_and_left(a, &x).0 * n as f64 * u * product;
    assert!(off < 0.1, "{name}: {off:e} proves nothing");
    let truth = 1.0 / product;
    let (_, code, beside_it) = run(IllConditioned::Warn(Some(1.0)));
    assert_eq!(code, Code::IllConditioned, "{name} with the limit 1");
    let alone = rcond(a.view(), Norm::One, &Options::default()).unwrap()[0].to_f64();
    for (of, r) in [("rcond", alone), ("inv's number", beside_it.unwrap())] {
        let case = format!("{r:.3e} of {truth:.3e}, which is right to {off:.0e}");
        worst.check(format!("{of}: {name}"), &case, f64::max(r / truth, truth / r) - 1.0, 30.0);
        worst.check(format!("{of}, optimistic: {name}"), &case, r / truth, 10.0);
        assert_eq!(r < u, name == "mcca", "{name}, {of}: {case}");
    }
}

#[test]
fn real_matrices() {
    let Some(folder) = std::env::var_os("AINV_TEST_MATRICES") else {
        return say("REAL MATRICES SKIPPED: AINV_TEST_MATRICES does not name their folder");
    };
    let files = testkit::read_folder(folder.as_ref());
    let mut double = Worst::new("real matrices, double precision");
    let mut single = Worst::new("real matrices, single precision");
    let (mut used, mut own) = (0, Own::read());
    for (name, is) in TABLE {
        let Some(file) = files.iter().find(|f| f.name == name) else { panic!("{name} is missing") };
        used += 1;
        match &file.entries {
            Entries::Real(a) => {
                let a = Mat::new(file.rows, file.cols, a.clone());
                check(name, &a, is, &mut double, &mut own);
                check(name, &a.narrow::<f32>(), is, &mut single, &mut own);
            }
            Entries::Complex(a) => {
                let a = Mat::new(file.rows, file.cols, a.clone());
                check(name, &a, is, &mut double, &mut own);
                check(name, &a.narrow::<c32>(), is, &mut single, &mut own);
            }
        }
    }
    assert_eq!(used, 27);
    own.finish();
    // Both tables are wanted, whichever fails.
    let good = double.is_good();
    let table = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| double.finish()));
    single.finish();
    assert!(good && table.is_ok());
}
