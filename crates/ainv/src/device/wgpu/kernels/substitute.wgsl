// The rows of a panel solved with its block of U on the diagonal: rows of X, which are looked at. An invocation
// a column.

const LANES = 64u;

var<workgroup> block: array<Entry, PANEL * PANEL>;
var<workgroup> reciprocals: array<Entry, PANEL>;

@compute @workgroup_size(LANES)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let n = call.order;
    let first = call.first;
    let width = call.width;
    let matrix = group.z;
    let j = group.x * LANES + lane;
    for (var at = lane; at < width * PANEL; at += LANES) {
        block[at] = diagonals[diagonals_of(matrix) + first * PANEL + at];
    }
    workgroupBarrier();
    if lane < width {
        reciprocals[lane] = entry(reciprocal_or(number(block[lane * PANEL + lane]), Real(0.0)));
    }
    workgroupBarrier();
    if j >= call.columns {
        return;
    }
    let top = columns_of(matrix) + first * call.step + j;
    var solved: array<Number, PANEL>;
    var finite = true;
    for (var next = width; next > 0u; next--) {
        let i = next - 1u;
        var s = number(matrices[top + i * call.step]);
        for (var k = next; k < width; k++) {
            s = less(s, number(block[i * PANEL + k]), solved[k]);
        }
        s = times(s, number(reciprocals[i]));
        solved[i] = s;
        finite = finite && entry_is_finite(entry(s));
        matrices[top + i * call.step] = entry(s);
    }
    // A triangle without a zero on its diagonal has an inverse, if one that overflows.
    if !finite && (call.mode == 0u || call.rhs != 0u) {
        atomicOr(&outcomes[2u * matrix], OVERFLOWED);
    }
}
