// What both ways of pseudo-inverses share: one-sided Jacobi rotations (Hestenes; Golub and Van Loan, Matrix Computations,
// 4th ed., section 8.6.3). A has no more rows than columns. The rows of W = A are rotated by pairs, and with them those of
// Q = I, until the rows of W are orthogonal. A = Q^H W then, the lengths s of the rows are the singular values, and
//
//     A^+ = the sum of (w / s)^H q / s over the rows whose s is over the cut-off
//
// The largest entry is brought to the exponent HIGH. A row is squared only after it was divided by the power of two of its
// largest entry, so that no square underflows.

const HIGH = TOP - 27;
// A row under it would lose digits: it counts as zero.
const FAINT = i32(MANTISSA) + 2 - TOP;
// The lower triangle says all of A, as triangle.wgsl has it.
const HERMITIAN = 4u;

// The power of a row with this largest exponent.
fn power_of_row(largest: i32) -> i32 {
    return select(largest, NOTHING, largest < FAINT);
}

// An entry as it is read.
fn given(at: u32, diagonal: bool) -> Entry {
    if diagonal && (call.mode & HERMITIAN) != 0u {
        return entry_of_diagonal(matrices[at]);
    }
    return matrices[at];
}

// The rows that meet in a round of the n - 1 (of an odd n: n) that a sweep has: each row has one partner. The second one may
// be no row.
fn pair_of(i: u32, round: u32, n: u32) -> vec2<u32> {
    let last = (n + 1u) / 2u * 2u - 1u;
    let j = (round + i) % last;
    let k = select((round + last - i) % last, last, i == 0u);
    return vec2<u32>(min(j, k), max(j, k));
}

// The cut-off of the scaled matrix: the tolerances stand behind all matrices, each a number and a power of two.
fn cut_off(matrix: u32, size: Real, shift: i32) -> Real {
    let at = call.count * call.order * call.columns + 4u * matrix;
    let relative = scalb(tolerance(at) * size, i32(tolerance(at + 1u)));
    return max(relative, scalb(tolerance(at + 2u), i32(tolerance(at + 3u)) + shift));
}

fn tolerance(at: u32) -> Real {
    return real_part(number(matrices[at]));
}

// What the rotations of a matrix are decided by.
struct Limits {
    // Of the cosine between two rows: what rounding makes of it, and a few units of a device's quotients.
    oblique: Real,
    // Rounding errors beside the norm.
    noise: Real,
    // Such a row will be cut off whatever its direction: all of them together are under the cut-off.
    // It is orthogonal enough where what it has of another row is noise, of which more rotations would make only more.
    drop: Real,
}

// Of a matrix whose entries, divided by 2^HIGH, have this sum of squares.
fn limits_of(matrix: u32, squares: Real, shift: i32) -> Limits {
    let unit = power_of_two(-i32(MANTISSA) - 1);
    let norm = square_root(max(squares, unit));
    let root = real_reciprocal(square_root(Real(call.order)));
    // The largest singular value is at least the root mean square of all.
    let drop = min(Real(0.25), root) * cut_off(matrix, scalb(norm * root, HIGH), shift);
    // What is over the cut-off is no noise.
    let noise = min(scalb(unit * norm, HIGH), drop);
    return Limits(unit * Real(2.0) * square_root(Real(call.columns + 3u)), noise, drop);
}

// Of the rows 2^first x and 2^second y, first >= second:
//
//     x <- cosine x - sine 2^(2 second - 2 first) y,  y <- cosine y + conj(sine) x
struct Rotation {
    turns: bool,
    cosine: Real,
    sine: Number,
    // 2^(second - first)
    apart: Real,
}

// By x^H x, y^H y and x^H y.
fn rotation_of(xx: Real, yy: Real, product: Number, first: i32, second: i32, limits: Limits) -> Rotation {
    let apart = power_of_two(second - first);
    let slant = modulus(product);
    let x = square_root(xx);
    let y = square_root(yy);
    let shorter = min(scalb(x, first), scalb(y, second));
    let matters = shorter > limits.drop || scalb(slant / max(x, apart * y), second) > limits.noise;
    if !(slant > limits.oblique * x * y && matters) {
        return Rotation(false, Real(1.0), real(Real(0.0)), apart);
    }
    // The tangent is t apart, that of the smaller angle.
    let z = (yy * apart * apart - xx) / (Real(2.0) * slant);
    let size = Real(1.0) / (abs(z) + sqrt(fma(z, z, apart * apart)));
    let t = select(size, -size, z < Real(0.0));
    let cosine = real_reciprocal(square_root(fma(t * apart, t * apart, Real(1.0))));
    return Rotation(true, cosine, conjugate(direction(product, slant)) * (cosine * t), apart);
}

// What the first row becomes, and the second one.
fn turned(by: Rotation, x: Number, y: Number) -> array<Number, 2> {
    return array<Number, 2>(
        less(x * by.cosine, by.sine * (by.apart * by.apart), y),
        less(y * by.cosine, -conjugate(by.sine), x),
    );
}

// The same of Q's rows, which no power of two divides.
fn turned_whole(by: Rotation, x: Number, y: Number) -> array<Number, 2> {
    let sine = by.sine * by.apart;
    return array<Number, 2>(less(x * by.cosine, sine, y), less(y * by.cosine, -conjugate(sine), x));
}
