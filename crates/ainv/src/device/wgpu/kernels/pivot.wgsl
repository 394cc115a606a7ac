// What panels have in common that are factored by one workgroup or by many: how a pivot is found, what is known then, and
// their ends.

const LANES = WORKGROUP;

var<workgroup> best_of: array<Real, LANES>;
var<workgroup> row_of: array<u32, LANES>;
var<workgroup> pivot_row: array<Entry, PANEL>;

struct Pivot {
    size: Real,
    at: u32,
}

// The first of the largest ones that the invocations have.
fn largest(lane: u32, mine: Pivot) -> Pivot {
    workgroupBarrier();
    best_of[lane] = mine.size;
    row_of[lane] = mine.at;
    for (var half = LANES / 2u; half > 0u; half /= 2u) {
        workgroupBarrier();
        if lane < half {
            let other = best_of[lane + half];
            let here = best_of[lane];
            if other > here || (other == here && row_of[lane + half] < row_of[lane]) {
                best_of[lane] = other;
                row_of[lane] = row_of[lane + half];
            }
        }
    }
    workgroupBarrier();
    return Pivot(best_of[0], row_of[0]);
}

// What the column below a pivot is multiplied by.
fn factor_of(pivot: Pivot, t: u32) -> Number {
    if pivot.size > Real(0.0) {
        return reciprocal(number(pivot_row[t]));
    }
    return real(Real(0.0));
}

// The pivot of row k by all invocations of a workgroup: the rows of L left of the panel are exchanged, and it is noted.
fn note_pivot(matrix: u32, k: u32, pivot: Pivot, lane: u32) {
    let p = pivot.at;
    for (var c = lane; c < call.beside; c += LANES) {
        let here = panels_of(matrix) + k * call.leading + c;
        let there = panels_of(matrix) + p * call.leading + c;
        let x = panels[there];
        panels[there] = panels[here];
        panels[here] = x;
    }
    if lane == 0u {
        let stands = places_of(matrix);
        let row = places[stands + k];
        places[stands + k] = places[stands + p];
        places[stands + p] = row;
        places[stands + call.order + k] = p;
        if pivot.size > Real(0.0) {
            if exponent(bitcast<Bits>(pivot.size)) < -BIG {
                atomicOr(&outcomes[2u * matrix], IS_STEEP);
            }
        } else if atomicLoad(&outcomes[2u * matrix + 1u]) == 0u {
            atomicStore(&outcomes[2u * matrix + 1u], k + 1u);
        }
    }
}

// Row i of a panel: L and the block of U go where the other kernels find them, zeros take their place.
fn end_row(matrix: u32, i: u32) {
    let row = (matrix * call.order + i) * call.order + call.first;
    for (var c = 0u; c < call.width; c++) {
        let x = matrices[row + c];
        let is_lower = i > call.first + c;
        let at = panel_of(matrix) + i * call.leading + c;
        panels[at] = zero();
        if is_lower {
            panels[at] = x;
        }
        if i < call.first + call.width {
            let block = diagonals_of(matrix) + i * PANEL + c;
            diagonals[block] = zero();
            if !is_lower {
                diagonals[block] = x;
            }
        }
        matrices[row + c] = zero();
    }
}
