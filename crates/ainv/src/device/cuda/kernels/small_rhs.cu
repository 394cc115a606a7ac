// Right-hand sides of systems in one launch, up to RHS columns. They stand behind all matrices, and in the tile behind the
// columns of theirs.
//
//     scale       B' = 2^rows B 2^-sizes, each column near one, or above it
//     store       X = 2^columns X' 2^sizes

__shared__ int rhs_size[MATRICES][RHS];

// Whether the row of a diagonal with infinities has one.
bool stands_infinite(const Call &call, size_t matrix, unsigned i) {
    return is_infinite(call.matrices[min(matrix, call.count - 1) * SQUARE + i * (N + 1)]);
}

// Those of the block's matrices.
void take_rhs(const Call &call) {
    const size_t first = first_matrix() * N, end = call.count * N;
    const Number *b = call.matrices + call.count * SQUARE;
    for (unsigned place = threadIdx.x; place < MATRICES * N * RHS; place += LANES) {
        const size_t row = first + place / RHS;
        const unsigned j = place % RHS;
        entry(place / (N * RHS), place / RHS % N, N + j) =
            row < end && j < call.rhs ? b[row * call.rhs + j] : number(0);
    }
}

// Of a matrix whose rows have their powers. The lanes meet before another one's columns are read.
void scale_rhs(const Call &call, Place at, bool has_infinities) {
    const unsigned m = at.slot;
    for (unsigned j = at.own; j < RHS; j += TEAM) {
        Extent extent = EMPTY;
        bool finite = true;
        for (unsigned i = 0; i < N; i++) {
            const Number x = at(i, N + j);
            finite = finite && is_finite(x);
            if (!(has_infinities && stands_infinite(call, at.matrix, i))) {
                extent.take(exponent(x), row_power[m][i]);
                extent.take(smallest_exponent(x), row_power[m][i]);
            }
        }
        const int power = size_of_rhs(extent, call.balanced != 0);
        rhs_size[m][j] = finite ? power : INFINITE;
        if (finite && power < extent.largest) {
            atomicOr(&noted[m], IS_RAISED);
        }
        for (unsigned i = 0; i < N; i++) {
            const bool counts = finite && !(has_infinities && stands_infinite(call, at.matrix, i));
            at(i, N + j) = counts ? scaled(at(i, N + j), row_power[m][i] - power) : number(0);
        }
    }
}

// The solutions of the block's matrices, whose verdicts are known.
void store_solutions(const Call &call) {
    const size_t first = first_matrix() * N, end = call.count * N;
    for (unsigned place = threadIdx.x; place < MATRICES * N * RHS; place += LANES) {
        const size_t row = first + place / RHS;
        const unsigned j = place % RHS;
        const unsigned slot = place / (N * RHS), i = place / RHS % N;
        if (row < end && j < call.rhs && verdict[slot] != DONE) {
            const int size = rhs_size[slot][j];
            Number y = scaled(entry(slot, i, N + j), column_power[slot][i] + size);
            if (verdict[slot] == BAD || size == INFINITE) {
                y = no_number();
            } else if (verdict[slot] == GOOD_WITH_INFINITIES && stands_infinite(call, first / N + slot, i)) {
                y = number(0);
            }
            call.results[row * call.rhs + j] = y;
        }
    }
}
