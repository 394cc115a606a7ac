// The matrix scaled, in its own place. An invocation an entry.

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) place: vec3<u32>) {
    let n = call.order;
    let matrix = place.z;
    let i = place.y;
    let j = place.x;
    if j >= n {
        return;
    }
    let rows = powers_of(matrix);
    let at = (matrix * n + i) * n + j;
    let x = matrices[at];
    var y = entry_scaled(x, powers[rows + i] + powers[rows + n + j]);
    if entry_is_infinite(x) {
        y = real(Real(1.0));
    }
    if (atomicLoad(&outcomes[2u * matrix]) & NON_FINITE) != 0u {
        y = real(Real(0.0));
    }
    matrices[at] = entry(y);
}
