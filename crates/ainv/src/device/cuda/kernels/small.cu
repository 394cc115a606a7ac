// What the kernels of orders up to N share, which do a matrix in one launch: Gaussian elimination with partial pivoting
// in shared memory. TEAM lanes of a warp share a matrix; each owns every TEAM-th column of it. A matrix has rows of WIDTH
// entries: N columns of A, and behind them right-hand sides.
//
//     scale       A' = 2^rows A 2^columns
//     eliminate   for k = 0..N: rows k and p are exchanged; below, row i -= l (row k), l = a_ik / a_kk

struct Call {
    const Number *matrices;
    Number *results;
    unsigned *outcomes;
    // Of larger orders.
    void *none[4];
    size_t count;
    // Whether suspects are scaled by rows and columns; or AGAIN.
    size_t balanced;
    // Columns of B.
    size_t rhs;
    // Of triangles, as triangle.cu has it.
    size_t mode;
};

constexpr unsigned LANES = TEAM * MATRICES;
constexpr unsigned SQUARE = N * N;
// Odd, so that the matrices of a block begin in different banks of its memory.
constexpr unsigned STRIDE = (N * WIDTH) | 1;

__shared__ Number tile[MATRICES * STRIDE];
// The row of U at hand, whose places X may take.
__shared__ Number upper[MATRICES][N];
__shared__ Extent row_extent[MATRICES][N];
__shared__ Extent column_extent[MATRICES][N];
__shared__ unsigned column_seen[MATRICES][N];
__shared__ int row_power[MATRICES][N];
__shared__ int column_power[MATRICES][N];
// Which row of A stands at this place after the exchanges, and where each of them stands.
__shared__ unsigned stands_here[MATRICES][N];
__shared__ unsigned stands_at[MATRICES][N];
// Flags that several lanes find.
__shared__ unsigned noted[MATRICES];
__shared__ unsigned verdict[MATRICES];

// Verdicts.
constexpr unsigned GOOD = 0;
constexpr unsigned BAD = 1;
// A diagonal with infinities, whose reciprocals are zero.
constexpr unsigned GOOD_WITH_INFINITIES = 2;
// Decided by an earlier launch: its result and its outcome stay as they are.
constexpr unsigned DONE = 3;

// An entry of a matrix of the block.
Number &entry(unsigned slot, unsigned i, unsigned c) {
    return tile[slot * STRIDE + i * WIDTH + c];
}

// Where a lane is: its matrix in the block, of which that is the first column it owns, and the matrix's number.
struct Place {
    unsigned slot, own;
    size_t matrix;

    Number &operator()(unsigned i, unsigned c) const {
        return entry(slot, i, c);
    }

    // The lanes of the matrix wait for each other.
    void together() const {
        ::together<TEAM>();
    }
};

// The number of the block's first matrix.
size_t first_matrix() {
    return (blockIdx.y * size_t(gridDim.x) + blockIdx.x) * MATRICES;
}

Place placed() {
    unsigned slot = threadIdx.x / TEAM;
    return {slot, threadIdx.x % TEAM, first_matrix() + slot};
}

// What is known of a matrix.
struct Known {
    unsigned flags;
    bool has_infinities;
    unsigned zero_pivot;
};

// Whether a matrix is not this launch's.
bool is_done(const Call &call, size_t matrix) {
    const unsigned *outcome = call.outcomes + 2 * matrix;
    return call.balanced == AGAIN && (matrix >= call.count || !is_suspect(outcome[0], outcome[1]));
}

// Whether none of the block's matrices is.
bool is_idle(const Call &call) {
    bool idle = call.balanced == AGAIN;
    for (unsigned m = 0; m < MATRICES && idle; m++) {
        idle = is_done(call, first_matrix() + m);
    }
    return idle;
}

// The block's matrices.
void take(const Call &call) {
    const size_t first = first_matrix() * SQUARE, end = call.count * SQUARE;
    for (unsigned at = threadIdx.x; at < MATRICES * SQUARE; at += LANES) {
        entry(at / SQUARE, at % SQUARE / N, at % N) = first + at < end ? call.matrices[first + at] : number(0);
    }
    if (threadIdx.x < MATRICES) {
        noted[threadIdx.x] = 0;
        verdict[threadIdx.x] = is_done(call, first_matrix() + threadIdx.x) ? DONE : GOOD;
    }
    __syncthreads();
}

