// The inverse, brought back from the powers of two: a lower triangle, or of L L^H what its lower triangle says of all of it;
// or the factor of a positive definite matrix; NaN where there is none. A thread an entry: read once, written once.

extern "C" __global__ void __launch_bounds__(64) kernel(const Call call) {
    const Place at = placed();
    const size_t n = call.order, i = at.i, j = at.j;
    if (j >= n) {
        return;
    }
    const int *rows = call.powers_of(at.matrix);
    const bool hermitian = call.has(HERMITIAN);
    const Number x = call.rows_of(at.matrix)[max(i, j) * n + min(i, j)];
    Number y = number(0);
    if ((call.flags_of(at.matrix) & NON_FINITE) != 0 || call.zero_pivot_of(at.matrix) != 0) {
        y = no_number();
    } else if (rows[i] != INFINITE && rows[j] != INFINITE) {
        if (hermitian) {
            y = mirrored(scaled(x, rows[i] + rows[j]), i, j);
        } else if (i >= j) {
            y = scaled(x, call.has(DEFINITE) ? -rows[i] : rows[n + i] + rows[j]);
        }
    }
    call.results[(at.matrix * n + i) * n + j] = y;
}
