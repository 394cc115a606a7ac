// The powers of the rows. An invocation a row.

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) place: vec3<u32>) {
    let n = call.order;
    let m = call.columns;
    let matrix = place.z;
    let i = place.x;
    if i >= n {
        return;
    }
    var top = NOTHING;
    for (var c = 0u; c < m; c++) {
        top = max(top, entry_exponent(matrices[(matrix * n + i) * m + c]));
    }
    powers[powers_of(matrix) + 2u + i] = power_of_row(top);
}
