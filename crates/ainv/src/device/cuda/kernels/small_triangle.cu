// Inverses of lower triangles L in one launch; for HERMITIAN calls (L L^H)^-1.
//
//     scale       L' = 2^rows L 2^columns, without columns if HERMITIAN; a unit triangle stays as it is
//     invert      as small_factor.cu says
//     store       L^-1 = 2^columns Z 2^rows, A^-1 = 2^rows X 2^rows, of which the lower triangle counts
//
// A row whose diagonal entry is infinite is zero in the inverse, as is that column: it is taken for one of the identity.
//
// Of a matrix: N^2 entries read, N^2 written, 8 bytes of outcome; N^3 / 6 multiply-adds, if HERMITIAN 2 N^3 / 3.

__shared__ float row_sought[MATRICES][N];
__shared__ float column_sought[MATRICES][N];
__shared__ unsigned moved[MATRICES];

// The powers of rows and columns of a triangle whose exponents lie far apart, sought as numbers: those that leave the least
// sum of squares, by turns for the rows and the columns, as on the CPU (settle.rs). Its lines are of different lengths, so
// that their largest entries cannot be compared.
void balance(Place at) {
    const unsigned m = at.slot;
    for (unsigned c = at.own; c < N; c += TEAM) {
        row_sought[m][c] = 0;
        column_sought[m][c] = 0;
    }
    for (unsigned sweep = 0; sweep < SWEEPS; sweep++) {
        if (at.own == 0) {
            moved[m] = 0;
        }
        at.together();
        for (unsigned i = at.own; i < N; i += TEAM) {
            Mean mean = {0, 0};
            for (unsigned j = 0; j <= i; j++) {
                if (row_power[m][i] != INFINITE && row_power[m][j] != INFINITE) {
                    mean.take(exponent(at(i, j)), column_sought[m][j]);
                }
            }
            if (fabs(mean.power() - row_sought[m][i]) >= 0.5f) {
                atomicOr(&moved[m], 1);
            }
            row_sought[m][i] = mean.power();
        }
        at.together();
        for (unsigned j = at.own; j < N; j += TEAM) {
            Mean mean = {0, 0};
            for (unsigned i = j; i < N; i++) {
                if (row_power[m][i] != INFINITE && row_power[m][j] != INFINITE) {
                    mean.take(exponent(at(i, j)), row_sought[m][i]);
                }
            }
            column_sought[m][j] = mean.power();
        }
        at.together();
        const bool settled = moved[m] == 0;
        at.together();
        if (settled) {
            break;
        }
    }
    for (unsigned c = at.own; c < N; c += TEAM) {
        if (row_power[m][c] != INFINITE) {
            row_power[m][c] = int(rint(row_sought[m][c]));
        }
        column_power[m][c] = int(rint(column_sought[m][c]));
    }
    at.together();
}

extern "C" __global__ void __launch_bounds__(LANES) kernel(const Call call) {
    const Place at = placed();
    const unsigned m = at.slot;
    const bool unit = (call.mode & UNIT) != 0;
    const bool hermitian = (call.mode & HERMITIAN) != 0;
    take(call);

    for (unsigned i = at.own; i < N; i += TEAM) {
        Extent along = EMPTY;
        unsigned seen = 0;
        for (unsigned j = 0; j < i + !unit; j++) {
            along.take(exponent(at(i, j)));
            seen |= look_at_triangle(at(i, j), i == j);
        }
        const int size = hermitian ? size_of_row(along.largest, exponent(at(i, i))) : along.largest;
        row_power[m][i] = (seen & SAW_INFINITE) != 0 ? INFINITE : along.largest == NOTHING || unit ? 0 : -size;
        row_extent[m][i] = along;
        column_seen[m][i] = seen;
        stands_here[m][i] = i;
    }
    at.together();
    Extent all = EMPTY;
    unsigned seen = 0;
    for (unsigned i = 0; i < N; i++) {
        all.take(row_extent[m][i]);
        seen |= column_seen[m][i];
    }
    const bool wide = !unit && !hermitian && all.is_wide();
    Known known = {(seen & SAW_NAN) != 0 ? NON_FINITE : 0, false, 0};
    const bool nothing = known.flags != 0;
    if (wide) {
        balance(at);
    }

    // Every lane reads the columns that it owns, and no other.
    for (unsigned c = at.own; c < N; c += TEAM) {
        const bool apart = row_power[m][c] == INFINITE;
        Extent down = EMPTY;
        for (unsigned i = c; i < N; i++) {
            if (row_power[m][i] != INFINITE) {
                down.take(exponent(at(i, c)), row_power[m][i]);
            }
        }
        int power = unit || hermitian || apart ? 0 : power_against(down.largest);
        if (wide && !apart) {
            power = power_of_column(column_power[m][c], exponent(at(c, c)), row_power[m][c]);
        }
        column_power[m][c] = power;
        for (unsigned i = 0; i < N; i++) {
            Number y = number(0);
            if (i == c && (unit || apart || nothing)) {
                y = number(1);
            } else if (i >= c && !apart && !nothing && row_power[m][i] != INFINITE) {
                y = scaled_to(at(i, c), row_power[m][i] + power, TOP);
            }
            at(i, c) = y;
            if (i == c) {
                recips[m][c] = reciprocal_or(y, 0);
                stands_at[m][c] = size(y) > 0 ? 0 : zero_number(call, c, N);
            }
        }
    }
    at.together();
    for (unsigned i = 0; i < N; i++) {
        known.zero_pivot = first_of(known.zero_pivot, stands_at[m][i]);
    }

    invert(at, hermitian);
    conclude(call, at, known, true);

    const size_t first = first_matrix() * SQUARE, end = call.count * SQUARE;
    for (unsigned place = threadIdx.x; place < MATRICES * SQUARE && first + place < end; place += LANES) {
        const unsigned slot = place / SQUARE, i = place % SQUARE / N, j = place % N;
        const int before = hermitian ? row_power[slot][i] : column_power[slot][i], after = row_power[slot][j];
        const Number x = entry(slot, max(i, j), min(i, j));
        Number y = number(0);
        if (verdict[slot] == BAD) {
            y = no_number();
        } else if (row_power[slot][i] != INFINITE && after != INFINITE && (hermitian || i >= j)) {
            y = scaled(x, before + after);
            y = hermitian ? mirrored(y, i, j) : y;
        }
        call.results[first + place] = y;
    }
}
