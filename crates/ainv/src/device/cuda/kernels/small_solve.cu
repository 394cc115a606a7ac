// Solutions X of A X = B with up to RHS columns, in one launch, as small.cu eliminates. The right-hand sides stand
// behind all matrices.
//
//     scale       B' = 2^rows B 2^-sizes, each column near one, or above it
//     eliminate   leaves L^-1 P B' behind U
//     substitute  for i = N-1..0: row i of X = (row i - the sum of u_ik (row k of X)) / u_ii
//     store       X = 2^columns X' 2^sizes
//
// Of a system with k columns: N^2 + N k entries read, N k written, 8 bytes of outcome; N^3 / 3 + N^2 k multiply-adds.

__shared__ int rhs_size[MATRICES][RHS];

// Whether the row of a diagonal with infinities has one.
bool stands_infinite(const Call &call, size_t matrix, unsigned i) {
    return is_infinite(call.matrices[min(matrix, call.count - 1) * SQUARE + i * (N + 1)]);
}

extern "C" __global__ void __launch_bounds__(LANES) kernel(const Call call) {
    if (is_idle(call)) {
        return;
    }
    const Place at = placed();
    const unsigned m = at.slot;
    const size_t first = first_matrix() * N, end = call.count * N;
    const Number *b = call.matrices + call.count * SQUARE;
    for (unsigned place = threadIdx.x; place < MATRICES * N * RHS; place += LANES) {
        const size_t row = first + place / RHS;
        const unsigned j = place % RHS;
        entry(place / (N * RHS), place / RHS % N, N + j) =
            row < end && j < call.rhs ? b[row * call.rhs + j] : number(0);
    }
    take(call);
    const Known scaled_as = scale(call, at);

    for (unsigned j = at.own; j < RHS; j += TEAM) {
        Extent extent = EMPTY;
        bool finite = true;
        for (unsigned i = 0; i < N; i++) {
            const Number x = at(i, N + j);
            finite = finite && is_finite(x);
            if (!(scaled_as.has_infinities && stands_infinite(call, at.matrix, i))) {
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
            const bool counts = finite && !(scaled_as.has_infinities && stands_infinite(call, at.matrix, i));
            at(i, N + j) = counts ? scaled(at(i, N + j), row_power[m][i] - power) : number(0);
        }
    }
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

    for (unsigned place = threadIdx.x; place < MATRICES * N * RHS; place += LANES) {
        const size_t row = first + place / RHS;
        const unsigned j = place % RHS;
        if (row < end && j < call.rhs && verdict[place / (N * RHS)] != DONE) {
            const unsigned slot = place / (N * RHS), i = place / RHS % N;
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
