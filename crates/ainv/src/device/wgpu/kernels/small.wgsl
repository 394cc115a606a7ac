// What the kernels of orders up to N share, which do a matrix in one dispatch: Gaussian elimination with partial
// pivoting in workgroup memory. TEAM invocations share a matrix; each owns every TEAM-th column of it. An entry of
// `tile` is in a row of WIDTH: N columns of A, and behind them right-hand sides.
//
//     scale       A' = 2^rows A 2^columns
//     eliminate   for k = 0..N: rows k and p are exchanged; below, row i -= l (row k), l = a_ik / a_kk

struct Call {
    count: u32,
    // Whether suspects are scaled by rows and columns.
    balanced: u32,
    // Columns of B.
    rhs: u32,
    // Of triangles, as triangle.wgsl has it.
    mode: u32,
    // For `hidden_zero`.
    nothing: u32,
}

@group(0) @binding(0) var<storage, read> matrices: array<Entry>;
@group(0) @binding(1) var<storage, read_write> results: array<Entry>;
@group(0) @binding(2) var<storage, read_write> outcomes: array<vec2<u32>>;
@group(0) @binding(3) var<uniform> call: Call;

const LANES = TEAM * MATRICES;
const SQUARE = N * N;
// Odd, so that the matrices of a workgroup begin in different banks of its memory.
const STRIDE = (N * WIDTH) | 1u;

var<workgroup> tile: array<Entry, MATRICES * STRIDE>;
// The row of U at hand, whose places X may take.
var<workgroup> upper: array<Entry, MATRICES * N>;
var<workgroup> row_largest: array<i32, MATRICES * N>;
var<workgroup> column_largest: array<i32, MATRICES * N>;
var<workgroup> column_smallest: array<i32, MATRICES * N>;
var<workgroup> column_seen: array<u32, MATRICES * N>;
var<workgroup> row_power: array<i32, MATRICES * N>;
var<workgroup> column_power: array<i32, MATRICES * N>;
// Which row of A stands at this place after the exchanges, and where each of them stands.
var<workgroup> stands_here: array<u32, MATRICES * N>;
var<workgroup> stands_at: array<u32, MATRICES * N>;
// Flags that several invocations find.
var<workgroup> noted: array<atomic<u32>, MATRICES>;
var<workgroup> verdict: array<u32, MATRICES>;

// Verdicts.
const GOOD = 0u;
const BAD = 1u;
// A diagonal with infinities, whose reciprocals are zero.
const GOOD_WITH_INFINITIES = 2u;

// Where an invocation is: its matrix in the workgroup begins at `corner` of the tile and at `line` of what has an
// entry a row; `own` is its first column.
struct Place {
    corner: u32,
    line: u32,
    own: u32,
}

fn placed(lane: u32) -> Place {
    return Place(lane / TEAM * STRIDE, lane / TEAM * N, lane % TEAM);
}

// What is known of a matrix.
struct Known {
    flags: u32,
    has_infinities: bool,
    zero_pivot: u32,
}

fn zero() -> Entry {
    return entry(real(Real(0.0)));
}

// The matrices from `first` on.
fn take(lane: u32, first: u32) {
    for (var at = lane; at < MATRICES * SQUARE; at += LANES) {
        let place = (at / SQUARE) * STRIDE + at % SQUARE / N * WIDTH + at % N;
        let source = first * SQUARE + at;
        tile[place] = zero();
        if source < call.count * SQUARE {
            tile[place] = matrices[source];
        }
    }
    if lane < MATRICES {
        atomicStore(&noted[lane], 0u);
    }
    workgroupBarrier();
}

// What the rows and the columns are like, their powers, and the matrix scaled by them.
fn scale(at: Place) -> Known {
    for (var c = at.own; c < N; c += TEAM) {
        var largest = NOTHING;
        var smallest = -NOTHING;
        var along = NOTHING;
        var seen = 0u;
        for (var i = 0u; i < N; i++) {
            let x = tile[at.corner + i * WIDTH + c];
            let e = entry_exponent(x);
            seen |= look(x, i == c);
            largest = max(largest, e);
            smallest = min(smallest, select(e, -NOTHING, e == NOTHING));
            along = max(along, entry_exponent(tile[at.corner + c * WIDTH + i]));
        }
        row_largest[at.line + c] = along;
        column_largest[at.line + c] = largest;
        column_smallest[at.line + c] = smallest;
        column_seen[at.line + c] = seen;
        stands_here[at.line + c] = c;
    }
    workgroupBarrier();

    var largest = NOTHING;
    var smallest = -NOTHING;
    var faintest = -NOTHING;
    var seen = 0u;
    for (var i = 0u; i < N; i++) {
        let row = row_largest[at.line + i];
        let column = column_largest[at.line + i];
        largest = max(largest, column);
        smallest = min(smallest, column_smallest[at.line + i]);
        faintest = min(faintest, select(row, -NOTHING, row == NOTHING));
        faintest = min(faintest, select(column, -NOTHING, column == NOTHING));
        seen |= column_seen[at.line + i];
    }
    let wide = largest - smallest > SPREAD;
    // A closed form has products of three entries.
    let suspect = call.balanced != 0u || N <= CLOSED;
    let balanced = is_balanced(smallest, faintest, largest, wide && suspect);
    let non_finite = is_non_finite(seen);
    for (var c = at.own; c < N; c += TEAM) {
        let along = select(largest, row_largest[at.line + c], balanced);
        row_power[at.line + c] = select(-along, 0, along == NOTHING);
    }
    workgroupBarrier();

    for (var c = at.own; c < N; c += TEAM) {
        var power = 0;
        if balanced {
            var down = NOTHING;
            for (var i = 0u; i < N; i++) {
                let e = entry_exponent(tile[at.corner + i * WIDTH + c]);
                down = max(down, select(e + row_power[at.line + i], NOTHING, e == NOTHING));
            }
            power = select(-down, 0, down == NOTHING);
        }
        column_power[at.line + c] = power;
        for (var i = 0u; i < N; i++) {
            let place = at.corner + i * WIDTH + c;
            let x = tile[place];
            var y = entry_scaled(x, row_power[at.line + i] + power);
            if entry_is_infinite(x) {
                y = real(Real(1.0));
            }
            if non_finite {
                y = real(Real(0.0));
            }
            tile[place] = entry(y);
        }
    }
    workgroupBarrier();
    let flags = select(0u, NON_FINITE, non_finite) | select(0u, IS_WIDE, wide) | select(0u, IS_BALANCED, balanced);
    return Known(flags, (seen & SAW_INFINITE) != 0u, 0u);
}

