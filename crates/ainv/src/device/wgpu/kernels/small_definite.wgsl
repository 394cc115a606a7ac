// Positive definite matrices of small orders, of which lower triangles are read; the diagonal is real, or its matrix not
// positive definite.
//
//     scale       A' = 2^powers A 2^powers: one power where the exponents lie close together, else the diagonal near one
//     factor      A' = L L^H, for k = 0..N: l_kk is the root of a_kk; below it column k /= l_kk; right of it
//                 column j -= conj(l_jk) (column k)

fn scale_definite(at: Place) -> Known {
    for (var c = at.own; c < N; c += TEAM) {
        var largest = NOTHING;
        var smallest = -NOTHING;
        var seen = 0u;
        for (var i = c; i < N; i++) {
            let x = tile[at.corner + i * WIDTH + c];
            let e = entry_exponent(x);
            seen |= look(x, i == c);
            largest = max(largest, e);
            smallest = min(smallest, select(e, -NOTHING, e == NOTHING));
        }
        column_largest[at.line + c] = largest;
        column_smallest[at.line + c] = smallest;
        column_seen[at.line + c] = seen;
        stands_here[at.line + c] = c;
    }
    workgroupBarrier();
    var largest = NOTHING;
    var smallest = -NOTHING;
    var seen = 0u;
    for (var c = 0u; c < N; c++) {
        largest = max(largest, column_largest[at.line + c]);
        smallest = min(smallest, column_smallest[at.line + c]);
        seen |= column_seen[at.line + c];
    }
    let wide = largest - smallest > SPREAD;
    let nothing = (seen & (SAW_NAN | SAW_INFINITE)) != 0u;
    for (var c = at.own; c < N; c += TEAM) {
        let beside = entry_exponent(tile[at.corner + c * WIDTH + c]);
        row_power[at.line + c] = -half_of(select(largest, beside, wide));
        column_power[at.line + c] = row_power[at.line + c];
    }
    workgroupBarrier();
    for (var c = at.own; c < N; c += TEAM) {
        column_seen[at.line + c] = 0u;
        for (var i = 0u; i < N; i++) {
            let place = at.corner + i * WIDTH + c;
            let power = row_power[at.line + i] + row_power[at.line + c];
            var y = real(Real(0.0));
            if i == c && nothing {
                y = real(Real(1.0));
            } else if i >= c && !nothing {
                y = definite_scaled(tile[place], power, i == c);
            }
            if i == c && unreal(entry_scaled(tile[place], power)) > Real(0.0) {
                column_seen[at.line + c] = 1u;
            }
            tile[place] = entry(y);
        }
    }
    workgroupBarrier();
    return Known(select(0u, NON_FINITE, nothing), false, 0u);
}

// Leaves L, and the reciprocals of its diagonal.
fn factor(at: Place, before: Known) -> Known {
    var known = before;
    for (var k = 0u; k < N; k++) {
        let pivot = real_part(number(tile[at.corner + k * WIDTH + k]));
        var root = Real(1.0);
        var r = Real(0.0);
        if pivot > Real(0.0) && column_seen[at.line + k] == 0u {
            root = square_root(pivot);
            r = Real(1.0) / root;
        } else if known.zero_pivot == 0u {
            known.zero_pivot = k + 1u;
        }
        workgroupBarrier();
        for (var i = k + at.own; i < N; i += TEAM) {
            let place = at.corner + i * WIDTH + k;
            if i == k {
                recips[at.line + k] = entry(real(r));
                tile[place] = entry(real(root));
            } else {
                tile[place] = entry(times(number(tile[place]), real(r)));
            }
        }
        workgroupBarrier();
        for (var j = at.own; j < N; j += TEAM) {
            if j > k {
                let l = conjugate(number(tile[at.corner + j * WIDTH + k]));
                for (var i = j; i < N; i++) {
                    let place = at.corner + i * WIDTH + j;
                    tile[place] = entry(less(number(tile[place]), number(tile[at.corner + i * WIDTH + k]), l));
                }
            }
        }
        workgroupBarrier();
    }
    return known;
}
