// What the kernels of larger pseudo-inverses share, which rotate as rotation.cu says:
//
//     rows          W = A scaled, in the matrix's own place, and Q = I
//     for each round but one of as many as there are rows:
//       reflect     W and Q by the round before; the sums of the columns
//       pivot       a reflection that leaves of the column with the largest sum one entry
//     reflect       by the last one
//     powers        of the rows
//     for each sweep, of which those after a matrix came to rest do nothing to it:
//       for each round
//         rotate    every row with its partner of the round: a pair a block
//       rest        a matrix that was not rotated is at rest
//     lengths       of the rows, and what the kept ones are divided by
//     pinv          the sum over the kept rows
//
// The reflections are a QR factorization with pivots, W = R but for the order of its columns, whose rows take few sweeps: of
// graded singular values a quarter (Drmac and Veselic, New fast and accurate Jacobi SVD algorithm I, SIAM J. Matrix Anal.
// Appl. 29, 2008). With the largest entry first every row keeps the digits of its own size (Cox and Higham, Stability of
// Householder QR factorization for weighted least squares problems, 1998).

// The larger one, and the sum, of what all the threads of a block have.
template <class T, unsigned THREADS>
T largest_of_all(T (&shared)[THREADS], T mine) {
    return of_all(shared, mine, [](T a, T b) { return max(a, b); });
}

template <class T, unsigned THREADS>
T sum_of_all(T (&shared)[THREADS], T mine) {
    return of_all(shared, mine, [](T a, T b) { return a + b; });
}
