// Inverses, in one dispatch, as small.wgsl eliminates:
//
//     eliminate   right of k that leaves U, left of k L^-1, whose column k is -l
//     substitute  for i = N-1..0: row i of X = (row i of L^-1 - the sum of u_ik (row k of X)) / u_ii
//     store       A^-1 = 2^columns X P 2^rows
//
// Up to order CLOSED closed.wgsl has X, and the elimination says which pivot is zero.
//
// Each column of X solves its system by substitution, which bounds the right residual A X - I (Higham,
// Accuracy and Stability of Numerical Algorithms, 2nd ed., theorem 9.4 and section 14.3).

@compute @workgroup_size(LANES)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let slot = lane / TEAM;
    let first = (group.y * groups.x + group.x) * MATRICES;
    let at = placed(lane);
    take(lane, first);
    let scaled = scale(at);
    var closed: Closed;
    if N <= CLOSED {
        closed = adjugate(at);
    }
    let known = eliminate(at, scaled, true, N <= CLOSED && size(closed.determinant) == Real(0.0));

    var finite = true;
    if N <= CLOSED {
        let r = reciprocal(closed.determinant);
        for (var i = 0u; i < N; i++) {
            // Without exchanges.
            stands_here[at.line + i] = i;
            for (var j = 0u; j < N; j++) {
                let x = entry(times(closed.adjugate[i * N + j], r));
                finite = finite && entry_is_finite(x);
                tile[at.corner + i * WIDTH + j] = x;
            }
        }
    }
    for (var next = select(N, 0u, N <= CLOSED); next > 0u; next--) {
        let i = next - 1u;
        let r = lift(at, i);
        for (var c = at.own; c < N; c += TEAM) {
            let place = at.corner + i * WIDTH + c;
            var s = real(Real(0.0));
            if c < i {
                s = number(tile[place]);
            } else if c == i {
                s = real(Real(1.0));
            }
            for (var k = next; k < N; k++) {
                s = less(s, number(upper[at.line + k]), number(tile[at.corner + k * WIDTH + c]));
            }
            let x = entry(times(s, r));
            finite = finite && entry_is_finite(x);
            tile[place] = x;
        }
        workgroupBarrier();
    }
    conclude(at, slot, first + slot, known, finite);

    for (var place = lane; place < MATRICES * SQUARE; place += LANES) {
        let to = first * SQUARE + place;
        if to < call.count * SQUARE {
            let m = place / SQUARE;
            let i = place % SQUARE / N;
            let j = place % N;
            let power = column_power[m * N + i] + row_power[m * N + j];
            var y = entry_unscaled(tile[m * STRIDE + i * WIDTH + stands_at[m * N + j]], power);
            if verdict[m] == BAD {
                y = nan();
            } else if verdict[m] == GOOD_WITH_INFINITIES && entry_is_infinite(matrices[to]) {
                y = zero();
            }
            results[to] = y;
        }
    }
}
