// The block of L^-1 on the diagonal of a panel whose L is in `panels`, in the matrix's own place, over zeros; where L has a zero
// on its diagonal that stands for one. A column a thread: width^3 / 6 multiply-adds.

void invert_block(const Call &call, size_t matrix) {
    const size_t n = call.order;
    const Number *panel = call.panel_of(matrix) + call.first * call.leading;
    Number *x = call.rows_of(matrix) + call.first * (n + 1) + threadIdx.x;
    if (threadIdx.x < call.width) {
        for (unsigned i = threadIdx.x; i < call.width; i++) {
            Number s = number(i == threadIdx.x ? 1 : 0);
            for (unsigned k = threadIdx.x; k < i; k++) {
                s = less(s, panel[i * call.leading + k], x[k * n]);
            }
            const Number pivot = panel[i * call.leading + i];
            x[i * n] = size(pivot) > 0 ? times(s, reciprocal(pivot)) : s;
        }
    }
}
