// The block of L^-1 on the diagonal of a panel whose L is in `panels`, in the matrix's own place, over zeros; where L has a zero
// on its diagonal that stands for one. A column an invocation.

fn invert_block(matrix: u32, lane: u32) {
    let n = call.order;
    let first = call.first;
    let rows = matrix * n;
    let corner = rows * n + first;
    if lane < call.width {
        for (var i = lane; i < call.width; i++) {
            var s = real(Real(0.0));
            if i == lane {
                s = real(Real(1.0));
            }
            for (var k = lane; k < i; k++) {
                let l = number(panels[panel_of(matrix) + (first + i) * call.leading + k]);
                s = less(s, l, number(matrices[corner + (first + k) * n + lane]));
            }
            let pivot = number(panels[panel_of(matrix) + (first + i) * call.leading + i]);
            if size(pivot) > Real(0.0) {
                s = times(s, reciprocal(pivot));
            }
            matrices[corner + (first + i) * n + lane] = entry(s);
        }
    }
}
