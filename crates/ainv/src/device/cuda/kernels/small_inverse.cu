// Inverses, in one launch, as small.cu eliminates:
//
//     eliminate   right of k that leaves U, left of k L^-1, whose column k is -l
//     substitute  for i = N-1..0: row i of X = (row i of L^-1 - the sum of u_ik (row k of X)) / u_ii
//     store       A^-1 = 2^columns X P 2^rows
//
// Up to order CLOSED closed.cu has X, and the elimination says which pivot is zero.
//
// Each column of X solves its system by substitution, which bounds the right residual A X - I (Higham,
// Accuracy and Stability of Numerical Algorithms, 2nd ed., theorem 9.4 and section 14.3).
//
// Of a matrix: N^2 entries read, N^2 written, 8 bytes of outcome; N^3 multiply-adds.

extern "C" __global__ void __launch_bounds__(LANES) kernel(const Call call) {
    if (is_idle(call)) {
        return;
    }
    const Place at = placed();
    take(call);
    const Known scaled_as = scale(call, at);
    Known known;
    bool finite = true;
    if constexpr (N <= CLOSED) {
        Number x[SQUARE];
        adjugate(at, x);
        const Number det = determinant(at);
        known = eliminate(at, scaled_as, true, size(det) == 0);
        const Number r = reciprocal(det);
        for (unsigned i = 0; i < N; i++) {
            // Without exchanges.
            stands_here[at.slot][i] = i;
            for (unsigned j = 0; j < N; j++) {
                at(i, j) = times(x[i * N + j], r);
                finite = finite && is_finite(at(i, j));
            }
        }
    } else {
        known = eliminate(at, scaled_as, true, false);
        for (unsigned next = N; next > 0; next--) {
            const unsigned i = next - 1;
            const Number r = lift(at, i);
            for (unsigned c = at.own; c < N; c += TEAM) {
                Number s = c < i ? at(i, c) : number(c == i ? 1 : 0);
                for (unsigned k = next; k < N; k++) {
                    s = less(s, upper[at.slot][k], at(k, c));
                }
                at(i, c) = times(s, r);
                finite = finite && is_finite(at(i, c));
            }
            at.together();
        }
    }
    conclude(call, at, known, finite);

    const size_t first = first_matrix() * SQUARE, end = call.count * SQUARE;
    for (unsigned place = threadIdx.x; place < MATRICES * SQUARE && first + place < end; place += LANES) {
        const unsigned m = place / SQUARE, i = place % SQUARE / N, j = place % N;
        if (verdict[m] == DONE) {
            continue;
        }
        Number y = scaled(entry(m, i, stands_at[m][j]), column_power[m][i] + row_power[m][j]);
        if (verdict[m] == BAD) {
            y = no_number();
        } else if (verdict[m] == GOOD_WITH_INFINITIES && is_infinite(call.matrices[first + place])) {
            y = number(0);
        }
        call.results[first + place] = y;
    }
}
