// The lengths of the rows of W, which of them are kept, and their reciprocals: zero stands for the others. A block a
// matrix.
//
// Of a matrix of n x m entries: n m read.

__shared__ Real lengths[WORKGROUP];
__shared__ int exponents[WORKGROUP];

extern "C" __global__ void __launch_bounds__(WORKGROUP) kernel(const Call call) {
    const size_t n = call.order, m = call.columns, matrix = blockIdx.x;
    Real *sizes = call.sizes_of(matrix) + 3;
    int *powers = call.powers_of(matrix), *rows = powers + 2;
    Real longest = 0;
    for (size_t j = threadIdx.x; j < n; j += WORKGROUP) {
        Real length = 0;
        if (rows[j] != NOTHING) {
            const Real down = power_of_two(-rows[j]);
            for (size_t c = 0; c < m; c++) {
                length += squared(call.rows_of(matrix)[j * m + c] * down);
            }
            length = sqrt(length);
        }
        sizes[j] = length;
        longest = max(longest, scalb(length, rows[j]));
    }
    longest = largest_of_all(lengths, longest);
    const Real cut = cut_off(call, matrix, longest, powers[0]);
    int least = TOP;
    // Of the rows that this thread measured.
    for (size_t j = threadIdx.x; j < n; j += WORKGROUP) {
        const Real length = sizes[j];
        const bool kept = scalb(length, rows[j]) > cut;
        least = kept ? min(least, rows[j]) : least;
        sizes[j] = kept ? 1 / length : 0;
    }
    least = -largest_of_all(exponents, -least);
    if (threadIdx.x == 0) {
        // Beside the smallest row that is kept the others have smaller reciprocals.
        powers[1] = least;
        if (call.turns_of(matrix)[1] == 0) {
            call.outcomes[2 * matrix] |= NOT_CONVERGED;
        }
    }
}