// The determinant of the rows i and i + 1 in two columns.
fn minor(at: Place, i: u32, p: u32, q: u32) -> Number {
    let row = at.corner + i * WIDTH;
    return difference_of_products(
        number(tile[row + p]), number(tile[row + WIDTH + q]), number(tile[row + q]), number(tile[row + WIDTH + p])
    );
}

// The determinant, up to order CLOSED: as on the CPU such a matrix is singular where this is zero, whatever rounding leaves
// of its last pivot.
fn determinant(at: Place) -> Number {
    hidden_zero = Bits(call.nothing);
    let a = number(tile[at.corner]);
    if N == 1u {
        return a;
    }
    if N == 2u {
        return minor(at, 0u, 0u, 1u);
    }
    let sum = less(times(a, minor(at, 1u, 1u, 2u)), -number(tile[at.corner + 1u]), minor(at, 1u, 2u, 0u));
    return less(sum, -number(tile[at.corner + 2u]), minor(at, 1u, 0u, 1u));
}

fn has_no_determinant(at: Place) -> bool {
    if N <= CLOSED {
        return size(determinant(at)) == Real(0.0);
    }
    return false;
}

// Leaves U, and behind it the right-hand sides solved with L. Of an inverse the columns left of U become L^-1.
fn eliminate(at: Place, before: Known, inverts: bool, singular: bool) -> Known {
    var known = before;
    for (var k = 0u; k < N; k++) {
        // Each invocation finds the pivot for itself.
        var p = k;
        var best = size(number(tile[at.corner + k * WIDTH + k]));
        for (var i = k + 1u; i < N; i++) {
            let here = size(number(tile[at.corner + i * WIDTH + k]));
            if here > best {
                best = here;
                p = i;
            }
        }
        var r = real(Real(0.0));
        if best > Real(0.0) {
            r = reciprocal(number(tile[at.corner + p * WIDTH + k]));
            known.flags |= select(0u, IS_STEEP, exponent(bitcast<Bits>(best)) < -BIG);
        } else if known.zero_pivot == 0u {
            known.zero_pivot = k + 1u;
        }
        workgroupBarrier();
        for (var c = at.own; c < WIDTH; c += TEAM) {
            let x = tile[at.corner + k * WIDTH + c];
            tile[at.corner + k * WIDTH + c] = tile[at.corner + p * WIDTH + c];
            tile[at.corner + p * WIDTH + c] = x;
        }
        if at.own == 0u {
            let x = stands_here[at.line + k];
            stands_here[at.line + k] = stands_here[at.line + p];
            stands_here[at.line + p] = x;
        }
        workgroupBarrier();
        for (var c = at.own; c < WIDTH; c += TEAM) {
            if c > k || (c < k && inverts) {
                let above = number(tile[at.corner + k * WIDTH + c]);
                for (var i = k + 1u; i < N; i++) {
                    let l = times(number(tile[at.corner + i * WIDTH + k]), r);
                    let place = at.corner + i * WIDTH + c;
                    tile[place] = entry(less(number(tile[place]), l, above));
                }
            }
        }
        workgroupBarrier();
        if inverts && at.own == k % TEAM {
            for (var i = k + 1u; i < N; i++) {
                let place = at.corner + i * WIDTH + k;
                tile[place] = entry(-times(number(tile[place]), r));
            }
        }
    }
    if singular && known.zero_pivot == 0u {
        known.zero_pivot = N;
    } else if N <= CLOSED && inverts && !singular {
        // It has its closed form, which needs no pivots.
        known.zero_pivot = 0u;
    }
    return known;
}

// The row of U into `upper`, and the reciprocal of its pivot.
fn lift(at: Place, i: u32) -> Number {
    for (var c = at.own; c < N; c += TEAM) {
        upper[at.line + c] = tile[at.corner + i * WIDTH + c];
    }
    workgroupBarrier();
    return reciprocal_or(number(upper[at.line + i]), Real(0.0));
}

// The outcome of a matrix, and what it means for what is stored.
fn conclude(at: Place, slot: u32, matrix: u32, known: Known, finite: bool) {
    if !finite {
        atomicOr(&noted[slot], OVERFLOWED);
    }
    for (var c = at.own; c < N; c += TEAM) {
        stands_at[at.line + stands_here[at.line + c]] = c;
    }
    workgroupBarrier();
    if at.own == 0u {
        let flags = known.flags | atomicLoad(&noted[slot]);
        verdict[slot] = select(GOOD, GOOD_WITH_INFINITIES, known.has_infinities);
        if (flags & (NON_FINITE | OVERFLOWED)) != 0u || known.zero_pivot != 0u {
            verdict[slot] = BAD;
        }
        if matrix < call.count {
            outcomes[matrix] = vec2<u32>(flags, known.zero_pivot);
        }
    }
    workgroupBarrier();
}
