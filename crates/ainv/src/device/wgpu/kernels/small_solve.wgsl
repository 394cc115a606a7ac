// Solutions X of A X = B with up to RHS columns, in one dispatch, as small.wgsl eliminates. The right-hand sides stand
// behind all matrices.
//
//     scale       B' = 2^rows B 2^-sizes, each column near one, or above it
//     eliminate   leaves L^-1 P B' behind U
//     substitute  for i = N-1..0: row i of X = (row i - the sum of u_ik (row k of X)) / u_ii
//     store       X = 2^columns X' 2^sizes

var<workgroup> rhs_size: array<i32, MATRICES * RHS>;

// Whether the row of a diagonal with infinities has one.
fn stands_infinite(matrix: u32, i: u32) -> bool {
    return entry_is_infinite(matrices[min(matrix, call.count - 1u) * SQUARE + i * N + i]);
}

@compute @workgroup_size(LANES)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let slot = lane / TEAM;
    let first = (group.y * groups.x + group.x) * MATRICES;
    let at = placed(lane);
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
    take(lane, first);
    let scaled = scale(at);

    for (var j = at.own; j < RHS; j += TEAM) {
        var largest = NOTHING;
        var smallest = -NOTHING;
        var finite = true;
        for (var i = 0u; i < N; i++) {
            let x = tile[at.corner + i * WIDTH + N + j];
            finite = finite && entry_is_finite(x);
            if !entry_is_zero(x) && !(scaled.has_infinities && stands_infinite(first + slot, i)) {
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
            if finite && !(scaled.has_infinities && stands_infinite(first + slot, i)) {
                y = entry_scaled(tile[place], row_power[at.line + i] - power);
            }
            tile[place] = entry(y);
        }
    }
    let known = eliminate(at, scaled, false, has_no_determinant(at));

    var finite = true;
    for (var next = N; next > 0u; next--) {
        let i = next - 1u;
        let r = lift(at, i);
        for (var j = at.own; j < RHS; j += TEAM) {
            let c = N + j;
            let place = at.corner + i * WIDTH + c;
            var s = number(tile[place]);
            for (var k = next; k < N; k++) {
                s = less(s, number(upper[at.line + k]), number(tile[at.corner + k * WIDTH + c]));
            }
            let x = entry(times(s, r));
            finite = finite && entry_is_finite(x);
            tile[place] = x;
        }
        workgroupBarrier();
    }
    conclude(at, slot, first + slot, known, finite);

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
