// What kernels of triangles share: how a lower triangle is read, and how it is balanced.

// A unit triangle, whose diagonal is not read.
const UNIT = 1u;
// Rows are counted from the last one: the caller's triangle was an upper one.
const REVERSED = 2u;
// The inverse of L L^H is asked for.
const HERMITIAN = 4u;
// L L^H is given, and L found first.
const DEFINITE = 8u;

// Sweeps of the balance at most; full triangles take under ten.
const SWEEPS = 50u;
// An entry so far over a diagonal near one is that of no positive definite matrix, and its square still is a number.
const BEYOND = 40;

// An infinity counts on the diagonal alone; elsewhere it is no better than a NaN.
fn look_at_triangle(x: Entry, diagonal: bool) -> u32 {
    let seen = look(x, diagonal);
    return seen | select(0u, SAW_NAN, !diagonal && (seen & SAW_INFINITE) != 0u);
}

// The 1-based number of row i, in the caller's order.
fn zero_number(i: u32, n: u32) -> u32 {
    return select(i + 1u, n - i, (call.mode & REVERSED) != 0u);
}

// The smaller one of two numbers that are not zero.
fn first_of(a: u32, b: u32) -> u32 {
    return select(min(a, b), max(a, b), a == 0u || b == 0u);
}

// The half of an exponent, rounded down; zero of nothing.
fn half_of(exponent: i32) -> i32 {
    return select(exponent >> 1u, 0, exponent == NOTHING);
}

// What the row of a factor is divided by: its largest entry, or less, so that its diagonal entry stays a number. One that
// would not even be subnormal beside the largest is zero, as on the CPU.
fn size_of_row(largest: i32, diagonal: i32) -> i32 {
    let lost = diagonal == NOTHING || largest - diagonal > TOP - 1 + i32(MANTISSA);
    return select(min(largest, diagonal + GRADED), largest, lost);
}

// The power of a column, or more, so that its diagonal entry stays a number.
fn power_of_column(power: i32, diagonal: i32, row: i32) -> i32 {
    return select(max(power, -GRADED - diagonal - row), power, diagonal == NOTHING);
}

// x * 2^power, or what has the exponent `most`.
fn entry_scaled_to(x: Entry, power: i32, most: i32) -> Number {
    return entry_scaled(x, min(power, most - entry_exponent(x)));
}

// An entry of a positive definite matrix, brought near its diagonal.
fn definite_scaled(x: Entry, power: i32, diagonal: bool) -> Number {
    let y = entry_scaled_to(x, power, BEYOND);
    if diagonal {
        return real(real_part(y));
    }
    return y;
}

// Powers while they are sought: numbers in the bits of integers. That of a line is what brings the mean of its exponents
// to zero.
fn sought(power: i32) -> f32 {
    return bitcast<f32>(power);
}

fn found(sum: f32, entries: f32) -> i32 {
    return bitcast<i32>(select(-sum / entries, 0.0, entries == 0.0));
}

fn whole(power: i32) -> i32 {
    return i32(round(sought(power)));
}
