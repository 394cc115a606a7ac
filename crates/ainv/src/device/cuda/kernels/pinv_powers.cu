// The powers of the rows. A thread a row: m entries read.

extern "C" __global__ void __launch_bounds__(64) kernel(const Call call) {
    const size_t n = call.order, m = call.columns, matrix = blockIdx.z;
    const size_t i = blockIdx.x * size_t(blockDim.x) + threadIdx.x;
    if (i >= n) {
        return;
    }
    const Number *row = call.rows_of(matrix) + i * m;
    int top = NOTHING;
    for (size_t c = 0; c < m; c++) {
        top = max(top, exponent(row[c]));
    }
    call.powers_of(matrix)[2 + i] = power_of_row(top);
}
