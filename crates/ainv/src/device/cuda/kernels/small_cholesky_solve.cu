// Solutions X of A X = B with positive definite matrices in one launch, as small_definite.cu factors; small_rhs.cu has B and X.
//
//     substitute  for i = 0..N: row i of Y = (row i of B' - the sum of l_ik (row k of Y)) / l_ii, in the place of B'
//                 for i = N-1..0: row i of X = (row i of Y - the sum of conj(l_ki) (row k of X)) / l_ii
//
// Of a system with k columns: N^2 + N k entries read, N k written, 8 bytes of outcome; N^3 / 6 + N^2 k multiply-adds.

extern "C" __global__ void __launch_bounds__(LANES) kernel(const Call call) {
    if (is_idle(call)) {
        return;
    }
    const Place at = placed();
    const unsigned m = at.slot;
    take_rhs(call);
    take(call);
    const Known scaled_as = scale_definite(at);
    scale_rhs(call, at, false);
    const Known known = factor(at, scaled_as);

    // A column is one lane's from here to its end.
    bool finite = true;
    for (unsigned j = at.own; j < RHS; j += TEAM) {
        for (unsigned i = 0; i < N; i++) {
            Number s = at(i, N + j);
            for (unsigned k = 0; k < i; k++) {
                s = less(s, at(i, k), at(k, N + j));
            }
            at(i, N + j) = times(s, recips[m][i]);
        }
        for (unsigned next = N; next > 0; next--) {
            const unsigned i = next - 1;
            Number s = at(i, N + j);
            for (unsigned k = next; k < N; k++) {
                s = less(s, conjugate(at(k, i)), at(k, N + j));
            }
            at(i, N + j) = times(s, recips[m][i]);
            finite = finite && is_finite(at(i, N + j));
        }
    }
    conclude(call, at, known, finite);
    store_solutions(call);
}
