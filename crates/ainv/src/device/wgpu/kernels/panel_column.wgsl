// LU with partial pivoting of a panel of a large matrix by many workgroups, a row an invocation. Dispatch t exchanges and eliminates by the pivot of
// column t - 1, then each workgroup offers its candidate for the pivot of column t; dispatch `width` ends the panel.
//
// No workgroup waits for another: each offers the row with its largest entry, and the row that is to be exchanged is offered,
// too, so that the next dispatch finds them as they were. Even and odd columns take turns.

// Where the rows stand that the workgroups offered for a column, each its own and then the one to be exchanged.
fn offers_of(matrix: u32, column: u32, groups: u32) -> u32 {
    return diagonals_of(matrix) + (call.order + column % 2u * (groups + 1u)) * PANEL;
}

// And which rows they are.
fn offered_of(matrix: u32, column: u32, groups: u32) -> u32 {
    return places_of(matrix) + 2u * call.order + column % 2u * groups;
}

fn size_or_none(x: Entry) -> Real {
    let here = size(number(x));
    return select(Real(-1.0), here, here >= Real(0.0));
}

@compute @workgroup_size(LANES)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) all: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let n = call.order;
    let first = call.first;
    let width = call.width;
    let t = call.exchanges;
    let matrix = group.z;
    let groups = all.x;
    let i = first + group.x * LANES + lane;
    let row = (matrix * n + i) * n + first;
    if t > 0u {
        let k = first + t - 1u;
        let offers = offers_of(matrix, t - 1u, groups);
        var mine = Pivot(Real(-1.0), k);
        if lane < groups {
            let at = places[offered_of(matrix, t - 1u, groups) + lane];
            // One that has no candidate names the row of another.
            if (at - first) / LANES == lane {
                mine = Pivot(size_or_none(diagonals[offers + lane * PANEL + t - 1u]), at);
            }
        }
        let best = largest(lane, mine);
        let p = best.at;
        if lane < width {
            pivot_row[lane] = diagonals[offers + (p - first) / LANES * PANEL + lane];
        }
        workgroupBarrier();
        let r = factor_of(best, t - 1u);
        if i == k {
            for (var c = 0u; c < width; c++) {
                matrices[row + c] = pivot_row[c];
            }
        } else if i > k && i < n {
            if i == p {
                for (var c = 0u; c < width; c++) {
                    matrices[row + c] = diagonals[offers + groups * PANEL + c];
                }
            }
            let l = times(number(matrices[row + t - 1u]), r);
            matrices[row + t - 1u] = entry(l);
            for (var c = t; c < width; c++) {
                matrices[row + c] = entry(less(number(matrices[row + c]), l, number(pivot_row[c])));
            }
        }
        if group.x == 0u {
            note_pivot(matrix, k, best, lane);
        }
    }
    if t < width {
        let k = first + t;
        let offers = offers_of(matrix, t, groups);
        var mine = Pivot(Real(-1.0), k);
        if i >= k && i < n {
            let here = size_or_none(matrices[row + t]);
            if here >= Real(0.0) {
                mine = Pivot(here, i);
            }
        }
        let p = largest(lane, mine).at;
        if lane == 0u {
            places[offered_of(matrix, t, groups) + group.x] = p;
        }
        for (var c = 0u; c < width && i == p; c++) {
            diagonals[offers + group.x * PANEL + c] = matrices[row + c];
        }
        for (var c = 0u; c < width && i == k; c++) {
            diagonals[offers + groups * PANEL + c] = matrices[row + c];
        }
    } else {
        if i < n {
            end_row(matrix, i);
        }
        storageBarrier();
        workgroupBarrier();
        // Its block of L is that of the first rows.
        if group.x == 0u {
            invert_block(matrix, lane);
        }
    }
}
