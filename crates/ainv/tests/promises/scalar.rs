//! The scalars' own arithmetic.

use ainv::RealScalar;

#[test]
fn ldexp_rounds_once() {
    for k in -1200..1200 {
        for x in [1.0, 1.5, 1.0 + f64::EPSILON, 0.3, -7.1e200, 3e-300, 5e-324] {
            // The reference splits so that each factor is exact and only the last one rounds.
            let exact = if k >= 0 {
                (0..k).fold(x, |v, _| v * 2.0)
            } else {
                let half = x.abs();
                let e = half.exponent().unwrap() + k;
                if e >= -1022 { (0..-k).fold(x, |v, _| v / 2.0) } else { f64::NAN }
            };
            if !exact.is_nan() {
                assert_eq!(RealScalar::times_power_of_two(x, k), exact, "{x:e} 2^{k}");
            }
        }
    }
    // 1 + eps at half the smallest subnormal rounds up, not to even by way of a middle step.
    assert_eq!(RealScalar::times_power_of_two(1.0 + f64::EPSILON, -1075), 5e-324);
    assert_eq!(RealScalar::times_power_of_two(1.0f64, -1075), 0.0);
    assert_eq!(RealScalar::times_power_of_two(5e-324, 1074), 1.0);
    assert_eq!(RealScalar::times_power_of_two(1e-40f32, 500), f32::INFINITY);
}

#[test]
fn exponents() {
    for (x, e) in [(1.0, 0), (1.9, 0), (0.5, -1), (5e-324, -1074), (f64::MAX, 1023), (-4.0, 2)] {
        assert_eq!(x.exponent(), Some(e));
    }
    assert_eq!(f64::NAN.exponent(), None);
    assert_eq!(0.0.exponent(), None);
    assert_eq!(1e-45f32.exponent(), Some(-149));
}
