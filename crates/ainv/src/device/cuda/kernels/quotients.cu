// The solutions of systems with diagonals, which stand before all right-hand sides: the rows of B over the diagonal's entries;
// NaN where there is none. A thread an entry of X: two entries read, one written.

extern "C" __global__ void __launch_bounds__(64) kernel(const Call call) {
    const Place at = placed();
    const size_t n = call.order;
    if (at.j >= call.columns) {
        return;
    }
    const bool bad = call.flags_of(at.matrix) != 0 || call.zero_pivot_of(at.matrix) != 0;
    const Number b = call.columns_of(at.matrix)[at.i * call.step + at.j];
    call.results[(at.matrix * n + at.i) * call.columns + at.j] =
        bad ? no_number() : quotient(b, call.matrices[at.matrix * n + at.i]);
}
