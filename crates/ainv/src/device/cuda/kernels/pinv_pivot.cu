// The reflection of the rows from `round` on: of the column with the largest sum of them, the largest entry of which comes
// first. A block a matrix.
//
// Of an n x m matrix with k rows left: m + 2 k numbers read, k written.

__shared__ Pivot pivots[WORKGROUP];
__shared__ Real sums[WORKGROUP];

extern "C" __global__ void __launch_bounds__(WORKGROUP) kernel(const Call call) {
    const size_t n = call.order, m = call.columns, matrix = blockIdx.x, first = call.round;
    Pivot best = {0, 0};
    for (size_t j = threadIdx.x; j < m; j += WORKGROUP) {
        best = larger(best, {real_part(call.sums_of(matrix)[j]), unsigned(j)});
    }
    const Number *column = call.rows_of(matrix) + of_all(pivots, best, larger).at;
    best = {0, unsigned(first)};
    for (size_t i = first + threadIdx.x; i < n; i += WORKGROUP) {
        best = larger(best, {size(column[i * m]), unsigned(i)});
    }
    best = of_all(pivots, best, larger);
    const size_t p = best.at;
    const int e = exponent(best.size);
    const Real down = best.size > 0 ? power_of_two(-e) : 0;
    Number *v = call.reflection_of(matrix);
    Real square = 0;
    for (size_t i = first + threadIdx.x; i < n; i += WORKGROUP) {
        const Number x = column[(i == first ? p : i == p ? first : i) * m];
        v[i] = x;
        square += squared(x * down);
    }
    square = sum_of_all(sums, square);
    if (threadIdx.x == 0) {
        call.powers_of(matrix)[1] = p;
        const Number x = v[first] * down;
        // Nothing is left where it is zero.
        v[first] = best.size > 0 ? (x + direction(x, modulus(x)) * sqrt(square)) * power_of_two(e) : number(0);
    }
}
