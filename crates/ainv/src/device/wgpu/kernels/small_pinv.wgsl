// Pseudo-inverses in one dispatch, as rotation.wgsl says. TEAM invocations share a matrix, and its pairs of rows. A row of
// the tile is one of W, and behind it that of Q.

struct Call {
    count: u32,
    order: u32,
    columns: u32,
    mode: u32,
    // At most.
    sweeps: u32,
}

@group(0) @binding(0) var<storage, read> matrices: array<Entry>;
@group(0) @binding(1) var<storage, read_write> results: array<Entry>;
@group(0) @binding(2) var<storage, read_write> outcomes: array<vec2<u32>>;
@group(0) @binding(3) var<uniform> call: Call;

const LANES = TEAM * MATRICES;
// Odd, so that the rows of a matrix begin in different banks of the memory.
const PITCH = WIDTH | 1u;
const STRIDE = N * PITCH;

var<workgroup> tile: array<Entry, MATRICES * STRIDE>;
var<workgroup> row_power: array<i32, MATRICES * N>;
var<workgroup> row_seen: array<u32, MATRICES * N>;
// The sum of squares, then the length, of a row divided by its power.
var<workgroup> row_size: array<Real, MATRICES * N>;
// Whether a matrix was rotated in this sweep, and whether any was.
var<workgroup> turns: array<atomic<u32>, MATRICES>;
var<workgroup> any_turns: u32;

fn zero() -> Entry {
    return entry(real(Real(0.0)));
}

// Rotates two rows, of which the first has the larger entry; whether they were not orthogonal.
fn rotate(corner: u32, p: u32, q: u32, first: i32, second: i32, line: u32, limits: Limits) -> bool {
    let n = call.order;
    let m = call.columns;
    let x0 = corner + p * PITCH;
    let y0 = corner + q * PITCH;
    let down = vec2<Real>(power_of_two(-first), power_of_two(-second));
    var xx = Real(0.0);
    var yy = Real(0.0);
    var product = real(Real(0.0));
    for (var c = 0u; c < m; c++) {
        let x = number(tile[x0 + c]) * down.x;
        let y = number(tile[y0 + c]) * down.y;
        xx += squared(x);
        yy += squared(y);
        product = less(product, -conjugate(x), y);
    }
    let by = rotation_of(xx, yy, product, first, second, limits);
    if !by.turns {
        return false;
    }
    let up = vec2<Real>(power_of_two(first), power_of_two(second));
    var largest = vec2<i32>(NOTHING, NOTHING);
    for (var c = 0u; c < m; c++) {
        let rows = turned(by, number(tile[x0 + c]) * down.x, number(tile[y0 + c]) * down.y);
        let x = entry(rows[0] * up.x);
        let y = entry(rows[1] * up.y);
        largest = max(largest, vec2<i32>(entry_exponent(x), entry_exponent(y)));
        tile[x0 + c] = x;
        tile[y0 + c] = y;
    }
    for (var c = m; c < m + n; c++) {
        let rows = turned_whole(by, number(tile[x0 + c]), number(tile[y0 + c]));
        tile[x0 + c] = entry(rows[0]);
        tile[y0 + c] = entry(rows[1]);
    }
    row_power[line + p] = power_of_row(largest.x);
    row_power[line + q] = power_of_row(largest.y);
    return true;
}

