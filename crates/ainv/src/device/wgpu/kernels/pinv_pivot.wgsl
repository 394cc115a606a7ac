// The reflection of the rows from `round` on: of the column with the largest sum of them, the largest entry of which comes
// first. A workgroup a matrix.

const LANES = WORKGROUP;

var<workgroup> size_of: array<Real, LANES>;
var<workgroup> place_of: array<u32, LANES>;
var<workgroup> squares_of: array<Real, LANES>;

// The place of the first of the largest ones, of what each invocation has.
fn largest_of_all(lane: u32, size: Real, place: u32) -> u32 {
    workgroupBarrier();
    size_of[lane] = size;
    place_of[lane] = place;
    for (var half = LANES / 2u; half > 0u; half /= 2u) {
        workgroupBarrier();
        if lane < half {
            let other = lane + half;
            let is_first = size_of[other] == size_of[lane] && place_of[other] < place_of[lane];
            if size_of[other] > size_of[lane] || is_first {
                size_of[lane] = size_of[other];
                place_of[lane] = place_of[other];
            }
        }
    }
    workgroupBarrier();
    return place_of[0];
}

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let n = call.order;
    let m = call.columns;
    let matrix = group.x;
    let first = call.round;
    var best = Real(0.0);
    var place = 0u;
    for (var j = lane; j < m; j += LANES) {
        let sum = real_part(number(results[sums_of(matrix) + j]));
        if sum > best {
            best = sum;
            place = j;
        }
    }
    let column = matrix * n * m + largest_of_all(lane, best, place);
    best = Real(0.0);
    place = first;
    for (var i = first + lane; i < n; i += LANES) {
        let here = size(number(matrices[column + i * m]));
        if here > best {
            best = here;
            place = i;
        }
    }
    let p = largest_of_all(lane, best, place);
    let largest = size_of[0];
    let e = exponent(bitcast<Bits>(largest));
    let down = select(Real(0.0), power_of_two(-e), largest > Real(0.0));
    let v = reflection_of(matrix);
    var square = Real(0.0);
    for (var i = first + lane; i < n; i += LANES) {
        var from_row = i;
        if i == first {
            from_row = p;
        } else if i == p {
            from_row = first;
        }
        let x = matrices[column + from_row * m];
        results[v + i] = x;
        square += squared(number(x) * down);
    }
    squares_of[lane] = square;
    for (var half = LANES / 2u; half > 0u; half /= 2u) {
        workgroupBarrier();
        if lane < half {
            squares_of[lane] += squares_of[lane + half];
        }
    }
    if lane == 0u {
        powers[powers_of(matrix) + 1u] = i32(p);
        // Nothing is left where it is zero.
        var y = zero();
        if largest > Real(0.0) {
            let x = number(matrices[column + p * m]) * down;
            y = entry((x + direction(x, modulus(x)) * square_root(squares_of[0])) * power_of_two(e));
        }
        results[v + first] = y;
    }
}
