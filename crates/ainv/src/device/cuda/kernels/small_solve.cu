// Solutions X of A X = B in one launch, as small.cu eliminates; small_rhs.cu has B and X.
//
//     eliminate   leaves L^-1 P B' behind U
//     substitute  for i = N-1..0: row i of X = (row i - the sum of u_ik (row k of X)) / u_ii
//
// Of a system with k columns: N^2 + N k entries read, N k written, 8 bytes of outcome; N^3 / 3 + N^2 k multiply-adds.

extern "C" __global__ void __launch_bounds__(LANES) kernel(const Call call) {
    if (is_idle(call)) {
        return;
    }
    const Place at = placed();
    const unsigned m = at.slot;
    take_rhs(call);
    take(call);
    const Known scaled_as = scale(call, at);
    scale_rhs(call, at, scaled_as.has_infinities);
    bool singular = false;
    if constexpr (N <= CLOSED) {
        singular = size(determinant(at)) == 0;
    }
    const Known known = eliminate(at, scaled_as, false, singular);

    bool finite = true;
    for (unsigned next = N; next > 0; next--) {
        const unsigned i = next - 1;
        const Number r = lift(at, i);
        for (unsigned j = at.own; j < RHS; j += TEAM) {
            Number s = at(i, N + j);
            for (unsigned k = next; k < N; k++) {
                s = less(s, upper[m][k], at(k, N + j));
            }
            at(i, N + j) = times(s, r);
            finite = finite && is_finite(at(i, N + j));
        }
        at.together();
    }
    conclude(call, at, known, finite);
    store_solutions(call);
}
