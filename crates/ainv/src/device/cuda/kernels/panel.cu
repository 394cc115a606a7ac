// LU with partial pivoting of a panel: `width` columns from `first` on, of the rows from `first` on. A block
// a matrix, whose threads own the rows in turn. What L has left of it in its block is exchanged here, other columns in exchange.cu.
//
// Of a panel of m rows: about width m (width + 3) / 2 entries read and written, from the caches where they have room;
// m width^2 / 2 multiply-adds.

__shared__ Pivot pivots[WORKGROUP];
__shared__ Number pivot_row[PANEL];

extern "C" __global__ void __launch_bounds__(WORKGROUP) kernel(const Call call) {
    const size_t n = call.order, first = call.first, width = call.width, matrix = blockIdx.x;
    if (call.is_done(matrix)) {
        return;
    }
    Number *a = call.rows_of(matrix) + first;
    unsigned *stands = call.places_of(matrix);

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
        const size_t p = best.at;
        if (threadIdx.x < width) {
            Number &here = a[k * n + threadIdx.x], &there = a[p * n + threadIdx.x];
            const Number x = there;
            there = here;
            here = x;
            pivot_row[threadIdx.x] = x;
        }
        for (size_t c = threadIdx.x; c < call.beside; c += WORKGROUP) {
            Number &here = call.panels_of(matrix)[k * call.leading + c], &there = call.panels_of(matrix)[p * call.leading + c];
            const Number x = there;
            there = here;
            here = x;
        }
        if (threadIdx.x == 0) {
            const unsigned row = stands[k];
            stands[k] = stands[p];
            stands[p] = row;
            stands[n + k] = p;
            if (!(best.size > 0)) {
                call.zero_pivot_of(matrix) = call.zero_pivot_of(matrix) == 0 ? k + 1 : call.zero_pivot_of(matrix);
            } else if (exponent(best.size) < -BIG) {
                call.flags_of(matrix) |= IS_STEEP;
            }
        }
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

    // L and the block of U go where the other kernels find them.
    for (size_t i = first + threadIdx.x; i < n; i += WORKGROUP) {
        for (size_t c = 0; c < width; c++) {
            const Number x = a[i * n + c];
            const bool is_lower = i > first + c;
            call.panel_of(matrix)[i * call.leading + c] = is_lower ? x : number(0);
            if (i < first + width) {
                call.diagonals_of(matrix)[i * PANEL + c] = is_lower ? number(0) : x;
            }
            a[i * n + c] = number(0);
        }
    }
    __syncthreads();
    invert_block(call, matrix);
}
