// The lower triangle scaled, in its own place; zeros above it. The row and the column of an infinity are the identity's, and
// all of them where there is no inverse. An invocation an entry.

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
    let nothing = (atomicLoad(&outcomes[2u * matrix]) & NON_FINITE) != 0u;
    let apart = nothing || powers[rows + i] == INFINITE || powers[rows + j] == INFINITE;
    var y = real(Real(0.0));
    if i == j && (apart || (call.mode & UNIT) != 0u) {
        y = real(Real(1.0));
    } else if i >= j && !apart {
        let power = powers[rows + i] + powers[rows + n + j];
        if (call.mode & DEFINITE) != 0u {
            y = definite_scaled(matrices[at], power, i == j);
        } else {
            y = entry_scaled_to(matrices[at], power, TOP);
        }
    }
    matrices[at] = entry(y);
}
