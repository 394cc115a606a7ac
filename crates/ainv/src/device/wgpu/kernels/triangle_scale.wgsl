// The powers of two of the rows and columns of a lower triangle, and what is known of it. A workgroup a matrix.

const LANES = 256u;

var<workgroup> seen_of: array<u32, LANES>;
var<workgroup> zero_of: array<u32, LANES>;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let n = call.order;
    let matrix = group.x;
    let corner = matrix * n * n;
    let rows = powers_of(matrix);
    let unit = (call.mode & UNIT) != 0u;
    var seen = 0u;
    for (var i = lane; i < n; i += LANES) {
        var along = NOTHING;
        var seen_here = 0u;
        for (var j = 0u; j <= i; j++) {
            if j == i && unit {
                continue;
            }
            let x = matrices[corner + i * n + j];
            along = max(along, entry_exponent(x));
            seen_here |= look_at_triangle(x, i == j);
        }
        seen |= seen_here;
        let power = select(-along, 0, along == NOTHING || unit);
        powers[rows + i] = select(power, INFINITE, (seen_here & SAW_INFINITE) != 0u);
        // Nothing is exchanged.
        places[places_of(matrix) + i] = i;
        places[places_of(matrix) + n + i] = i;
    }
    seen_of[lane] = seen;
    storageBarrier();
    workgroupBarrier();
    var zero_at = 0u;
    for (var j = lane; j < n; j += LANES) {
        var down = NOTHING;
        if (call.mode & (UNIT | HERMITIAN)) == 0u && powers[rows + j] != INFINITE {
            for (var i = j; i < n; i++) {
                let e = entry_exponent(matrices[corner + i * n + j]);
                if e != NOTHING && powers[rows + i] != INFINITE {
                    down = max(down, e + powers[rows + i]);
                }
            }
        }
        let power = select(-down, 0, down == NOTHING);
        powers[rows + n + j] = power;
        // Also a pivot that is lost beside the others of its row.
        if !unit && powers[rows + j] != INFINITE {
            let pivot = entry_scaled(matrices[corner + j * n + j], powers[rows + j] + power);
            if !(size(pivot) > Real(0.0)) {
                zero_at = first_of(zero_at, zero_number(j, n));
            }
        }
    }
    zero_of[lane] = zero_at;
    for (var half = LANES / 2u; half > 0u; half /= 2u) {
        workgroupBarrier();
        if lane < half {
            seen_of[lane] |= seen_of[lane + half];
            zero_of[lane] = first_of(zero_of[lane], zero_of[lane + half]);
        }
    }
    if lane == 0u {
        atomicStore(&outcomes[2u * matrix], select(0u, NON_FINITE, (seen_of[0] & SAW_NAN) != 0u));
        atomicStore(&outcomes[2u * matrix + 1u], zero_of[0]);
    }
}
