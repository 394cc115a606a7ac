// A panel of a lower triangle: L goes to `panels`; in the matrix the block of L^-1 on the diagonal takes its place, over
// zeros. Of L L^H the rows of L^H go right of the block, and what it has on the diagonal to `diagonals`. A row an invocation.

const LANES = WORKGROUP;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let n = call.order;
    let first = call.first;
    let width = call.width;
    let matrix = group.z;
    let corner = matrix * n * n + first;
    let rows = matrix * n;
    let i = first + group.x * LANES + lane;
    if i < n {
        for (var c = 0u; c < width; c++) {
            let x = matrices[corner + i * n + c];
            let turned = entry(conjugate(number(x)));
            panels[panel_of(matrix) + i * call.leading + c] = x;
            matrices[corner + i * n + c] = zero();
            if i < first + width {
                // Above the diagonal of the block x is zero.
                diagonals[diagonals_of(matrix) + (first + c) * PANEL + i - first] = turned;
            } else if (call.mode & HERMITIAN) != 0u {
                matrices[(rows + first + c) * n + i] = turned;
            }
        }
    }
    storageBarrier();
    workgroupBarrier();
    // Its rows are the first workgroup's.
    if group.x == 0u {
        invert_block(matrix, lane);
    }
}
