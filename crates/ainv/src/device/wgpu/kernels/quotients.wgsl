// The solutions of systems with diagonals, which stand before all right-hand sides: the rows of B over the diagonal's entries;
// NaN where there is none. An invocation an entry of X.

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) place: vec3<u32>) {
    let n = call.order;
    let matrix = place.z;
    let i = place.y;
    let j = place.x;
    if j >= call.columns {
        return;
    }
    var y = quotient(matrices[columns_of(matrix) + i * call.step + j], matrices[matrix * n + i]);
    if atomicLoad(&outcomes[2u * matrix]) != 0u || atomicLoad(&outcomes[2u * matrix + 1u]) != 0u {
        y = nan();
    }
    results[(matrix * n + i) * call.columns + j] = y;
}
