// The block on the diagonal of a panel of the Cholesky factor L, in its own place; zeros above its diagonal. A block a matrix.
//
// width^2 entries read and written, width^3 / 6 multiply-adds.

__shared__ Number block[PANEL][PANEL];

extern "C" __global__ void __launch_bounds__(WORKGROUP) kernel(const Call call) {
    const size_t n = call.order, first = call.first, width = call.width, matrix = blockIdx.x;
    if (call.is_done(matrix)) {
        return;
    }
    Number *a = call.rows_of(matrix) + first * (n + 1);
    for (unsigned at = threadIdx.x; at < width * width; at += WORKGROUP) {
        const unsigned i = at / width, c = at % width;
        block[i][c] = i >= c ? a[i * n + c] : number(0);
    }
    __syncthreads();
    unsigned bad = 0;
    for (unsigned k = 0; k < width; k++) {
        const Real pivot = real_part(block[k][k]);
        Real root = 1, r = 0;
        if (pivot > 0) {
            root = sqrt(pivot);
            r = 1 / root;
        } else if (bad == 0) {
            bad = first + k + 1;
        }
        __syncthreads();
        if (threadIdx.x == k) {
            block[k][k] = number(root);
        } else if (threadIdx.x > k && threadIdx.x < width) {
            block[threadIdx.x][k] = times(block[threadIdx.x][k], number(r));
        }
        __syncthreads();
        for (unsigned at = threadIdx.x; at < width * width; at += WORKGROUP) {
            const unsigned i = at / width, j = at % width;
            if (j > k && j <= i) {
                block[i][j] = less(block[i][j], block[i][k], conjugate(block[j][k]));
            }
        }
        __syncthreads();
    }
    for (unsigned at = threadIdx.x; at < width * width; at += WORKGROUP) {
        a[at / width * n + at % width] = block[at / width][at % width];
    }
    if (threadIdx.x == 0 && bad != 0) {
        call.zero_pivot_of(matrix) = first_of(call.zero_pivot_of(matrix), bad);
    }
}
