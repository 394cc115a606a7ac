// A panel of the Cholesky factor L, in its own place and in `panels`; of it the rows of L^H go right of the diagonal block, for
// the product that follows, and zeros above the block's diagonal. A block a matrix.
//
// Of a panel of m rows: m width entries read, 3 m width written; m width^2 / 2 multiply-adds.

__shared__ Number block[PANEL][PANEL];
__shared__ Number reciprocals[PANEL];

extern "C" __global__ void __launch_bounds__(WORKGROUP) kernel(const Call call) {
    const size_t n = call.order, first = call.first, width = call.width, matrix = blockIdx.x;
    Number *a = call.rows_of(matrix) + first, *panel = call.panel_of(matrix);
    for (unsigned at = threadIdx.x; at < width * width; at += WORKGROUP) {
        const unsigned i = at / width, c = at % width;
        block[i][c] = i >= c ? a[(first + i) * n + c] : number(0);
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
            reciprocals[k] = number(r);
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
        a[(first + at / width) * n + at % width] = block[at / width][at % width];
    }
    for (size_t i = first + width + threadIdx.x; i < n; i += WORKGROUP) {
        for (unsigned c = 0; c < width; c++) {
            Number s = a[i * n + c];
            for (unsigned k = 0; k < c; k++) {
                s = less(s, panel[i * call.leading + k], conjugate(block[c][k]));
            }
            const Number l = times(s, reciprocals[c]);
            panel[i * call.leading + c] = l;
            a[i * n + c] = l;
            call.rows_of(matrix)[(first + c) * n + i] = conjugate(l);
        }
    }
    if (threadIdx.x == 0 && bad != 0) {
        call.zero_pivot_of(matrix) = first_of(call.zero_pivot_of(matrix), bad);
    }
}
