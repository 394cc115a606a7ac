// Inverses of lower triangles L in one dispatch; for HERMITIAN calls (L L^H)^-1.
//
//     scale       L' = 2^rows L 2^columns, without columns if HERMITIAN; a unit triangle stays as it is
//     forward     for i = 0..N: row i of Z = (row i of I - the sum of l_ik (row k of Z)) / l_ii, in the place of L
//     backward    HERMITIAN: for i = N-1..0: row i of X = (row i of Z - the sum of conj(l_ki) (row k of X)) / conj(l_ii),
//                 where L^H was kept above the diagonal
//     store       L^-1 = 2^columns Z 2^rows, A^-1 = 2^rows X 2^rows, of which the lower triangle counts
//
// A row whose diagonal entry is infinite is zero in the inverse, as is that column: it is taken for one of the identity.

var<workgroup> recips: array<Entry, MATRICES * N>;

@compute @workgroup_size(LANES)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let slot = lane / TEAM;
    let first = (group.y * groups.x + group.x) * MATRICES;
    let at = Place(slot * STRIDE, slot * N, lane % TEAM);
    let unit = (call.mode & UNIT) != 0u;
    let hermitian = (call.mode & HERMITIAN) != 0u;
    take(lane, first);

    for (var i = at.own; i < N; i += TEAM) {
        var along = NOTHING;
        var seen = 0u;
        for (var j = 0u; j <= i; j++) {
            if j == i && unit {
                continue;
            }
            let x = tile[at.corner + i * WIDTH + j];
            along = max(along, entry_exponent(x));
            seen |= look_at_triangle(x, i == j);
        }
        row_power[at.line + i] = select(select(-along, 0, along == NOTHING || unit), INFINITE, (seen & SAW_INFINITE) != 0u);
        column_seen[at.line + i] = seen;
        stands_here[at.line + i] = i;
    }
    workgroupBarrier();
    var seen = 0u;
    var known = Known(0u, false, 0u);
    for (var i = 0u; i < N; i++) {
        seen |= column_seen[at.line + i];
    }
    if (seen & SAW_NAN) != 0u {
        known.flags = NON_FINITE;
    }
    let nothing = known.flags != 0u;

    // Every invocation reads the columns that it owns, and no other.
    for (var c = at.own; c < N; c += TEAM) {
        let is_infinite = row_power[at.line + c] == INFINITE;
        var down = NOTHING;
        for (var i = c; i < N; i++) {
            let e = entry_exponent(tile[at.corner + i * WIDTH + c]);
            if e != NOTHING && row_power[at.line + i] != INFINITE {
                down = max(down, e + row_power[at.line + i]);
            }
        }
        let power = select(-down, 0, down == NOTHING || unit || hermitian || is_infinite);
        column_power[at.line + c] = power;
        for (var i = 0u; i < N; i++) {
            let place = at.corner + i * WIDTH + c;
            var y = real(Real(0.0));
            if i == c && (unit || is_infinite || nothing) {
                y = real(Real(1.0));
            } else if i >= c && !is_infinite && !nothing && row_power[at.line + i] != INFINITE {
                y = entry_scaled(tile[place], row_power[at.line + i] + power);
            }
            tile[place] = entry(y);
            if i == c {
                // Also one that is lost beside the others of its row.
                recips[at.line + c] = zero();
                stands_at[at.line + c] = zero_number(c, N);
                if size(y) > Real(0.0) {
                    recips[at.line + c] = entry(reciprocal(y));
                    stands_at[at.line + c] = 0u;
                }
            }
        }
    }
    workgroupBarrier();
    for (var i = 0u; i < N; i++) {
        known.zero_pivot = first_of(known.zero_pivot, stands_at[at.line + i]);
    }

    for (var i = 0u; i < N; i++) {
        for (var c = at.own; c < N; c += TEAM) {
            let l = tile[at.corner + i * WIDTH + c];
            upper[at.line + c] = l;
        }
        workgroupBarrier();
        let r = number(recips[at.line + i]);
        for (var c = at.own; c <= i; c += TEAM) {
            var s = real(Real(0.0));
            if c == i {
                s = real(Real(1.0));
            }
            for (var k = c; k < i; k++) {
                s = less(s, number(upper[at.line + k]), number(tile[at.corner + k * WIDTH + c]));
            }
            tile[at.corner + i * WIDTH + c] = entry(times(s, r));
        }
        // L^H above the diagonal, where no row below reads.
        if hermitian && at.own == i % TEAM {
            for (var k = 0u; k < i; k++) {
                tile[at.corner + k * WIDTH + i] = entry(conjugate(number(upper[at.line + k])));
            }
        }
        workgroupBarrier();
    }
    if hermitian {
        for (var next = N; next > 0u; next--) {
            let i = next - 1u;
            workgroupBarrier();
            for (var c = at.own; c < N; c += TEAM) {
                upper[at.line + c] = tile[at.corner + i * WIDTH + c];
            }
            workgroupBarrier();
            let r = conjugate(number(recips[at.line + i]));
            for (var c = at.own; c < N; c += TEAM) {
                var s = real(Real(0.0));
                if c <= i {
                    s = number(upper[at.line + c]);
                }
                for (var k = next; k < N; k++) {
                    s = less(s, number(upper[at.line + k]), number(tile[at.corner + k * WIDTH + c]));
                }
                tile[at.corner + i * WIDTH + c] = entry(times(s, r));
            }
        }
    }
    conclude(at, slot, first + slot, known, true);

    for (var place = lane; place < MATRICES * SQUARE; place += LANES) {
        let to = first * SQUARE + place;
        if to < call.count * SQUARE {
            let m = place / SQUARE;
            let i = place % SQUARE / N;
            let j = place % N;
            let low = m * STRIDE + max(i, j) * WIDTH + min(i, j);
            let before = select(column_power[m * N + i], row_power[m * N + i], hermitian);
            let after = row_power[m * N + j];
            var y = zero();
            if verdict[m] == BAD {
                y = nan();
            } else if row_power[m * N + i] != INFINITE && after != INFINITE {
                if hermitian {
                    y = mirrored(entry_unscaled(tile[low], before + after), i, j);
                } else if i >= j {
                    y = entry_unscaled(tile[low], before + after);
                }
            }
            results[to] = y;
        }
    }
}
