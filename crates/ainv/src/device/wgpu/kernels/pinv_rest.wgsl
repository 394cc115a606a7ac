// The end of a sweep. An invocation a matrix.

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) place: vec3<u32>) {
    let matrix = place.x;
    if matrix >= call.count {
        return;
    }
    if atomicExchange(&turns[2u * matrix], 0u) == 0u {
        atomicStore(&turns[2u * matrix + 1u], 1u);
    }
}
