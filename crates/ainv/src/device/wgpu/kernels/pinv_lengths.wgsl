// The lengths of the rows of W, which of them are kept, and their reciprocals: zero stands for the others. A workgroup a
// matrix.

const LANES = WORKGROUP;

var<workgroup> longest_of: array<Real, LANES>;
var<workgroup> least_of: array<i32, LANES>;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let n = call.order;
    let m = call.columns;
    let matrix = group.x;
    let lengths = sizes_of(matrix) + 3u;
    let rows = powers_of(matrix) + 2u;
    var longest = Real(0.0);
    for (var j = lane; j < n; j += LANES) {
        var length = Real(0.0);
        if powers[rows + j] != NOTHING {
            let down = power_of_two(-powers[rows + j]);
            for (var c = 0u; c < m; c++) {
                length += squared(number(matrices[(matrix * n + j) * m + c]) * down);
            }
            length = square_root(length);
        }
        sizes[lengths + j] = entry(real(length));
        longest = max(longest, scalb(length, powers[rows + j]));
    }
    longest_of[lane] = longest;
    for (var half = LANES / 2u; half > 0u; half /= 2u) {
        workgroupBarrier();
        if lane < half {
            longest_of[lane] = max(longest_of[lane], longest_of[lane + half]);
        }
    }
    workgroupBarrier();
    let cut = cut_off(matrix, longest_of[0], powers[rows - 2u]);
    var least = TOP;
    for (var j = lane; j < n; j += LANES) {
        let length = real_part(number(sizes[lengths + j]));
        var recip = Real(0.0);
        if scalb(length, powers[rows + j]) > cut {
            least = min(least, powers[rows + j]);
            recip = real_reciprocal(length);
        }
        sizes[lengths + j] = entry(real(recip));
    }
    least_of[lane] = least;
    for (var half = LANES / 2u; half > 0u; half /= 2u) {
        workgroupBarrier();
        if lane < half {
            least_of[lane] = min(least_of[lane], least_of[lane + half]);
        }
    }
    if lane == 0u {
        // Beside the smallest row that is kept the others have smaller reciprocals.
        powers[rows - 1u] = least_of[0];
        if !is_at_rest(matrix) {
            atomicOr(&outcomes[2u * matrix], NOT_CONVERGED);
        }
    }
}
