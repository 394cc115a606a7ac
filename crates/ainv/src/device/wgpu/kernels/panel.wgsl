// LU with partial pivoting of a panel: `width` columns from `first` on, of the rows from `first` on. A workgroup
// a matrix, whose invocations own the rows in turn. What L has left of it in its block is exchanged here, other columns in
// exchange.wgsl.

const LANES = WORKGROUP;

var<workgroup> best_of: array<Real, LANES>;
var<workgroup> row_of: array<u32, LANES>;
var<workgroup> pivot_row: array<Entry, PANEL>;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let n = call.order;
    let first = call.first;
    let width = call.width;
    let matrix = group.x;
    let corner = matrix * n * n + first;
    let rows = matrix * n;
    let stands = places_of(matrix);

    for (var t = 0u; t < width; t++) {
        let k = first + t;
        // The first of the largest ones.
        var best = Real(-1.0);
        var p = k;
        for (var i = first + lane; i < n; i += LANES) {
            if i >= k {
                let here = size(number(matrices[corner + i * n + t]));
                if here > best {
                    best = here;
                    p = i;
                }
            }
        }
        best_of[lane] = best;
        row_of[lane] = p;
        for (var half = LANES / 2u; half > 0u; half /= 2u) {
            workgroupBarrier();
            if lane < half {
                let other = best_of[lane + half];
                let mine = best_of[lane];
                if other > mine || (other == mine && row_of[lane + half] < row_of[lane]) {
                    best_of[lane] = other;
                    row_of[lane] = row_of[lane + half];
                }
            }
        }
        workgroupBarrier();
        best = best_of[0];
        p = row_of[0];
        if lane < width {
            let here = corner + k * n + lane;
            let there = corner + p * n + lane;
            let x = matrices[there];
            matrices[there] = matrices[here];
            matrices[here] = x;
            pivot_row[lane] = x;
        }
        for (var c = lane; c < call.beside; c += LANES) {
            let here = panels_of(matrix) + k * call.leading + c;
            let there = panels_of(matrix) + p * call.leading + c;
            let x = panels[there];
            panels[there] = panels[here];
            panels[here] = x;
        }
        if lane == 0u {
            let row = places[stands + k];
            places[stands + k] = places[stands + p];
            places[stands + p] = row;
            places[stands + n + k] = p;
            if best > Real(0.0) {
                if exponent(bitcast<Bits>(best)) < -BIG {
                    atomicOr(&outcomes[2u * matrix], IS_STEEP);
                }
            } else if atomicLoad(&outcomes[2u * matrix + 1u]) == 0u {
                atomicStore(&outcomes[2u * matrix + 1u], k + 1u);
            }
        }
        storageBarrier();
        workgroupBarrier();
        var r = real(Real(0.0));
        if best > Real(0.0) {
            r = reciprocal(number(pivot_row[t]));
        }
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

    // L and the block of U go where the other kernels find them.
    for (var i = first + lane; i < n; i += LANES) {
        for (var c = 0u; c < width; c++) {
            let x = matrices[corner + i * n + c];
            let is_lower = i > first + c;
            panels[panel_of(matrix) + i * call.leading + c] = zero();
            if is_lower {
                panels[panel_of(matrix) + i * call.leading + c] = x;
            }
            if i < first + width {
                diagonals[(rows + i) * PANEL + c] = zero();
                if !is_lower {
                    diagonals[(rows + i) * PANEL + c] = x;
                }
            }
            matrices[corner + i * n + c] = zero();
        }
    }
    storageBarrier();
    workgroupBarrier();
    invert_block(matrix, lane);
}
