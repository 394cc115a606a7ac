// Double precision, for adapters with 64-bit floats and integers in shaders. As single.wgsl says it.

alias Real = f64;
alias Bits = u64;

const NAN: Bits = 0x7ff8000000000000lu;
const INFINITY: Bits = 0x7ff0000000000000lu;
const MAGNITUDE: Bits = 0x7ffffffffffffffflu;
const SIGN: Bits = 0x8000000000000000lu;
const FRACTION: Bits = 0x000ffffffffffffflu;
const HIDDEN: Bits = 0x0010000000000000lu;
const MANTISSA = 52u;
const TOP = 1023;

const BIG = 900;
const SPREAD = 225;
const GRADED = 500;

fn leading(x: Bits) -> i32 {
    let high = u32(x >> 32u);
    if high != 0u {
        return 32 + i32(firstLeadingBit(high));
    }
    return i32(firstLeadingBit(u32(x & 0xfffffffflu)));
}
