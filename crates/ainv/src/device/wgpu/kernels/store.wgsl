// The inverse: the columns of X where the rows of A stood, brought back from the powers of two; NaN where there
// is none. An invocation an entry of X.

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) place: vec3<u32>) {
    let n = call.order;
    let matrix = place.z;
    let i = place.y;
    let k = place.x;
    if k >= n {
        return;
    }
    let rows = powers_of(matrix);
    let j = places[places_of(matrix) + k];
    let row = powers[rows + j];
    var y = entry_unscaled(matrices[(matrix * n + i) * n + k], powers[rows + n + i] + row);
    if row == INFINITE {
        y = zero();
    }
    let flags = atomicLoad(&outcomes[2u * matrix]);
    if (flags & (NON_FINITE | OVERFLOWED)) != 0u || atomicLoad(&outcomes[2u * matrix + 1u]) != 0u {
        y = nan();
    }
    results[(matrix * n + i) * n + j] = y;
}
