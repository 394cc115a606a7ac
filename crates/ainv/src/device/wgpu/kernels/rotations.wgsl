// What the kernels of larger pseudo-inverses share, which rotate as rotation.wgsl says:
//
//     rows          W = A scaled, in the matrix's own place, and Q = I
//     for each round but one of as many as there are rows:
//       reflect     W and Q by the round before; the sums of the columns
//       pivot       a reflection that leaves of the column with the largest sum one entry
//     reflect       by the last one
//     powers        of the rows
//     for each sweep, of which those after a matrix came to rest do nothing to it:
//       for each round
//         rotate    every row with its partner of the round: a pair a workgroup
//       rest        a matrix that was not rotated is at rest
//     lengths       of the rows, and what the kept ones are divided by
//     pinv          the sum over the kept rows
//
// The reflections are a QR factorization with pivots, W = R but for the order of its columns, whose rows take few sweeps: of
// graded singular values a quarter (Drmac and Veselic, New fast and accurate Jacobi SVD algorithm I, SIAM J. Matrix Anal.
// Appl. 29, 2008). With the largest entry first every row keeps the digits of its own size (Cox and Higham, Stability of
// Householder QR factorization for weighted least squares problems, 1998).

struct Call {
    count: u32,
    order: u32,
    columns: u32,
    mode: u32,
    // Of the factorization, or of the sweep.
    round: u32,
}

@group(0) @binding(0) var<storage, read_write> matrices: array<Entry>;
// And of each matrix, while it has no result, the reflection at hand and the sums of its columns.
@group(0) @binding(1) var<storage, read_write> results: array<Entry>;
// Of each matrix the flags, and zero.
@group(0) @binding(2) var<storage, read_write> outcomes: array<atomic<u32>>;
@group(0) @binding(3) var<uniform> call: Call;
// Q.
@group(0) @binding(4) var<storage, read_write> rotated: array<Entry>;
// Of each matrix the limits of its rotations, then the reciprocal lengths of its rows.
@group(0) @binding(5) var<storage, read_write> sizes: array<Entry>;
// Of each matrix its power, which row comes first in a reflection, then the power of the smallest row that is kept, and those
// of the rows.
@group(0) @binding(6) var<storage, read_write> powers: array<i32>;
// Of each matrix the rotations of this sweep, and whether it is at rest.
@group(0) @binding(7) var<storage, read_write> turns: array<atomic<u32>>;

fn sizes_of(matrix: u32) -> u32 {
    return matrix * (3u + call.order);
}

fn powers_of(matrix: u32) -> u32 {
    return matrix * (2u + call.order);
}

fn reflection_of(matrix: u32) -> u32 {
    return matrix * call.order * call.columns;
}

fn sums_of(matrix: u32) -> u32 {
    return reflection_of(matrix) + call.order;
}

fn zero() -> Entry {
    return entry(real(Real(0.0)));
}

fn is_at_rest(matrix: u32) -> bool {
    return atomicLoad(&turns[2u * matrix + 1u]) != 0u;
}
