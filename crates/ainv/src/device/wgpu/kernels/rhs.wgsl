// The right-hand sides scaled by the powers of the rows, each column by one of its own, in their place. An invocation a
// column.

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
    var power = NOTHING;
    var finite = true;
    for (var i = 0u; i < n; i++) {
        let x = matrices[top + i * call.step];
        let e = entry_exponent(x);
        finite = finite && entry_is_finite(x);
        if e != NOTHING && powers[rows + i] != INFINITE {
            power = max(power, e + powers[rows + i]);
        }
    }
    power = select(power, 0, power == NOTHING);
    powers[rows + 2u * n + j] = select(INFINITE, power, finite);
    for (var i = 0u; i < n; i++) {
        let at = top + i * call.step;
        var y = real(Real(0.0));
        if finite && powers[rows + i] != INFINITE {
            y = entry_scaled(matrices[at], powers[rows + i] - power);
        }
        matrices[at] = entry(y);
    }
}
