// The solutions, brought back from the powers of two; NaN where there is none. An invocation an entry of X.

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) place: vec3<u32>) {
    let n = call.order;
    let matrix = place.z;
    let i = place.y;
    let j = place.x;
    if j >= call.columns {
        return;
    }
    let rows = powers_of(matrix);
    let size = powers[rows + 2u * n + j];
    let x = matrices[columns_of(matrix) + i * call.step + j];
    var y = entry_unscaled(x, powers[rows + n + i] + size);
    // A diagonal: its row i has the column i of its inverse.
    if powers[rows + i] == INFINITE {
        y = zero();
    }
    let flags = atomicLoad(&outcomes[2u * matrix]);
    let singular = atomicLoad(&outcomes[2u * matrix + 1u]) != 0u;
    if (flags & (NON_FINITE | OVERFLOWED)) != 0u || singular || size == INFINITE {
        y = nan();
    }
    results[(matrix * n + i) * call.columns + j] = y;
}
