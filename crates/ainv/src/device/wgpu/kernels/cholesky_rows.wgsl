// The rows of a panel of the Cholesky factor L below its block on the diagonal, in their own place and in `panels`; their
// conjugates go right of the block as columns of L^H, for the product that follows. A row an invocation. Below a bad pivot,
// where no result is given, it stands for one.

const LANES = 64u;

var<workgroup> block: array<Entry, PANEL * PANEL>;
var<workgroup> reciprocals: array<Entry, PANEL>;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let n = call.order;
    let first = call.first;
    let width = call.width;
    let matrix = group.z;
    let i = first + width + group.x * LANES + lane;
    let corner = matrix * n * n + first;
    for (var at = lane; at < width * width; at += LANES) {
        block[at / width * PANEL + at % width] = matrices[corner + (first + at / width) * n + at % width];
    }
    workgroupBarrier();
    if lane < width {
        reciprocals[lane] = entry(real(Real(1.0) / real_part(number(block[lane * PANEL + lane]))));
    }
    workgroupBarrier();
    let row = panel_of(matrix) + i * call.leading;
    for (var c = 0u; c < width && i < n; c++) {
        var s = number(matrices[corner + i * n + c]);
        for (var k = 0u; k < c; k++) {
            s = less(s, number(panels[row + k]), conjugate(number(block[c * PANEL + k])));
        }
        let l = entry(times(s, number(reciprocals[c])));
        panels[row + c] = l;
        matrices[corner + i * n + c] = l;
        matrices[(matrix * n + first + c) * n + i] = entry(conjugate(number(l)));
    }
}
