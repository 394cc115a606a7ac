// Inverses of lower triangles L in one dispatch; for HERMITIAN calls (L L^H)^-1.
//
//     scale       L' = 2^rows L 2^columns, without columns if HERMITIAN; a unit triangle stays as it is
//     invert      as small_factor.wgsl says
//     store       L^-1 = 2^columns Z 2^rows, A^-1 = 2^rows X 2^rows, of which the lower triangle counts
//
// A row whose diagonal entry is infinite is zero in the inverse, as is that column: it is taken for one of the identity.

var<workgroup> some_wide: u32;
var<workgroup> moved: atomic<u32>;
var<workgroup> moves: u32;

// The powers of rows and columns of a triangle whose exponents lie far apart, in `row_power` and `column_largest`: those
// that leave the least sum of squares, by turns for the rows and the columns, as on the CPU (settle.rs). Its lines are of
// different lengths, so that their largest entries cannot be compared.
fn balance(at: Place, slot: u32, lane: u32, wide: bool) {
    if at.own == 0u {
        verdict[slot] = select(0u, 1u, wide);
    }
    workgroupBarrier();
    if lane == 0u {
        some_wide = 0u;
        for (var m = 0u; m < MATRICES; m++) {
            some_wide |= verdict[m];
        }
        atomicStore(&moved, 0u);
    }
    if workgroupUniformLoad(&some_wide) == 0u {
        return;
    }
    for (var c = at.own; c < N; c += TEAM) {
        row_largest[at.line + c] = 0;
        column_largest[at.line + c] = 0;
    }
    workgroupBarrier();
    for (var sweep = 0u; sweep < SWEEPS; sweep++) {
        for (var i = at.own; wide && i < N; i += TEAM) {
            var sum = 0.0f;
            var entries = 0.0f;
            for (var j = 0u; j <= i; j++) {
                let e = entry_exponent(tile[at.corner + i * WIDTH + j]);
                if e != NOTHING && row_power[at.line + i] != INFINITE && row_power[at.line + j] != INFINITE {
                    sum += f32(e) + sought(column_largest[at.line + j]);
                    entries += 1.0;
                }
            }
            let power = found(sum, entries);
            if abs(sought(power) - sought(row_largest[at.line + i])) >= 0.5 {
                atomicStore(&moved, 1u);
            }
            row_largest[at.line + i] = power;
        }
        workgroupBarrier();
        for (var j = at.own; wide && j < N; j += TEAM) {
            var sum = 0.0f;
            var entries = 0.0f;
            for (var i = j; i < N; i++) {
                let e = entry_exponent(tile[at.corner + i * WIDTH + j]);
                if e != NOTHING && row_power[at.line + i] != INFINITE && row_power[at.line + j] != INFINITE {
                    sum += f32(e) + sought(row_largest[at.line + i]);
                    entries += 1.0;
                }
            }
            column_largest[at.line + j] = found(sum, entries);
        }
        workgroupBarrier();
        if lane == 0u {
            moves = atomicExchange(&moved, 0u);
        }
        if workgroupUniformLoad(&moves) == 0u {
            break;
        }
    }
    for (var c = at.own; wide && c < N; c += TEAM) {
        if row_power[at.line + c] != INFINITE {
            row_power[at.line + c] = whole(row_largest[at.line + c]);
        }
        column_largest[at.line + c] = whole(column_largest[at.line + c]);
    }
    workgroupBarrier();
}

@compute @workgroup_size(LANES)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let slot = lane / TEAM;
    let first = (group.y * groups.x + group.x) * MATRICES;
    let at = placed(lane);
    let unit = (call.mode & UNIT) != 0u;
    let hermitian = (call.mode & HERMITIAN) != 0u;
    take(lane, first);

    for (var i = at.own; i < N; i += TEAM) {
        var along = NOTHING;
        var smallest = -NOTHING;
        var seen = 0u;
        for (var j = 0u; j <= i; j++) {
            if j == i && unit {
                continue;
            }
            let x = tile[at.corner + i * WIDTH + j];
            let e = entry_exponent(x);
            along = max(along, e);
            smallest = min(smallest, select(e, -NOTHING, e == NOTHING));
            seen |= look_at_triangle(x, i == j);
        }
        var size = along;
        if hermitian {
            size = size_of_row(along, entry_exponent(tile[at.corner + i * WIDTH + i]));
        }
        row_power[at.line + i] = select(select(-size, 0, along == NOTHING || unit), INFINITE, (seen & SAW_INFINITE) != 0u);
        column_largest[at.line + i] = along;
        column_smallest[at.line + i] = smallest;
        column_seen[at.line + i] = seen;
        stands_here[at.line + i] = i;
    }
    workgroupBarrier();
    var largest = NOTHING;
    var smallest = -NOTHING;
    var seen = 0u;
    var known = Known(0u, false, 0u);
    for (var i = 0u; i < N; i++) {
        largest = max(largest, column_largest[at.line + i]);
        smallest = min(smallest, column_smallest[at.line + i]);
        seen |= column_seen[at.line + i];
    }
    let wide = !unit && !hermitian && largest - smallest > SPREAD;
    if (seen & SAW_NAN) != 0u {
        known.flags = NON_FINITE;
    }
    let nothing = known.flags != 0u;
    balance(at, slot, lane, wide);

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
        var power = select(-down, 0, down == NOTHING || unit || hermitian || is_infinite);
        if wide && !is_infinite {
            let diagonal = entry_exponent(tile[at.corner + c * WIDTH + c]);
            power = power_of_column(column_largest[at.line + c], diagonal, row_power[at.line + c]);
        }
        column_power[at.line + c] = power;
        for (var i = 0u; i < N; i++) {
            let place = at.corner + i * WIDTH + c;
            var y = real(Real(0.0));
            if i == c && (unit || is_infinite || nothing) {
                y = real(Real(1.0));
            } else if i >= c && !is_infinite && !nothing && row_power[at.line + i] != INFINITE {
                y = entry_scaled_to(tile[place], row_power[at.line + i] + power, TOP);
            }
            tile[place] = entry(y);
            if i == c {
                recips[at.line + c] = entry(reciprocal_or(y, Real(0.0)));
                stands_at[at.line + c] = select(zero_number(c, N), 0u, size(y) > Real(0.0));
            }
        }
    }
    workgroupBarrier();
    for (var i = 0u; i < N; i++) {
        known.zero_pivot = first_of(known.zero_pivot, stands_at[at.line + i]);
    }

    invert(at, hermitian);
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
