// The powers of two of rows and columns, and what is known of the matrix before it is eliminated. A block
// a matrix.
//
// Of a matrix: 2 n^2 entries read, 3 n^2 where rows and columns are scaled apart.

extern "C" __global__ void __launch_bounds__(WORKGROUP) kernel(const Call call) {
    const size_t n = call.order, matrix = blockIdx.x;
    const bool again = call.balanced == AGAIN;
    if (again && !is_suspect(call.flags_of(matrix), call.zero_pivot_of(matrix))) {
        return;
    }
    const Number *a = call.rows_of(matrix);
    int *rows = call.powers_of(matrix), *columns = rows + n;
    Extent all = EMPTY, lines = EMPTY;
    unsigned seen = 0;
    for (size_t i = threadIdx.x; i < n; i += WORKGROUP) {
        Extent along = EMPTY;
        unsigned seen_here = 0;
        for (size_t j = 0; j < n; j++) {
            along.take(exponent(a[i * n + j]));
            seen_here |= look(a[i * n + j], i == j);
        }
        all.take(along);
        lines.take(along.largest);
        seen |= seen_here;
        rows[i] = (seen_here & SAW_INFINITE) != 0 ? INFINITE : along.largest;
        call.places_of(matrix)[i] = i;
    }
    for (size_t j = threadIdx.x; j < n; j += WORKGROUP) {
        Extent down = EMPTY;
        for (size_t i = 0; i < n; i++) {
            down.take(exponent(a[i * n + j]));
        }
        lines.take(down.largest);
    }
    all = extent_of_all(all);
    lines = extent_of_all(lines);
    seen = seen_by_all(seen);
    const bool balanced = is_balanced(all, lines.smallest, all.is_wide() && call.balanced != 0);
    for (size_t i = threadIdx.x; i < n; i += WORKGROUP) {
        if (rows[i] != INFINITE) {
            rows[i] = power_against(balanced ? rows[i] : all.largest);
        }
    }
    __syncthreads();
    for (size_t j = threadIdx.x; j < n; j += WORKGROUP) {
        Extent down = EMPTY;
        for (size_t i = 0; i < n && balanced; i++) {
            down.take(exponent(a[i * n + j]), rows[i]);
        }
        columns[j] = power_against(down.largest);
    }
    if (threadIdx.x == 0) {
        call.flags_of(matrix) = (is_non_finite(seen) ? NON_FINITE : 0) | (all.is_wide() ? IS_WIDE : 0)
            | (balanced ? IS_BALANCED : 0) | (again ? IS_AGAIN : 0);
        call.zero_pivot_of(matrix) = 0;
    }
}
