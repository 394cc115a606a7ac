// A pair of rows a workgroup.

const LANES = 64u;

var<workgroup> xx_of: array<Real, LANES>;
var<workgroup> yy_of: array<Real, LANES>;
var<workgroup> product_of: array<Entry, LANES>;
var<workgroup> largest: array<atomic<i32>, 2>;
// The powers of both rows, nothing where the matrix is at rest; whether they turn.
var<workgroup> powers_here: vec2<i32>;
var<workgroup> turning: u32;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let n = call.order;
    let m = call.columns;
    let matrix = group.z;
    let pair = pair_of(group.x, call.round, n);
    if pair.y >= n {
        return;
    }
    let rows = powers_of(matrix) + 2u;
    if lane == 0u {
        let rests = is_at_rest(matrix);
        powers_here = vec2<i32>(select(powers[rows + pair.x], NOTHING, rests), powers[rows + pair.y]);
    }
    let power = workgroupUniformLoad(&powers_here);
    let p = power.x;
    let q = power.y;
    let first = max(p, q);
    let second = min(p, q);
    if second == NOTHING {
        return;
    }
    let ordered = select(pair.yx, pair, p >= q);
    let x0 = (matrix * n + ordered.x) * m;
    let y0 = (matrix * n + ordered.y) * m;
    let down = vec2<Real>(power_of_two(-first), power_of_two(-second));
    var xx = Real(0.0);
    var yy = Real(0.0);
    var product = real(Real(0.0));
    for (var c = lane; c < m; c += LANES) {
        let x = number(matrices[x0 + c]) * down.x;
        let y = number(matrices[y0 + c]) * down.y;
        xx += squared(x);
        yy += squared(y);
        product = less(product, -conjugate(x), y);
    }
    xx_of[lane] = xx;
    yy_of[lane] = yy;
    product_of[lane] = entry(product);
    if lane < 2u {
        atomicStore(&largest[lane], NOTHING);
    }
    for (var half = LANES / 2u; half > 0u; half /= 2u) {
        workgroupBarrier();
        if lane < half {
            xx_of[lane] += xx_of[lane + half];
            yy_of[lane] += yy_of[lane + half];
            product_of[lane] = entry(number(product_of[lane]) + number(product_of[lane + half]));
        }
    }
    workgroupBarrier();
    let at = sizes_of(matrix);
    let limits = Limits(
        real_part(number(sizes[at])),
        real_part(number(sizes[at + 1u])),
        real_part(number(sizes[at + 2u])),
    );
    let by = rotation_of(xx_of[0], yy_of[0], number(product_of[0]), first, second, limits);
    if lane == 0u {
        turning = u32(by.turns);
    }
    if workgroupUniformLoad(&turning) == 0u {
        return;
    }
    let up = vec2<Real>(power_of_two(first), power_of_two(second));
    var top = vec2<i32>(NOTHING, NOTHING);
    for (var c = lane; c < m; c += LANES) {
        let z = turned(by, number(matrices[x0 + c]) * down.x, number(matrices[y0 + c]) * down.y);
        let x = entry(z[0] * up.x);
        let y = entry(z[1] * up.y);
        top = max(top, vec2<i32>(entry_exponent(x), entry_exponent(y)));
        matrices[x0 + c] = x;
        matrices[y0 + c] = y;
    }
    let u0 = (matrix * n + ordered.x) * n;
    let v0 = (matrix * n + ordered.y) * n;
    for (var c = lane; c < n; c += LANES) {
        let z = turned_whole(by, number(rotated[u0 + c]), number(rotated[v0 + c]));
        rotated[u0 + c] = entry(z[0]);
        rotated[v0 + c] = entry(z[1]);
    }
    atomicMax(&largest[0], top.x);
    atomicMax(&largest[1], top.y);
    workgroupBarrier();
    if lane == 0u {
        powers[rows + ordered.x] = power_of_row(atomicLoad(&largest[0]));
        powers[rows + ordered.y] = power_of_row(atomicLoad(&largest[1]));
        atomicAdd(&turns[2u * matrix], 1u);
    }
}
