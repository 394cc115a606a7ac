// The powers of two of rows and columns, and what is known of the matrix before it is eliminated. A workgroup
// a matrix.

const LANES = WORKGROUP;

var<workgroup> largest_of: array<i32, LANES>;
var<workgroup> smallest_of: array<i32, LANES>;
var<workgroup> faintest_of: array<i32, LANES>;
var<workgroup> seen_of: array<u32, LANES>;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let n = call.order;
    let matrix = group.x;
    let corner = matrix * n * n;
    let rows = powers_of(matrix);
    let columns = rows + n;
    var largest = NOTHING;
    var smallest = -NOTHING;
    var faintest = -NOTHING;
    var seen = 0u;
    for (var i = lane; i < n; i += LANES) {
        var along = NOTHING;
        var seen_here = 0u;
        for (var j = 0u; j < n; j++) {
            let x = matrices[corner + i * n + j];
            let e = entry_exponent(x);
            seen_here |= look(x, i == j);
            along = max(along, e);
            smallest = min(smallest, select(e, -NOTHING, e == NOTHING));
        }
        largest = max(largest, along);
        faintest = min(faintest, select(along, -NOTHING, along == NOTHING));
        seen |= seen_here;
        powers[rows + i] = select(along, INFINITE, (seen_here & SAW_INFINITE) != 0u);
        places[places_of(matrix) + i] = i;
    }
    for (var j = lane; j < n; j += LANES) {
        var down = NOTHING;
        for (var i = 0u; i < n; i++) {
            down = max(down, entry_exponent(matrices[corner + i * n + j]));
        }
        faintest = min(faintest, select(down, -NOTHING, down == NOTHING));
    }
    largest_of[lane] = largest;
    smallest_of[lane] = smallest;
    faintest_of[lane] = faintest;
    seen_of[lane] = seen;
    for (var half = LANES / 2u; half > 0u; half /= 2u) {
        workgroupBarrier();
        if lane < half {
            largest_of[lane] = max(largest_of[lane], largest_of[lane + half]);
            smallest_of[lane] = min(smallest_of[lane], smallest_of[lane + half]);
            faintest_of[lane] = min(faintest_of[lane], faintest_of[lane + half]);
            seen_of[lane] |= seen_of[lane + half];
        }
    }
    workgroupBarrier();
    largest = largest_of[0];
    let wide = largest - smallest_of[0] > SPREAD;
    let balanced = is_balanced(smallest_of[0], faintest_of[0], largest, wide && call.balanced != 0u);
    for (var i = lane; i < n; i += LANES) {
        let along = powers[rows + i];
        if along != INFINITE {
            let power = select(largest, along, balanced);
            powers[rows + i] = select(-power, 0, power == NOTHING);
        }
    }
    storageBarrier();
    workgroupBarrier();
    for (var j = lane; j < n; j += LANES) {
        var down = NOTHING;
        if balanced {
            for (var i = 0u; i < n; i++) {
                let e = entry_exponent(matrices[corner + i * n + j]);
                down = max(down, select(e + powers[rows + i], NOTHING, e == NOTHING));
            }
        }
        powers[columns + j] = select(-down, 0, down == NOTHING);
    }
    if lane == 0u {
        let flags = select(0u, NON_FINITE, is_non_finite(seen_of[0])) | select(0u, IS_WIDE, wide)
            | select(0u, IS_BALANCED, balanced);
        atomicStore(&outcomes[2u * matrix], flags);
        atomicStore(&outcomes[2u * matrix + 1u], 0u);
    }
}
