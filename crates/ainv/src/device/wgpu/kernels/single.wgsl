// Single precision.

alias Real = f32;
alias Bits = u32;

const NAN: Bits = 0x7fc00000u;
const INFINITY: Bits = 0x7f800000u;
const MAGNITUDE: Bits = 0x7fffffffu;
const SIGN: Bits = 0x80000000u;
const FRACTION: Bits = 0x007fffffu;
const HIDDEN: Bits = 0x00800000u;
// The bits of the fraction.
const MANTISSA = 23u;
// The largest exponent.
const TOP = 127;

// Beyond this power of two the reciprocal of a pivot makes its matrix a suspect; in between right-hand sides stay as they are.
const BIG = 100;
// Entries whose exponents differ by more are scaled by rows and columns apart, if the matrix is a suspect.
const SPREAD = 25;
// So far under the largest entry a row or a column would make products that underflow.
const GRADED = 60;

// The number of the leading one, which is there.
fn leading(x: Bits) -> i32 {
    return i32(firstLeadingBit(x));
}
