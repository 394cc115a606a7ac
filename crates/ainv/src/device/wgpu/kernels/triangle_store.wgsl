// The inverse, brought back from the powers of two: a lower triangle, or of L L^H what its lower triangle says of all of it;
// or the factor of a positive definite matrix; NaN where there is none. An invocation an entry.

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
    let hermitian = (call.mode & HERMITIAN) != 0u;
    let before = select(powers[rows + n + i], powers[rows + i], hermitian);
    let after = powers[rows + j];
    let x = matrices[(matrix * n + max(i, j)) * n + min(i, j)];
    let no_inverse = (atomicLoad(&outcomes[2u * matrix]) & NON_FINITE) != 0u
        || atomicLoad(&outcomes[2u * matrix + 1u]) != 0u;
    var y = zero();
    if no_inverse {
        y = nan();
    } else if powers[rows + i] != INFINITE && after != INFINITE {
        if hermitian {
            y = mirrored(entry_unscaled(x, before + after), i, j);
        } else if i >= j && (call.mode & DEFINITE) != 0u {
            y = entry_unscaled(x, -powers[rows + i]);
        } else if i >= j {
            y = entry_unscaled(x, before + after);
        }
    }
    results[(matrix * n + i) * n + j] = y;
}
