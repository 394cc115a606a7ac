// The powers of two of a positive definite matrix, for its rows and its columns the same, and what is known of it: a diagonal
// entry that is not real counts as a pivot that is not positive. A workgroup a matrix.

const LANES = WORKGROUP;

var<workgroup> largest_of: array<i32, LANES>;
var<workgroup> smallest_of: array<i32, LANES>;
var<workgroup> seen_of: array<u32, LANES>;
var<workgroup> unreal_of: array<u32, LANES>;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let n = call.order;
    let matrix = group.x;
    let corner = matrix * n * n;
    let rows = powers_of(matrix);
    var largest = NOTHING;
    var smallest = -NOTHING;
    var seen = 0u;
    for (var i = lane; i < n; i += LANES) {
        for (var j = 0u; j <= i; j++) {
            let x = matrices[corner + i * n + j];
            let e = entry_exponent(x);
            seen |= look(x, i == j);
            largest = max(largest, e);
            smallest = min(smallest, select(e, -NOTHING, e == NOTHING));
        }
        // Nothing is exchanged.
        places[places_of(matrix) + n + i] = i;
    }
    largest_of[lane] = largest;
    smallest_of[lane] = smallest;
    seen_of[lane] = seen;
    for (var half = LANES / 2u; half > 0u; half /= 2u) {
        workgroupBarrier();
        if lane < half {
            largest_of[lane] = max(largest_of[lane], largest_of[lane + half]);
            smallest_of[lane] = min(smallest_of[lane], smallest_of[lane + half]);
            seen_of[lane] |= seen_of[lane + half];
        }
    }
    workgroupBarrier();
    let wide = largest_of[0] - smallest_of[0] > SPREAD;
    var unreal_at = 0u;
    for (var i = lane; i < n; i += LANES) {
        let x = matrices[corner + i * n + i];
        let power = -half_of(select(largest_of[0], entry_exponent(x), wide));
        powers[rows + i] = power;
        powers[rows + n + i] = power;
        if unreal_at == 0u && unreal(entry_scaled(x, 2 * power)) > Real(0.0) {
            unreal_at = i + 1u;
        }
    }
    unreal_of[lane] = unreal_at;
    for (var half = LANES / 2u; half > 0u; half /= 2u) {
        workgroupBarrier();
        if lane < half {
            unreal_of[lane] = first_of(unreal_of[lane], unreal_of[lane + half]);
        }
    }
    if lane == 0u {
        let nothing = (seen_of[0] & (SAW_NAN | SAW_INFINITE)) != 0u;
        atomicStore(&outcomes[2u * matrix], select(0u, NON_FINITE, nothing));
        atomicStore(&outcomes[2u * matrix + 1u], unreal_of[0]);
    }
}
