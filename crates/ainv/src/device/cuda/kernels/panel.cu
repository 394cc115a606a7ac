// LU with partial pivoting of a panel: `width` columns from `first` on, of the rows from `first` on. A block
// a matrix, whose threads own the rows in turn. The exchanges of other columns than the panel's and L's follow in exchange.cu.
//
// Of a panel of m rows: about width m (width + 3) / 2 entries read and written, from the caches where they have room;
// m width^2 / 2 multiply-adds.

__shared__ Pivot pivots[WORKGROUP];
__shared__ Number pivot_row[PANEL];

extern "C" __global__ void __launch_bounds__(WORKGROUP) kernel(const Call call) {
    const size_t n = call.order, first = call.first, width = call.width, matrix = blockIdx.z;
    if (call.is_done(matrix)) {
        return;
    }
    Number *a = call.rows_of(matrix) + first;

    for (size_t t = 0; t < width; t++) {
        const size_t k = first + t;
        Pivot best = {-1, unsigned(k)};
        for (size_t i = first + threadIdx.x; i < n; i += WORKGROUP) {
            const Real here = i < k ? -1 : size(a[i * n + t]);
            if (here > best.size) {
                best = {here, unsigned(i)};
            }
        }
        best = of_all(pivots, best, larger);
        if (threadIdx.x < width) {
            Number &here = a[k * n + threadIdx.x], &there = a[best.at * n + threadIdx.x];
            const Number x = there;
            there = here;
            here = x;
            pivot_row[threadIdx.x] = x;
        }
        note_pivot(call, matrix, k, best);
        __syncthreads();
        const Number r = best.size > 0 ? reciprocal(pivot_row[t]) : number(0);
        for (size_t i = first + threadIdx.x; i < n; i += WORKGROUP) {
            if (i > k) {
                Number *row = a + i * n;
                const Number l = times(row[t], r);
                row[t] = l;
                for (size_t c = t + 1; c < width; c++) {
                    row[c] = less(row[c], l, pivot_row[c]);
                }
            }
        }
        // Until the next pivot is known each thread reads the rows alone that it wrote.
    }
    for (size_t i = first + threadIdx.x; i < n; i += WORKGROUP) {
        end_row(call, matrix, i);
    }
    __syncthreads();
    invert_block(call, matrix);
}
