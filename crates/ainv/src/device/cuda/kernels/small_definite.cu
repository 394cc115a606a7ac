// Positive definite matrices of small orders, of which lower triangles are read; the diagonal is real, or its matrix not
// positive definite.
//
//     scale       A' = 2^powers A 2^powers: one power where the exponents lie close together, else the diagonal near one
//     factor      A' = L L^H, for k = 0..N: l_kk is the root of a_kk; below it column k /= l_kk; right of it
//                 column j -= conj(l_jk) (column k)

Known scale_definite(Place at) {
    const unsigned m = at.slot;
    for (unsigned c = at.own; c < N; c += TEAM) {
        Extent down = EMPTY;
        unsigned seen = 0;
        for (unsigned i = c; i < N; i++) {
            seen |= look(at(i, c), i == c);
            down.take(exponent(at(i, c)));
        }
        column_extent[m][c] = down;
        column_seen[m][c] = seen;
        stands_here[m][c] = c;
    }
    at.together();
    Extent all = EMPTY;
    unsigned seen = 0;
    for (unsigned c = 0; c < N; c++) {
        all.take(column_extent[m][c]);
        seen |= column_seen[m][c];
    }
    const bool nothing = (seen & (SAW_NAN | SAW_INFINITE)) != 0;
    for (unsigned c = at.own; c < N; c += TEAM) {
        row_power[m][c] = -half_of(all.is_wide() ? exponent(at(c, c)) : all.largest);
        column_power[m][c] = row_power[m][c];
    }
    at.together();
    for (unsigned c = at.own; c < N; c += TEAM) {
        column_seen[m][c] = unreal(scaled(at(c, c), 2 * row_power[m][c])) > 0;
        for (unsigned i = 0; i < N; i++) {
            Number y = number(i == c && nothing ? 1 : 0);
            if (i >= c && !nothing) {
                y = definite_scaled(at(i, c), row_power[m][i] + row_power[m][c], i == c);
            }
            at(i, c) = y;
        }
    }
    at.together();
    return {nothing ? NON_FINITE : 0, false, 0};
}

// Leaves L, and the reciprocals of its diagonal.
Known factor(Place at, Known known) {
    const unsigned m = at.slot;
    for (unsigned k = 0; k < N; k++) {
        const Real pivot = real_part(at(k, k));
        Real root = 1, r = 0;
        if (pivot > 0 && column_seen[m][k] == 0) {
            root = sqrt(pivot);
            r = 1 / root;
        } else if (known.zero_pivot == 0) {
            known.zero_pivot = k + 1;
        }
        at.together();
        for (unsigned i = k + at.own; i < N; i += TEAM) {
            if (i == k) {
                recips[m][k] = number(r);
                at(k, k) = number(root);
            } else {
                at(i, k) = times(at(i, k), number(r));
            }
        }
        at.together();
        for (unsigned j = at.own; j < N; j += TEAM) {
            const Number l = conjugate(at(j, k));
            for (unsigned i = j; i < N && j > k; i++) {
                at(i, j) = less(at(i, j), at(i, k), l);
            }
        }
        at.together();
    }
    return known;
}
