// The rows of a panel solved with its block of U on the diagonal: rows of X, which are looked at. A thread a column: width
// entries read and written, width^2 / 2 multiply-adds.

constexpr unsigned LANES = 64;

__shared__ Number block[PANEL * PANEL];
__shared__ Number reciprocals[PANEL];

extern "C" __global__ void __launch_bounds__(LANES) kernel(const Call call) {
    const Place at = placed();
    if (call.is_done(at.matrix)) {
        return;
    }
    const size_t width = call.width;
    for (unsigned e = threadIdx.x; e < width * PANEL; e += LANES) {
        block[e] = call.diagonals_of(at.matrix)[call.first * PANEL + e];
    }
    __syncthreads();
    if (threadIdx.x < width) {
        reciprocals[threadIdx.x] = reciprocal_or(block[threadIdx.x * (PANEL + 1)], 0);
    }
    __syncthreads();
    if (at.j >= call.columns) {
        return;
    }
    Number *column = call.columns_of(at.matrix) + call.first * call.step + at.j;
    Number solved[PANEL];
    bool finite = true;
    for (unsigned next = width; next > 0; next--) {
        const unsigned i = next - 1;
        Number s = column[i * call.step];
        for (unsigned k = next; k < width; k++) {
            s = less(s, block[i * PANEL + k], solved[k]);
        }
        solved[i] = times(s, reciprocals[i]);
        finite = finite && is_finite(solved[i]);
        column[i * call.step] = solved[i];
    }
    // A triangle without a zero on its diagonal has an inverse, if one that overflows.
    if (!finite && (call.mode == 0 || call.rhs != 0)) {
        atomicOr(&call.flags_of(at.matrix), OVERFLOWED);
    }
}
