// The sum over the kept rows, w^H q over the squares of their lengths, brought back from the powers of two; NaN where there
// is no result. Of a Hermitian matrix the lower triangle says all. A workgroup a tile of the result, an invocation
// PATCH x PATCH entries of it; slices of W and Q pass through workgroup memory.

const PATCH = 4u;
const LANES = (ROWS / PATCH) * (COLUMNS / PATCH);

var<workgroup> left_slice: array<Entry, ROWS * SLICE>;
var<workgroup> right_slice: array<Entry, SLICE * COLUMNS>;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let n = call.order;
    let m = call.columns;
    let matrix = group.z;
    let top = group.y * ROWS;
    let column = group.x * COLUMNS;
    let hermitian = (call.mode & HERMITIAN) != 0u;
    if hermitian && top + ROWS <= column {
        return;
    }
    let shift = powers[powers_of(matrix)];
    let least = powers[powers_of(matrix) + 1u];
    let i0 = lane / (COLUMNS / PATCH) * PATCH;
    let j0 = lane % (COLUMNS / PATCH);
    var sum: array<Number, PATCH * PATCH>;
    for (var x = 0u; x < PATCH * PATCH; x++) {
        sum[x] = real(Real(0.0));
    }
    for (var k0 = 0u; k0 < n; k0 += SLICE) {
        for (var at = lane; at < ROWS * SLICE; at += LANES) {
            let r = top + at % ROWS;
            let k = k0 + at / ROWS;
            left_slice[at] = zero();
            if r < m && k < n {
                let recip = real_part(number(sizes[sizes_of(matrix) + 3u + k]));
                let down = power_of_two(-powers[powers_of(matrix) + 2u + k]);
                left_slice[at] = entry(conjugate(number(matrices[(matrix * n + k) * m + r])) * (recip * down));
            }
        }
        for (var at = lane; at < SLICE * COLUMNS; at += LANES) {
            let k = k0 + at / COLUMNS;
            let i = column + at % COLUMNS;
            right_slice[at] = zero();
            if k < n && i < n {
                let recip = real_part(number(sizes[sizes_of(matrix) + 3u + k]));
                let power = HIGH + least - powers[powers_of(matrix) + 2u + k];
                right_slice[at] = entry(number(rotated[(matrix * n + k) * n + i]) * (recip * power_of_two(power)));
            }
        }
        workgroupBarrier();
        for (var k = 0u; k < SLICE; k++) {
            var b: array<Number, PATCH>;
            for (var j = 0u; j < PATCH; j++) {
                b[j] = number(right_slice[k * COLUMNS + j * (COLUMNS / PATCH) + j0]);
            }
            for (var i = 0u; i < PATCH; i++) {
                let a = -number(left_slice[k * ROWS + i0 + i]);
                for (var j = 0u; j < PATCH; j++) {
                    sum[i * PATCH + j] = less(sum[i * PATCH + j], a, b[j]);
                }
            }
        }
        workgroupBarrier();
    }
    let has_none = atomicLoad(&outcomes[2u * matrix]) != 0u;
    for (var i = 0u; i < PATCH; i++) {
        for (var j = 0u; j < PATCH; j++) {
            let r = top + i0 + i;
            let c = column + j * (COLUMNS / PATCH) + j0;
            if r < m && c < n && (r >= c || !hermitian) {
                var y = entry_unscaled(entry(sum[i * PATCH + j]), shift - HIGH - least);
                if hermitian {
                    results[(matrix * m + c) * n + r] = select(mirrored(y, c, r), nan(), has_none);
                    y = mirrored(y, r, c);
                }
                results[(matrix * m + r) * n + c] = select(y, nan(), has_none);
            }
        }
    }
}
