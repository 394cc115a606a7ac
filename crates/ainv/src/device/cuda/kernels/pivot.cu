// What panels have in common that are factored by one block or by many: what is known when a pivot is, and their ends.

// The pivot of row k by all threads of a block: the rows of L left of the panel are exchanged, and it is noted.
void note_pivot(const Call &call, size_t matrix, size_t k, Pivot pivot) {
    const size_t n = call.order, p = pivot.at;
    Number *left = call.panels_of(matrix);
    for (size_t c = threadIdx.x; c < call.beside; c += WORKGROUP) {
        Number &here = left[k * call.leading + c], &there = left[p * call.leading + c];
        const Number x = there;
        there = here;
        here = x;
    }
    if (threadIdx.x == 0) {
        unsigned *stands = call.places_of(matrix);
        const unsigned row = stands[k];
        stands[k] = stands[p];
        stands[p] = row;
        stands[n + k] = p;
        if (!(pivot.size > 0)) {
            call.zero_pivot_of(matrix) = call.zero_pivot_of(matrix) == 0 ? k + 1 : call.zero_pivot_of(matrix);
        } else if (exponent(pivot.size) < -BIG) {
            call.flags_of(matrix) |= IS_STEEP;
        }
    }
}

// Row i of a panel: L and the block of U go where the other kernels find them, zeros take their place.
void end_row(const Call &call, size_t matrix, size_t i) {
    Number *row = call.rows_of(matrix) + i * call.order + call.first;
    for (size_t c = 0; c < call.width; c++) {
        const Number x = row[c];
        const bool is_lower = i > call.first + c;
        call.panel_of(matrix)[i * call.leading + c] = is_lower ? x : number(0);
        if (i < call.first + call.width) {
            call.diagonals_of(matrix)[i * PANEL + c] = is_lower ? number(0) : x;
        }
        row[c] = number(0);
    }
}
