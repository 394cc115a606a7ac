// A pair of rows a block.
//
// Of rows of m entries: 2 m read and 3 m multiply-adds; where they are rotated 4 m more read and written from the caches, as
// many of Q, and 4 multiply-adds for each pair of entries.

constexpr unsigned LANES = 64;

__shared__ Products products[LANES];
__shared__ Pair exponents[LANES];

extern "C" __global__ void __launch_bounds__(LANES) kernel(const Call call) {
    const size_t n = call.order, m = call.columns, matrix = blockIdx.z;
    Pair pair = pair_of(blockIdx.x, call.round, n);
    if (pair.second >= int(n) || call.turns_of(matrix)[1] != 0) {
        return;
    }
    int *powers = call.powers_of(matrix) + 2;
    if (powers[pair.first] < powers[pair.second]) {
        pair = {pair.second, pair.first};
    }
    const Pair power = {powers[pair.first], powers[pair.second]};
    if (power.second == NOTHING) {
        return;
    }
    Number *x_row = call.rows_of(matrix) + pair.first * m, *y_row = call.rows_of(matrix) + pair.second * m;
    const Real x_down = power_of_two(-power.first), y_down = power_of_two(-power.second);
    Products mine = no_products();
    for (size_t c = threadIdx.x; c < m; c += LANES) {
        mine.take(x_row[c] * x_down, y_row[c] * y_down);
    }
    const Products all = of_all(products, mine, [](Products a, Products b) {
        return Products{a.xx + b.xx, a.yy + b.yy, a.xy + b.xy};
    });
    const Real *sizes = call.sizes_of(matrix);
    const Rotation by = rotation_of(all, power, {sizes[0], sizes[1], sizes[2]});
    if (!by.turns) {
        return;
    }
    const Real x_up = power_of_two(power.first), y_up = power_of_two(power.second);
    Pair largest = {NOTHING, NOTHING};
    for (size_t c = threadIdx.x; c < m; c += LANES) {
        Number x = x_row[c] * x_down, y = y_row[c] * y_down;
        by.turn(x, y);
        x_row[c] = x * x_up;
        y_row[c] = y * y_up;
        largest = {max(largest.first, exponent(x_row[c])), max(largest.second, exponent(y_row[c]))};
    }
    Number *u_row = call.rotated_of(matrix) + pair.first * n, *v_row = call.rotated_of(matrix) + pair.second * n;
    for (size_t c = threadIdx.x; c < n; c += LANES) {
        by.turn_whole(u_row[c], v_row[c]);
    }
    largest = of_all(exponents, largest, [](Pair a, Pair b) {
        return Pair{max(a.first, b.first), max(a.second, b.second)};
    });
    if (threadIdx.x == 0) {
        powers[pair.first] = power_of_row(largest.first);
        powers[pair.second] = power_of_row(largest.second);
        atomicOr(call.turns_of(matrix), 1);
    }
}
