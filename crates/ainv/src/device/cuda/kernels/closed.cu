// The inverse up to order CLOSED, as on the CPU: the adjugate over the determinant, whose products of two are compensated.

// Of the entry (j, i), by cyclic indices of order 3.
Number cofactor(Place at, unsigned i, unsigned j) {
    const unsigned p = (j + 1) % 3, q = (j + 2) % 3, r = (i + 1) % 3, s = (i + 2) % 3;
    return difference_of_products(at(p, r), at(q, s), at(p, s), at(q, r));
}

void adjugate(Place at, Number *x) {
    if constexpr (N == 1) {
        x[0] = number(1);
    } else if constexpr (N == 2) {
        x[0] = at(1, 1);
        x[1] = -at(0, 1);
        x[2] = -at(1, 0);
        x[3] = at(0, 0);
    } else {
        for (unsigned i = 0; i < N; i++) {
            for (unsigned j = 0; j < N; j++) {
                x[i * N + j] = cofactor(at, i, j);
            }
        }
    }
}
