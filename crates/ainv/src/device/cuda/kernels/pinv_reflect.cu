// The reflection of the round before, if there was one, of the columns of W and of Q, and the sums of W's columns over the
// rows from `round` on. A thread a column.
//
// Of columns with k rows left: 3 k entries read, k written; 2 k multiply-adds.

extern "C" __global__ void __launch_bounds__(64) kernel(const Call call) {
    const size_t n = call.order, m = call.columns, matrix = blockIdx.z;
    const size_t j = blockIdx.x * size_t(blockDim.x) + threadIdx.x;
    if (j >= m + n) {
        return;
    }
    const bool of_w = j < m;
    const size_t step = of_w ? m : n;
    Number *column = of_w ? call.rows_of(matrix) + j : call.rotated_of(matrix) + (j - m);
    const Number *v = call.reflection_of(matrix);
    if (call.round > 0 && !is_zero(v[call.round - 1])) {
        const size_t first = call.round - 1;
        Number &here = column[first * step], &there = column[call.powers_of(matrix)[1] * step];
        const Number x = there;
        there = here;
        here = x;
        // None of its entries is larger than the first.
        const Real down = power_of_two(-exponent(v[first]));
        Number product = number(0);
        Real square = 0;
        for (size_t i = first; i < n; i++) {
            const Number y = v[i] * down;
            product = less(product, -conjugate(y), column[i * step]);
            square += squared(y);
        }
        product = product * (2 / square);
        // W's entries are of v's size, those of Q at most one: neither v nor the factor loses digits.
        const Number factor = of_w ? product * down : product;
        const Real by = of_w ? 1 : down;
        for (size_t i = first; i < n; i++) {
            column[i * step] = less(column[i * step], v[i] * by, factor);
        }
    }
    if (of_w) {
        Real sum = 0;
        for (size_t i = call.round; i < n; i++) {
            sum += size(column[i * step]);
        }
        call.sums_of(matrix)[j] = number(sum);
    }
}
