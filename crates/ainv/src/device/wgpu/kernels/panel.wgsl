// LU with partial pivoting of a panel: `width` columns from `first` on, of the rows from `first` on. A workgroup
// a matrix, whose invocations own the rows in turn. The exchanges of other columns than the panel's and L's follow in
// exchange.wgsl.

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let n = call.order;
    let first = call.first;
    let width = call.width;
    let matrix = group.z;
    let corner = matrix * n * n + first;

    for (var t = 0u; t < width; t++) {
        let k = first + t;
        var best = Pivot(Real(-1.0), k);
        for (var i = first + lane; i < n; i += LANES) {
            if i >= k {
                let here = size(number(matrices[corner + i * n + t]));
                if here > best.size {
                    best = Pivot(here, i);
                }
            }
        }
        best = largest(lane, best);
        if lane < width {
            let here = corner + k * n + lane;
            let there = corner + best.at * n + lane;
            let x = matrices[there];
            matrices[there] = matrices[here];
            matrices[here] = x;
            pivot_row[lane] = x;
        }
        note_pivot(matrix, k, best, lane);
        storageBarrier();
        workgroupBarrier();
        let r = factor_of(best, t);
        for (var i = first + lane; i < n; i += LANES) {
            if i > k {
                let row = corner + i * n;
                let l = times(number(matrices[row + t]), r);
                matrices[row + t] = entry(l);
                for (var c = t + 1u; c < width; c++) {
                    matrices[row + c] = entry(less(number(matrices[row + c]), l, number(pivot_row[c])));
                }
            }
        }
        storageBarrier();
        workgroupBarrier();
    }
    for (var i = first + lane; i < n; i += LANES) {
        end_row(matrix, i);
    }
    storageBarrier();
    workgroupBarrier();
    invert_block(matrix, lane);
}
