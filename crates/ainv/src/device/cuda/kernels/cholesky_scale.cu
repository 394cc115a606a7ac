// The powers of two of a positive definite matrix, for its rows and its columns the same, and what is known of it: a diagonal
// entry that is not real counts as a pivot that is not positive. A block a matrix: n^2 / 2 entries read.

extern "C" __global__ void __launch_bounds__(WORKGROUP) kernel(const Call call) {
    const size_t n = call.order, matrix = blockIdx.x;
    const bool again = call.balanced == AGAIN;
    if (again && !is_suspect(call.flags_of(matrix), call.zero_pivot_of(matrix))) {
        return;
    }
    const Number *a = call.rows_of(matrix);
    int *rows = call.powers_of(matrix);
    Extent all = EMPTY;
    unsigned seen = 0;
    for (size_t i = threadIdx.x; i < n; i += WORKGROUP) {
        for (size_t j = 0; j <= i; j++) {
            seen |= look(a[i * n + j], i == j);
            all.take(exponent(a[i * n + j]));
        }
        // Nothing is exchanged.
        call.places_of(matrix)[n + i] = i;
    }
    all = extent_of_all(all);
    seen = seen_by_all(seen);
    unsigned unreal_at = 0;
    for (size_t i = threadIdx.x; i < n; i += WORKGROUP) {
        const Number x = a[i * (n + 1)];
        const int power = -half_of(all.is_wide() ? exponent(x) : all.largest);
        rows[i] = power;
        rows[n + i] = power;
        if (unreal_at == 0 && unreal(scaled(x, 2 * power)) > 0) {
            unreal_at = i + 1;
        }
    }
    unreal_at = of_all(words, unreal_at, first_of);
    if (threadIdx.x == 0) {
        call.flags_of(matrix) =
            ((seen & (SAW_NAN | SAW_INFINITE)) != 0 ? NON_FINITE : 0) | (again ? IS_AGAIN : 0);
        call.zero_pivot_of(matrix) = unreal_at;
    }
}
