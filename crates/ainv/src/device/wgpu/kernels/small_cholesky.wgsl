// Cholesky factors in one dispatch, A = L L^H, and for HERMITIAN calls A^-1, as small_definite.wgsl factors:
//
//     invert      as small_factor.wgsl says
//     store       L = 2^-powers L', A^-1 = 2^powers X 2^powers, of which the lower triangle counts

@compute @workgroup_size(LANES)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let slot = lane / TEAM;
    let first = (group.y * groups.x + group.x) * MATRICES;
    let at = placed(lane);
    let hermitian = (call.mode & HERMITIAN) != 0u;
    take(lane, first);
    let scaled = scale_definite(at);
    // The way over the root would round three times.
    let alone = tile[at.corner];
    let known = factor(at, scaled);
    if hermitian {
        invert(at, true);
        if N == 1u && known.zero_pivot == 0u {
            tile[at.corner] = entry(reciprocal(number(alone)));
        }
    }
    conclude(at, slot, first + slot, known, true);

    for (var place = lane; place < MATRICES * SQUARE; place += LANES) {
        let to = first * SQUARE + place;
        if to < call.count * SQUARE {
            let m = place / SQUARE;
            let i = place % SQUARE / N;
            let j = place % N;
            let low = tile[m * STRIDE + max(i, j) * WIDTH + min(i, j)];
            let before = row_power[m * N + i];
            var y = zero();
            if verdict[m] == BAD {
                y = nan();
            } else if hermitian {
                y = mirrored(entry_unscaled(low, before + row_power[m * N + j]), i, j);
            } else if i >= j {
                y = entry_unscaled(low, -before);
            }
            results[to] = y;
        }
    }
}
