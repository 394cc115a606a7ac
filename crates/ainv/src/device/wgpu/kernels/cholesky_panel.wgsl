// The block on the diagonal of a panel of the Cholesky factor L, in its own place; zeros above its diagonal. A workgroup a
// matrix.

const LANES = WORKGROUP;

var<workgroup> block: array<Entry, PANEL * PANEL>;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let n = call.order;
    let first = call.first;
    let width = call.width;
    let matrix = group.x;
    let corner = (matrix * n + first) * n + first;
    for (var at = lane; at < width * width; at += LANES) {
        let i = at / width;
        let c = at % width;
        block[i * PANEL + c] = zero();
        if i >= c {
            block[i * PANEL + c] = matrices[corner + i * n + c];
        }
    }
    workgroupBarrier();
    var bad = 0u;
    for (var k = 0u; k < width; k++) {
        let pivot = real_part(number(block[k * PANEL + k]));
        var root = Real(1.0);
        var r = Real(0.0);
        if pivot > Real(0.0) {
            root = square_root(pivot);
            r = Real(1.0) / root;
        } else if bad == 0u {
            bad = first + k + 1u;
        }
        workgroupBarrier();
        if lane == k {
            block[k * PANEL + k] = entry(real(root));
        } else if lane > k && lane < width {
            block[lane * PANEL + k] = entry(times(number(block[lane * PANEL + k]), real(r)));
        }
        workgroupBarrier();
        for (var at = lane; at < width * width; at += LANES) {
            let i = at / width;
            let j = at % width;
            if j > k && j <= i {
                let l = conjugate(number(block[j * PANEL + k]));
                let place = i * PANEL + j;
                block[place] = entry(less(number(block[place]), number(block[i * PANEL + k]), l));
            }
        }
        workgroupBarrier();
    }
    for (var at = lane; at < width * width; at += LANES) {
        matrices[corner + at / width * n + at % width] = block[at / width * PANEL + at % width];
    }
    if lane == 0u && bad != 0u {
        let before = atomicLoad(&outcomes[2u * matrix + 1u]);
        atomicStore(&outcomes[2u * matrix + 1u], first_of(before, bad));
    }
}
