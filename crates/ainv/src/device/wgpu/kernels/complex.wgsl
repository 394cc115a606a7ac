// Complex entries: the real part, then the imaginary one.

alias Entry = vec2<Bits>;
alias Number = vec2<Real>;

// The largest order that the CPU inverts by a closed form.
const CLOSED = 2u;

fn entry_is_nan(x: Entry) -> bool {
    return is_nan(x.x) || is_nan(x.y);
}

fn entry_is_infinite(x: Entry) -> bool {
    return is_infinite(x.x) || is_infinite(x.y);
}

fn entry_is_finite(x: Entry) -> bool {
    return is_finite(x.x) && is_finite(x.y);
}

fn entry_is_zero(x: Entry) -> bool {
    return is_zero(x.x) && is_zero(x.y);
}

// The larger one of the parts'; nothing beside an infinity, too.
fn entry_exponent(x: Entry) -> i32 {
    if !entry_is_finite(x) {
        return NOTHING;
    }
    return max(exponent(x.x), exponent(x.y));
}

// Of the parts that are not zero.
fn smallest_exponent(x: Entry) -> i32 {
    let least = min(exponent(x.x), exponent(x.y));
    return select(least, max(exponent(x.x), exponent(x.y)), least == NOTHING);
}

fn entry_scaled(x: Entry, power: i32) -> Number {
    return Number(scaled(x.x, power), scaled(x.y, power));
}

fn entry_unscaled(x: Entry, power: i32) -> Entry {
    return Entry(unscaled(x.x, power), unscaled(x.y, power));
}

fn nan() -> Entry {
    return Entry(NAN, NAN);
}

fn number(x: Entry) -> Number {
    return Number(bitcast<Real>(x.x), bitcast<Real>(x.y));
}

fn entry(x: Number) -> Entry {
    return Entry(bitcast<Bits>(x.x), bitcast<Bits>(x.y));
}

fn real(x: Real) -> Number {
    return Number(x, Real(0.0));
}

fn conjugate(x: Number) -> Number {
    return Number(x.x, -x.y);
}

fn entry_conjugate(x: Entry) -> Entry {
    return Entry(x.x, x.y ^ SIGN);
}

// The real part.
fn entry_of_diagonal(x: Entry) -> Entry {
    return Entry(x.x, Bits(0));
}

fn real_part(x: Number) -> Real {
    return x.x;
}

// Of the imaginary part.
fn unreal(x: Number) -> Real {
    return abs(x.y);
}

// What pivots are compared by.
fn size(x: Number) -> Real {
    return abs(x.x) + abs(x.y);
}

fn times(a: Number, b: Number) -> Number {
    return Number(fma(a.x, b.x, -(a.y * b.y)), fma(a.x, b.y, a.y * b.x));
}

// c - a b
fn less(c: Number, a: Number, b: Number) -> Number {
    return Number(fma(-a.x, b.x, fma(a.y, b.y, c.x)), fma(-a.x, b.y, fma(-a.y, b.x, c.y)));
}

// Four products a part: two compensated differences, then theirs.
fn difference_of_products(a: Number, b: Number, c: Number, d: Number) -> Number {
    return Number(
        compensated(a.x, b.x, a.y, b.y) - compensated(c.x, d.x, c.y, d.y),
        compensated(a.x, b.y, -a.y, b.x) - compensated(c.x, d.y, -c.y, d.x),
    );
}

// 1 / x, brought near one by a power of two: the square of a modulus has twice its exponent.
fn reciprocal(x: Number) -> Number {
    let e = entry_exponent(entry(x));
    let z = entry_scaled(entry(x), -e);
    let modulus = fma(z.x, z.x, z.y * z.y);
    let r = Number(z.x / modulus, -z.y / modulus);
    return number(entry_unscaled(entry(r), -e));
}

// b / x, where x is not zero: zero for an infinite x, and NaN of a b that is not finite.
fn quotient(b: Entry, x: Entry) -> Entry {
    if !entry_is_finite(b) {
        return nan();
    }
    if entry_is_infinite(x) || entry_is_zero(b) {
        return entry(real(Real(0.0)));
    }
    let e = entry_exponent(x);
    let f = entry_exponent(b);
    let z = entry_scaled(x, -e);
    let product = times(entry_scaled(b, -f), conjugate(z));
    let r = real_reciprocal(fma(z.x, z.x, z.y * z.y));
    return entry_unscaled(entry(product * r), f - e);
}

// |x|^2
fn squared(x: Number) -> Real {
    return fma(x.x, x.x, x.y * x.y);
}

// Of a number that is zero or near one.
fn modulus(x: Number) -> Real {
    let square = squared(x);
    if square > Real(0.0) {
        return square_root(square);
    }
    return Real(0.0);
}

// x / |x|, where that modulus is not zero.
fn direction(x: Number, modulus: Real) -> Number {
    return x * real_reciprocal(modulus);
}
