//! The same bits on every instruction set with fused multiply-adds.

use super::common::*;
use ainv::*;
use testkit::{Mat, fnv, say};

fn hashes<T: Scalar>() -> Vec<(String, u64)> {
    let mut all = Vec::new();
    for call in Call::OWN {
        let mut hash = 0xcbf2_9ce4_8422_2325;
        for (count, n) in (1..=40).map(|n| (if n > 16 { 2 } else { 37 }, n)).chain([
            (1, 63),
            (1, 64),
            (1, 65),
            (1, 100),
            (1, 131),
        ]) {
            let mut a = examples::<T>(call, count, n, n as u64);
            if n % 3 == 0 {
                // Suspects: out of range, and a NaN.
                testkit::ldexp(&a[..n * n], -T::Real::BIG_EXP)
                    .iter()
                    .zip(&mut a)
                    .for_each(|(x, a)| *a = *x);
                let at = (count / 2) * n * n;
                a[at] = if count > 1 { T::nan() } else { a[at] };
            }
            let (x, status) = call.run(count, n, &a);
            hash = fnv(hash, &x);
            hash = status
                .iter()
                .fold(hash, |h, s| fnv(h, &[(s.code as u8 as f64) + 100.0 * s.at as f64]));
        }
        all.push((format!("{call:?} {}", T::NAME).replace(' ', "_"), hash));
    }
    all.push((format!("others_{}", T::NAME), others::<T>()));
    // The oracle takes a minute for these.
    if instruction_set().unwrap() != IsaId::Fused {
        all.push((format!("large_{}", T::NAME), large::<T>()));
    }
    all
}

/// Of pseudo-inverses by our own routes, conditions, products, and double precision inside.
fn others<T: Scalar>() -> u64 {
    let (o, mut hash) = (Options::default(), 0xcbf2_9ce4_8422_2325);
    let double = Options { precision: Precision::Double, ..Options::default() };
    for n in (1..=40).chain([63, 64, 65, 100, 131]) {
        let count = if n > 16 { 2 } else { 37 };
        let a = examples::<T>(Call::Pinv, count, n, n as u64);
        let square = Stack::new(&a, &[count, n, n]).unwrap();
        hash = fnv(hash, matmul(square, square, &o).unwrap().as_slice());
        hash = fnv(hash, inv(square, &double).unwrap().as_slice());
        hash = fnv(hash, solve(square, square, &double).unwrap().as_slice());
        for norm in [Norm::One, Norm::Inf] {
            let found = rcond(square, norm, &o).unwrap();
            hash = fnv(hash, &found.into_iter().map(T::from_re).collect::<Vec<T>>());
        }
        // Of full rank for certain.
        let tall = Stack::new(&a[..n * n.div_ceil(3)], &[n, n.div_ceil(3)]).unwrap();
        let wide = Stack::new(&a[..n * n.div_ceil(2)], &[n.div_ceil(2), n]).unwrap();
        for a in [tall, wide] {
            hash = fnv(hash, pinv(a, &PinvOptions::default(), &o).unwrap().as_slice());
        }
    }
    hash
}

/// On both sides of the cuts of products (384) and of panels.
fn large<T: Scalar>() -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325;
    for n in [383, 384, 385, 511, 512, 513, 769, 1023, 1024, 1025, 1153] {
        if T::COMPLEX && !matches!(n, 383 | 385 | 513) {
            continue;
        }
        for call in [
            Call::Inv(Assume::General),
            Call::Inv(Assume::Posdef),
            Call::Solve(Assume::General),
            Call::TriInv(Uplo::Lower, Diag::NonUnit),
            Call::Cholesky(Uplo::Upper),
            Call::CholeskyInv(Uplo::Lower),
        ] {
            if n % 128 > 1 && call != Call::Inv(Assume::General) || n > 1024 && T::NAME == "float32"
            {
                continue;
            }
            let (x, status) = call.run(1, n, &call.example::<T>(n, 1).data);
            assert!(status[0].is_ok(), "{call:?}, n = {n}");
            hash = fnv(hash, &x);
        }
    }
    hash
}

/// Run by `instruction_sets_agree` in a process of its own: it prints hashes of result bits.
#[test]
fn child_hashes() {
    if !is_called() {
        return;
    }
    for (name, hash) in hashes::<f32>()
        .into_iter()
        .chain(hashes::<f64>())
        .chain(hashes::<c32>())
        .chain(hashes::<c64>())
    {
        say(format!("HASH {name} {hash:016x}"));
    }
}

#[test]
fn instruction_sets_agree() {
    if is_child() {
        return;
    }
    let mut seen: Vec<(IsaId, Vec<String>)> = Vec::new();
    for isa in instruction_sets() {
        if isa == IsaId::Portable {
            continue;
        }
        let output = child("sets::child_hashes", isa.name());
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{isa}: {text}");
        assert!(text.contains(&format!("ISA {isa}")), "{isa} was not forced: {text}");
        let lines: Vec<String> =
            text.lines().filter(|l| l.starts_with("HASH")).map(String::from).collect();
        let others = if isa == IsaId::Fused { 1 } else { 2 };
        assert_eq!(lines.len(), 4 * (Call::OWN.len() + others), "{isa}: {text}");
        seen.push((isa, lines));
    }
    assert!(seen.len() >= 2, "nothing to compare: {seen:?}");
    let mut differ = Vec::new();
    for (isa, lines) in &seen[1..] {
        for line in lines.iter().filter(|line| !seen[0].1.contains(line)) {
            differ.push(format!("{isa} has other bits than {}: {line}", seen[0].0));
        }
    }
    assert!(differ.is_empty(), "{} differ:\n{}", differ.len(), differ.join("\n"));
}

/// Run by `unknown_sets_are_errors` in a process of its own.
#[test]
fn child_error() {
    if !is_child() {
        return;
    }
    let error = inv(Mat::<f64>::identity(3).view(), &Options::default()).unwrap_err();
    assert!(
        matches!(&error, Error::Isa { name } if *name == std::env::var("AINV_ISA").unwrap()),
        "{error:?}"
    );
    assert!(error.to_string().contains("portable"), "{error}");
    assert!(matches!(instruction_set(), Err(Error::Isa { .. })));
    assert!(matches!(
        pinv(Mat::<f64>::identity(3).view(), &PinvOptions::default(), &Options::default()),
        Err(Error::Isa { .. })
    ));
    say("ISA refused");
}

#[test]
fn unknown_sets_are_errors() {
    if is_child() {
        return;
    }
    let missing = if cfg!(target_arch = "aarch64") { "avx2" } else { "neon" };
    for name in ["sse9", "AVX2", " avx2", missing] {
        let output = child("sets::child_error", name);
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && text.contains("ISA refused"), "{name}: {text}");
    }
}
