// The rows of a panel of the Cholesky factor L below its block on the diagonal, in their own place and in `panels`; their
// conjugates go right of the block as columns of L^H, for the product that follows. A row a thread. Below a bad pivot, where no
// result is given, it stands for one.
//
// Of a row: width entries read, 3 width written; width^2 / 2 multiply-adds.

__shared__ Number block[PANEL][PANEL];
__shared__ Number reciprocals[PANEL];

extern "C" __global__ void __launch_bounds__(64) kernel(const Call call) {
    const Place at = placed();
    if (call.is_done(at.matrix)) {
        return;
    }
    const size_t n = call.order, first = call.first, width = call.width, i = first + width + at.j;
    Number *a = call.rows_of(at.matrix) + first, *row = call.panel_of(at.matrix) + i * call.leading;
    for (unsigned e = threadIdx.x; e < width * width; e += 64) {
        block[e / width][e % width] = a[(first + e / width) * n + e % width];
    }
    __syncthreads();
    if (threadIdx.x < width) {
        reciprocals[threadIdx.x] = number(1 / real_part(block[threadIdx.x][threadIdx.x]));
    }
    __syncthreads();
    for (unsigned c = 0; c < width && i < n; c++) {
        Number s = a[i * n + c];
        for (unsigned k = 0; k < c; k++) {
            s = less(s, row[k], conjugate(block[c][k]));
        }
        const Number l = times(s, reciprocals[c]);
        row[c] = l;
        a[i * n + c] = l;
        call.rows_of(at.matrix)[(first + c) * n + i] = conjugate(l);
    }
}
