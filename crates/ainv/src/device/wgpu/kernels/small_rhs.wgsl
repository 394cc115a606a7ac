// Right-hand sides of systems in one dispatch, up to RHS columns. They stand behind all matrices, and in the tile behind the
// columns of theirs.
//
//     scale       B' = 2^rows B 2^-sizes, each column near one, or above it
//     store       X = 2^columns X' 2^sizes

var<workgroup> rhs_size: array<i32, MATRICES * RHS>;

// Whether the row of a diagonal with infinities has one.
fn stands_infinite(matrix: u32, i: u32) -> bool {
    return entry_is_infinite(matrices[min(matrix, call.count - 1u) * SQUARE + i * N + i]);
}

// Those of the matrices from `first` on.
fn take_rhs(lane: u32, first: u32) {
    let behind = call.count * SQUARE;
    for (var place = lane; place < MATRICES * N * RHS; place += LANES) {
        let row = first * N + place / RHS;
        let j = place % RHS;
        let to = place / (N * RHS) * STRIDE + place / RHS % N * WIDTH + N + j;
        tile[to] = zero();
        if row < call.count * N && j < call.rhs {
            tile[to] = matrices[behind + row * call.rhs + j];
        }
    }
}

// Of a matrix whose rows have their powers. The invocations meet before another one's columns are read.
fn scale_rhs(at: Place, slot: u32, matrix: u32, has_infinities: bool) {
    for (var j = at.own; j < RHS; j += TEAM) {
        var largest = NOTHING;
        var smallest = -NOTHING;
        var finite = true;
        for (var i = 0u; i < N; i++) {
            let x = tile[at.corner + i * WIDTH + N + j];
            finite = finite && entry_is_finite(x);
            if !entry_is_zero(x) && !(has_infinities && stands_infinite(matrix, i)) {
                largest = max(largest, entry_exponent(x) + row_power[at.line + i]);
                smallest = min(smallest, smallest_exponent(x) + row_power[at.line + i]);
            }
        }
        let power = size_of_rhs(smallest, largest, call.balanced != 0u);
        rhs_size[slot * RHS + j] = select(INFINITE, power, finite);
        if finite && power < largest {
            atomicOr(&noted[slot], IS_RAISED);
        }
        for (var i = 0u; i < N; i++) {
            let place = at.corner + i * WIDTH + N + j;
            var y = real(Real(0.0));
            if finite && !(has_infinities && stands_infinite(matrix, i)) {
                y = entry_scaled(tile[place], row_power[at.line + i] - power);
            }
            tile[place] = entry(y);
        }
    }
}

// The solutions of the matrices from `first` on, whose verdicts are known.
fn store_solutions(lane: u32, first: u32) {
    for (var place = lane; place < MATRICES * N * RHS; place += LANES) {
        let row = first * N + place / RHS;
        let j = place % RHS;
        if row < call.count * N && j < call.rhs {
            let m = place / (N * RHS);
            let i = place / RHS % N;
            let size = rhs_size[m * RHS + j];
            var y = entry_unscaled(tile[m * STRIDE + i * WIDTH + N + j], column_power[m * N + i] + size);
            if verdict[m] == BAD || size == INFINITE {
                y = nan();
            } else if verdict[m] == GOOD_WITH_INFINITIES && stands_infinite(first + m, i) {
                y = zero();
            }
            results[row * call.rhs + j] = y;
        }
    }
}
