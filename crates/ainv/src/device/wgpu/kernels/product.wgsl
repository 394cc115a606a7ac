// Rows top.. of the columns -= left (rows inner.. of the columns): a workgroup a tile of the result,
// an invocation PATCH x PATCH entries of it. Slices of both factors pass through workgroup memory.

const PATCH = 4u;
const LANES = (ROWS / PATCH) * (COLUMNS / PATCH);

var<workgroup> left_slice: array<Entry, ROWS * SLICE>;
var<workgroup> right_slice: array<Entry, SLICE * COLUMNS>;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let n = call.columns;
    let matrix = group.z;
    let corner = columns_of(matrix);
    let left = panels_of(matrix) + call.left;
    let row = group.y * ROWS;
    let column = group.x * COLUMNS;
    let i0 = lane / (COLUMNS / PATCH) * PATCH;
    let j0 = lane % (COLUMNS / PATCH);
    var sum: array<Number, PATCH * PATCH>;
    for (var x = 0u; x < PATCH * PATCH; x++) {
        sum[x] = real(Real(0.0));
    }
    for (var k0 = 0u; k0 < call.depth; k0 += SLICE) {
        for (var at = lane; at < ROWS * SLICE; at += LANES) {
            let i = row + at / SLICE;
            let k = k0 + at % SLICE;
            left_slice[at] = zero();
            if i < call.height && k < call.depth {
                left_slice[at] = panels[left + i * call.left_row + k * call.left_column];
            }
        }
        for (var at = lane; at < SLICE * COLUMNS; at += LANES) {
            let k = k0 + at / COLUMNS;
            let j = column + at % COLUMNS;
            right_slice[at] = zero();
            if k < call.depth && j < n {
                right_slice[at] = matrices[corner + (call.inner + k) * call.step + j];
            }
        }
        workgroupBarrier();
        for (var k = 0u; k < SLICE; k++) {
            var b: array<Number, PATCH>;
            for (var j = 0u; j < PATCH; j++) {
                b[j] = number(right_slice[k * COLUMNS + j * (COLUMNS / PATCH) + j0]);
            }
            for (var i = 0u; i < PATCH; i++) {
                let a = number(left_slice[(i0 + i) * SLICE + k]);
                for (var j = 0u; j < PATCH; j++) {
                    sum[i * PATCH + j] = less(sum[i * PATCH + j], a, b[j]);
                }
            }
        }
        workgroupBarrier();
    }
    for (var i = 0u; i < PATCH; i++) {
        for (var j = 0u; j < PATCH; j++) {
            let r = row + i0 + i;
            let c = column + j * (COLUMNS / PATCH) + j0;
            if r < call.height && c < n {
                let at = corner + (call.top + r) * call.step + c;
                matrices[at] = entry(number(matrices[at]) + sum[i * PATCH + j]);
            }
        }
    }
}