// What the rows and the columns are like, their powers, and the matrix scaled by them.
Known scale(const Call &call, Place at) {
    const unsigned m = at.slot;
    for (unsigned c = at.own; c < N; c += TEAM) {
        Extent down = EMPTY, along = EMPTY;
        unsigned seen = 0;
        for (unsigned i = 0; i < N; i++) {
            seen |= look(at(i, c), i == c);
            down.take(exponent(at(i, c)));
            along.take(exponent(at(c, i)));
        }
        row_extent[m][c] = along;
        column_extent[m][c] = down;
        column_seen[m][c] = seen;
        stands_here[m][c] = c;
    }
    at.together();

    Extent all = EMPTY, lines = EMPTY;
    unsigned seen = 0;
    for (unsigned i = 0; i < N; i++) {
        all.take(column_extent[m][i]);
        lines.take(row_extent[m][i].largest);
        lines.take(column_extent[m][i].largest);
        seen |= column_seen[m][i];
    }
    // A closed form has products of three entries.
    const bool suspect = call.balanced != 0 || N <= CLOSED;
    const bool balanced = is_balanced(all, lines.smallest, all.is_wide() && suspect);
    const bool non_finite = is_non_finite(seen);
    for (unsigned c = at.own; c < N; c += TEAM) {
        row_power[m][c] = power_against(balanced ? row_extent[m][c].largest : all.largest);
    }
    at.together();

    for (unsigned c = at.own; c < N; c += TEAM) {
        Extent down = EMPTY;
        for (unsigned i = 0; i < N && balanced; i++) {
            down.take(exponent(at(i, c)), row_power[m][i]);
        }
        const int power = power_against(down.largest);
        column_power[m][c] = power;
        for (unsigned i = 0; i < N; i++) {
            Number &x = at(i, c);
            x = non_finite ? number(0) : is_infinite(x) ? number(1) : scaled(x, row_power[m][i] + power);
        }
    }
    at.together();
    const unsigned flags =
        (non_finite ? NON_FINITE : 0) | (all.is_wide() ? IS_WIDE : 0) | (balanced ? IS_BALANCED : 0);
    return {flags, (seen & SAW_INFINITE) != 0, 0};
}

// The determinant of the rows i and i + 1 in two columns.
Number minor_of(Place at, unsigned i, unsigned p, unsigned q) {
    return difference_of_products(at(i, p), at(i + 1, q), at(i, q), at(i + 1, p));
}

// The determinant, up to order CLOSED: as on the CPU such a matrix is singular where this is zero, whatever rounding leaves
// of its last pivot.
Number determinant(Place at) {
    if constexpr (N == 1) {
        return at(0, 0);
    } else if constexpr (N == 2) {
        return minor_of(at, 0, 0, 1);
    } else {
        Number sum = less(times(at(0, 0), minor_of(at, 1, 1, 2)), -at(0, 1), minor_of(at, 1, 2, 0));
        return less(sum, -at(0, 2), minor_of(at, 1, 0, 1));
    }
}

// Leaves U, and behind it the right-hand sides solved with L. Of an inverse the columns left of U become L^-1.
Known eliminate(Place at, Known known, bool inverts, bool singular) {
    const unsigned m = at.slot;
    for (unsigned k = 0; k < N; k++) {
        // Each lane finds the pivot for itself.
        unsigned p = k;
        Real best = size(at(k, k));
        for (unsigned i = k + 1; i < N; i++) {
            const Real here = size(at(i, k));
            if (here > best) {
                best = here;
                p = i;
            }
        }
        Number r = number(0);
        if (best > 0) {
            r = reciprocal(at(p, k));
            known.flags |= exponent(best) < -BIG ? IS_STEEP : 0;
        } else if (known.zero_pivot == 0) {
            known.zero_pivot = k + 1;
        }
        at.together();
        for (unsigned c = at.own; c < WIDTH; c += TEAM) {
            const Number x = at(k, c);
            at(k, c) = at(p, c);
            at(p, c) = x;
        }
        if (at.own == 0) {
            const unsigned row = stands_here[m][k];
            stands_here[m][k] = stands_here[m][p];
            stands_here[m][p] = row;
        }
        at.together();
        for (unsigned c = at.own; c < WIDTH; c += TEAM) {
            if (c > k || (c < k && inverts)) {
                const Number above = at(k, c);
                for (unsigned i = k + 1; i < N; i++) {
                    at(i, c) = less(at(i, c), times(at(i, k), r), above);
                }
            }
        }
        at.together();
        if (inverts && at.own == k % TEAM) {
            for (unsigned i = k + 1; i < N; i++) {
                at(i, k) = -times(at(i, k), r);
            }
        }
    }
    if (singular && known.zero_pivot == 0) {
        known.zero_pivot = N;
    } else if (N <= CLOSED && inverts && !singular) {
        // It has its closed form, which needs no pivots.
        known.zero_pivot = 0;
    }
    return known;
}

// The row of U into `upper`, and the reciprocal of its pivot.
Number lift(Place at, unsigned i) {
    for (unsigned c = at.own; c < N; c += TEAM) {
        upper[at.slot][c] = at(i, c);
    }
    at.together();
    return reciprocal_or(upper[at.slot][i], 0);
}

// The outcome of a matrix, and what it means for what is stored, by the whole block.
void conclude(const Call &call, Place at, Known known, bool finite) {
    const unsigned m = at.slot;
    if (!finite) {
        atomicOr(&noted[m], OVERFLOWED);
    }
    for (unsigned c = at.own; c < N; c += TEAM) {
        stands_at[m][stands_here[m][c]] = c;
    }
    at.together();
    if (at.own == 0 && verdict[m] != DONE) {
        const unsigned flags = known.flags | noted[m];
        const bool bad = (flags & (NON_FINITE | OVERFLOWED)) != 0 || known.zero_pivot != 0;
        verdict[m] = bad ? BAD : known.has_infinities ? GOOD_WITH_INFINITIES : GOOD;
        if (at.matrix < call.count) {
            call.outcomes[2 * at.matrix] = flags;
            call.outcomes[2 * at.matrix + 1] = known.zero_pivot;
        }
    }
    __syncthreads();
}
