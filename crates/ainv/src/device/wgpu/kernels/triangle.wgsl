// What kernels of triangles share: how a lower triangle is read.

// A unit triangle, whose diagonal is not read.
const UNIT = 1u;
// Rows are counted from the last one: the caller's triangle was an upper one.
const REVERSED = 2u;
// L stands for L L^H.
const HERMITIAN = 4u;

// An infinity counts on the diagonal alone; elsewhere it is no better than a NaN.
fn look_at_triangle(x: Entry, diagonal: bool) -> u32 {
    let seen = look(x, diagonal);
    return seen | select(0u, SAW_NAN, !diagonal && (seen & SAW_INFINITE) != 0u);
}

// The 1-based number of row i, in the caller's order.
fn zero_number(i: u32, n: u32) -> u32 {
    return select(i + 1u, n - i, (call.mode & REVERSED) != 0u);
}

// The smaller one of two numbers that are not zero.
fn first_of(a: u32, b: u32) -> u32 {
    return select(min(a, b), max(a, b), a == 0u || b == 0u);
}

// The entry (i, j) of a Hermitian matrix from the lower one of (i, j) and (j, i).
fn mirrored(x: Entry, i: u32, j: u32) -> Entry {
    if i == j {
        return entry_of_diagonal(x);
    }
    if i < j {
        return entry_conjugate(x);
    }
    return x;
}
