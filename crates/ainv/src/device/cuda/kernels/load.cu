// The matrix scaled, in its own place. A thread an entry: read once, written once.

extern "C" __global__ void __launch_bounds__(64) kernel(const Call call) {
    const Place at = placed();
    const size_t n = call.order;
    if (at.j >= n || call.is_done(at.matrix)) {
        return;
    }
    const int *rows = call.powers_of(at.matrix);
    Number &x = call.rows_of(at.matrix)[at.i * n + at.j];
    if ((call.flags_of(at.matrix) & NON_FINITE) != 0) {
        x = number(0);
    } else {
        x = is_infinite(x) ? number(1) : scaled(x, rows[at.i] + rows[n + at.j]);
    }
}
