// The solutions, brought back from the powers of two; NaN where there is none. A thread an entry of X: read once, written
// once.

extern "C" __global__ void __launch_bounds__(64) kernel(const Call call) {
    const Place at = placed();
    const size_t n = call.order;
    if (at.j >= call.columns || call.is_done(at.matrix)) {
        return;
    }
    const int *rows = call.powers_of(at.matrix);
    const int size = rows[2 * n + at.j];
    const bool bad = (call.flags_of(at.matrix) & (NON_FINITE | OVERFLOWED)) != 0 || call.zero_pivot_of(at.matrix) != 0;
    Number y = number(0);
    if (bad || size == INFINITE) {
        y = no_number();
    } else if (rows[at.i] != INFINITE) {
        // A diagonal has the column i of its inverse in its row i.
        y = scaled(call.columns_of(at.matrix)[at.i * call.step + at.j], rows[n + at.i] + size);
    }
    call.results[(at.matrix * n + at.i) * call.columns + at.j] = y;
}
