// Pseudo-inverses in one launch, as rotation.cu says. TEAM lanes of a warp share a matrix, and its pairs of rows. A row of
// the tile is one of W, and behind it that of Q.
//
// Of a matrix of n x m entries: n m read, n m written, 8 bytes of outcome; a sweep has n^2 / 2 pairs, of which each takes 3 m
// multiply-adds to be seen, and 4 (n + m) where it is rotated. Six to ten sweeps are common.

constexpr unsigned LANES = TEAM * MATRICES;
// Odd, so that the rows of a matrix begin in different banks of the memory.
constexpr unsigned PITCH = WIDTH | 1;

__shared__ Number tile[MATRICES][N][PITCH];
__shared__ int row_power[MATRICES][N];
__shared__ unsigned row_seen[MATRICES][N];
// The sum of squares, then the length, of a row divided by its power.
__shared__ Real row_size[MATRICES][N];
// Whether a matrix was rotated in this sweep.
__shared__ unsigned turned[MATRICES];

// Rotates two rows, the powers of both not nothing; whether they were not orthogonal.
bool rotate(const Call &call, unsigned slot, Pair of, const Limits &limits) {
    const unsigned n = call.order, m = call.columns;
    if (row_power[slot][of.first] < row_power[slot][of.second]) {
        of = {of.second, of.first};
    }
    const Pair power = {row_power[slot][of.first], row_power[slot][of.second]};
    if (power.second == NOTHING) {
        return false;
    }
    Number *x_row = tile[slot][of.first], *y_row = tile[slot][of.second];
    const Real x_down = power_of_two(-power.first), y_down = power_of_two(-power.second);
    Products products = no_products();
    for (unsigned c = 0; c < m; c++) {
        products.take(x_row[c] * x_down, y_row[c] * y_down);
    }
    const Rotation by = rotation_of(products, power, limits);
    if (!by.turns) {
        return false;
    }
    const Real x_up = power_of_two(power.first), y_up = power_of_two(power.second);
    Pair largest = {NOTHING, NOTHING};
    for (unsigned c = 0; c < m; c++) {
        Number x = x_row[c] * x_down, y = y_row[c] * y_down;
        by.turn(x, y);
        x_row[c] = x * x_up;
        y_row[c] = y * y_up;
        largest = {max(largest.first, exponent(x_row[c])), max(largest.second, exponent(y_row[c]))};
    }
    for (unsigned c = m; c < m + n; c++) {
        by.turn_whole(x_row[c], y_row[c]);
    }
    row_power[slot][of.first] = power_of_row(largest.first);
    row_power[slot][of.second] = power_of_row(largest.second);
    return true;
}

