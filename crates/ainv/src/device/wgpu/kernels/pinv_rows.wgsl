// The rows scaled, and what is known of the matrix. A workgroup a matrix.

const LANES = WORKGROUP;

var<workgroup> largest_of: array<i32, LANES>;
var<workgroup> seen_of: array<u32, LANES>;
var<workgroup> squares_of: array<Real, LANES>;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let n = call.order;
    let m = call.columns;
    let matrix = group.x;
    let corner = matrix * n * m;
    var largest = NOTHING;
    var seen = 0u;
    for (var at = lane; at < n * m; at += LANES) {
        let x = given(corner + at, at / m == at % m);
        largest = max(largest, entry_exponent(x));
        seen |= look(x, true);
    }
    largest_of[lane] = largest;
    seen_of[lane] = seen;
    for (var half = LANES / 2u; half > 0u; half /= 2u) {
        workgroupBarrier();
        if lane < half {
            largest_of[lane] = max(largest_of[lane], largest_of[lane + half]);
            seen_of[lane] |= seen_of[lane + half];
        }
    }
    workgroupBarrier();
    let is_finite = seen_of[0] == 0u;
    let shift = select(HIGH - largest_of[0], 0, largest_of[0] == NOTHING);
    var squares = Real(0.0);
    for (var j = lane; j < n; j += LANES) {
        for (var c = 0u; c < m; c++) {
            let at = corner + j * m + c;
            var x = real(Real(0.0));
            if is_finite {
                x = entry_scaled(given(at, c == j), shift);
            }
            squares += squared(x * power_of_two(-HIGH));
            matrices[at] = entry(x);
        }
    }
    for (var at = lane; at < n * n; at += LANES) {
        rotated[matrix * n * n + at] = entry(real(select(Real(0.0), Real(1.0), at / n == at % n)));
    }
    squares_of[lane] = squares;
    for (var half = LANES / 2u; half > 0u; half /= 2u) {
        workgroupBarrier();
        if lane < half {
            squares_of[lane] += squares_of[lane + half];
        }
    }
    if lane == 0u {
        let limits = limits_of(matrix, squares_of[0], shift);
        sizes[sizes_of(matrix)] = entry(real(limits.oblique));
        sizes[sizes_of(matrix) + 1u] = entry(real(limits.noise));
        sizes[sizes_of(matrix) + 2u] = entry(real(limits.drop));
        powers[powers_of(matrix)] = shift;
        atomicStore(&turns[2u * matrix], 0u);
        atomicStore(&turns[2u * matrix + 1u], select(1u, 0u, is_finite));
        atomicStore(&outcomes[2u * matrix], select(NON_FINITE, 0u, is_finite));
        atomicStore(&outcomes[2u * matrix + 1u], 0u);
    }
}
