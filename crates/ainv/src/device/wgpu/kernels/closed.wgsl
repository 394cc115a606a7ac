// The inverse up to order CLOSED, as on the CPU: the adjugate over the determinant, whose products of two are compensated.

struct Closed {
    adjugate: array<Number, CLOSED * CLOSED>,
    determinant: Number,
}

fn a(at: Place, i: u32, j: u32) -> Number {
    return number(tile[at.corner + i * WIDTH + j]);
}

// Of the entry (j, i), by cyclic indices of order 3.
fn cofactor(at: Place, i: u32, j: u32) -> Number {
    let p = (j + 1u) % 3u;
    let q = (j + 2u) % 3u;
    let r = (i + 1u) % 3u;
    let s = (i + 2u) % 3u;
    return difference_of_products(a(at, p, r), a(at, q, s), a(at, p, s), a(at, q, r));
}

fn adjugate(at: Place) -> Closed {
    hidden_zero = Bits(call.nothing);
    var x: array<Number, CLOSED * CLOSED>;
    if N == 1u {
        x[0] = real(Real(1.0));
    } else if N == 2u {
        x[0] = a(at, 1u, 1u);
        x[1] = -a(at, 0u, 1u);
        x[2] = -a(at, 1u, 0u);
        x[3] = a(at, 0u, 0u);
    } else {
        for (var i = 0u; i < N; i++) {
            for (var j = 0u; j < N; j++) {
                x[i * N + j] = cofactor(at, i, j);
            }
        }
    }
    return Closed(x, determinant(at));
}
