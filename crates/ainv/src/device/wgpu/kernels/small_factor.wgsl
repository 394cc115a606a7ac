// The inverse of a lower triangle L that stands in the tile, zeros above it, in its place; of HERMITIAN calls that of L L^H:
//
//     forward     for i = 0..N: row i of Z = (row i of I - the sum of l_ik (row k of Z)) / l_ii, in the place of L
//     backward    HERMITIAN: for i = N-1..0: row i of X = (row i of Z - the sum of conj(l_ki) (row k of X)) / conj(l_ii),
//                 where L^H was kept above the diagonal

// Of its diagonal; zero of a zero.
var<workgroup> recips: array<Entry, MATRICES * N>;

fn invert(at: Place, hermitian: bool) {
    for (var i = 0u; i < N; i++) {
        for (var c = at.own; c < N; c += TEAM) {
            let l = tile[at.corner + i * WIDTH + c];
            upper[at.line + c] = l;
        }
        workgroupBarrier();
        let r = number(recips[at.line + i]);
        for (var c = at.own; c <= i; c += TEAM) {
            var s = real(Real(0.0));
            if c == i {
                s = real(Real(1.0));
            }
            for (var k = c; k < i; k++) {
                s = less(s, number(upper[at.line + k]), number(tile[at.corner + k * WIDTH + c]));
            }
            tile[at.corner + i * WIDTH + c] = entry(times(s, r));
        }
        // L^H above the diagonal, where no row below reads.
        if hermitian && at.own == i % TEAM {
            for (var k = 0u; k < i; k++) {
                tile[at.corner + k * WIDTH + i] = entry(conjugate(number(upper[at.line + k])));
            }
        }
        workgroupBarrier();
    }
    if hermitian {
        for (var next = N; next > 0u; next--) {
            let i = next - 1u;
            workgroupBarrier();
            for (var c = at.own; c < N; c += TEAM) {
                upper[at.line + c] = tile[at.corner + i * WIDTH + c];
            }
            workgroupBarrier();
            let r = conjugate(number(recips[at.line + i]));
            for (var c = at.own; c < N; c += TEAM) {
                var s = real(Real(0.0));
                if c <= i {
                    s = number(upper[at.line + c]);
                }
                for (var k = next; k < N; k++) {
                    s = less(s, number(upper[at.line + k]), number(tile[at.corner + k * WIDTH + c]));
                }
                tile[at.corner + i * WIDTH + c] = entry(times(s, r));
            }
        }
    }
}
