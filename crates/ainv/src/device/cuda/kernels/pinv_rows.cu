// The rows scaled, and what is known of the matrix. A block a matrix.
//
// Of a matrix of n x m entries: 2 n m read, n m + n^2 written.

__shared__ int exponents[WORKGROUP];
__shared__ unsigned words[WORKGROUP];
__shared__ Real sums[WORKGROUP];

extern "C" __global__ void __launch_bounds__(WORKGROUP) kernel(const Call call) {
    const size_t n = call.order, m = call.columns, matrix = blockIdx.x;
    Number *a = call.rows_of(matrix);
    int largest = NOTHING;
    unsigned seen = 0;
    for (size_t at = threadIdx.x; at < n * m; at += WORKGROUP) {
        const Number x = given(call, a[at], at / m == at % m);
        largest = max(largest, exponent(x));
        seen |= look(x, true);
    }
    largest = largest_of_all(exponents, largest);
    seen = of_all(words, seen, [](unsigned a, unsigned b) { return a | b; });
    const int shift = largest == NOTHING ? 0 : HIGH - largest;
    int *powers = call.powers_of(matrix);
    Real squares = 0;
    for (size_t j = threadIdx.x; j < n; j += WORKGROUP) {
        for (size_t c = 0; c < m; c++) {
            Number &x = a[j * m + c];
            x = seen == 0 ? scaled(given(call, x, c == j), shift) : number(0);
            squares += squared(x * power_of_two(-HIGH));
        }
    }
    for (size_t at = threadIdx.x; at < n * n; at += WORKGROUP) {
        call.rotated_of(matrix)[at] = number(at / n == at % n ? 1 : 0);
    }
    squares = sum_of_all(sums, squares);
    if (threadIdx.x == 0) {
        const Limits limits = limits_of(call, matrix, squares, shift);
        Real *sizes = call.sizes_of(matrix);
        sizes[0] = limits.oblique;
        sizes[1] = limits.noise;
        sizes[2] = limits.drop;
        powers[0] = shift;
        call.turns_of(matrix)[0] = 0;
        call.turns_of(matrix)[1] = seen != 0;
        call.outcomes[2 * matrix] = seen != 0 ? NON_FINITE : 0;
        call.outcomes[2 * matrix + 1] = 0;
    }
}
