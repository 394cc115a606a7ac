// The part of U right of a diagonal block goes to the panels, row k of them its column k; zeros take its place.
// An invocation a column.

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) place: vec3<u32>) {
    let n = call.order;
    let first = call.first;
    let matrix = place.z;
    let j = first + call.width + place.x;
    if j >= n {
        return;
    }
    for (var i = 0u; i < call.width; i++) {
        let at = (matrix * n + first + i) * n + j;
        panels[panel_of(matrix) + j * call.leading + i] = matrices[at];
        matrices[at] = zero();
    }
}
