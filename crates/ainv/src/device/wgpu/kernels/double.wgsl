// Double precision, for adapters with 64-bit floats and integers in shaders. As single.wgsl says it.

alias Real = f64;
alias Bits = u64;

const NAN: Bits = 0x7ff8000000000000lu;
const INFINITY: Bits = 0x7ff0000000000000lu;
const MAGNITUDE: Bits = 0x7ffffffffffffffflu;
const SIGN: Bits = 0x8000000000000000lu;
const FRACTION: Bits = 0x000ffffffffffffflu;
const HIDDEN: Bits = 0x0010000000000000lu;

const STEEP = 900;
const TOP = 1023;
const SPREAD = 225;
const GRADED = 500;

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
    return (x & MAGNITUDE) == 0lu;
}

// The number of the leading one, which is there.
fn leading(x: Bits) -> i32 {
    let high = u32(x >> 32u);
    if high != 0u {
        return 32 + i32(firstLeadingBit(high));
    }
    return i32(firstLeadingBit(u32(x & 0xfffffffflu)));
}

fn exponent(x: Bits) -> i32 {
    let size = x & MAGNITUDE;
    if size == 0lu || size >= INFINITY {
        return NOTHING;
    }
    if size < HIDDEN {
        return leading(size) - 1074;
    }
    return i32(u32(size >> 52u)) - 1023;
}

fn scaled(x: Bits, power: i32) -> Real {
    let e = exponent(x);
    let field = e + power + 1023;
    if e == NOTHING || field <= 0 {
        return Real(0.0);
    }
    let fraction = (x << u32(max(0, -1022 - e))) & FRACTION;
    return bitcast<Real>((x & SIGN) | (Bits(u32(field)) << 52u) | fraction);
}

fn unscaled(x: Bits, power: i32) -> Bits {
    let field = i32(u32((x & INFINITY) >> 52u));
    let sign = x & SIGN;
    if field == 2047 {
        return x;
    }
    // A zero has no sign: which one an elimination leaves is the device's own.
    if field == 0 {
        return 0lu;
    }
    let to = field + power;
    if to >= 2047 {
        return sign | INFINITY;
    }
    if to > 0 {
        return sign | (Bits(u32(to)) << 52u) | (x & FRACTION);
    }
    let lost = u32(min(1 - to, 54));
    let significand = (x & FRACTION) | HIDDEN;
    let kept = significand >> lost;
    let rest = significand & ((1lu << lost) - 1lu);
    let half = 1lu << (lost - 1u);
    let up = rest > half || (rest == half && (kept & 1lu) == 1lu);
    return sign | (kept + select(0lu, 1lu, up));
}

// Of a number over zero that is near one, corrected once.
fn square_root(x: Real) -> Real {
    let root = sqrt(x);
    return fma(fma(-root, root, x), Real(0.5) / root, root);
}
