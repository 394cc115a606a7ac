// Solutions X of A X = B with positive definite matrices in one dispatch, as small_definite.wgsl factors; small_rhs.wgsl has
// B and X.
//
//     substitute  for i = 0..N: row i of Y = (row i of B' - the sum of l_ik (row k of Y)) / l_ii, in the place of B'
//                 for i = N-1..0: row i of X = (row i of Y - the sum of conj(l_ki) (row k of X)) / l_ii

@compute @workgroup_size(LANES)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let slot = lane / TEAM;
    let first = (group.y * groups.x + group.x) * MATRICES;
    let at = placed(lane);
    take_rhs(lane, first);
    take(lane, first);
    let scaled = scale_definite(at);
    scale_rhs(at, slot, first + slot, false);
    let known = factor(at, scaled);

    // A column is one invocation's from here to its end.
    var finite = true;
    for (var j = at.own; j < RHS; j += TEAM) {
        let top = at.corner + N + j;
        for (var i = 0u; i < N; i++) {
            var s = number(tile[top + i * WIDTH]);
            for (var k = 0u; k < i; k++) {
                s = less(s, number(tile[at.corner + i * WIDTH + k]), number(tile[top + k * WIDTH]));
            }
            tile[top + i * WIDTH] = entry(times(s, number(recips[at.line + i])));
        }
        for (var next = N; next > 0u; next--) {
            let i = next - 1u;
            var s = number(tile[top + i * WIDTH]);
            for (var k = next; k < N; k++) {
                s = less(s, conjugate(number(tile[at.corner + k * WIDTH + i])), number(tile[top + k * WIDTH]));
            }
            let x = entry(times(s, number(recips[at.line + i])));
            finite = finite && entry_is_finite(x);
            tile[top + i * WIDTH] = x;
        }
    }
    conclude(at, slot, first + slot, known, finite);
    store_solutions(lane, first);
}
