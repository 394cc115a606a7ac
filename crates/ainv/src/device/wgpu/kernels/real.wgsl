// Real entries.

alias Entry = Bits;
alias Number = Real;

// The largest order that the CPU inverts by a closed form.
const CLOSED = 3u;

fn entry_is_nan(x: Entry) -> bool {
    return is_nan(x);
}

fn entry_is_infinite(x: Entry) -> bool {
    return is_infinite(x);
}

fn entry_is_finite(x: Entry) -> bool {
    return is_finite(x);
}

fn entry_is_zero(x: Entry) -> bool {
    return is_zero(x);
}

fn entry_exponent(x: Entry) -> i32 {
    return exponent(x);
}

// Of the parts that are not zero.
fn smallest_exponent(x: Entry) -> i32 {
    return exponent(x);
}

fn entry_scaled(x: Entry, power: i32) -> Number {
    return scaled(x, power);
}

fn entry_unscaled(x: Entry, power: i32) -> Entry {
    return unscaled(x, power);
}

fn nan() -> Entry {
    return NAN;
}

fn number(x: Entry) -> Number {
    return bitcast<Real>(x);
}

fn entry(x: Number) -> Entry {
    return bitcast<Bits>(x);
}

fn real(x: Real) -> Number {
    return x;
}

fn conjugate(x: Number) -> Number {
    return x;
}

fn entry_conjugate(x: Entry) -> Entry {
    return x;
}

// The real part.
fn entry_of_diagonal(x: Entry) -> Entry {
    return x;
}

fn real_part(x: Number) -> Real {
    return x;
}

// Of the imaginary part.
fn unreal(x: Number) -> Real {
    return Real(0.0);
}

// What pivots are compared by.
fn size(x: Number) -> Real {
    return abs(x);
}

fn times(a: Number, b: Number) -> Number {
    return a * b;
}

// c - a b
fn less(c: Number, a: Number, b: Number) -> Number {
    return fma(-a, b, c);
}

fn difference_of_products(a: Number, b: Number, c: Number, d: Number) -> Number {
    return compensated(a, b, c, d);
}

fn reciprocal(x: Number) -> Number {
    return real_reciprocal(x);
}

// b / x, where x is not zero: zero for an infinite x.
fn quotient(b: Entry, x: Entry) -> Entry {
    if is_nan(b) || (is_infinite(b) && is_infinite(x)) {
        return NAN;
    }
    if is_infinite(b) {
        return ((b ^ x) & SIGN) | INFINITY;
    }
    if is_infinite(x) || is_zero(b) {
        return Bits(0);
    }
    let e = exponent(x);
    let f = exponent(b);
    let z = scaled(x, -e);
    let y = scaled(b, -f);
    // Corrected once.
    let r = real_reciprocal(z);
    let q = y * r;
    return unscaled(entry(fma(fma(-q, z, y), r, q)), f - e);
}

// |x|^2
fn squared(x: Number) -> Real {
    return x * x;
}

// Of a number that is zero or near one.
fn modulus(x: Number) -> Real {
    return abs(x);
}

// x / |x|, where that modulus is not zero.
fn direction(x: Number, modulus: Real) -> Number {
    return select(Real(1.0), Real(-1.0), x < Real(0.0));
}
