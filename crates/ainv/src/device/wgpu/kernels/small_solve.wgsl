// Solutions X of A X = B in one dispatch, as small.wgsl eliminates; small_rhs.wgsl has B and X.
//
//     eliminate   leaves L^-1 P B' behind U
//     substitute  for i = N-1..0: row i of X = (row i - the sum of u_ik (row k of X)) / u_ii

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
    let scaled = scale(at);
    scale_rhs(at, slot, first + slot, scaled.has_infinities);
    let known = eliminate(at, scaled, false, has_no_determinant(at));

    var finite = true;
    for (var next = N; next > 0u; next--) {
        let i = next - 1u;
        let r = lift(at, i);
        for (var j = at.own; j < RHS; j += TEAM) {
            let c = N + j;
            let place = at.corner + i * WIDTH + c;
            var s = number(tile[place]);
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
    store_solutions(lane, first);
}
