// The sum over the kept rows, w^H q over the squares of their lengths, brought back from the powers of two; NaN where there
// is no result. Of a Hermitian matrix the lower triangle says all. A block a tile of the result, ROWS x COLUMNS, a thread
// PATCH x PATCH entries of it. Slices of W and Q pass through shared memory.
//
// Of a matrix of n x m entries: n^2 m multiply-adds, 1 / 21 of an entry read for each, as in product.cu; n m written.

constexpr unsigned PATCH = 4;
constexpr unsigned LANES = (ROWS / PATCH) * (COLUMNS / PATCH);

__shared__ Number left_slice[SLICE * ROWS];
__shared__ Number right_slice[SLICE * COLUMNS];

extern "C" __global__ void __launch_bounds__(LANES) kernel(const Call call) {
    const size_t n = call.order, m = call.columns, matrix = blockIdx.z;
    const size_t row = blockIdx.y * size_t(ROWS), column = blockIdx.x * size_t(COLUMNS);
    const bool hermitian = call.has(HERMITIAN);
    if (hermitian && row + ROWS <= column) {
        return;
    }
    const Number *w = call.rows_of(matrix), *q = call.rotated_of(matrix);
    const Real *recips = call.sizes_of(matrix) + 3;
    const int *powers = call.powers_of(matrix), *rows = powers + 2;
    const int shift = powers[0], least = powers[1];
    const unsigned i0 = threadIdx.x / (COLUMNS / PATCH) * PATCH, j0 = threadIdx.x % (COLUMNS / PATCH);
    Number sum[PATCH][PATCH];
    for (unsigned i = 0; i < PATCH; i++) {
        for (unsigned j = 0; j < PATCH; j++) {
            sum[i][j] = number(0);
        }
    }
    for (size_t k0 = 0; k0 < n; k0 += SLICE) {
        for (unsigned at = threadIdx.x; at < SLICE * ROWS; at += LANES) {
            const size_t k = k0 + at / ROWS, r = row + at % ROWS;
            left_slice[at] = number(0);
            if (k < n && r < m) {
                left_slice[at] = conjugate(w[k * m + r]) * (recips[k] * power_of_two(-rows[k]));
            }
        }
        for (unsigned at = threadIdx.x; at < SLICE * COLUMNS; at += LANES) {
            const size_t k = k0 + at / COLUMNS, c = column + at % COLUMNS;
            right_slice[at] = number(0);
            if (k < n && c < n) {
                right_slice[at] = q[k * n + c] * (recips[k] * power_of_two(HIGH + least - rows[k]));
            }
        }
        __syncthreads();
        for (unsigned k = 0; k < SLICE; k++) {
            Number b[PATCH];
            for (unsigned j = 0; j < PATCH; j++) {
                b[j] = right_slice[k * COLUMNS + j * (COLUMNS / PATCH) + j0];
            }
            for (unsigned i = 0; i < PATCH; i++) {
                const Number a = -left_slice[k * ROWS + i0 + i];
                for (unsigned j = 0; j < PATCH; j++) {
                    sum[i][j] = less(sum[i][j], a, b[j]);
                }
            }
        }
        __syncthreads();
    }
    const bool has_none = call.outcomes[2 * matrix] != 0;
    Number *x = call.results_of(matrix);
    // So that the sums stay in registers.
#pragma unroll
    for (unsigned i = 0; i < PATCH; i++) {
#pragma unroll
        for (unsigned j = 0; j < PATCH; j++) {
            const size_t r = row + i0 + i, c = column + j * (COLUMNS / PATCH) + j0;
            if (r < m && c < n && (r >= c || !hermitian)) {
                const Number y = scaled(sum[i][j], shift - HIGH - least);
                if (hermitian) {
                    x[c * n + r] = has_none ? no_number() : mirrored(y, c, r);
                }
                x[r * n + c] = has_none ? no_number() : hermitian ? mirrored(y, r, c) : y;
            }
        }
    }
}
