// What the kernels of larger pseudo-inverses share, which rotate as rotation.cu says:
//
//     rows          W = A scaled, in the matrix's own place, and Q = I
//     for each sweep, of which those after a matrix came to rest do nothing to it:
//       for each round
//         rotate    every row with its partner of the round: a pair a block
//       rest        a matrix that was not rotated is at rest
//     lengths       of the rows, and what the kept ones are divided by
//     pinv          the sum over the kept rows

// The larger one, and the sum, of what all the threads of a block have.
template <class T, unsigned THREADS>
T largest_of_all(T (&shared)[THREADS], T mine) {
    return of_all(shared, mine, [](T a, T b) { return max(a, b); });
}

template <class T, unsigned THREADS>
T sum_of_all(T (&shared)[THREADS], T mine) {
    return of_all(shared, mine, [](T a, T b) { return a + b; });
}
