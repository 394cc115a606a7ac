// What both precisions share. Numbers come and go as bits: what the shading language leaves to a device (subnormal
// numbers, NaN, infinities) is done on integers, which no device may change.

// Of a number that has no exponent: zero, NaN, an infinity.
const NOTHING = -100000;

fn is_nan(x: Bits) -> bool {
    return (x & MAGNITUDE) > INFINITY;
}

fn is_infinite(x: Bits) -> bool {
    return (x & MAGNITUDE) == INFINITY;
}

fn is_finite(x: Bits) -> bool {
    return (x & MAGNITUDE) < INFINITY;
}

fn is_zero(x: Bits) -> bool {
    return (x & MAGNITUDE) == Bits(0);
}

// e with 2^e <= |x| < 2^(e+1), of subnormal numbers, too.
fn exponent(x: Bits) -> i32 {
    let size = x & MAGNITUDE;
    if size == Bits(0) || size >= INFINITY {
        return NOTHING;
    }
    if size < HIDDEN {
        return leading(size) + 1 - TOP - i32(MANTISSA);
    }
    return i32(u32(size >> MANTISSA)) - TOP;
}

// x * 2^power, which is under 2^TOP; zero if it would be subnormal.
fn scaled(x: Bits, power: i32) -> Real {
    let e = exponent(x);
    let field = e + power + TOP;
    if e == NOTHING || field <= 0 {
        return Real(0.0);
    }
    let fraction = (x << u32(max(0, 1 - TOP - e))) & FRACTION;
    return bitcast<Real>((x & SIGN) | (Bits(u32(field)) << MANTISSA) | fraction);
}

// x * 2^power, rounded once to the nearest even number where that is subnormal.
fn unscaled(x: Bits, power: i32) -> Bits {
    let field = i32(u32((x & INFINITY) >> MANTISSA));
    let sign = x & SIGN;
    if field > 2 * TOP {
        return x;
    }
    // A zero has no sign: which one an elimination leaves is the device's own.
    if field == 0 {
        return Bits(0);
    }
    let to = field + power;
    if to > 2 * TOP {
        return sign | INFINITY;
    }
    if to > 0 {
        return sign | (Bits(u32(to)) << MANTISSA) | (x & FRACTION);
    }
    let lost = min(u32(1 - to), MANTISSA + 2u);
    let significand = (x & FRACTION) | HIDDEN;
    let kept = significand >> lost;
    let rest = significand & ((Bits(1) << lost) - Bits(1));
    let half = Bits(1) << (lost - 1u);
    let up = rest > half || (rest == half && (kept & Bits(1)) == Bits(1));
    return sign | (kept + select(Bits(0), Bits(1), up));
}

// Of a number over zero that is near one, corrected once.
fn square_root(x: Real) -> Real {
    let root = sqrt(x);
    return fma(fma(-root, root, x), Real(0.5) / root, root);
}

// 1 / x, corrected once: a device's quotient may be wrong by 2.5 units.
fn real_reciprocal(x: Real) -> Real {
    let r = Real(1.0) / x;
    return fma(fma(-x, r, Real(1.0)), r, r);
}

// 2^e, no more than the largest one; zero where it would be subnormal.
fn power_of_two(e: i32) -> Real {
    if e <= -TOP {
        return Real(0.0);
    }
    return bitcast<Real>(Bits(u32(min(e, TOP) + TOP)) << MANTISSA);
}

// x * 2^power, or the largest power of two if that is smaller; of x >= 0.
fn scalb(x: Real, power: i32) -> Real {
    let bits = bitcast<Bits>(x);
    if exponent(bits) + power >= TOP {
        return power_of_two(TOP);
    }
    return scaled(bits, power);
}

// Zero, which a device's compiler does not know: it comes from the call.
var<private> hidden_zero: Bits;

// x as it was rounded: compilers take a sum of products for a product of sums, and x - y + y for x.
fn rounded(x: Real) -> Real {
    return bitcast<Real>(bitcast<Bits>(x) ^ hidden_zero);
}

// x, to the half of its digits that stand first, and what is left: products of halves are exact.
fn halves(x: Real) -> vec2<Real> {
    let cut = (MANTISSA + 2u) / 2u;
    let first = bitcast<Real>(((bitcast<Bits>(x) + (Bits(1) << (cut - 1u))) >> cut) << cut);
    return vec2<Real>(first, rounded(x - first));
}

// What a b is more than `product`, by Dekker's split: of fma(a, b, -product) a device may make two roundings.
fn error_of_product(a: Real, b: Real, product: Real) -> Real {
    let x = halves(a);
    let y = halves(b);
    var error = rounded(rounded(x.x * y.x) - product);
    error = rounded(error + rounded(x.x * y.y));
    error = rounded(error + rounded(x.y * y.x));
    return rounded(error + rounded(x.y * y.y));
}

// a b - c d, right to 2 units of rounding, by Kahan: the errors of both products are added to their difference.
fn compensated(a: Real, b: Real, c: Real, d: Real) -> Real {
    let p = rounded(a * b);
    let q = rounded(c * d);
    return rounded(p - q) + rounded(error_of_product(a, b, p) - error_of_product(c, d, q));
}
