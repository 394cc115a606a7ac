// The inverse of a lower triangle L that stands in the tile, zeros above it, in its place; of HERMITIAN calls that of L L^H:
//
//     forward     for i = 0..N: row i of Z = (row i of I - the sum of l_ik (row k of Z)) / l_ii, in the place of L
//     backward    HERMITIAN: for i = N-1..0: row i of X = (row i of Z - the sum of conj(l_ki) (row k of X)) / conj(l_ii),
//                 where L^H was kept above the diagonal

// Of its diagonal; zero of a zero.
__shared__ Number recips[MATRICES][N];

void invert(Place at, bool hermitian) {
    const unsigned m = at.slot;
    for (unsigned i = 0; i < N; i++) {
        for (unsigned c = at.own; c < N; c += TEAM) {
            upper[m][c] = at(i, c);
        }
        at.together();
        for (unsigned c = at.own; c <= i; c += TEAM) {
            Number s = number(c == i ? 1 : 0);
            for (unsigned k = c; k < i; k++) {
                s = less(s, upper[m][k], at(k, c));
            }
            at(i, c) = times(s, recips[m][i]);
        }
        // L^H above the diagonal, where no row below reads.
        if (hermitian && at.own == i % TEAM) {
            for (unsigned k = 0; k < i; k++) {
                at(k, i) = conjugate(upper[m][k]);
            }
        }
        at.together();
    }
    for (unsigned next = hermitian ? N : 0; next > 0; next--) {
        const unsigned i = next - 1;
        for (unsigned c = at.own; c < N; c += TEAM) {
            upper[m][c] = at(i, c);
        }
        at.together();
        const Number r = conjugate(recips[m][i]);
        for (unsigned c = at.own; c < N; c += TEAM) {
            Number s = c <= i ? upper[m][c] : number(0);
            for (unsigned k = next; k < N; k++) {
                s = less(s, upper[m][k], at(k, c));
            }
            at(i, c) = times(s, r);
        }
        at.together();
    }
}
