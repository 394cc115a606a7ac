// Cholesky factors in one launch, A = L L^H, and for HERMITIAN calls A^-1, as small_definite.cu factors:
//
//     invert      as small_factor.cu says
//     store       L = 2^-powers L', A^-1 = 2^powers X 2^powers, of which the lower triangle counts
//
// Of a matrix: N^2 entries read, N^2 written, 8 bytes of outcome; N^3 / 6 multiply-adds, if HERMITIAN 5 N^3 / 6.

extern "C" __global__ void __launch_bounds__(LANES) kernel(const Call call) {
    const Place at = placed();
    const bool hermitian = (call.mode & HERMITIAN) != 0;
    take(call);
    const Known scaled_as = scale_definite(at);
    // The way over the root would round three times.
    const Number alone = at(0, 0);
    const Known known = factor(at, scaled_as);
    if (hermitian) {
        invert(at, true);
        if (N == 1 && known.zero_pivot == 0) {
            at(0, 0) = reciprocal(alone);
        }
    }
    conclude(call, at, known, true);

    const size_t first = first_matrix() * SQUARE, end = call.count * SQUARE;
    for (unsigned place = threadIdx.x; place < MATRICES * SQUARE && first + place < end; place += LANES) {
        const unsigned m = place / SQUARE, i = place % SQUARE / N, j = place % N;
        const Number x = entry(m, max(i, j), min(i, j));
        const int power = row_power[m][i];
        Number y = number(0);
        if (verdict[m] == BAD) {
            y = no_number();
        } else if (hermitian) {
            y = mirrored(scaled(x, power + row_power[m][j]), i, j);
        } else if (i >= j) {
            y = scaled(x, -power);
        }
        call.results[first + place] = y;
    }
}
