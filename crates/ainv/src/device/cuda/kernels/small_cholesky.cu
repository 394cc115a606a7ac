// Cholesky factors in one launch, A = L L^H, and for HERMITIAN calls A^-1. Lower triangles are read; the diagonal is real,
// or its matrix not positive definite.
//
//     scale       A' = 2^powers A 2^powers: one power where the exponents lie close together, else the diagonal near one
//     factor      for k = 0..N: l_kk is the root of a_kk; below it column k /= l_kk; right of it column j -= conj(l_jk) (column k)
//     invert      as small_factor.cu says
//     store       L = 2^-powers L', A^-1 = 2^powers X 2^powers, of which the lower triangle counts
//
// Of a matrix: N^2 entries read, N^2 written, 8 bytes of outcome; N^3 / 6 multiply-adds, if HERMITIAN 5 N^3 / 6.

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

extern "C" __global__ void __launch_bounds__(LANES) kernel(const Call call) {
    const Place at = placed();
    const bool hermitian = (call.mode & HERMITIAN) != 0;
    take(call);
    const Known scaled_as = scale_definite(at);
    // The way over the root would round three times.
    const Number alone = at(0, 0);
    const Known known = factor(at, scaled_as);
    if (hermitian) {
        invert(at, true);
        if (N == 1 && known.zero_pivot == 0) {
            at(0, 0) = reciprocal(alone);
        }
    }
    conclude(call, at, known, true);

    const size_t first = first_matrix() * SQUARE, end = call.count * SQUARE;
    for (unsigned place = threadIdx.x; place < MATRICES * SQUARE && first + place < end; place += LANES) {
        const unsigned m = place / SQUARE, i = place % SQUARE / N, j = place % N;
        const Number x = entry(m, max(i, j), min(i, j));
        const int power = row_power[m][i];
        Number y = number(0);
        if (verdict[m] == BAD) {
            y = no_number();
        } else if (hermitian) {
            y = mirrored(scaled(x, power + row_power[m][j]), i, j);
        } else if (i >= j) {
            y = scaled(x, -power);
        }
        call.results[first + place] = y;
    }
}
