// A panel of a lower triangle: L goes to `panels`; in the matrix the block of L^-1 on the diagonal takes its place, over
// zeros. Of L L^H the rows of L^H go right of the block, and what it has on the diagonal to `diagonals`. A row a thread.
//
// Of a panel of m rows: m width entries read, 2 m width written, of L L^H 3 m width.

extern "C" __global__ void __launch_bounds__(WORKGROUP) kernel(const Call call) {
    const size_t n = call.order, first = call.first, width = call.width, matrix = blockIdx.z;
    if (call.is_done(matrix)) {
        return;
    }
    Number *a = call.rows_of(matrix) + first;
    const size_t i = first + blockIdx.x * size_t(WORKGROUP) + threadIdx.x;
    if (i < n) {
        for (size_t c = 0; c < width; c++) {
            const Number x = a[i * n + c];
            call.panel_of(matrix)[i * call.leading + c] = x;
            a[i * n + c] = number(0);
            if (i < first + width) {
                // Above the diagonal of the block x is zero.
                call.diagonals_of(matrix)[(first + c) * PANEL + i - first] = conjugate(x);
            } else if (call.has(HERMITIAN)) {
                call.rows_of(matrix)[(first + c) * n + i] = conjugate(x);
            }
        }
    }
    __syncthreads();
    // Its rows are the first block's.
    if (blockIdx.x == 0) {
        invert_block(call, matrix);
    }
}