@compute @workgroup_size(LANES)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let n = call.order;
    let m = call.columns;
    let slot = lane / TEAM;
    let own = lane % TEAM;
    let matrix = (group.y * groups.x + group.x) * MATRICES + slot;
    let corner = slot * STRIDE;
    let line = slot * N;
    let is_there = matrix < call.count;

    for (var j = own; j < n; j += TEAM) {
        var largest = NOTHING;
        var seen = 0u;
        for (var c = 0u; c < m; c++) {
            var x = zero();
            if is_there {
                x = given((matrix * n + j) * m + c, c == j);
            }
            largest = max(largest, entry_exponent(x));
            seen |= look(x, true);
            tile[corner + j * PITCH + c] = x;
        }
        row_power[line + j] = largest;
        row_seen[line + j] = seen;
    }
    workgroupBarrier();
    var largest = NOTHING;
    var seen = 0u;
    for (var j = 0u; j < n; j++) {
        largest = max(largest, row_power[line + j]);
        seen |= row_seen[line + j];
    }
    workgroupBarrier();
    let shift = select(HIGH - largest, 0, largest == NOTHING);
    for (var j = own; j < n; j += TEAM) {
        let row = corner + j * PITCH;
        var top = NOTHING;
        var squares = Real(0.0);
        for (var c = 0u; c < m; c++) {
            var x = real(Real(0.0));
            if seen == 0u {
                x = entry_scaled(tile[row + c], shift);
            }
            top = max(top, entry_exponent(entry(x)));
            squares += squared(x * power_of_two(-HIGH));
            tile[row + c] = entry(x);
        }
        for (var i = 0u; i < n; i++) {
            tile[row + m + i] = entry(real(select(Real(0.0), Real(1.0), i == j)));
        }
        row_power[line + j] = power_of_row(top);
        row_size[line + j] = squares;
    }
    workgroupBarrier();
    var squares = Real(0.0);
    for (var j = 0u; j < n; j++) {
        squares += row_size[line + j];
    }
    let tolerances = min(matrix, call.count - 1u);
    let limits = limits_of(tolerances, squares, shift);

    for (var sweep = 0u; sweep < call.sweeps; sweep++) {
        if own == 0u {
            atomicStore(&turns[slot], 0u);
        }
        workgroupBarrier();
        for (var round = 0u; round + 1u < (n + 1u) / 2u * 2u; round++) {
            for (var i = own; i < (n + 1u) / 2u; i += TEAM) {
                let pair = pair_of(i, round, n);
                if pair.y < n {
                    let powers = vec2<i32>(row_power[line + pair.x], row_power[line + pair.y]);
                    let ordered = select(pair.yx, pair, powers.x >= powers.y);
                    let second = min(powers.x, powers.y);
                    if second != NOTHING
                        && rotate(corner, ordered.x, ordered.y, max(powers.x, powers.y), second, line, limits) {
                        atomicStore(&turns[slot], 1u);
                    }
                }
            }
            workgroupBarrier();
        }
        if lane == 0u {
            any_turns = 0u;
            for (var k = 0u; k < MATRICES; k++) {
                any_turns |= atomicLoad(&turns[k]);
            }
        }
        if workgroupUniformLoad(&any_turns) == 0u {
            break;
        }
    }
    let converged = atomicLoad(&turns[slot]) == 0u;

    for (var j = own; j < n; j += TEAM) {
        let down = power_of_two(-row_power[line + j]);
        var square = Real(0.0);
        for (var c = 0u; c < m; c++) {
            square += squared(number(tile[corner + j * PITCH + c]) * down);
        }
        row_size[line + j] = Real(0.0);
        if row_power[line + j] != NOTHING {
            row_size[line + j] = square_root(square);
        }
    }
    workgroupBarrier();
    var longest = Real(0.0);
    for (var j = 0u; j < n; j++) {
        longest = max(longest, scalb(row_size[line + j], row_power[line + j]));
    }
    let cut = cut_off(tolerances, longest, shift);
    // The power of the smallest row that is kept: beside it the others have smaller reciprocals.
    var least = TOP;
    for (var j = 0u; j < n; j++) {
        if scalb(row_size[line + j], row_power[line + j]) > cut {
            least = min(least, row_power[line + j]);
        }
    }
    for (var j = own; j < n; j += TEAM) {
        let row = corner + j * PITCH;
        let power = row_power[line + j];
        var recip = Real(0.0);
        if scalb(row_size[line + j], power) > cut {
            recip = real_reciprocal(row_size[line + j]);
        }
        for (var c = 0u; c < m; c++) {
            tile[row + c] = entry(number(tile[row + c]) * (recip * power_of_two(-power)));
        }
        for (var c = m; c < m + n; c++) {
            tile[row + c] = entry(number(tile[row + c]) * (recip * power_of_two(HIGH + least - power)));
        }
    }
    workgroupBarrier();

    if !is_there {
        return;
    }
    let hermitian = (call.mode & HERMITIAN) != 0u;
    for (var at = own; at < n * m; at += TEAM) {
        let r = at / n;
        let i = at % n;
        let low = vec2<u32>(select(r, max(r, i), hermitian), select(i, min(r, i), hermitian));
        var sum = real(Real(0.0));
        for (var j = 0u; j < n; j++) {
            let row = corner + j * PITCH;
            sum = less(sum, -conjugate(number(tile[row + low.x])), number(tile[row + m + low.y]));
        }
        var y = entry_unscaled(entry(sum), shift - HIGH - least);
        if hermitian {
            y = mirrored(y, r, i);
        }
        if seen != 0u || !converged {
            y = nan();
        }
        results[matrix * n * m + at] = y;
    }
    if own == 0u {
        outcomes[matrix] = vec2<u32>(select(select(NOT_CONVERGED, 0u, converged), NON_FINITE, seen != 0u), 0u);
    }
}
