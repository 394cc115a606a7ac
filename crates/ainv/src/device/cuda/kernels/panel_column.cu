// LU with partial pivoting of a panel of a large matrix by many blocks, a row a thread. Launch t exchanges and eliminates by the pivot of
// column t - 1, then each block offers its candidate for the pivot of column t; launch `width` ends the panel.
//
// No block waits for another: each offers the row with its largest entry, and the row that is to be exchanged is offered, too, so
// that the next launch finds them as they were. Even and odd columns take turns.
//
// Of a panel of m rows: m width entries read and written for each of width + 1 columns, at most; m width^2 / 2 multiply-adds in all.

__shared__ Pivot pivots[WORKGROUP];
__shared__ Number pivot_row[PANEL];

// What the blocks offered for a column: a row each, and the one to be exchanged.
struct Offers {
    Number *rows;
    unsigned *places;

    Number *row_of(size_t block) const {
        return rows + block * PANEL;
    }
    Number *exchanged() const {
        return row_of(gridDim.x);
    }
};

Offers offers_of(const Call &call, size_t matrix, size_t column) {
    const size_t turn = column % 2, n = call.order;
    return {
        call.diagonals_of(matrix) + (n + turn * (gridDim.x + 1)) * PANEL,
        call.places_of(matrix) + 2 * n + turn * gridDim.x,
    };
}

Real size_or_none(Number x) {
    const Real here = size(x);
    return here >= 0 ? here : -1;
}

extern "C" __global__ void __launch_bounds__(WORKGROUP) kernel(const Call call) {
    const size_t n = call.order, first = call.first, width = call.width, t = call.exchanges, matrix = blockIdx.z;
    if (call.is_done(matrix)) {
        return;
    }
    const size_t i = first + blockIdx.x * size_t(WORKGROUP) + threadIdx.x;
    Number *row = call.rows_of(matrix) + i * n + first;
    if (t > 0) {
        const size_t k = first + t - 1;
        const Offers offers = offers_of(call, matrix, t - 1);
        Pivot mine = {-1, unsigned(k)};
        if (threadIdx.x < gridDim.x) {
            const unsigned at = offers.places[threadIdx.x];
            // One that has no candidate names the row of another.
            if ((at - first) / WORKGROUP == threadIdx.x) {
                mine = {size_or_none(offers.row_of(threadIdx.x)[t - 1]), at};
            }
        }
        const Pivot best = of_all(pivots, mine, larger);
        const size_t p = best.at;
        if (threadIdx.x < width) {
            pivot_row[threadIdx.x] = offers.row_of((p - first) / WORKGROUP)[threadIdx.x];
        }
        __syncthreads();
        const Number r = best.size > 0 ? reciprocal(pivot_row[t - 1]) : number(0);
        if (i == k) {
            for (size_t c = 0; c < width; c++) {
                row[c] = pivot_row[c];
            }
        } else if (i > k && i < n) {
            if (i == p) {
                for (size_t c = 0; c < width; c++) {
                    row[c] = offers.exchanged()[c];
                }
            }
            const Number l = times(row[t - 1], r);
            row[t - 1] = l;
            for (size_t c = t; c < width; c++) {
                row[c] = less(row[c], l, pivot_row[c]);
            }
        }
        if (blockIdx.x == 0) {
            note_pivot(call, matrix, k, best);
        }
    }
    if (t < width) {
        const size_t k = first + t;
        const Offers offers = offers_of(call, matrix, t);
        Pivot mine = {-1, unsigned(k)};
        if (i >= k && i < n) {
            const Real here = size_or_none(row[t]);
            if (here >= 0) {
                mine = {here, unsigned(i)};
            }
        }
        const size_t p = of_all(pivots, mine, larger).at;
        if (threadIdx.x == 0) {
            offers.places[blockIdx.x] = p;
        }
        for (size_t c = 0; c < width && i == p; c++) {
            offers.row_of(blockIdx.x)[c] = row[c];
        }
        for (size_t c = 0; c < width && i == k; c++) {
            offers.exchanged()[c] = row[c];
        }
        return;
    }
    if (i < n) {
        end_row(call, matrix, i);
    }
    __syncthreads();
    // Its block of L is that of the first rows.
    if (blockIdx.x == 0) {
        invert_block(call, matrix);
    }
}
