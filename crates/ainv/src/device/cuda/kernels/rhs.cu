// The right-hand sides scaled by the powers of the rows, each column by one of its own, in their place (outcome.cu says
// which). A thread a column: 2 n entries read, n written.

extern "C" __global__ void __launch_bounds__(64) kernel(const Call call) {
    const Place at = placed();
    if (at.j >= call.columns || call.is_done(at.matrix)) {
        return;
    }
    const size_t n = call.order;
    int *rows = call.powers_of(at.matrix);
    Number *b = call.columns_of(at.matrix) + at.j;
    Extent extent = EMPTY;
    bool finite = true;
    for (size_t i = 0; i < n; i++) {
        const Number x = b[i * call.step];
        finite = finite && is_finite(x);
        if (rows[i] != INFINITE) {
            extent.take(exponent(x), rows[i]);
            extent.take(smallest_exponent(x), rows[i]);
        }
    }
    const int power = size_of_rhs(extent, call.balanced != 0);
    rows[2 * n + at.j] = finite ? power : INFINITE;
    if (finite && power < extent.largest) {
        atomicOr(&call.flags_of(at.matrix), IS_RAISED);
    }
    for (size_t i = 0; i < n; i++) {
        Number &x = b[i * call.step];
        x = finite && rows[i] != INFINITE ? scaled(x, rows[i] - power) : number(0);
    }
}
