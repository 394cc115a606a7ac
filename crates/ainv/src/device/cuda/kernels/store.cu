// The inverse: the columns of X where the rows of A stood, brought back from the powers of two; NaN where there
// is none. A thread an entry of X: read once, written once.

extern "C" __global__ void __launch_bounds__(64) kernel(const Call call) {
    const Place at = placed();
    const size_t n = call.order;
    if (at.j >= n || call.is_done(at.matrix)) {
        return;
    }
    const int *rows = call.powers_of(at.matrix);
    const unsigned j = call.places_of(at.matrix)[at.j];
    Number y = number(0);
    if ((call.flags_of(at.matrix) & (NON_FINITE | OVERFLOWED)) != 0 || call.zero_pivot_of(at.matrix) != 0) {
        y = no_number();
    } else if (rows[j] != INFINITE) {
        y = scaled(call.rows_of(at.matrix)[at.i * n + at.j], rows[n + at.i] + rows[j]);
    }
    call.results[(at.matrix * n + at.i) * n + j] = y;
}
