// Columns beside a panel: their rows are exchanged as the panel's, or its block's, were, and those of the panel solved with
// its lower block, on whose diagonal a zero stands for one. An invocation a column.

const LANES = 64u;

var<workgroup> block: array<Entry, PANEL * PANEL>;
var<workgroup> factors: array<Entry, PANEL>;

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
        block[at] = zero();
        if at % PANEL < width {
            block[at] = panels[panel_of(matrix) + (first + at / PANEL) * call.leading + at % PANEL];
        }
    }
    workgroupBarrier();
    if lane < width {
        factors[lane] = entry(reciprocal_or(number(block[lane * PANEL + lane]), Real(1.0)));
    }
    workgroupBarrier();
    if j >= call.columns || (j >= call.own && j < call.own + width) {
        return;
    }
    let top = columns_of(matrix) + j;
    let exchanged = places_of(matrix) + n + first;
    for (var t = 0u; t < call.exchanges; t++) {
        let p = places[exchanged + t];
        if p != first + t {
            let x = matrices[top + p * call.step];
            matrices[top + p * call.step] = matrices[top + (first + t) * call.step];
            matrices[top + (first + t) * call.step] = x;
        }
    }
    var solved: array<Number, PANEL>;
    for (var i = 0u; i < width; i++) {
        let at = top + (first + i) * call.step;
        var s = number(matrices[at]);
        for (var k = 0u; k < i; k++) {
            s = less(s, number(block[i * PANEL + k]), solved[k]);
        }
        if !entry_is_zero(block[i * PANEL + i]) {
            s = times(s, number(factors[i]));
        }
        solved[i] = s;
        matrices[at] = entry(s);
    }
}
