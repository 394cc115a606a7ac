// What is known of diagonals, whose entries stand alone, one after the other: whether one is NaN, and the first zero. A block
// a matrix: n entries read.

constexpr unsigned LANES = 64;

__shared__ unsigned seen_by[LANES];
__shared__ unsigned zero_of[LANES];

extern "C" __global__ void __launch_bounds__(LANES) kernel(const Call call) {
    const size_t n = call.order, matrix = blockIdx.x;
    const Number *diagonal = call.matrices + matrix * n;
    unsigned seen = 0, zero_at = 0;
    for (size_t i = threadIdx.x; i < n; i += LANES) {
        seen |= look(diagonal[i], true);
        zero_at = first_of(zero_at, is_zero(diagonal[i]) ? i + 1 : 0);
    }
    seen = of_all(seen_by, seen, [](unsigned a, unsigned b) { return a | b; });
    zero_at = of_all(zero_of, zero_at, first_of);
    if (threadIdx.x == 0) {
        call.flags_of(matrix) = (seen & SAW_NAN) != 0 ? NON_FINITE : 0;
        call.zero_pivot_of(matrix) = zero_at;
    }
}
