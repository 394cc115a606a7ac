// What is known of diagonals, whose entries stand alone, one after the other: whether one is NaN, and the first zero. A
// workgroup a matrix.

const LANES = 64u;

var<workgroup> seen_by: array<u32, LANES>;
var<workgroup> zero_of: array<u32, LANES>;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let n = call.order;
    let matrix = group.x;
    var seen = 0u;
    var zero_at = 0u;
    for (var i = lane; i < n; i += LANES) {
        let x = matrices[matrix * n + i];
        seen |= look(x, true);
        zero_at = first_of(zero_at, select(0u, i + 1u, entry_is_zero(x)));
    }
    seen_by[lane] = seen;
    zero_of[lane] = zero_at;
    for (var half = LANES / 2u; half > 0u; half /= 2u) {
        workgroupBarrier();
        if lane < half {
            seen_by[lane] |= seen_by[lane + half];
            zero_of[lane] = first_of(zero_of[lane], zero_of[lane + half]);
        }
    }
    if lane == 0u {
        atomicStore(&outcomes[2u * matrix], select(0u, NON_FINITE, (seen_by[0] & SAW_NAN) != 0u));
        atomicStore(&outcomes[2u * matrix + 1u], zero_of[0]);
    }
}
