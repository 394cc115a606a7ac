// The right-hand sides scaled by the powers of the rows, each column by one of its own, in their place (outcome.wgsl says
// which). An invocation a column.

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) place: vec3<u32>) {
    let n = call.order;
    let matrix = place.z;
    let j = place.x;
    if j >= call.columns {
        return;
    }
    let rows = powers_of(matrix);
    let top = columns_of(matrix) + j;
    var largest = NOTHING;
    var smallest = -NOTHING;
    var finite = true;
    for (var i = 0u; i < n; i++) {
        let x = matrices[top + i * call.step];
        finite = finite && entry_is_finite(x);
        if !entry_is_zero(x) && powers[rows + i] != INFINITE {
            largest = max(largest, entry_exponent(x) + powers[rows + i]);
            smallest = min(smallest, smallest_exponent(x) + powers[rows + i]);
        }
    }
    let power = size_of_rhs(smallest, largest, call.balanced != 0u);
    powers[rows + 2u * n + j] = select(INFINITE, power, finite);
    if finite && power < largest {
        atomicOr(&outcomes[2u * matrix], IS_RAISED);
    }
    for (var i = 0u; i < n; i++) {
        let at = top + i * call.step;
        var y = real(Real(0.0));
        if finite && powers[rows + i] != INFINITE {
            y = entry_scaled(matrices[at], powers[rows + i] - power);
        }
        matrices[at] = entry(y);
    }
}
