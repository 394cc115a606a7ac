// Single precision. Numbers come and go as bits: what the shading language leaves to a device (subnormal
// numbers, NaN, infinities) is done on integers, which no device may change.

alias Real = f32;
alias Bits = u32;

const NAN: Bits = 0x7fc00000u;
const INFINITY: Bits = 0x7f800000u;
const SIGN: Bits = 0x80000000u;
const FRACTION: Bits = 0x007fffffu;
const HIDDEN: Bits = 0x00800000u;

// Beyond this power of two the reciprocal of a pivot makes its matrix a suspect.
const STEEP = 100;
// The largest exponent.
const TOP = 127;
// Entries whose exponents differ by more are scaled by rows and columns apart, if the matrix is a suspect.
const SPREAD = 25;
// So far under the largest entry a row or a column would make products that underflow.
const GRADED = 60;

// Of a number that has no exponent: zero, NaN, an infinity.
const NOTHING = -100000;

fn is_nan(x: Bits) -> bool {
    return (x & ~SIGN) > INFINITY;
}

fn is_infinite(x: Bits) -> bool {
    return (x & ~SIGN) == INFINITY;
}

fn is_finite(x: Bits) -> bool {
    return (x & ~SIGN) < INFINITY;
}

fn is_zero(x: Bits) -> bool {
    return (x & ~SIGN) == 0u;
}

// e with 2^e <= |x| < 2^(e+1), of subnormal numbers, too.
fn exponent(x: Bits) -> i32 {
    let size = x & ~SIGN;
    if size == 0u || size >= INFINITY {
        return NOTHING;
    }
    if size < HIDDEN {
        return i32(firstLeadingBit(size)) - 149;
    }
    return i32(size >> 23u) - 127;
}

// x * 2^power, which is under 2^127; zero if it would be subnormal.
fn scaled(x: Bits, power: i32) -> Real {
    let e = exponent(x);
    let field = e + power + 127;
    if e == NOTHING || field <= 0 {
        return 0.0;
    }
    let fraction = (x << u32(max(0, -126 - e))) & FRACTION;
    return bitcast<Real>((x & SIGN) | (u32(field) << 23u) | fraction);
}

// x * 2^power, rounded once to the nearest even number where that is subnormal.
fn unscaled(x: Bits, power: i32) -> Bits {
    let field = i32((x & INFINITY) >> 23u);
    let sign = x & SIGN;
    if field == 255 {
        return x;
    }
    // A zero has no sign: which one an elimination leaves is the device's own.
    if field == 0 {
        return 0u;
    }
    let to = field + power;
    if to >= 255 {
        return sign | INFINITY;
    }
    if to > 0 {
        return sign | (u32(to) << 23u) | (x & FRACTION);
    }
    let lost = u32(min(1 - to, 25));
    let significand = (x & FRACTION) | HIDDEN;
    let kept = significand >> lost;
    let rest = significand & ((1u << lost) - 1u);
    let half = 1u << (lost - 1u);
    let up = rest > half || (rest == half && (kept & 1u) == 1u);
    return sign | (kept + select(0u, 1u, up));
}

// Of a number over zero that is near one, corrected once.
fn square_root(x: Real) -> Real {
    let root = sqrt(x);
    return fma(fma(-root, root, x), Real(0.5) / root, root);
}
