// The reflection of the round before, if there was one, of the columns of W and of Q, and the sums of W's columns over the
// rows from `round` on. An invocation a column.

// An entry of a column of W, which begins there, or of Q.
fn at(of_w: bool, column: u32, i: u32) -> Number {
    if of_w {
        return number(matrices[column + i * call.columns]);
    }
    return number(rotated[column + i * call.order]);
}

fn put(of_w: bool, column: u32, i: u32, x: Number) {
    if of_w {
        matrices[column + i * call.columns] = entry(x);
    } else {
        rotated[column + i * call.order] = entry(x);
    }
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) place: vec3<u32>) {
    let n = call.order;
    let m = call.columns;
    let matrix = place.z;
    if place.x >= m + n {
        return;
    }
    let of_w = place.x < m;
    let column = select(matrix * n * n + place.x - m, matrix * n * m + place.x, of_w);
    let v = reflection_of(matrix);
    let first = max(call.round, 1u) - 1u;
    if call.round > 0u && !entry_is_zero(results[v + first]) {
        let p = u32(powers[powers_of(matrix) + 1u]);
        let x = at(of_w, column, p);
        put(of_w, column, p, at(of_w, column, first));
        put(of_w, column, first, x);
        // None of its entries is larger than the first.
        let down = power_of_two(-entry_exponent(results[v + first]));
        var product = real(Real(0.0));
        var square = Real(0.0);
        for (var i = first; i < n; i++) {
            let y = number(results[v + i]) * down;
            product = less(product, -conjugate(y), at(of_w, column, i));
            square += squared(y);
        }
        product *= Real(2.0) * real_reciprocal(square);
        // W's entries are of v's size, those of Q at most one: neither v nor the factor loses digits.
        let factor = product * select(Real(1.0), down, of_w);
        let by = select(down, Real(1.0), of_w);
        for (var i = first; i < n; i++) {
            put(of_w, column, i, less(at(of_w, column, i), number(results[v + i]) * by, factor));
        }
    }
    if of_w {
        var sum = Real(0.0);
        for (var i = call.round; i < n; i++) {
            sum += size(at(true, column, i));
        }
        results[sums_of(matrix) + place.x] = entry(real(sum));
    }
}
