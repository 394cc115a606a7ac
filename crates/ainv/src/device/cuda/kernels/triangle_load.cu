// The lower triangle scaled, in its own place; zeros above it. The row and the column of an infinity are the identity's, and
// all of them where there is no inverse. A thread an entry: read once, written once.

extern "C" __global__ void __launch_bounds__(64) kernel(const Call call) {
    const Place at = placed();
    const size_t n = call.order;
    if (at.j >= n || call.is_done(at.matrix)) {
        return;
    }
    const int *rows = call.powers_of(at.matrix);
    Number &x = call.rows_of(at.matrix)[at.i * n + at.j];
    const bool nothing = (call.flags_of(at.matrix) & NON_FINITE) != 0;
    const bool apart = nothing || rows[at.i] == INFINITE || rows[at.j] == INFINITE;
    Number y = number(0);
    if (at.i == at.j && (apart || call.has(UNIT))) {
        y = number(1);
    } else if (at.i >= at.j && !apart) {
        const int power = rows[at.i] + rows[n + at.j];
        y = call.has(DEFINITE) ? definite_scaled(x, power, at.i == at.j) : scaled_to(x, power, TOP);
    }
    x = y;
}