extern "C" __global__ void __launch_bounds__(LANES) kernel(const Call call) {
    const unsigned n = call.order, m = call.columns, slot = threadIdx.x / TEAM, own = threadIdx.x % TEAM;
    const size_t matrix = (blockIdx.y * size_t(gridDim.x) + blockIdx.x) * MATRICES + slot;
    // A team meets no other one.
    if (matrix >= call.count) {
        return;
    }
    Number (&rows)[N][PITCH] = tile[slot];
    const Number *a = call.rows_of(matrix);
    for (unsigned at = own; at < n * m; at += TEAM) {
        rows[at / m][at % m] = given(call, a[at], at / m == at % m);
    }
    together<TEAM>();
    for (unsigned j = own; j < n; j += TEAM) {
        int largest = NOTHING;
        unsigned seen = 0;
        for (unsigned c = 0; c < m; c++) {
            largest = max(largest, exponent(rows[j][c]));
            seen |= look(rows[j][c], true);
        }
        row_power[slot][j] = largest;
        row_seen[slot][j] = seen;
    }
    together<TEAM>();
    int largest = NOTHING;
    unsigned seen = 0;
    for (unsigned j = 0; j < n; j++) {
        largest = max(largest, row_power[slot][j]);
        seen |= row_seen[slot][j];
    }
    together<TEAM>();
    const int shift = largest == NOTHING ? 0 : HIGH - largest;
    for (unsigned j = own; j < n; j += TEAM) {
        int top = NOTHING;
        Real squares = 0;
        for (unsigned c = 0; c < m; c++) {
            Number &x = rows[j][c];
            x = seen == 0 ? scaled(x, shift) : number(0);
            top = max(top, exponent(x));
            squares += squared(x * power_of_two(-HIGH));
        }
        for (unsigned i = 0; i < n; i++) {
            rows[j][m + i] = number(i == j ? 1 : 0);
        }
        row_power[slot][j] = power_of_row(top);
        row_size[slot][j] = squares;
    }
    together<TEAM>();
    Real squares = 0;
    for (unsigned j = 0; j < n; j++) {
        squares += row_size[slot][j];
    }
    const Limits limits = limits_of(call, matrix, squares, shift);

    bool at_rest = false;
    for (unsigned sweep = 0; sweep < call.sweeps && !at_rest; sweep++) {
        if (own == 0) {
            turned[slot] = 0;
        }
        together<TEAM>();
        for (unsigned round = 0; round + 1 < (n + 1) / 2 * 2; round++) {
            for (unsigned i = own; i < (n + 1) / 2; i += TEAM) {
                const Pair pair = pair_of(i, round, n);
                if (pair.second < int(n) && rotate(call, slot, pair, limits)) {
                    atomicOr(&turned[slot], 1);
                }
            }
            together<TEAM>();
        }
        at_rest = turned[slot] == 0;
        together<TEAM>();
    }

    for (unsigned j = own; j < n; j += TEAM) {
        const Real down = power_of_two(-row_power[slot][j]);
        Real square = 0;
        for (unsigned c = 0; c < m; c++) {
            square += squared(rows[j][c] * down);
        }
        row_size[slot][j] = row_power[slot][j] == NOTHING ? 0 : sqrt(square);
    }
    together<TEAM>();
    Real longest = 0;
    for (unsigned j = 0; j < n; j++) {
        longest = max(longest, scalb(row_size[slot][j], row_power[slot][j]));
    }
    const Real cut = cut_off(call, matrix, longest, shift);
    // The power of the smallest row that is kept: beside it the others have smaller reciprocals.
    int least = TOP;
    for (unsigned j = 0; j < n; j++) {
        if (scalb(row_size[slot][j], row_power[slot][j]) > cut) {
            least = min(least, row_power[slot][j]);
        }
    }
    for (unsigned j = own; j < n; j += TEAM) {
        const int power = row_power[slot][j];
        const Real size = row_size[slot][j], recip = scalb(size, power) > cut ? 1 / size : 0;
        const Real of_w = recip * power_of_two(-power), of_q = recip * power_of_two(HIGH + least - power);
        for (unsigned c = 0; c < m + n; c++) {
            rows[j][c] = rows[j][c] * (c < m ? of_w : of_q);
        }
    }
    together<TEAM>();

    const bool hermitian = call.has(HERMITIAN);
    for (unsigned at = own; at < n * m; at += TEAM) {
        const unsigned r = at / n, i = at % n, low = hermitian ? max(r, i) : r, left = hermitian ? min(r, i) : i;
        Number sum = number(0);
        for (unsigned j = 0; j < n; j++) {
            sum = less(sum, -conjugate(rows[j][low]), rows[j][m + left]);
        }
        Number y = scaled(sum, shift - HIGH - least);
        y = hermitian ? mirrored(y, r, i) : y;
        call.results_of(matrix)[at] = seen != 0 || !at_rest ? no_number() : y;
    }
    if (own == 0) {
        call.outcomes[2 * matrix] = seen != 0 ? NON_FINITE : at_rest ? 0 : NOT_CONVERGED;
        call.outcomes[2 * matrix + 1] = 0;
    }
}
