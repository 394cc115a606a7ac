// Rows top.. of the columns -= left (rows inner.. of the columns): a block a tile of the result, ROWS x COLUMNS,
// a thread PATCH x PATCH entries of it. Slices of both factors pass through shared memory.
//
// height x columns x depth multiply-adds. A tile reads (ROWS + COLUMNS) depth entries of the factors, and its own twice less
// once: ROWS COLUMNS / (ROWS + COLUMNS) = 21 multiply-adds an entry.

constexpr unsigned PATCH = 4;
constexpr unsigned LANES = (ROWS / PATCH) * (COLUMNS / PATCH);

__shared__ Number left_slice[ROWS * SLICE];
__shared__ Number right_slice[SLICE * COLUMNS];

extern "C" __global__ void __launch_bounds__(LANES) kernel(const Call call) {
    const size_t n = call.columns, matrix = blockIdx.z;
    if (call.is_done(matrix)) {
        return;
    }
    Number *columns = call.columns_of(matrix);
    const Number *left = call.panels_of(matrix) + call.left;
    const size_t row = blockIdx.y * size_t(ROWS), column = blockIdx.x * size_t(COLUMNS);
    const unsigned i0 = threadIdx.x / (COLUMNS / PATCH) * PATCH, j0 = threadIdx.x % (COLUMNS / PATCH);
    Number sum[PATCH][PATCH];
    for (unsigned i = 0; i < PATCH; i++) {
        for (unsigned j = 0; j < PATCH; j++) {
            sum[i][j] = number(0);
        }
    }
    for (size_t k0 = 0; k0 < call.depth; k0 += SLICE) {
        for (unsigned at = threadIdx.x; at < ROWS * SLICE; at += LANES) {
            const size_t i = row + at / SLICE, k = k0 + at % SLICE;
            const bool there = i < call.height && k < call.depth;
            left_slice[at] = there ? left[i * call.left_row + k * call.left_column] : number(0);
        }
        for (unsigned at = threadIdx.x; at < SLICE * COLUMNS; at += LANES) {
            const size_t k = k0 + at / COLUMNS, j = column + at % COLUMNS;
            const bool there = k < call.depth && j < n;
            right_slice[at] = there ? columns[(call.inner + k) * call.step + j] : number(0);
        }
        __syncthreads();
        for (unsigned k = 0; k < SLICE; k++) {
            Number b[PATCH];
            for (unsigned j = 0; j < PATCH; j++) {
                b[j] = right_slice[k * COLUMNS + j * (COLUMNS / PATCH) + j0];
            }
            for (unsigned i = 0; i < PATCH; i++) {
                const Number a = left_slice[(i0 + i) * SLICE + k];
                for (unsigned j = 0; j < PATCH; j++) {
                    sum[i][j] = less(sum[i][j], a, b[j]);
                }
            }
        }
        __syncthreads();
    }
    for (unsigned i = 0; i < PATCH; i++) {
        for (unsigned j = 0; j < PATCH; j++) {
            const size_t r = row + i0 + i, c = column + j * (COLUMNS / PATCH) + j0;
            if (r < call.height && c < n) {
                Number &x = columns[(call.top + r) * call.step + c];
                x = x + sum[i][j];
            }
        }
    }
}
